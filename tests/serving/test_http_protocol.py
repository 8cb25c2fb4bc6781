"""What comes over the socket and is no request, or one that ends oddly."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock import MockServer, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY = b"Host: fake.test\r\nAuthorization: Bearer sk_socket\r\n"
JSON = b"Content-Type: application/json\r\n"
BODY = b'{"model": "z-image-turbo", "prompt": "x"}'
CLOSE = b"Connection: close\r\n\r\n"
BALANCE = b"GET /v2/billing/balance HTTP/1.1\r\n" + KEY + b"\r\n"
LAST = b"GET /v2/models/none HTTP/1.1\r\n" + KEY + CLOSE
POST = b"POST /v2/images/generations HTTP/1.1\r\n" + KEY + JSON
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a fake that all tests here share."""
    with MockServer(balance=10**6) as server:
        yield int(server.url.rpartition(":")[2])


def _said(port: int, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send bytes and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            raise
        except OSError:
            pass  # The server closed before all was sent: what it said until then counts.
        return received


def _statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


def _assert_refused(said: bytes, status: int) -> None:
    head, _, body = said.partition(b"\r\n\r\n")
    assert _statuses(said) == [status]
    assert b"content-type: application/json" in head
    assert b"connection: close" in head
    assert b"content-length: %d" % len(body) in head
    assert schemas.violations("error", json.loads(body)) == []


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02 hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"get /v2/models HTTP/1.1\r\n\r\n",
        b"GET /v2/models HTTP/9.9\r\n\r\n",
        b"GET /v2/mo\x00dels HTTP/1.1\r\n\r\n",
        b"GET /v2/\xff\xfe HTTP/1.1\r\n\r\n",
        b"CONNECT getimg.ai:443 HTTP/1.1\r\n\r\n",
        b"GET /v2/models HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"GET /v2/models HTTP/1.1\r\n: x\r\n\r\n",
        b"GET /v2/models HTTP/1.1\r\nX : y\r\n\r\n",
        b"GET /v2/models HTTP/1.1\nHost: h\n\n",
        b"GET /v2/models HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 0x1\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
    ids=lambda request: repr(request[-40:]),
)
def test_what_is_no_http_is_a_400_in_the_envelope(port: int, request_: bytes) -> None:
    """Whoever reads `error.message` can read this one too; the connection ends."""
    _assert_refused(_said(port, request_), 400)


def test_a_head_without_end_is_refused_and_does_not_fill_the_memory(port: int) -> None:
    """HTTP's own status for it; a mebibyte is far more than any client needs."""
    endless = [b"GET /v2/models HTTP/1.1\r\nX: ", *[b"a" * 65536] * 48]
    assert _statuses(_said(port, *endless)) in ([431], [])
    many = [b"GET /v2/models HTTP/1.1\r\n", *[b"X: y\r\n" * 10_000] * 48]
    assert _statuses(_said(port, *many)) in ([431], [])
    assert _statuses(_said(port, LAST)) == [404]


def test_a_large_head_is_no_fault(port: int) -> None:
    """Cookies and tracing headers add up."""
    cookies = b"Cookie: " + b"a" * 100_000 + b"\r\n"
    said = _said(
        port, b"GET /v2/models HTTP/1.1\r\nConnection: close\r\n" + KEY + cookies + b"\r\n"
    )
    assert _statuses(said) == [200]


def test_bodies_do_not_count_as_heads(port: int) -> None:
    """However many requests with large bodies go over one connection."""
    body = b'{"model": "z-image-turbo", "prompt": "x", "padding": "%b"}' % (b"a" * 700_000)
    large = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert _statuses(_said(port, large, large, large, large, LAST)) == [200] * 4 + [404]


@pytest.mark.parametrize("target", [b"http://other.example/v2/models/none", b"/v2/models/none#x"])
def test_the_target_may_be_a_whole_url(port: int, target: bytes) -> None:
    """RFC 9112 3.2.2: a server accepts the absolute form, which proxies are sent."""
    said = _said(port, b"GET %b HTTP/1.1\r\n" % target + KEY + CLOSE)
    assert _statuses(said) == [404]
    assert b"Model 'none' not found." in said


