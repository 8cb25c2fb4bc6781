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

    whole: bytes

    def read(self) -> bytes:
        """Read and return the response content."""
        if self._is_whole("BoundSyncStream"):
            self._take_whole()
            self.close()
        return super().read()

    async def aread(self) -> bytes:
        """Read and return the response content."""
        if self._is_whole("BoundAsyncStream"):
            self._take_whole()
            await self.aclose()
        return await super().aread()

    def _is_whole(self, kind: str) -> bool:
        """Return whether nothing was read, and nothing is between the client and our stream."""
        stream: Any = self.stream
        return (
            type(stream).__name__ == kind
            and isinstance(stream._stream, _WholeStream)  # noqa: SLF001 - shown by nothing else
            and not (self.is_stream_consumed or self.is_closed)
        )

    def _take_whole(self) -> None:
        self.is_stream_consumed = True
        self._num_bytes_downloaded = len(self.whole)
        self._content = self.whole


class _WholeStream(httpx.ByteStream):
    """The body of such a response, for those who read it piece by piece."""


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
        response = _WholeResponse(
            200, headers=headers, stream=_WholeStream(body), request=request, extensions=EXTENSIONS
        )
        response.whole = body
        return response

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
