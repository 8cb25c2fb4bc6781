"""The in-process fake as a transport of httpx2, which shares no classes with httpx."""

from __future__ import annotations

import httpx2

from getimg_mock.in_process.exchange import DisconnectedError, ResetError, TimedOutError
from getimg_mock.testing.transports import (
    AsyncResponseStream,
    LibraryTypes,
    ResponseStream,
    Transport,
)


class _Httpx2Stream(ResponseStream, httpx2.SyncByteStream):
    """What httpx2.Client reads."""


class _Httpx2AsyncStream(AsyncResponseStream, httpx2.AsyncByteStream):
    """What httpx2.AsyncClient reads."""


class Httpx2Transport(
    Transport[httpx2.Request, httpx2.Response], httpx2.BaseTransport, httpx2.AsyncBaseTransport
):
    """Passes every request of a client to an application, whatever its host.

    httpx2.Client(transport=Httpx2Transport(app)), and the same for httpx2.AsyncClient

    `patience` is how the client waits; by default, a clock that does not run is moved.
    """

    _words = LibraryTypes(
        response=httpx2.Response,
        whole=httpx2.ByteStream,
        stream=_Httpx2Stream,
        async_stream=_Httpx2AsyncStream,
        errors={
            ResetError: httpx2.ReadError,
            DisconnectedError: httpx2.RemoteProtocolError,
            TimedOutError: httpx2.ReadTimeout,
        },
    )