def test_an_encoded_path_is_decoded_once(port: int) -> None:
    """%25 is a per cent sign and not the beginning of another escape."""
    request = b"GET /v2/models/%%2500%%ff%%C3%%A4%b HTTP/1.1\r\nConnection: close\r\n" % (
        b"%0d%0aX:"
    )
    said = _said(port, request + KEY + b"\r\n")
    assert _statuses(said) == [404]
    message = json.loads(said.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert message == "Model '%00\N{REPLACEMENT CHARACTER}\xe4\r\nX:' not found."


def test_http_1_0_is_answered_and_closed(port: int) -> None:
    """Without a Host, links begin with the address of the socket."""
    said = _said(port, (POST + LENGTH + BODY).replace(b"1.1", b"1.0").replace(b"fake.test", b""))
    assert _statuses(said) == [200]
    assert b'"url":"http://127.0.0.1:%d/v2/downloads/' % port in said


def test_requests_may_be_sent_without_awaiting_answers(port: int) -> None:
    """Pipelining: the answers come in the order of the requests."""
    said = _said(port, BALANCE + POST + LENGTH + BODY + BALANCE + LAST)
    assert _statuses(said) == [200, 200, 200, 404]


def test_one_byte_at_a_time_is_a_request_too(port: int) -> None:
    """Where a segment ends means nothing."""
    request = POST + LENGTH + BODY + LAST
    pieces = [request[at : at + 1] for at in range(len(request))]
    assert _statuses(_said(port, *pieces)) == [200, 404]


def test_a_chunked_body_is_a_body(port: int) -> None:
    """Chunks, extensions, trailers."""
    chunks = b"5;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (
        BODY[:5],
        len(BODY) - 5,
        BODY[5:],
    )
    said = _said(port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + LAST)
    assert _statuses(said) == [200, 404]


def test_a_client_that_stops_sending_is_still_answered(port: int) -> None:
    """A half-closed connection, as `nc -N` leaves it."""
    assert _statuses(_said(port, BALANCE, half_close=True)) == [200]
    assert _statuses(_said(port, POST + LENGTH + BODY, half_close=True)) == [200]


def test_a_request_that_was_cut_off_is_none(port: int) -> None:
    """Nothing is answered, made or charged."""
    before = _said(port, BALANCE, half_close=True).partition(b"\r\n\r\n")[2]
    for request in (POST[:30], POST, POST + LENGTH, POST + LENGTH + BODY[:-1]):
        assert _said(port, request, half_close=True) == b""
    after = _said(port, BALANCE, half_close=True).partition(b"\r\n\r\n")[2]
    assert after == before


@pytest.mark.parametrize("garbage", [b"  }", b"\x00", b"}\n", b"GET", b"\r\n"])
def test_what_follows_a_whole_request_does_not_take_its_answer(port: int, garbage: bytes) -> None:
    """A Content-Length that is too small is common: the request is answered and then it is over."""
    assert _statuses(_said(port, POST + LENGTH + BODY + garbage, half_close=True)) == [200]


