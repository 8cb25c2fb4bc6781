"""One request and its response on a connection: uvicorn's cycle, with a short way for most."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from getimg_mock.api.raw_connection import ZERO_COPY
from getimg_mock.serving.file_sending import send_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn._types import ASGIReceiveEvent, HTTPScope
    from uvicorn.protocols.http.flow_control import FlowControl

    from getimg_mock.serving.buffered_transport import BufferedTransport
    from getimg_mock.world.journal import Headers

# Valid names of headers that say nothing about the framing of the message.
_PLAIN_NAMES: Final = frozenset(
    {
        b"allow",
        b"content-type",
        b"date",
        b"retry-after",
        b"x-mock-hint",
        b"x-ratelimit-limit",
        b"x-ratelimit-remaining",
        b"x-ratelimit-reset",
    }
)
LOGGER: Final = logging.getLogger("getimg_mock")
LOGGER.addHandler(logging.NullHandler())
_find_control: Final = HEADER_VALUE_RE.search
_join_header: Final = b": ".join
_BODILESS: Final = frozenset({204, 304})


class RequestCycle(RequestResponseCycle):
    """One request and its response.

    uvicorn makes an event for each request, and checks and writes the parts of a response one by
    one. Here an event is made where the application waits, and `respond` sends a response whole.
    """

    # What most requests do not change is kept once.
    logger = access_logger = LOGGER
    access_log = False
    waiting_for_100_continue = False
    keep_alive = True
    stays_when_whole = False
    """Whether the connection stays where the body has come before the response."""
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    default_headers: Headers = []  # noqa: RUF012 - uvicorn's; nothing is added to it
    runs_in_event_loop = True
    body: bytes | bytearray = b""  # type: ignore[assignment] # uvicorn's is always a bytearray
    _event: asyncio.Event | None = None
    _has_news = False

    def __init__(  # pyright: ignore[reportMissingSuperCall] # it makes what is made on demand here
        self,
        scope: HTTPScope,
        transport: BufferedTransport,
        flow: FlowControl,
        on_response: Callable[[], None],
    ) -> None:
        self.scope: Any = scope
        self.transport: Any = transport
        self.flow = flow
        self.on_response = on_response

    def add_body(self, part: bytes) -> None:
        """Add a part of the body, and let the application receive it."""
        if not self.body:
            self.body = part
        else:
            if not isinstance(self.body, bytearray):
                self.body = bytearray(self.body)
            self.body += part
        self.notify()

    def set_body(self, body: bytes) -> None:
        """Set the whole body at once."""
        self.body = body
        self.more_body = False
        self._has_news = True

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override] # an attribute of uvicorn's
        """Set when there is something to receive."""
        if self._event is None:
            self._event = asyncio.Event()
            if self._has_news:
                self._event.set()
        return self._event

    def notify(self) -> None:
        """Let the application receive: a part of the body has come, or its end."""
        self._has_news = True
        if self._event is not None:
            self._event.set()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next part of the request; the ASGI channel of the application."""
        body = self.take_body()
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        return await super().receive()

    def take_body(self) -> bytes | None:
        """Return the whole body if it is there and nothing of it was received, else None."""
        if (
            self.more_body
            or not self._has_news
            or self._event is not None
            or self.waiting_for_100_continue
            or self.disconnected
            or self.response_complete
        ):
            return None
        self._has_news = False
        body = self.body
        self.body = b""
        return body if isinstance(body, bytes) else bytes(body)

    async def send(self, message: Any) -> None:
        """Send a part of the response; the ASGI channel of the application.

        Knows ASGI's extension `ZERO_COPY`, for a whole body whose length has been sent.
        """
        if message["type"] != ZERO_COPY:
            await super().send(message)
            return
        await self._drain_all()
        if self.disconnected:
            return
        if await send_file(self.transport, message["file"], message["count"]):
            self.expected_content_length = 0
            await super().send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            self.transport.close()  # its client was promised more bytes

    async def _drain_all(self) -> None:
        """Wait until the connection has sent every byte that was written."""
        self.transport.flush()
        self.transport.set_write_buffer_limits(0)
        if self.flow.write_paused:
            await self.flow.drain()
        self.transport.set_write_buffer_limits()

    def can_respond(self) -> bool:
        """Return whether `respond` sends a successful response with plain headers now."""
        return self.keep_alive and not (
            self.response_started
            or self.disconnected
            or self.flow.write_paused
            or self.scope["method"] == "HEAD"
        )

    def respond(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole response at once; return False where it has to go through `send`."""
        if not self.can_respond() or status in _BODILESS or not headers:
            return False
        fields = dict(headers)
        if len(fields) != len(headers) or not _PLAIN_NAMES.issuperset(fields):
            return False
        if _find_control(b"".join(fields.values())):
            return False
        data = b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (
            STATUS_LINE[status],
            b"\r\n".join(map(_join_header, headers)),
            len(body),
            body,
        )
        self.response_started = self.response_complete = True
        self.transport.write_whole(data)
        if self._event is not None:
            self._event.set()
        self.on_response()
        return True
