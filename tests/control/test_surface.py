"""The control surface over HTTP: paths, methods, bodies, errors, documents, live events."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from getimg_mock import GetimgMockError, connect, create_app
from getimg_mock.control import channels, commands
from getimg_mock.control.channels import LocalChannel, RemoteChannel
from getimg_mock.control.openapi import document
from getimg_mock.control.problems import problem, raised
from getimg_mock.errors import ControlError, SettingsError, UnknownNameError, WaitError
from tests.api.driver import Driver
from tests.control.client import Client, exchanged

if TYPE_CHECKING:
    from collections.abc import Generator

    from getimg_mock import MockServer
    from getimg_mock.control.command import Command


def described(path: str) -> str:
    """Return a path with names for its parameters that belong to nothing."""
    return path.replace("{generation}", "req-none").replace("{rule}", "rule-0")


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
            ("GET /journal?status=1&status=2", 400, "invalid_value", "stands twice"),
            ("GET /journal?status=%FF", 400, "invalid_value", "status:"),
            ("POST /reset?x=1", 400, "invalid_value", "in the body"),
            (
                "GET /generations/req-1?generation=req-2",
                400,
                "invalid_value",
                "in the path already",
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
            b"{", b"[]", b"1", b'"x"', b"null", b"\xff", b'{"rate": NaN}', b'{"rate": Infinity}',
            b'{"rate": 1e400}',
            b"[" * 100_000, b'{"rate": ' + b"1" * 5000 + b"}", b"rate=60",
        ],
    )  # fmt: skip
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

        monkeypatch.setattr(commands, "run", broken)
        reply = client.get("/__mock__/clock")
        assert (reply.status, reply.code) == (500, "internal_error")
        assert b"secret" not in reply.body
        assert "a secret of the machine room" in capfd.readouterr().err


class TestAnswers:
    """What every answer has."""

    @pytest.mark.parametrize(
        "path",
        [each.path for each in commands.COMMANDS if each.method == "GET" and "{" not in each.path],
    )
    def test_are_json_with_our_version_and_are_not_kept(self, client: Client, path: str) -> None:
        """A cached answer about a world that changes would be a lie."""
        reply = client.get(f"/__mock__{path}")
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-mock-control"] == commands.VERSION
        assert isinstance(reply.json, dict)

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


class TestDocument:
    """The OpenAPI document of the controls."""

    def test_is_valid(self) -> None:
        """OpenAPI 3.1, by the reference validator."""
        validate(document())

    def test_describes_every_command_and_nothing_else(self) -> None:
        """It is made from the commands, so neither can be forgotten."""
        told = {
            (method.upper(), path)
            for path, operations in document()["paths"].items()
            for method in operations
        }
        known = {(each.method, f"/__mock__{each.path}") for each in commands.COMMANDS}
        assert told == known | {("GET", "/__mock__/journal/tail")}

    def test_names_are_unique(self) -> None:
        """An operation's id is a function's name in generated clients."""
        names = [each.name for each in commands.COMMANDS]
        assert len(set(names)) == len(names)
        assert len({(each.method, each.path) for each in commands.COMMANDS}) == len(names)

    def test_every_error_fits_its_schema(self, client: Client) -> None:
        """One envelope for all of them."""
        schema = document()["components"]["schemas"]["Error"]
        for path in ("/nothing", "/journal?status=x", "/generations/req-1"):
            error = client.get(f"/__mock__{path}").json["error"]
            assert set(schema["properties"]["error"]["required"]) <= error.keys()


class TestTail:
    """The journal as it grows."""

    @pytest.fixture
    def channel(self, server: MockServer, key: str) -> RemoteChannel:
        """Return a channel to the key's workspace."""
        return RemoteChannel(server.url, key)

    def test_gives_what_there_is_and_then_what_comes(
        self, channel: RemoteChannel, client: Client
    ) -> None:
        """In order, each once, over a reset of the workspace, too."""
        client.image()
        with closing(events(channel)) as tail:
            assert next(tail)["operation"] == "images.generate"
            video = client.video()
            assert next(tail)["generation"] == video
            client.post("/__mock__/reset")
            client.get("/v2/models")
            assert next(tail)["operation"] == "models.list"

    def test_gives_only_what_fits(self, channel: RemoteChannel, client: Client) -> None:
        """The criteria are those of a query."""
        client.image()
        client.get("/v2/models")
        with closing(events(channel, operation="models.*", after=1)) as tail:
            assert next(tail)["number"] == 2
            client.image()
            client.get("/v2/models")
            assert next(tail)["number"] == 4

    def test_a_mistake_is_told_before_it_begins(self, channel: RemoteChannel) -> None:
        """A stream that stays empty would look like a quiet client."""
        with pytest.raises(GetimgMockError, match="Did you mean 'operation'"):
            next(events(channel, operaton="x"))

    def test_one_who_goes_is_forgotten(
        self, server: MockServer, channel: RemoteChannel, key: str, client: Client
    ) -> None:
        """A listener that nobody hears would be a leak."""
        journal = server.app.fake.store.workspace(key).journal
        with closing(events(channel)) as tail:
            client.image()
            next(tail)
            assert len(journal._listeners) == 1
        while journal._listeners:
            client.get("/__mock__/health")
        assert client.image().status == 200


