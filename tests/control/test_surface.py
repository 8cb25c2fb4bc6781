"""The control surface over HTTP: paths, methods, bodies, answers, and who is not answered."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import create_app
from getimg_mock.control import command_table
from tests.api.driver import Driver
from tests.control.client import Client, exchanged

if TYPE_CHECKING:
    from getimg_mock import MockServer


class TestErrors:
    """What is wrong is told in JSON of ours, and what would have been right."""

    @pytest.mark.parametrize(
        ("asked", "status", "code", "said"),
        [
            ("GET /clok", 404, "not_found", "Did you mean /clock?"),
            ("GET /journal/", 404, "not_found", "Did you mean /journal?"),
            ("DELETE /clock", 405, "method_not_allowed", "use GET"),
            ("POST /health", 405, "method_not_allowed", "use GET"),
            ("POST /journal/tail", 405, "method_not_allowed", "use GET"),
            ("GET /generations/req-1", 404, "unknown_name", "Unknown generation 'req-1'"),
            ("DELETE /scenarios/rule-7", 404, "unknown_name", "Unknown rule 'rule-7'"),
            ("GET /journal?operaton=x", 400, "unknown_name", "Did you mean 'operation'?"),
            ("GET /journal?status=1&status=2", 400, "invalid_value", "has a name twice"),
            ("GET /journal?status=%FF", 400, "invalid_value", "status:"),
            ("POST /reset?x=1", 400, "invalid_value", "in the body"),
            (
                "GET /generations/req-1?generation=req-2",
                400,
                "invalid_value",
                "by the path already",
            ),
        ],
    )
    def test_each_names_what_is_wrong(
        self, client: Client, asked: str, status: int, code: str, said: str
    ) -> None:
        """One line, for people and for programs."""
        method, _, path = asked.partition(" ")
        reply = client.request(method, f"/__mock__{path}")
        assert (reply.status, reply.code) == (status, code)
        assert said in reply.message

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            b"1",
            b'"x"',
            b"null",
            b"\xff",
            b'{"rate": NaN}',
            b'{"rate": Infinity}',
            b'{"rate": 1e400}',
            b"[" * 100_000,
            b'{"rate": ' + b"1" * 5000 + b"}",
            b"rate=60",
        ],
    )
    def test_a_body_that_is_no_json_object_is_refused(self, client: Client, body: bytes) -> None:
        """However it is broken."""
        reply = client.request("POST", "/__mock__/clock/scale", body=body)
        assert (reply.status, reply.code) == (400, "malformed_json")

    @pytest.mark.parametrize("value", [None, "60", 60, 60.0])
    def test_a_value_may_come_as_text_and_null_is_nothing(
        self, client: Client, value: object
    ) -> None:
        """Shells and forms have only texts."""
        reply = client.post("/__mock__/clock/scale", {"rate": value})
        if value is None:
            assert (reply.status, reply.message[:15]) == (400, "rate is missing")
        else:
            assert (reply.status, reply.json["rate"]) == (200, 60)
        client.post("/__mock__/clock/freeze")

    def test_a_scenario_is_a_name_or_rules(self, client: Client) -> None:
        """Of both, nobody could say which was meant."""
        reply = client.post("/__mock__/scenarios", {"name": "flaky", "rules": [{"status": 500}]})
        assert (reply.status, reply.message) == (400, "Give name or rules, not both.")

    def test_without_a_key_there_is_no_workspace(self, server: MockServer) -> None:
        """The controls say whose like the API does, in an error of their own."""
        reply = exchanged(server.url, b"GET /__mock__/clock HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (reply.status, reply.code) == (401, "invalid_api_key")
        assert "Authorization: Bearer" in reply.message

    def test_a_magic_key_with_a_mistake_is_no_bug_of_ours(self, server: MockServer) -> None:
        """Names are refused with the nearest wherever they are written."""
        reply = Client(server.url, "sk_mock_brokee").get("/__mock__/clock")
        assert (reply.status, reply.json["error"]["nearest"]) == (400, "sk_mock_broke")

    def test_a_body_beyond_the_limit_is_refused(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Memory is bounded, here as elsewhere."""
        monkeypatch.setattr("getimg_mock.control.surface.MAX_BODY", 1000)
        reply = client.post("/__mock__/restore", {"state": {"x": "x" * 1000}})
        assert (reply.status, reply.code) == (413, "too_large")

    def test_a_bug_of_ours_is_told_as_one(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A 500 with JSON; the trace goes to the log of the server, not to the client."""

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a secret of the machine room")

        monkeypatch.setattr(command_table, "run", broken)
        reply = client.get("/__mock__/clock")
        assert (reply.status, reply.code) == (500, "internal_error")
        assert b"secret" not in reply.body
        assert "a secret of the machine room" in capfd.readouterr().err


class TestAnswers:
    """What every answer has."""

    @pytest.mark.parametrize(
        "path",
        [
            each.path
            for each in command_table.COMMANDS
            if each.method == "GET" and "{" not in each.path
        ],
    )
    def test_are_json_with_our_version_and_are_not_kept(self, client: Client, path: str) -> None:
        """A cached answer about a world that changes would be a lie."""
        reply = client.get(f"/__mock__{path}")
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-mock-control"] == command_table.VERSION
        assert isinstance(reply.json, dict)

    def test_health_names_the_version(self, client: Client) -> None:
        """A CI log or a start script can tell which fake has answered."""
        expected = {"status": "ok", "version": version("getimg-mock")}
        assert client.get("/__mock__/health").json == expected

    def test_a_head_is_a_get_without_its_body(self, client: Client) -> None:
        """Health checks of some proxies use it."""
        got, head = (client.request(each, "/__mock__/health") for each in ("GET", "HEAD"))
        assert head.status == 200
        assert head.body == b""
        assert head.headers["content-length"] == got.headers["content-length"]

    def test_what_is_asked_here_stands_in_no_journal(self, client: Client) -> None:
        """The journal is about the client under test."""
        client.get("/__mock__/journal")
        assert client.get("/__mock__/journal").json == {"exchanges": []}

    def test_the_prefix_itself_gives_the_document(self, client: Client) -> None:
        """Whoever looks there finds what there is."""
        assert client.get("/__mock__").json == client.get("/__mock__/control.json").json

    def test_an_export_says_what_it_is(self, client: Client) -> None:
        """HAR is JSON, NDJSON is not."""
        client.image()
        assert client.get("/__mock__/journal/export").json["log"]["version"] == "1.2"
        lines = client.get("/__mock__/journal/export?format=ndjson")
        assert lines.headers["content-type"] == "application/x-ndjson"
        assert [json.loads(each)["number"] for each in lines.body.splitlines()] == [1]


def test_a_client_that_goes_before_its_body_is_complete_is_not_answered() -> None:
    """And what it had begun to ask for is not done."""
    app = create_app(quiet=True)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer sk_gone")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/__mock__/reset",
        "headers": headers,
        "query_string": b"",
        "server": ("127.0.0.1", 1),
    }
    asyncio.run(app(scope, receive, send))
    assert sent == []


class TestWithoutAnEventLoop:
    """In process the application is stepped, and nothing else runs meanwhile."""

    @pytest.fixture
    def driver(self) -> Driver:
        """Return a driver of an application that wants no token for its made-up address."""
        return Driver.of(control_token="a-token-of-the-driver")

    def ask(self, driver: Driver, method: str, path: str) -> Any:
        """Send a request with the token."""
        return driver.request(
            method, f"/__mock__{path}", headers=[("X-Mock-Token", "a-token-of-the-driver")]
        )

    def test_a_wait_finds_what_there_is(self, driver: Driver) -> None:
        """And would block for the rest of its timeout, as in a thread."""
        driver.image()
        reply = self.ask(driver, "POST", "/journal/wait")
        assert (reply.status, reply.json["exchange"]["number"]) == (200, 1)

    def test_a_stream_is_refused(self, driver: Driver) -> None:
        """It would never end, and nobody could read it."""
        reply = self.ask(driver, "GET", "/journal/tail")
        assert (reply.status, reply.json["error"]["code"]) == (501, "not_here")
