"""The in-process fake as a transport of httpx, which the official SDK and respx use."""

from __future__ import annotations

import httpx

from getimg_mock.in_process.exchange import DisconnectedError, ResetError, TimedOutError
from getimg_mock.testing.transports import (
    AsyncResponseStream,
    LibraryTypes,
    ResponseStream,
    Transport,
)


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
