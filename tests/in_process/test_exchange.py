"""The bridge: an application answers without socket, thread or event loop."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trio

from getimg_mock.api import access_log
from getimg_mock.api.raw_connection import get_wire
from getimg_mock.application import Application
from getimg_mock.control.handle import connect_local
from getimg_mock.fake import Fake
from getimg_mock.in_process.exchange import (
    AdvanceClock,
    DisconnectedError,
    EndlessWaitError,
    Request,
    ResetError,
    TimedOutError,
    WireError,
    call_application,
    exchange,
    exchange_async,
    finish_left_behind,
)
from getimg_mock.settings import Settings
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from getimg_mock.control.handle import WorkspaceHandle
    from getimg_mock.in_process.exchange import Response

    Answer = Callable[[Scope, Receive, Send], Awaitable[None]]

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
KEY = "sk_bridge"


def asked(target: str = "/", *, method: str = "GET", **options: Any) -> Request:
    """Return a request as a client would send it."""
    values: dict[str, Any] = {
        "scheme": "https",
        "host": "api.getimg.ai",
        "port": 443,
        "target": target.encode(),
        "headers": [(b"host", b"api.getimg.ai"), (b"authorization", f"Bearer {KEY}".encode())],
        "timeout": 300.0,
    }
    return Request(method=method, **(values | options))


def image(**options: Any) -> Request:
    """Return a valid request for an image."""
    body = json.dumps({"model": "seedream-5-lite", "prompt": "A lighthouse"}).encode()
    asking = asked("/v2/images/generations", method="POST", body=body, **options)
    return asking._replace(headers=[*asking.headers, (b"content-type", b"application/json")])


class Place:
    """A fake in process, with the controls of one workspace."""

    def __init__(self, **settings: Any) -> None:
        self.fake = Fake.of(
            Settings.of(quiet=True, **settings), clock=lambda: VirtualClock(start=START, rate=0)
        )
        self.app = Application(self.fake, access_log.log_nothing)
        self.workspace: WorkspaceHandle = connect_local(self.fake, KEY)
        self.patience = AdvanceClock(self.fake.store.get_or_create(KEY).clock)

    def ask(self, request: Request) -> tuple[Response, bytes]:
        """Return an answer and its whole body."""
        answer = exchange(self.app, request, self.patience)
        return answer, b"".join(answer)

    def passed(self) -> timedelta:
        """Return how much time has passed on the workspace's clock."""
        return self.workspace.clock.now() - START


def test_an_answer_has_status_headers_and_body() -> None:
    """The bridge is a way to the same application that a socket leads to."""
    answer, body = Place().ask(image())
    assert answer.status == 200
    assert (b"content-type", b"application/json") in answer.headers
    assert json.loads(body)["status"] == "completed"


def test_the_links_lead_to_the_host_that_was_asked() -> None:
    """A client downloads from the address that it knows."""
    _, body = Place().ask(image())
    assert json.loads(body)["data"][0]["url"].startswith("https://api.getimg.ai/v2/downloads/")


def test_the_head_is_there_before_the_body() -> None:
    """Streaming clients must see a body in pieces, not gathered up."""
    sent = []

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["path"] == "/a b"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            sent.append(number)
            piece = {"type": "http.response.body", "body": b"%d" % number, "more_body": True}
            await send(piece)
        await send({"type": "http.response.body", "body": b"!", "more_body": False})

    response = exchange(answer, asked("/a%20b"))
    assert (b"transfer-encoding", b"chunked") in response.headers
    assert sent == [0]
    pieces = iter(response)
    assert next(pieces) == b"0"
    assert sent == [0]
    assert next(pieces) == b"1"
    assert [*pieces] == [b"2", b"!"]


def test_a_complete_body_is_taken_as_a_whole_once() -> None:
    """One that goes on, or whose connection fails, is read piece by piece."""

    def make(*parts: tuple[bytes, bool]) -> Answer:
        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for part, more in parts:
                await send({"type": "http.response.body", "body": part, "more_body": more})

        return app

    whole = exchange(make((b"all", False)), asked())
    assert whole.take_whole() == b"all"
    assert list(whole) == []
    assert exchange(make((b"", False)), asked()).take_whole() == b""
    going_on = exchange(make((b"a", True), (b"b", False)), asked())
    assert going_on.take_whole() is None
    assert list(going_on) == [b"a", b"b"]
    broken = exchange(make((b"a", True)), asked())
    assert broken.take_whole() is None
    with pytest.raises(DisconnectedError):
        list(broken)


