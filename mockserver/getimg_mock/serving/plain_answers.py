"""Answers requests whose head a connection has seen before, the plain ones by their short ways."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from getimg_mock.api.raw_connection import DIRECT
from getimg_mock.errors import StoreError
from getimg_mock.serving.request_cycle import RequestCycle

if TYPE_CHECKING:
    import asyncio

    from getimg_mock.api.plain_heads import Moment, PlainHead
    from getimg_mock.serving.known_heads import KnownHead
    from getimg_mock.store.commit_groups import Kept

    _Plain = tuple[Moment, int, bytes]


class PlainAnswers:
    """The part of a connection that answers requests with known heads."""

    app: Any  # an Application, in types that are not uvicorn's
    cycle: RequestCycle
    flow: Any
    loop: asyncio.AbstractEventLoop
    _outgoing: Any
    _running: RequestCycle | None
    # The last moment of an answer, and its response without what differs from request to request.
    _moment: Moment | None = None
    _response = b""
    # The answer that is held back: it is sent at once, or when the store has kept what it says.
    _held: _Plain

    def on_response_complete(self) -> None:
        """Begin to answer the next of several requests, or wait for one."""
        raise NotImplementedError

    def _begin(self, cycle: RequestCycle) -> None:
        raise NotImplementedError

    def _note_task(self, task: asyncio.Task[None]) -> None:
        raise NotImplementedError

    def _answer_known(self, head: KnownHead, body: bytes) -> None:
        """Answer a request whose head has been parsed before."""
        plain = None if self.flow.write_paused else head.prepare(self.app.find_endpoint)
        if plain is not None and plain.way.keeps:
            self._answer_kept(head, plain, body)
        elif plain is None or not plain.answer(body, self._send_plain):
            self._begin(self._open_known(head, body))

    def _open_known(self, known: KnownHead, body: bytes) -> RequestCycle:
        scope: Any = known.scope.copy()
        scope["headers"] = known.headers.copy()
        cycle = self.cycle = RequestCycle(
            scope, self._outgoing, self.flow, self.on_response_complete
        )
        scope[DIRECT] = cycle
        cycle.set_body(body)
        return cycle

    def _send_plain(self, moment: Moment, remaining: int, body: bytes) -> None:
        """Send a successful response with the headers of a moment."""
        if moment is not self._moment:
            self._moment, self._response = moment, _build_template(moment)
        self._outgoing.write_whole(self._response % (remaining, len(body), body))
        self.on_response_complete()

    def _answer_kept(self, head: KnownHead, plain: PlainHead, body: bytes) -> None:
        """Answer a plain request when a durable store has kept what it changes."""
        try:
            is_plain, kept = plain.way.keep(plain, body, self._hold, self.loop)
        except StoreError:
            is_plain, kept = False, None  # another try says so, by the long way
        if not is_plain:
            self._begin(self._open_known(head, body))
        elif kept is None:
            self._send_plain(*self._held)
        else:
            # What comes meanwhile waits for its turn.
            cycle = self._running = self._open_known(head, body)
            kept.add_done_callback(partial(self._send_kept, cycle, self._held))

    def _hold(self, moment: Moment, remaining: int, body: bytes) -> None:
        """Hold an answer back."""
        self._held = moment, remaining, body

    def _send_kept(self, cycle: RequestCycle, answer: _Plain, kept: Kept) -> None:
        """Send an answer whose changes are kept; where they are not, the request begins again."""
        if kept.result() is not None:
            self._begin(cycle)
        elif cycle.can_respond():
            cycle.scope.clear()
            cycle.response_started = cycle.response_complete = True
            self._send_plain(*answer)
        else:
            self._note_task(self.loop.create_task(_send_slowly(cycle, *answer)))


async def _send_slowly(cycle: RequestCycle, moment: Moment, remaining: int, body: bytes) -> None:
    """Send a response to a client that has stopped sending, or has gone."""
    headers = [*moment.build_headers(remaining), (b"content-length", b"%d" % len(body))]
    await cycle.send({"type": "http.response.start", "status": 200, "headers": headers})
    await cycle.send({"type": "http.response.body", "body": body})
    cycle.scope.clear()


def _build_template(moment: Moment) -> bytes:
    """Return a response of a moment, without the rate limit that is left, its length and body."""
    lines = [
        b"%b: %b\r\n" % (name, b"%d" if name == b"x-ratelimit-remaining" else value)
        for name, value in moment.build_headers(0)
    ]
    return b"%b%bcontent-length: %%d\r\n\r\n%%b" % (STATUS_LINE[200], b"".join(lines))
