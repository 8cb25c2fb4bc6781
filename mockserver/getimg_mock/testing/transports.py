"""The in-process fake as a transport of an HTTP client library.

The adapters name the classes of their library. httpx and httpx2 have classes of equal names but
share none, so neither is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from getimg_mock.in_process.exchange import (
    AdvanceClock,
    Request,
    WireError,
    exchange,
    exchange_async,
    finish_left_behind,
)
from getimg_mock.in_process.known_requests import KnownRequests, find_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    import httpx
    import httpx2
    from starlette.types import ASGIApp

    from getimg_mock.in_process.exchange import Response, WaitStrategy
    from getimg_mock.world.journal import Headers

    Told = Callable[[WireError], Exception]

# A response makes a copy of its own.
EXTENSIONS: Final = {"http_version": b"HTTP/1.1"}

RequestT = TypeVar("RequestT", bound="httpx.Request | httpx2.Request")
ResponseT = TypeVar("ResponseT", bound="httpx.Response | httpx2.Response")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryTypes(Generic[ResponseT]):
    """The classes of a library for a response, its body and its errors.

    `whole` makes a stream of a body that is complete.
    """

    response: Callable[..., ResponseT]
    whole: Callable[[bytes], httpx.ByteStream | httpx2.ByteStream]
    stream: Callable[[Response, Told], ResponseStream]
    async_stream: Callable[[Response, Told], AsyncResponseStream]
    errors: Mapping[type[WireError], Callable[..., Exception]]


class Transport(Generic[RequestT, ResponseT]):
    """Passes every request of a client to an application, whatever its host."""

    _words: LibraryTypes[ResponseT]

    def __init__(self, app: ASGIApp, *, patience: WaitStrategy | None = None) -> None:
        self.app = app
        self.patience = patience or AdvanceClock()
        self._known = KnownRequests(app)

    def handle_request(self, request: RequestT) -> ResponseT:
        """Return the response of the application; its body is streamed."""
        request.read()
        plain = self._answer_plainly(request)
        if plain is not None:
            return plain
        try:
            answer = exchange(self.app, _build_scope(request), self.patience)
        except WireError as error:
            raise self._report(request, error) from error
        whole = answer.take_whole()
        if whole is not None:
            return self._answer(request, answer, self._words.whole(whole))
        stream = self._words.stream(answer, partial(self._report, request))
        return self._answer(request, answer, stream)

    async def handle_async_request(self, request: RequestT) -> ResponseT:
        """Return the response of the application; its body is streamed."""
        await request.aread()
        plain = self._answer_plainly(request)
        if plain is not None:
            return plain
        try:
            answer = await exchange_async(self.app, _build_scope(request), self.patience)
        except WireError as error:
            raise self._report(request, error) from error
        whole = answer.take_whole()
        if whole is not None:
            return self._answer(request, answer, self._words.whole(whole))
        stream = self._words.async_stream(answer, partial(self._report, request))
        return self._answer(request, answer, stream)

    def _answer_plainly(self, request: RequestT) -> ResponseT | None:
        """Return the response to a plain request, as most are; None for any other one."""
        if self.patience.left_behind:
            finish_left_behind(self.patience)
        if self._known.app is not self.app:
            self._known = KnownRequests(self.app)
        url = request.url
        line = (request.method, url.raw_path, url.scheme, url.host, url.port)
        answer = self._known.answer(line, request.headers.raw, request.content)
        if answer is None:
            return None
        moment, remaining, body = answer
        headers = moment.build_headers(remaining)
        headers.append((b"content-length", b"%d" % len(body)))
        response = self._answer_whole(request, headers, body)
        # Else httpx decodes each of them to find this out.
        response.headers.encoding = "ascii"
        return response

    def _answer_whole(self, request: RequestT, headers: Headers, body: bytes) -> ResponseT:
        """Return a successful response whose body is there."""
        return self._words.response(
            200,
            headers=headers,
            stream=self._words.whole(body),
            request=request,
            extensions=EXTENSIONS,
        )

    def _report(self, request: RequestT, error: WireError) -> Exception:
        return self._words.errors[type(error)](str(error), request=request)

    def _answer(
        self,
        request: RequestT,
        answer: Response,
        stream: ResponseStream | AsyncResponseStream | httpx.ByteStream | httpx2.ByteStream,
    ) -> ResponseT:
        return self._words.response(
            answer.status,
            headers=answer.headers,
            stream=stream,
            request=request,
            extensions=EXTENSIONS,
        )


class ResponseStream:
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


class AsyncResponseStream:
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


def _build_scope(request: httpx.Request | httpx2.Request) -> Request:
    url = request.url
    return Request(
        method=request.method,
        scheme=url.scheme,
        host=url.host,
        port=find_port(url.scheme, url.port),
        target=url.raw_path,
        headers=[(name.lower(), value) for name, value in request.headers.raw],
        body=request.content,
        timeout=request.extensions.get("timeout", {}).get("read"),
    )