def test_a_client_that_leaves_lets_the_application_finish() -> None:
    """A server notices only later; what it writes in its journal must be written."""
    ended = []

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        ended.append((await receive())["type"])

    response = exchange(answer, asked())
    response.close()
    response.close()
    assert ended == ["http.disconnect"]


def test_an_answer_to_head_has_no_body() -> None:
    """With HEAD, the length is that of what GET would bring."""
    place = Place()
    _, body = place.ask(image())
    url = json.loads(body)["data"][0]["url"].removeprefix("https://api.getimg.ai")
    whole, data = place.ask(asked(url))
    head, nothing = place.ask(asked(url, method="HEAD"))
    length = dict(whole.headers)[b"content-length"]
    assert (dict(head.headers)[b"content-length"], nothing) == (length, b"")
    assert int(length) == len(data)


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("reset", ResetError, "reset by peer"),
        ("close", DisconnectedError, "without sending a response"),
        ("truncate", DisconnectedError, r"received \d+ bytes, expected \d+"),
        ("wrong_length", DisconnectedError, r"received \d+ bytes, expected \d+"),
        ("hang", TimedOutError, "timed out"),
        ("hang_body", TimedOutError, "timed out"),
    ],
)
def test_what_happens_to_the_socket_is_raised(
    fault: str, error: type[WireError], text: str
) -> None:
    """A client must meet the same trouble in process as on a socket."""
    place = Place()
    place.workspace.scenarios.add(fault=fault)
    with pytest.raises(error, match=text):
        place.ask(image())
    (seen,) = place.workspace.journal
    assert (seen.fault, seen.response.sent) == (fault, False)


@pytest.mark.parametrize("fault", ["hang", "hang_body"])
def test_silence_lasts_as_long_as_the_client_waits(fault: str) -> None:
    """A timeout takes its time on the clock, so that what is due meanwhile comes due."""
    place = Place()
    place.workspace.scenarios.add(fault=fault)
    with pytest.raises(TimedOutError):
        place.ask(image(timeout=40.0))
    assert place.passed() == timedelta(seconds=40)


def test_silence_without_a_timeout_is_an_error_of_its_own() -> None:
    """On a socket such a client would hang for ever; a test must not."""
    place = Place()
    place.workspace.scenarios.add(fault="hang")
    with pytest.raises(EndlessWaitError, match="would wait for ever"):
        place.ask(image(timeout=None))


def test_latency_passes_on_the_clock() -> None:
    """A slow answer comes late on the workspace's clock, and at once in real time."""
    place = Place(image_seconds=30)
    answer, _ = place.ask(image())
    assert answer.status == 200
    assert place.passed() == timedelta(seconds=30)


def test_latency_beyond_the_clients_patience_times_out() -> None:
    """The read timeout is the client's: the fake may take as long as it likes."""
    place = Place(image_seconds=400)
    with pytest.raises(TimedOutError):
        place.ask(image())
    assert place.passed() == timedelta(seconds=300)


def test_a_request_given_up_is_finished_when_its_time_has_come() -> None:
    """The server does not know that nobody waits any more: it charges, and journals."""
    place = Place(image_seconds=400)
    with pytest.raises(TimedOutError):
        place.ask(image())
    assert place.workspace.journal.count() == 0
    place.workspace.clock.advance(seconds=99)
    finish_left_behind(place.patience)
    assert place.workspace.journal.count() == 0
    place.workspace.clock.advance(seconds=1)
    finish_left_behind(place.patience)
    assert place.workspace.journal.count(status=200) == 1
    assert place.patience.left_behind == []
    assert place.workspace.ledger.charged > 0


