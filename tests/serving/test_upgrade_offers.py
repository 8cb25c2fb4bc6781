"""Offers to change the protocol: ignored, and the request is served as HTTP/1.1."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import MockServer
from tests.serving.wire import BODY, JSON, KEY, exchange, expect_first, find_statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OFFERS = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    b"connection: keep-alive, upgrade\r\nUPGRADE: TLS/1.0\r\n",
    b"Connection: Upgrade\r\nUpgrade: any, HTTP/3.0, h2c\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
    b"Connection: Upgrade\r\nUpgrade:\r\n",
    b"Upgrade: h2c\r\n",
)
CONTROL = b'{"amount": "1"}'
# Target, method, body and status: the API's and the control surface, and what neither has.
REQUESTS = (
    (b"/v2/images/generations", b"POST", BODY, 200),
    (b"/v2/videos/generations", b"POST", b'{"model": "seedance-v1-pro", "prompt": "x"}', 202),
    (b"/v2/models", b"GET", b"", 200),
    (b"/v2/models", b"HEAD", b"", 200),
    (b"/v2/models", b"GET", b"a body that nothing reads", 200),
    (b"/v2/images/generations", b"PUT", BODY, 405),
    (b"/v2/images/generations", b"OPTIONS", b"", 405),
    (b"/nowhere", b"DELETE", BODY, 404),
    (b"/__mock__/ledger/top-up", b"POST", CONTROL, 200),
    (b"/__mock__/journal/count", b"GET", b"", 200),
    (b"/__mock__/journal", b"DELETE", b"", 200),
)
BALANCE = b"GET /v2/billing/balance HTTP/1.1\r\n" + KEY + b"\r\n"
LAST = b"GET /v2/models/none HTTP/1.1\r\n" + KEY + b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a fake that all tests here share."""
    with MockServer(balance=10**6) as server:
        yield int(server.url.rpartition(":")[2])


def _build(
    target: bytes, method: bytes, body: bytes, offer: bytes, framing: str
) -> tuple[bytes, bytes]:
    head = b"%b %b HTTP/1.1\r\n" % (method, target) + KEY.replace(b"fake.test", b"localhost")
    head += offer + JSON
    if framing == "expect":
        head += b"Expect: 100-continue\r\n"
    if framing == "chunked":
        head += b"Transfer-Encoding: chunked\r\n"
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return head + b"\r\n", chunk + b"0\r\nUpgrade: h2c\r\n\r\n"
    if body or method == b"POST":
        head += b"Content-Length: %d\r\n" % len(body)
    return head + b"\r\n", body


@pytest.mark.parametrize("framing", ["length", "chunked", "expect"])
@pytest.mark.parametrize("offer", OFFERS, ids=range(len(OFFERS)))
def test_an_offer_is_ignored_on_every_method_and_surface(
    port: int, offer: bytes, framing: str
) -> None:
    """RFC 9110 7.8: a server may ignore it. The body belongs to the request, in any segments."""
    for (target, method, body, status), split in product(REQUESTS, ("one", "two", "many")):
        head, rest = _build(target, method, body, offer, framing)
        if framing == "expect":
            parts = (head,) if split == "one" else (head[:25], head[25:-1], head[-1:])
            found = find_statuses(expect_first(port, parts, rest))
            assert [each for each in found if each != 100] == [status], (target, method, split)
            continue
        pieces = {
            "one": [head + rest + LAST],
            "two": [head, rest + LAST],
            "many": [head[:25], head[25:-1], head[-1:], rest[:7], rest[7:], LAST],
        }[split]
        statuses = find_statuses(exchange(port, *[each for each in pieces if each]))
        assert statuses == [status, 404], (target, method, split)


def test_pipelined_requests_may_each_carry_an_offer(port: int) -> None:
    """An offer does not end the connection for those that follow."""
    offered = b"".join(
        b"".join(_build(target, method, body, offer, "length"))
        for offer in OFFERS
        for target, method, body, _ in REQUESTS[:3]
    )
    received = exchange(port, BALANCE + offered + BALANCE + LAST)
    assert find_statuses(received) == [200, *[200, 202, 200] * len(OFFERS), 200, 404]


@given(cuts=st.lists(st.integers(1, 400), max_size=6), offer=st.sampled_from(OFFERS))
def test_where_segments_end_does_not_matter(port: int, cuts: list[int], offer: bytes) -> None:
    """Head, offer and body may be cut anywhere."""
    whole = b"".join(_build(*REQUESTS[0][:3], offer, "length")) + LAST
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    pieces = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert find_statuses(exchange(port, *pieces)) == [200, 404]


def test_the_journal_has_the_headers_and_the_body_that_were_sent() -> None:
    """What the client offered stays visible, and its body is complete."""
    with MockServer() as server:
        head, body = _build(*REQUESTS[0][:3], OFFERS[0], "length")
        exchange(int(server.url.rpartition(":")[2]), head, body + LAST)
        recorded = next(iter(server.workspace("sk_socket").journal))
        assert recorded.request.header("upgrade") == "h2c"
        assert recorded.request.header("http2-settings") == "AAEAAEAAAAIAAAAA"
        assert recorded.request.body == BODY


@pytest.mark.parametrize(
    "request_",
    [
        b"CONNECT getimg.ai:443 HTTP/1.1\r\n" + KEY + b"\r\n",
        b"CONNECT /v2/models HTTP/1.1\r\n" + KEY + OFFERS[0] + b"\r\n",
    ],
)
def test_a_tunnel_is_refused(port: int, request_: bytes) -> None:
    """CONNECT asks for another protocol and has no meaning without it."""
    assert find_statuses(exchange(port, request_)) == [400]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_with_http2_is_served(port: int) -> None:
    """`curl --http2` offers h2c with each request."""
    command = ["curl", "-sS", "--http2", f"http://127.0.0.1:{port}/v2/images/generations"]
    command += ["-H", "Authorization: Bearer sk_curl", "-H", "Content-Type: application/json"]
    command += ["-d", BODY.decode(), "--max-time", "20"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)  # noqa: S603 - curl
    assert json.loads(done.stdout)["status"] == "completed"


JAVA = """
import java.net.URI;
import java.net.http.*;
public class Stock {
  public static void main(String[] a) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(a[0] + "/v2/images/generations"))
      .header("Authorization", "Bearer sk_java").header("Content-Type", "application/json")
      .POST(HttpRequest.BodyPublishers.ofString(a[1])).build();
    var client = HttpClient.newHttpClient();
    for (int i = 0; i < 2; i++)
      System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
  }
}
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed")
def test_the_http_client_of_java_is_served(port: int, tmp_path: Path) -> None:
    """`HttpClient.newHttpClient()` offers h2c with the first request of a connection."""
    source = tmp_path / "Stock.java"
    source.write_text(JAVA)
    command = ["java", str(source), f"http://127.0.0.1:{port}", BODY.decode()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)  # noqa: S603 - java
    if b"jdk.compiler" in done.stderr:
        pytest.skip("this Java has no compiler")
    assert done.stdout.split() == [b"200", b"200"], done.stderr.decode()