def test_a_client_that_waits_for_leave_gets_it(port: int) -> None:
    """`Expect: 100-continue`, as curl sends it with large bodies; the connection stays."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(POST + b"Expect: 100-continue\r\n" + LENGTH)
            assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(BODY)
            said = connection.recv(1000)
            assert said.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" not in said


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (POST.replace(b"Bearer", b"Basic") + b"Content-Length: 300\r\n", 401),
        (POST + b"Content-Length: 30000000\r\n", 413),
        (b"GET /v2/nowhere HTTP/1.1\r\n" + KEY + b"Content-Length: 300\r\n", 404),
        (POST.replace(b"POST", b"PUT") + b"Content-Length: 300\r\n", 405),
    ],
)
def test_who_is_refused_leave_does_not_send_and_the_connection_ends(
    port: int, request_: bytes, status: int
) -> None:
    """What would come next on the connection could be the body or another request."""
    said = _said(port, request_ + b"Expect: 100-continue\r\n\r\n")
    assert _statuses(said) == [status]
    assert b"\r\nconnection: close\r\n" in said


@pytest.mark.parametrize("size", [25 * MIB + 1, 40 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_answered_and_not_broken_off(
    port: int,
    size: int,
    chunked: bool,  # noqa: FBT001 - a parameter
) -> None:
    """413 is an answer that the client reads, and the connection goes on."""
    block = b"x" * MIB
    blocks = [*[block] * (size // MIB), b"x" * (size % MIB)]
    if chunked:
        pieces = [b"%x\r\n%b\r\n" % (len(each), each) for each in blocks if each]
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        said = _said(port, head, *pieces, b"0\r\n\r\n", LAST)
    else:
        said = _said(port, POST + b"Content-Length: %d\r\n\r\n" % size, *blocks, LAST)
    assert _statuses(said) == [413, 404]


def test_an_upgrade_is_not_taken_up(port: int) -> None:
    """There are no WebSockets here; the request is answered as it is."""
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    said = _said(port, b"GET /v2/models/none HTTP/1.1\r\n" + KEY + upgrade + b"\r\n")
    assert _statuses(said) == [404]


def test_head_has_no_body_on_the_wire_either(port: int) -> None:
    """Else it would be taken for the next answer."""
    said = _said(port, b"HEAD /v2/models HTTP/1.1\r\n" + KEY + b"\r\n" + LAST)
    assert _statuses(said) == [200, 404]
    assert said.count(b"\r\n\r\n") == 2
    assert said.partition(b"\r\n\r\n")[2].startswith(b"HTTP/1.1 404 ")


lines = st.one_of(
    st.sampled_from(
        [
            b"Host: a",
            b"Authorization: Bearer sk_x",
            b"Content-Length: 5",
            b"X: \xff",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"Content-Length: 41",
            b"Expect: 100-continue",
            b"Content-Type: application/json",
            b": x",
            b"X",
            b"Connection: Upgrade",
            b"Upgrade: h2c",
            b"Range: bytes=0-",
        ]
    ),
    st.binary(max_size=20),
)
starts = st.one_of(
    st.sampled_from(
        [
            b"GET /v2/models HTTP/1.1",
            b"POST /v2/images/generations HTTP/1.1",
            b"HEAD * HTTP/1.0",
            b"OPTIONS * HTTP/1.1",
            b"GET //:@[]/?#% HTTP/1.1",
            b"GET /v2/models?type=%ff&type HTTP/1.1",
            b"POST http://x/y HTTP/1.1",
            b"GET /v2/downloads/a/0?exp=1&sig=%00 HTTP/1.1",
        ]
    ),
    st.binary(max_size=30),
)
tails = st.one_of(
    st.sampled_from([b"", BODY, b"5\r\nhello\r\n0\r\n\r\n", b"\r\n", BALANCE, b"0\r\n\r\n"]),
    st.binary(max_size=50),
)
conversations = st.lists(
    st.tuples(starts, st.lists(lines, max_size=5), tails).map(
        lambda drawn: b"\r\n".join([drawn[0], *drawn[1], b"", b""]) + drawn[2]
    ),
    min_size=1,
    max_size=3,
)


@given(conversation=conversations)
@settings(max_examples=200)
def test_no_bytes_at_all_upset_the_server(port: int, conversation: Sequence[bytes]) -> None:
    """Every answer is one of HTTP, none is a 500, and the next client is served."""
    said = _said(port, *conversation, half_close=True)
    assert said == b"" or said.startswith(b"HTTP/1.1 ")
    assert set(_statuses(said)) <= {100, 200, 400, 401, 404, 405, 413, 415}
    assert _statuses(_said(port, LAST)) == [404]