def test_the_next_request_finishes_those_given_up_before() -> None:
    """The order on the clock is the order in the journal."""
    place = Place(image_seconds=400)
    for _ in range(2):
        with pytest.raises(TimedOutError):
            place.ask(image())
    place.workspace.configure(image_seconds=0)
    place.ask(image())
    assert [each.at - START for each in place.workspace.journal] == [
        timedelta(0),
        timedelta(seconds=600),
    ]


def test_a_drip_takes_its_time_and_arrives() -> None:
    """Each piece is waited for by itself: the whole may take longer than the timeout."""
    place = Place()
    place.workspace.scenarios.add(fault="drip")
    _, body = place.ask(image(timeout=0.05))
    assert json.loads(body)["status"] == "completed"
    assert place.passed() > timedelta(seconds=1)


def test_a_broken_drip_leaves_nothing_behind() -> None:
    """Who goes away in the middle of a drip does not stop the clock for others."""
    place = Place()
    place.workspace.scenarios.add(fault="drip")
    response = exchange(place.app, image(), place.patience)
    assert next(iter(response))
    response.close()
    for _ in range(2000):
        place.workspace.clock.advance(milliseconds=10)
        finish_left_behind(place.patience)
    assert place.patience.left_behind == []
    assert place.workspace.journal.count() == 1


@pytest.mark.parametrize(
    ("raw", "error", "text"),
    [
        (b"", DisconnectedError, "without sending a response"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", DisconnectedError, "illegal status line"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", DisconnectedError, "received 3"),
    ],
)
def test_raw_bytes_are_read_as_a_client_would(
    raw: bytes, error: type[WireError], text: str
) -> None:
    """What is written past the protocol must be judged by a real parser."""

    async def answer(scope: Scope, _receive: Receive, _send: Send) -> None:
        wire = get_wire(scope)
        wire.write(raw)
        wire.close()

    with pytest.raises(error, match=text):
        b"".join(exchange(answer, asked()))


def test_raw_bytes_may_be_a_whole_answer() -> None:
    """Bytes beyond the promised length are not part of the body."""

    async def answer(scope: Scope, _receive: Receive, _send: Send) -> None:
        get_wire(scope).write(b"HTTP/1.1 203 Odd\r\nContent-Length: 3\r\n\r\n")
        get_wire(scope).write(b"abcdef")
        get_wire(scope).close()

    response = exchange(answer, asked())
    assert (response.status, b"".join(response)) == (203, b"abc")


def test_an_application_that_breaks_is_not_taken_for_a_server_that_does() -> None:
    """A bug of ours must not look like a fault that was asked for."""

    async def answer(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        exchange(answer, asked())


async def _whole(place: Place, request: Request) -> tuple[int, bytes]:
    answer = await exchange_async(place.app, request, place.patience)
    return answer.status, b"".join([piece async for piece in answer])


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_asyncio_and_trio_get_what_a_plain_call_gets(run: Callable[..., Any]) -> None:
    """One bridge for all three: the same seed gives the same answer whichever way."""

    async def main() -> tuple[int, bytes]:
        return await _whole(Place(image_seconds=5), image())

    plain, body = Place(image_seconds=5).ask(image())
    found = run(main) if run is trio.run else run(main())
    assert found == (plain.status, body)


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_running_clock_is_really_waited_for(run: Callable[..., Any]) -> None:
    """With a clock that runs, the answer is late in real time too; the loop goes on meanwhile."""
    place = Place()
    clock = place.fake.store.get_or_create(KEY).clock
    clock.scale(1000)
    place.workspace.configure(image_seconds=20)

    async def main() -> tuple[int, bytes]:
        return await _whole(place, image())

    status, _ = run(main) if run is trio.run else run(main())
    assert status == 200
    assert place.passed() >= timedelta(seconds=20)
    assert exchange(place.app, image(), place.patience).status == 200
    assert place.passed() >= timedelta(seconds=40)


def test_a_plain_call_inside_of_a_running_loop_works() -> None:
    """Synchronous clients are used in coroutines; nothing may wait for the loop then."""

    async def main() -> tuple[Response, bytes]:
        return Place(image_seconds=5).ask(image())

    answer, _ = asyncio.run(main())
    assert answer.status == 200


def test_media_are_rendered_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread of ours outlives a test."""
    place = Place()
    monkeypatch.setattr(place.fake.cache, "fetch", None)  # starts threads

    async def main() -> tuple[int, bytes]:
        _, body = await _whole(place, image())
        url = json.loads(body)["data"][0]["url"].removeprefix("https://api.getimg.ai")
        return await _whole(place, asked(url))

    status, data = asyncio.run(main())
    assert (status, data[:2]) == (200, b"\xff\xd8")


def test_a_cancelled_request_does_not_disturb_the_next() -> None:
    """A client's own timeout cancels its task; the fake must not be left half-way."""
    place = Place(image_seconds=5)
    place.fake.store.get_or_create(KEY).clock.scale(0.001)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await _whole(place, image(timeout=None))

    asyncio.run(main())
    place.workspace.clock.freeze()
    place.workspace.clock.advance(seconds=10)
    assert place.ask(image())[0].status == 200
    assert place.workspace.journal.count(status=200) == 2


def test_a_whole_call_returns_what_was_sent_without_judging_it() -> None:
    """A check compares the promised length with the body; the call must not do it before."""

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"Content-Length", b"9")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b"def"})
        ended.append(True)

    ended: list[bool] = []
    connection = call_application(answer, asked())
    assert (connection.status, b"".join(connection.chunks)) == (200, b"abcdef")
    assert connection.headers == [(b"Content-Length", b"9")]
    assert ended == [True]


