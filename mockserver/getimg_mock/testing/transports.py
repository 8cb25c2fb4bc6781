"""The in-process fake as a transport of an HTTP client library.

The adapters name the classes of their library. httpx and httpx2 have classes of equal names but
share none, so neither is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from getimg_mock.in_process.exchange import Jumping, Request, WireError, exchange, exchange_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import httpx
    import httpx2
    from starlette.types import ASGIApp

    from getimg_mock.in_process.exchange import Patience, Response

    Told = Callable[[WireError], Exception]

Asked = TypeVar("Asked", bound="httpx.Request | httpx2.Request")
Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Generic[Answered]):
    """The classes of a library for a response, its body and its errors."""

    response: Callable[..., Answered]
    stream: Callable[[Response, Told], Stream]
    async_stream: Callable[[Response, Told], AsyncStream]
    errors: Mapping[type[WireError], Callable[..., Exception]]


class Transport(Generic[Asked, Answered]):
    """Passes every request of a client to an application, whatever its host."""

    _words: Words[Answered]

    def __init__(self, app: ASGIApp, *, patience: Patience | None = None) -> None:
        self.app = app
        self.patience = patience or Jumping()

    def handle_request(self, request: Asked) -> Answered:
        """Return the response of the application; its body is streamed."""
        request.read()
        try:
            answer = exchange(self.app, _asked(request), self.patience)
        except WireError as error:
            raise self._told(request, error) from error
        stream = self._words.stream(answer, partial(self._told, request))
        return self._answered(request, answer, stream)

    async def handle_async_request(self, request: Asked) -> Answered:
        """Return the response of the application; its body is streamed."""
        await request.aread()
        try:
            answer = await exchange_async(self.app, _asked(request), self.patience)
        except WireError as error:
            raise self._told(request, error) from error
        stream = self._words.async_stream(answer, partial(self._told, request))
        return self._answered(request, answer, stream)

    def _told(self, request: Asked, error: WireError) -> Exception:
        return self._words.errors[type(error)](str(error), request=request)

    def _answered(self, request: Asked, answer: Response, stream: Stream | AsyncStream) -> Answered:
        return self._words.response(
            answer.status,
            headers=answer.headers,
            stream=stream,
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )


class Stream:
    """The body of a response, for a synchronous client."""

    def __init__(self, answer: Response, told: Told) -> None:
        self._answer = answer
        self._told = told

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer
        except WireError as error:
            raise self._told(error) from error

    def close(self) -> None:
        """Disconnect, without reading the rest."""
        self._answer.close()


class AsyncStream:
    """The body of a response, for an asynchronous client."""

    def __init__(self, answer: Response, told: Told) -> None:
        self._answer = answer
        self._told = told

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer:
                yield chunk
        except WireError as error:
            raise self._told(error) from error

    async def aclose(self) -> None:
        """Disconnect, without reading the rest."""
        self._answer.close()


def _asked(request: httpx.Request | httpx2.Request) -> Request:
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
