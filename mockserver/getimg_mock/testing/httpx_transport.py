"""The in-process fake as a transport of httpx, which the official SDK and respx use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from getimg_mock.in_process.exchange import DisconnectedError, ResetError, TimedOutError
from getimg_mock.testing.transports import (
    EXTENSIONS,
    AsyncResponseStream,
    LibraryTypes,
    ResponseStream,
    Transport,
)

if TYPE_CHECKING:
    from getimg_mock.world.journal import Headers


class _WholeResponse(httpx.Response):
    """A response whose body is there: reading it takes no chain of iterators."""

    def read(self) -> bytes:
        """Read and return the response content."""
        own = self._find_whole("BoundSyncStream")
        if own is not None:
            self._take(own)
            self.close()
            self.stream = own
        return super().read()

    async def aread(self) -> bytes:
        """Read and return the response content."""
        own = self._find_whole("BoundAsyncStream")
        if own is not None:
            self._take(own)
            await self.aclose()
            self.stream = own
        return await super().aread()

    def _find_whole(self, kind: str) -> _WholeStream | None:
        """Return our stream if nothing of it was read, and only the client's is around it.

        That one and the response hold each other, until the garbage collector finds them with
        all that the request has left. So it does not stay around ours after the body was read.
        """
        around: Any = self.stream
        if type(around).__name__ != kind or self.is_stream_consumed or self.is_closed:
            return None
        own = around._stream  # noqa: SLF001 - shown by nothing else
        return own if isinstance(own, _WholeStream) else None

    def _take(self, own: _WholeStream) -> None:
        self.is_stream_consumed = True
        self._num_bytes_downloaded = len(own.body)
        self._content = own.body


class _WholeStream(httpx.ByteStream):
    """The body of such a response, for those who read it piece by piece."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.body = body


class _HttpxStream(ResponseStream, httpx.SyncByteStream):
    """What httpx.Client reads."""


class _HttpxAsyncStream(AsyncResponseStream, httpx.AsyncByteStream):
    """What httpx.AsyncClient reads."""


class HttpxTransport(
    Transport[httpx.Request, httpx.Response], httpx.BaseTransport, httpx.AsyncBaseTransport
):
    """Passes every request of a client to an application, whatever its host.

    httpx.Client(transport=HttpxTransport(app)), httpx.AsyncClient(transport=HttpxTransport(app))

    `patience` is how the client waits; by default, a clock that does not run is moved.
    """

    def _answer_whole(
        self, request: httpx.Request, headers: Headers, body: bytes
    ) -> httpx.Response:
        return _WholeResponse(
            200, headers=headers, stream=_WholeStream(body), request=request, extensions=EXTENSIONS
        )

    _words = LibraryTypes(
        response=httpx.Response,
        whole=httpx.ByteStream,
        stream=_HttpxStream,
        async_stream=_HttpxAsyncStream,
        errors={
            ResetError: httpx.ReadError,
            DisconnectedError: httpx.RemoteProtocolError,
            TimedOutError: httpx.ReadTimeout,
        },
    )
