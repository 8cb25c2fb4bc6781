"""Good asynchronous clients in more styles: task groups, and HTTP/1.1 over bare streams."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

import anyio
import h11
import trio

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AnyioClient, TrioClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import enlist

BROKEN = (
    h11.ProtocolError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    UnicodeError,
    OSError,
)


@enlist("anyio")
class AnyioTaskGroups(AnyioClient):
    """Each wait is a task of a group, which hands its end over in a stream."""

    async def watch(self, id: str, out: Any) -> None:
        """Send the video, or the error that the wait ended in."""
        async with out:
            try:
                end: Any = await super().wait(id)
            except ClientError as error:
                end = error
            await out.send(end)

    async def wait(self, id: str) -> Any:
        out, ends = anyio.create_memory_object_stream[Any](1)
        try:
            async with anyio.create_task_group() as group, ends:
                group.start_soon(self.watch, id, out)
                end = await ends.receive()
        except BaseException as error:
            self.name(error, id)
            raise
        if isinstance(end, ClientError):
            raise end
        return end

    async def generate_videos(self, orders: list[dict[str, Any]]) -> list[Any]:
        """Return for each order its video, or the error that it ended in."""
        ended: list[Any] = [None] * len(orders)

        async def fill(place: int, order: dict[str, Any]) -> None:
            try:
                ended[place] = await self.generate_video(**order)
            except (ClientError, ValueError) as error:
                ended[place] = error

        async with anyio.create_task_group() as group:
            for place, order in enumerate(orders):
                group.start_soon(fill, place, order)
        return ended


class Line:
    """One exchange over a trio stream, read and written by h11."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.state = h11.Connection(h11.CLIENT)

    async def ask(self, request: h11.Request, body: bytes | None) -> h11.Response:
        sent = self.state.send(request) or b""
        if body:
            sent += self.state.send(h11.Data(data=body)) or b""
        sent += self.state.send(h11.EndOfMessage()) or b""
        await self.stream.send_all(sent)
        while not isinstance(event := await self.event(), h11.Response):
            pass
        return event

    async def event(self) -> Any:
        while (event := self.state.next_event()) is h11.NEED_DATA:
            self.state.receive_data(await self.stream.receive_some(65536))
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionLost("The connection was closed before the answer.")
        return event

    async def chunks(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self.event(), h11.Data):
            yield bytes(event.data)


def request_of(method: str, parts: SplitResult, headers: dict[str, str], size: int) -> h11.Request:
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    named = {"Host": parts.netloc, **headers, "Connection": "close"}
    if size or method == "POST":
        named["Content-Length"] = str(size)
    return h11.Request(method=method, target=target, headers=list(named.items()))


@enlist("trio", program=True)
class TrioStreams(TrioClient):
    """h11 over trio's own streams, a connection for each request."""

    async def dial(self, parts: SplitResult) -> Any:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        stream = await trio.open_tcp_stream(parts.hostname or "", port)
        if parts.scheme != "https":
            return stream
        context = ssl.create_default_context()
        secured = trio.SSLStream(
            stream, context, server_hostname=parts.hostname, https_compatible=True
        )
        try:
            await secured.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secured

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        try:
            parts = urlsplit(url)
            asked = request_of(method, parts, headers, len(body or b""))
            stream = await self.dial(parts)
        except (*BROKEN, ValueError) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        try:
            line = Line(stream)
            answer = await line.ask(asked, body)
            got = {k.decode().lower(): v.decode("latin-1") for k, v in answer.headers}
            self.plain(got)
            yield answer.status_code, got, line.chunks()
        except BROKEN as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        finally:
            await trio.aclose_forcefully(stream)