def events(channel: RemoteChannel, **criteria: Any) -> Generator[Any, None, None]:
    """Follow a workspace's journal."""
    yield from channel.events("/journal/tail", criteria)


def test_a_client_that_goes_before_its_body_is_complete_is_not_answered() -> None:
    """And what it had begun to ask for is not done."""
    app = create_app(quiet=True)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer sk_gone")]
    scope = {"type": "http", "method": "POST", "path": "/__mock__/reset", "headers": headers,
             "query_string": b"", "server": ("127.0.0.1", 1)}  # fmt: skip
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


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"error": "not found"}, {"error": {}}, {"error": {"message": "No."}},
     {"detail": "Not Found"}],
)  # fmt: skip
def test_another_servers_error_is_not_taken_for_ours(body: Any) -> None:
    """A wrong port is more likely than a new error of ours."""
    error = raised(404, body)
    assert isinstance(error, ControlError)
    assert (error.code, error.status) == ("not_ours", 404)


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("n: 3 is wrong."), UnknownNameError("rule", "rule-1", ["rule-2"]),
        UnknownNameError("field", "x", ["alpha", "beta"]), WaitError("Nothing came."),
        ControlError("conflict", "Not now.", status=409, nearest="then"),
    ],
)  # fmt: skip
def test_an_error_survives_the_way_over_http(error: GetimgMockError) -> None:
    """Class, words and what programs look at."""
    status, body = problem(error)
    again = raised(status, json.loads(json.dumps(body)))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert problem(again) == (status, body)


WORDS = st.sampled_from(
    ["10m", "flaky", "videos.create", "seedance-*", "completed", "2026-12-01T00:00:00Z", "sk_x",
     "9999-12-31T23:59:59-23:59", "20..60", "rate_limit", "reset", "har", "1e400", "-0", "[",
     "\ud800"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-2, 50) | st.floats() | WORDS
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(WORDS, SCALARS, max_size=2)


@pytest.mark.parametrize("command", commands.COMMANDS, ids=lambda command: command.name)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_breaks_a_command(
    server: MockServer, key: str, command: Command, data: st.DataObject
) -> None:
    """Whatever is sent: an answer that JSON can say, or a refusal; and the workspace works on."""
    names = [each.name for each in command.fields] or ["x"]
    if command.free:
        names += ["on", "status", "latency", "seconds", "polls", "failed", "transition", "prompt"]
    payload = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    payload = {k: v for k, v in payload.items() if f"{{{k}}}" not in command.path}
    if command.name == "journal.wait":
        payload["timeout"] = 0
    channel = LocalChannel(server.app.fake, key)
    try:
        answer = channel.call(command.method, described(command.path), payload)
        assert isinstance(answer, str) or json.dumps(answer, allow_nan=False)
    except GetimgMockError as error:
        told = str(error)
    else:
        told = ""
    assert len(told) < 1000
    assert channel.call("GET", "/workspace")
    assert channel.call("GET", "/snapshot")


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_with_a_mistake_is_refused_or_works(
    server: MockServer, key: str, client: Client, data: st.DataObject
) -> None:
    """A workspace that was restored from something else must not fail later, on its clients."""
    ws = server.workspace(key)
    ws.reset()
    video = client.video()
    ws.scenarios.add("flaky")
    state = ws.snapshot()
    part: Any = state
    while True:
        name = data.draw(st.sampled_from(sorted(part)) if isinstance(part, dict) else st.just(0))
        deeper = isinstance(part[name], (dict, list)) and part[name] and data.draw(st.booleans())
        if not deeper:
            break
        part = part[name]
    if isinstance(part, dict) and data.draw(st.booleans()):
        del part[name]
    else:
        part[name] = data.draw(VALUES)
    try:
        ws.restore(state)
    except GetimgMockError:
        assert ws.generations[video].status == "pending"
    assert client.image().status < 600
    assert client.get("/v2/billing/balance").status == 200
    assert {each.status for each in ws.generations} <= {"pending", "completed", "failed"}
    assert "internal" not in str(client.poll(video))


def test_the_timeout_of_a_wait_is_added_to_that_of_the_connection(
    server: MockServer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that is longer than a call may take is not cut off by the client's own patience."""
    seen = []

    def noted(host: str, port: int, timeout: float) -> HTTPConnection:
        seen.append(timeout)
        return HTTPConnection(host, port, timeout=timeout)

    handle = connect(server.url, key)
    monkeypatch.setattr(channels, "HTTPConnection", noted)
    with pytest.raises(TimeoutError):
        handle.journal.wait(timeout=0.001)
    handle.clock.now()
    assert seen == [30.001, 30]
