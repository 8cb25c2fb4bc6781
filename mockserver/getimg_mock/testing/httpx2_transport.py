"""The in-process fake as a transport of httpx2, which shares no classes with httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

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

_ERRORS: dict[type[WireError], type[httpx2.TransportError]] = {
    ResetError: httpx2.ReadError,
    DisconnectedError: httpx2.RemoteProtocolError,
    TimedOutError: httpx2.ReadTimeout,
}


class Httpx2Transport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Answers every request of a client from an application, whatever its host.

    httpx2.Client(transport=Httpx2Transport(app)), and the same for httpx2.AsyncClient

    `patience` says how the client's waiting is done; by default a clock that stands still is moved.
    """

    def __init__(self, app: ASGIApp, *, patience: Patience | None = None) -> None:
        self.app = app
        self.patience = patience or Jumping()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the application's answer, its body still to be read."""
        request.read()
        try:
            answer = exchange(self.app, _asked(request), self.patience)
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=request) from error
        return _answered(request, answer, _Stream(request, answer))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the application's answer, its body still to be read."""
        await request.aread()
        try:
            answer = await exchange_async(self.app, _asked(request), self.patience)
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=request) from error
        return _answered(request, answer, _AsyncStream(request, answer))


def _asked(request: httpx2.Request) -> Request:
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
    request: httpx2.Request,
    answer: Response,
    stream: httpx2.SyncByteStream | httpx2.AsyncByteStream,
) -> httpx2.Response:
    return httpx2.Response(
        answer.status,
        headers=answer.headers,
        stream=stream,
        request=request,
        extensions={"http_version": b"HTTP/1.1"},
    )


class _Stream(httpx2.SyncByteStream):
    def __init__(self, request: httpx2.Request, answer: Response) -> None:
        self._request = request
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer
        except WireError as error:
            raise _ERRORS[type(error)](str(error), request=self._request) from error

    def close(self) -> None:
        self._answer.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, request: httpx2.Request, answer: Response) -> None:
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
