"""Who may steer a fake: forged requests, byte by byte, on a raw socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer, SettingsError, connect, create_app
from getimg_mock.control.request_guard import is_loopback
from getimg_mock.errors import ControlError
from getimg_mock.in_process.exchange import Request
from tests.api.driver import Driver
from tests.control.client import Reply, exchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-the-tests"
PATHS = (
    "/__mock__/clock",
    "/__mock__/health",
    "/__mock__/control.json",
    "/__mock__/nothing",
    "/__mock__/changes",
    "/__mock__/page/main.js",
)


def get(url: str, path: str = "/__mock__/clock", *, host: str | None, **headers: str) -> Reply:
    """Send a GET with exactly these headers; without a `host`, with none."""
    lines = [f"GET {path} HTTP/1.1", "Authorization: Bearer sk_security"]
    lines += [f"Host: {host}"] if host is not None else []
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return exchanged(url, "\r\n".join([*lines, "", ""]).encode("latin-1"))


def authority(server: MockServer) -> str:
    """Return host and port of a server."""
    return server.url.removeprefix("http://")


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Run a fake as it runs by default: on loopback, without a token."""
    with MockServer() as server:
        yield server


@pytest.fixture(scope="module")
def guarded() -> Iterator[MockServer]:
    """Run a fake with a token."""
    with MockServer(control_token=TOKEN) as server:
        yield server


class TestOnLoopback:
    """Other machines cannot come here; pages in a browser of this one can try."""

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.8.9.10",
            "[::1]",
            "[::1]:4010",
        ],
    )
    def test_names_of_this_machine_are_answered(self, server: MockServer, host: str) -> None:
        """A forwarded port has another number and is still ours."""
        assert get(server.url, host=host).status == 200

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:4010",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.1@evil.example",
            "evil.example#localhost",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",  # noqa: S104 - sent, not bound
            "10.0.0.1",
            "169.254.169.254",
            "[::]",
            "[::ffff:10.0.0.1]",
            "[::1",
            "::1",
            "localhost:x",
            "localhost:1:2",
            " ",
            "api.getimg.ai",
            "local\xe9host",
        ],
    )
    def test_a_foreign_host_is_refused(self, server: MockServer, host: str, path: str) -> None:
        """DNS rebinding: a page's own name points here, and its browser says that name."""
        reply = get(server.url, path, host=host)
        assert (reply.status, reply.code) == (403, "foreign_host")

    def test_no_host_or_two_of_them_are_refused(self, server: MockServer) -> None:
        """Which of two a proxy went by, nobody knows."""
        assert get(server.url, host=None).status in {400, 403}
        twice = b"GET /__mock__/clock HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
        assert exchanged(server.url, twice).status in {400, 403}

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.example",
            "null",
            "http://localhost",
            "http://localhost:3000",
            "file://",
            "",
            "http://127.0.0.1:1/",
        ],
    )
    def test_a_page_of_another_origin_is_refused(
        self, server: MockServer, origin: str, path: str
    ) -> None:
        """Another port of this machine is another origin, too."""
        reply = get(server.url, path, host=authority(server), Origin=origin)
        assert (reply.status, reply.code) == (403, "foreign_origin")

    def test_a_page_of_this_server_is_answered(self, server: MockServer) -> None:
        """The fake's own pages may ask it."""
        reply = get(server.url, host=authority(server), Origin=server.url)
        assert reply.status == 200

    def test_a_foreign_origin_changes_nothing(self, server: MockServer) -> None:
        """It is refused before the command runs, not after."""
        workspace = server.workspace("sk_security")
        workspace.ledger.set(3)
        body = b'{"balance": 9}'
        request = (
            b"PUT /__mock__/ledger HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
            b"Authorization: Bearer sk_security\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert exchanged(server.url, request).status == 403
        assert workspace.ledger.balance == 3

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_a_body_that_a_page_could_send_unasked_is_refused(
        self, server: MockServer, media_type: str
    ) -> None:
        """A form can be sent anywhere without a preflight; JSON cannot."""
        body = b'{"rate": 60}'
        request = (
            b"POST /__mock__/clock/scale HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer sk_security\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (media_type.encode(), len(body), body)
        )
        reply = exchanged(server.url, request)
        assert (reply.status, reply.code) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("method", ["OPTIONS", "GET"])
    def test_there_are_no_cors_headers(self, server: MockServer, method: str) -> None:
        """Nothing tells a browser that a page may read this."""
        request = (
            f"{method} /__mock__/clock HTTP/1.1\r\nHost: {authority(server)}\r\n"
            f"Origin: {server.url}\r\nAccess-Control-Request-Method: POST\r\n"
            "Authorization: Bearer sk_security\r\n\r\n"
        )
        reply = exchanged(server.url, request.encode())
        assert not [name for name in reply.headers if name.startswith("access-control")]

    def test_the_api_itself_asks_nothing_of_the_sort(self, server: MockServer) -> None:
        """Clients reach it by whatever name and from wherever; it has keys."""
        reply = get(server.url, "/v2/models", host="api.getimg.ai", Origin="http://evil.example")
        assert reply.status == 200


class TestWithAToken:
    """Where other machines can come, or where it is asked for, a token is required."""

    def test_without_it_nothing_is_answered(self, guarded: MockServer) -> None:
        """Not even whether a path exists; only health and the documents are public."""
        for path in ("/__mock__/clock", "/__mock__/nothing", "/__mock__/journal/tail"):
            reply = get(guarded.url, path, host="localhost")
            assert (reply.status, reply.code) == (401, "token_required")
        for path in (
            "/__mock__/health",
            "/__mock__/control.json",
            "/__mock__/openapi.json",
            "/__mock__/schemas/own/settings.json",
        ):
            assert get(guarded.url, path, host="localhost").status == 200

    @pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "t\xf6ken"])
    def test_a_wrong_one_is_refused(self, guarded: MockServer, token: str) -> None:
        """Whatever it is made of."""
        reply = get(guarded.url, host="localhost", X_Mock_Token=token)
        assert (reply.status, reply.code) == (401, "wrong_token")

    def test_with_it_any_host_is_answered(self, guarded: MockServer) -> None:
        """A container is reached by the name that its network gives it."""
        reply = get(guarded.url, host="getimg-mock:4010", X_Mock_Token=TOKEN)
        assert reply.status == 200

    def test_with_it_a_foreign_page_is_still_refused(self, guarded: MockServer) -> None:
        """A token that leaked into a page does not open the door to it."""
        reply = get(guarded.url, host="localhost", X_Mock_Token=TOKEN, Origin="http://evil.example")
        assert (reply.status, reply.code) == (403, "foreign_origin")

    def test_a_handle_sends_it(self, guarded: MockServer) -> None:
        """And is told when it is missing."""
        assert connect(guarded.url, "sk_x", token=TOKEN).ledger.balance == 100
        with pytest.raises(ControlError, match="X-Mock-Token") as caught:
            connect(guarded.url, "sk_x")
        assert caught.value.code == "token_required"

    def test_the_local_handle_needs_none(self, guarded: MockServer) -> None:
        """Whoever holds the server in their process holds everything."""
        assert guarded.workspace("sk_x").ledger.balance == 100


