"""The short way for plain images and polls gives what the long way gives, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.api import plain_images
from getimg_mock.api.raw_connection import FIELDS
from getimg_mock.serving.known_heads import KnownHead
from getimg_mock.serving.request_cycle import RequestCycle
from getimg_mock.settings import Settings
from getimg_mock.settings_options import SettingsOptions
from getimg_mock.world.transitions import TransitionRule
from tests.api.driver import IMAGE, START, VIDEO, Driver
from tests.cassettes.written_cassette import IMAGE as RECORDED
from tests.cassettes.written_cassette import WrittenCassette, build_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.api.plain_heads import Moment
    from getimg_mock.world.workspaces import Workspace

PATH = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
HEADERS = {
    b"host": b"fake.test:4010",
    b"authorization": b"Bearer sk_plain",
    b"content-type": b"application/json",
    b"user-agent": b"test",
}
OTHER = {"model": "z-image-turbo", "prompt": "x"}
PLAIN: tuple[dict[str, Any], ...] = (
    IMAGE,
    IMAGE,
    IMAGE | {"aspect_ratio": "16:9"},
    IMAGE | {"aspect_ratio": "1:1", "resolution": "2K", "output_format": "png"},
    IMAGE | {"output_format": "webp", "prompt": 'Üñí "quoted" \\ %s 🎨'},
    OTHER,
)
ODD: tuple[Any, ...] = (
    {"prompt": "a", "model": IMAGE["model"]},
    IMAGE | {"resolution": "9K"},
    IMAGE | {"aspect_ratio": "1:7"},
    IMAGE | {"aspect_ratio": 4},
    IMAGE | {"output_format": "gif"},
    IMAGE | {"seed": 7},
    IMAGE | {"images": []},
    IMAGE | {"prompt": "\ud800"},
    IMAGE | {"prompt": "x" * 2_000_000},
    IMAGE | {"prompt": ""},
    IMAGE | {"prompt": json.loads("[" * 300 + "]" * 300)},
    IMAGE | {"prompt": "mock:error=rate_limit a cat"},
    IMAGE | {"model": "seedance-v1-5-pro"},
    IMAGE | {"model": "nothing"},
    {"model": IMAGE["model"]},
    [],
    None,
)
RAW = (b"", b"{", b"\xff", b"[" * 5000, json.dumps(IMAGE).encode() + b" \n", b'{"model": NaN}')
CHANGES: tuple[dict[bytes, bytes], ...] = (
    {b"authorization": b"Bearer sk_other"},
    {b"authorization": b"Basic sk_plain"},
    {b"authorization": b"Bearer wrong key"},
    {b"authorization": b"Bearer sk_mock_broke_1"},
    {b"authorization": b"Bearer sk_mock_invalid"},
    {b"authorization": b"Bearer sk_plain", b"x-mock-behaviour": b"error=server_error"},
    {b"content-type": b"application/json; charset=utf-8"},
    {b"content-type": b"text/plain"},
    {b"x-forwarded-host": b"proxy.test", b"x-forwarded-proto": b"https"},
    {b"host": b"bad host"},
)


class Connection:
    """The transport and the flow control of a connection that takes everything."""

    write_paused = False

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.sent.append(data)

    write_whole = write


class Client:
    """Sends requests to a fake by one of both ways.

    The short way prepares a head for each request, or keeps those of earlier ones.
    """

    def __init__(self, driver: Driver, *, is_short: bool) -> None:
        self.driver, self.is_short = driver, is_short
        self.answered_at_once = 0
        self.heads: dict[object, KnownHead] = {}

    def send(
        self, body: bytes, changes: dict[bytes, bytes], method: str = "POST", path: str = PATH
    ) -> bytes:
        """Return the bytes of the response."""
        fields = {**HEADERS, **changes, b"content-length": b"%d" % len(body)}
        connection: Any = Connection()
        scope: Any = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "root_path": "",
            "http_version": "1.1",
            "server": ("127.0.0.1", 4010),
            "headers": list(fields.items()),
            FIELDS: fields,
        }
        cycle = RequestCycle(scope, connection, connection, lambda: None)
        cycle.set_body(body)
        find_endpoint = self.driver.app.find_endpoint
        endpoint: Any = find_endpoint(scope)
        if self.is_short and self._answer_at_once(scope, cycle, body):
            self.answered_at_once += 1
        else:
            run = cycle.run_asgi(endpoint)
            with pytest.raises(StopIteration):
                run.send(None)
        return b"".join(connection.sent)

    def _answer_at_once(self, scope: Any, cycle: RequestCycle, body: bytes) -> bool:
        find_endpoint = self.driver.app.find_endpoint
        name = (scope["method"], scope["path"], *scope["headers"])
        head = self.heads.get(name)
        if head is None:
            self.heads[name] = KnownHead(scope.copy(), scope["headers"], len(body))
            endpoint: Any = find_endpoint(scope)
            return bool(endpoint.answer_at_once(scope, cycle))
        plain = head.prepare(find_endpoint)

        def send(moment: Moment, remaining: int, text: bytes) -> None:
            cycle.respond(200, moment.build_headers(remaining), text)

        return plain is not None and plain.answer(body, send)

    def read_state(self) -> Any:
        """Return what the requests left behind, less what they took of real time."""
        left: list[Any] = []
        for workspace in self.driver.app.fake.store:
            exchanges = [each.as_json() for each in workspace.journal]
            for each in exchanges:
                del each["wall"], each["milliseconds"]
            left.append((exchanges, list(workspace.generations.values())))
            left += [vars(workspace.ledger) | {"entries": list(workspace.ledger.entries)}]
            left += [workspace.limiter.get_counts(), dict(workspace.ordinals)]
        return left


def do_nothing(_workspace: Workspace) -> None:
    """Leave the workspace as it is."""


def add_rule(workspace: Workspace) -> None:
    """Let one request of several fail."""
    rule = {"on": "images.generate", "status": 503, "every": 3}
    workspace.scenarios.add(rule, workspace.clock.now())


def fail_all(workspace: Workspace) -> None:
    """Let every generation fail."""
    workspace.transitions.set(TransitionRule.of({"failed": "content_policy_violation"}))


def fail_next(workspace: Workspace) -> None:
    """Let the next two generations fail."""
    for _ in range(2):
        workspace.transitions.next(TransitionRule.of({"failed": True}))


def fail_model(workspace: Workspace) -> None:
    """Let the generations of a model fail."""
    workspace.transitions.set(TransitionRule.of({"failed": True}), model="z-*")


WORLDS: tuple[tuple[dict[str, Any], Callable[[Workspace], None]], ...] = (
    ({}, do_nothing),
    ({"strictness": "schema"}, do_nothing),
    ({"balance": "0.13"}, do_nothing),
    ({"image_rpm": 4}, do_nothing),
    ({"limits": "realistic", "charge_at": "submission", "retention": 60}, do_nothing),
    ({"image_seconds": 3}, do_nothing),
    ({"magic": False, "trust_forwarded": True, "max_body_mib": 1}, do_nothing),
    ({"mock_headers": False, "check_responses": True}, do_nothing),
    ({}, add_rule),
    ({}, fail_all),
    ({}, fail_next),
    ({}, fail_model),
)


def open_clients(
    options: dict[str, Any], prepare: Callable[[Workspace], None] = do_nothing
) -> tuple[Client, Client]:
    """Return clients of equal fakes, that of the short way first."""
    found = []
    for is_short in (True, False):
        client = Client(Driver.of(**options), is_short=is_short)
        # Answers to requests without a valid key have its date.
        client.driver.app.fake.clock.state = (START, 0.0, 0.0)
        for key in ("sk_plain", "sk_other"):
            client.driver.workspace(key).clock.autojump = True
        prepare(client.driver.workspace("sk_plain"))
        found.append(client)
    return found[0], found[1]


@pytest.mark.parametrize(("options", "prepare"), WORLDS)
def test_both_ways_answer_alike(
    options: dict[str, Any], prepare: Callable[[Workspace], None]
) -> None:
    """Whatever a request is, and whatever applies to it: bytes, books, limits and journal."""
    one, other = open_clients(options, prepare)
    bodies = [json.dumps(each).encode() for each in (*PLAIN, *ODD)]
    requests = [(body, dict[bytes, bytes]()) for body in (*bodies, *RAW)]
    requests += [(bodies[0], changes) for changes in CHANGES]
    for body, changes in (*requests, *requests[: len(PLAIN)]):
        assert one.send(body, changes) == other.send(body, changes), (body[:200], changes)
    assert one.send(bodies[0], {}, "GET") == other.send(bodies[0], {}, "GET")
    assert one.read_state() == other.read_state()


@pytest.mark.parametrize(("on_miss", "bodies"), [("fail", 2), ("fake", 4096)])
def test_both_ways_replay_alike(
    tmp_path: Path, on_miss: str, bodies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded pictures, at once or later, errors, and what was not recorded."""
    monkeypatch.setattr(plain_images, "_MOST_BODIES", bodies)
    cassette = WrittenCassette(tmp_path / "cassette")
    slow, refused = ({"model": "seedream-9", "prompt": each} for each in ("slow", "refused"))
    cassette.add_image()
    cassette.add_image(cost="0.11")
    cassette.add_image(slow, seconds=5)
    cassette.add(refused, 400, build_error("content_policy_violation", "No."))
    one, other = open_clients({"replay": cassette.save(), "on_miss": on_miss, "balance": "0.50"})
    for each in (RECORDED, slow, refused, OTHER, RECORDED | {"seed": 1}, RECORDED) * 3:
        body = json.dumps(each).encode()
        assert one.send(body, {}) == other.send(body, {}), each
    assert one.read_state() == other.read_state()
    assert one.answered_at_once > 1


