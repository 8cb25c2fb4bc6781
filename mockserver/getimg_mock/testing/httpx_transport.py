"""The in-process fake as a transport of httpx, which the official SDK and respx use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from getimg_mock.bridge import (
    DisconnectedError,
    Jumping,
    Request,
    ResetError,
    Response,
    TimedOutError,
    WireError,
    exchange,
    exchange_async,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import ASGIApp

    from getimg_mock.bridge import Patience

_ERRORS: dict[type[WireError], type[httpx.TransportError]] = {
    ResetError: httpx.ReadError,
    DisconnectedError: httpx.RemoteProtocolError,
    TimedOutError: httpx.ReadTimeout,
}


class HttpxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers every request of a client from an application, whatever its host.

    httpx.Client(transport=HttpxTransport(app)), httpx.AsyncClient(transport=HttpxTransport(app))

    `patience` says how the client's waiting is done; by default a clock that stands still is moved.
    """

    def __init__(self, app: ASGIApp, *, patience: Patience | None = None) -> None:
        self.app = app
        self.patience = patience or Jumping()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer, its body still to be read."""
        request.read()
        try:
            answer = exchange(self.app, _asked(request), self.patience)
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=request) from error
        return _answered(request, answer, _Stream(request, answer))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer, its body still to be read."""
        await request.aread()
        try:
            answer = await exchange_async(self.app, _asked(request), self.patience)
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=request) from error
        return _answered(request, answer, _AsyncStream(request, answer))


def _asked(request: httpx.Request) -> Request:
    url = request.url
    return Request(
        method=request.method,
        scheme=url.scheme,
        host=url.host,
        port=url.port or (443 if url.scheme == "https" else 80),
        target=url.raw_path,
        headers=[(name.lower(), value) for name, value in request.headers.raw],
        body=request.content,
        timeout=request.extensions.get("timeout", {}).get("read"),
    )


def _answered(
    request: httpx.Request, answer: Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    return httpx.Response(
        answer.status,
        headers=answer.headers,
        stream=stream,
        request=request,
        extensions={"http_version": b"HTTP/1.1"},
    )


class _Stream(httpx.SyncByteStream):
    def __init__(self, request: httpx.Request, answer: Response) -> None:
        self._request = request
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=self._request) from error

    def close(self) -> None:
        self._answer.close()


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, request: httpx.Request, answer: Response) -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer:
                yield chunk
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=self._request) from error

    async def aclose(self) -> None:
        self._answer.close()