class TestOnOtherAddresses:
    """A bind that other machines can reach."""

    def test_a_server_makes_a_token_of_its_own(self) -> None:
        """No one has to remember to set it; every server has another."""
        tokens = set()
        for _ in range(2):
            with MockServer(host="0.0.0.0") as server:  # noqa: S104 - that is what is tested
                token = server.settings.control_token
                assert token is not None
                assert server.url.startswith("http://127.0.0.1:")
                assert get(server.url, host="localhost").status == 401
                assert connect(server.url, "sk_x", token=token).ledger.balance == 100
                tokens.add(token)
        assert len(tokens) == 2
        assert min(map(len, tokens)) >= 32

    def test_a_token_of_ones_own_is_kept(self) -> None:
        """Compose files name it once for server and clients."""
        server = MockServer(host="0.0.0.0", control_token=TOKEN)  # noqa: S104 - never started
        assert server.settings.control_token == TOKEN

    def test_an_app_that_another_host_exposes_refuses(self) -> None:
        """`create_app` cannot know the bind beforehand: the connection tells."""
        reply = scoped(create_app(quiet=True), server=("192.168.0.7", 4010))
        assert (reply[0], reply[1]["error"]["code"]) == (403, "token_required")
        with_token = create_app(quiet=True, control_token=TOKEN)
        assert scoped(with_token, server=("192.168.0.7", 4010))[0] == 401
        assert scoped(with_token, server=("192.168.0.7", 4010), token=TOKEN)[0] == 200

    @pytest.mark.parametrize("server", [None, ("/run/fake.sock", None)])
    def test_a_connection_of_unknown_origin_is_taken_for_exposed(self, server: Any) -> None:
        """Behind a socket file stands a proxy, and before it anybody."""
        assert scoped(create_app(quiet=True), server=server)[0] == 403

    @pytest.mark.parametrize(
        "token", ["", "short", " padded-token ", "t\xf6ken-token", "new\nline-token", "x" * 201]
    )
    def test_a_token_that_no_header_carries_is_refused_as_a_setting(self, token: str) -> None:
        """Told at the start, not found out at the first request."""
        with pytest.raises(SettingsError, match="control_token"):
            MockServer(control_token=token)


def scoped(app: Any, *, server: Any, token: str | None = None) -> tuple[int, Any]:
    """Ask an application for its clock over a connection to `server`."""
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer sk_x")]
    if token:
        headers.append((b"x-mock-token", token.encode()))
    request = Request("GET", "http", "localhost", 80, b"/__mock__/clock", headers)
    reply = Driver(app).send(request, {"server": server})
    return reply.status, reply.json


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104 - read, not bound
        ("::", False),
        ("", False),
        ("192.168.0.1", False),
        ("myhost", False),
        ("127.0.0.1.nip.io", False),
    ],
)
def test_loopback_is_what_can_only_mean_this_machine(host: str, expected: object) -> None:
    """A name that resolves here today may resolve elsewhere tomorrow."""
    assert is_loopback(host) is expected