def test_both_ways_poll_alike() -> None:
    """Videos that end by time, by polls or never, as time passes, and ids that are none."""
    one, other = open_clients({"video_seconds": 30})
    answers: list[list[bytes]] = [[], []]
    for client, seen in zip((one, other), answers, strict=True):
        workspace = client.driver.workspace("sk_plain")
        bodies = [json.dumps(VIDEO | {"prompt": each}).encode() for each in ("a", "b", "c")]
        seen += [client.send(each, {}, "POST", VIDEOS) for each in bodies[:1]]
        for rule in ({"polls": 3}, {"hold": True}):
            workspace.transitions.set(TransitionRule.of(rule))
            seen.append(client.send(bodies[len(seen)], {}, "POST", VIDEOS))
        ids = [json.loads(each.partition(b"\r\n\r\n")[2])["id"] for each in seen]
        for seconds in (0, 0.25, 0.25, 29.5, 0, 40):
            client.driver.advance(seconds, "sk_plain")
            for each in (*ids, "req-01UNKNOWN00000"):
                seen.append(client.send(b"", {}, "GET", f"{VIDEOS}/{each}"))
        workspace.scenarios.add({"on": "videos.retrieve", "status": 503}, workspace.clock.now())
        seen.append(client.send(b"", {}, "GET", f"{VIDEOS}/{ids[2]}"))
    assert answers[0] == answers[1]
    assert one.read_state() == other.read_state()
    assert one.answered_at_once == 3 + 6


def test_a_fake_that_was_replaced_answers_nothing_more() -> None:
    """A kept head is prepared again for the fake that serves since: its settings are others."""
    client, _ = open_clients({})
    body = json.dumps(IMAGE).encode()
    for _ in range(2):
        assert client.send(body, {}).startswith(b"HTTP/1.1 200 ")
    app = client.driver.app
    for options in (SettingsOptions(), SettingsOptions(strictness="schema")):
        app.replace_fake(replace(app.fake, settings=Settings.of(**options)))
        assert client.send(body, {}).startswith(b"HTTP/1.1 200 ")
        assert client.answered_at_once == 3


def test_plain_requests_go_the_short_way() -> None:
    """And no others: of these, each would need a step that the short way does not have."""
    client = Client(Driver.of(), is_short=True)
    for each in PLAIN:
        assert client.send(json.dumps(each).encode(), {}).startswith(b"HTTP/1.1 200 ")
    assert client.answered_at_once == len(PLAIN)
    for each in ODD:
        client.send(json.dumps(each).encode(), {})
    assert client.answered_at_once == len(PLAIN)