def test_a_whole_call_waits_on_the_clock() -> None:
    """A clock that stands still is moved to where the application continues."""
    place = Place(image_seconds=30)
    connection = call_application(place.app, image(), place.patience)
    assert (connection.status, connection.is_over, connection.error) == (200, True, None)
    assert place.passed() == timedelta(seconds=30)


def test_a_whole_call_keeps_the_failure_of_its_connection() -> None:
    """Nothing is raised: what was sent before the failure is there with it."""
    place = Place()
    place.workspace.scenarios.add(fault="truncate")
    connection = call_application(place.app, image(), place.patience)
    assert connection.status == 200
    assert isinstance(connection.error, DisconnectedError)
    assert not connection.is_over
    assert place.workspace.journal.count() == 1


@pytest.mark.parametrize("complete", [True, False])
def test_a_body_may_be_sent_in_pieces_and_break_off(*, complete: bool) -> None:
    """An application that streams a request must see each piece, and a client that goes away."""
    seen: list[object] = []

    async def answer(_scope: Scope, receive: Receive, _send: Send) -> None:
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            seen.append(message.get("body", message["type"]))

    connection = call_application(answer, asked(body=[b"ab", b"c"], is_complete=complete))
    assert seen == [b"ab", b"c"] + ([] if complete else ["http.disconnect"])
    assert isinstance(connection.error, DisconnectedError)


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.response.body", "body": b""}],
        [{"type": "http.response.start", "status": 200}] * 2,
    ],
)
def test_messages_out_of_order_are_an_error(messages: list[dict[str, Any]]) -> None:
    """Servers refuse them; in process, such a bug must not pass for a response."""

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    with pytest.raises(RuntimeError, match="Unexpected ASGI message"):
        exchange(answer, asked())


def test_a_path_is_decoded_as_an_asgi_host_does() -> None:
    """Percent-encoded and raw UTF-8 bytes alike."""
    paths: list[str] = []

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    for target in (b"/%C3%B6?q=%41", b"/\xc3\xb6", b"/\xff"):
        call_application(answer, asked()._replace(target=target))
    assert paths == ["/\u00f6", "/\u00f6", "/\ufffd"]


def test_a_middleware_sees_every_message() -> None:
    """The short way of whole requests and responses does not pass by what is between the two."""
    seen: list[str] = []
    fake = Fake.of(Settings.of(quiet=True))
    app = Application(fake, access_log.log_nothing)

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_noted() -> Any:
            message = await receive()
            seen.append(message["type"])
            return message

        async def send_noted(message: Any) -> None:
            seen.append(message["type"])
            await send(message)

        await app(scope, receive_noted, send_noted)

    call_application(middleware, image())
    assert seen == ["http.request", "http.response.start", "http.response.body"]
