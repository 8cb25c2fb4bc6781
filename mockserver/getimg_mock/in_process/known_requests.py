"""Requests in process whose head was seen before: plain ones take a short way.

A client repeats itself: of 121 polls, 120 have the head of the first. What answers plain requests
is prepared once for a head, so that the others need neither a scope of ASGI nor a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.in_process.connection import InMemoryConnection, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Scope

    from getimg_mock.api.endpoints import Endpoint
    from getimg_mock.api.plain_heads import Moment, PlainHead
    from getimg_mock.world.journal import Headers

    # The method, the path with its query, the scheme, the host and the port.
    RequestLine = tuple[str, bytes, str, str, int | None]
    # The moment of an answer, how many submissions are left, and the body. The status is 200.
    PlainReply = tuple[Moment, int, bytes]

_MOST: Final = 64
"""Request lines of which the last head is kept."""

# A body of as many digits may be too large to be taken.
_MANY_DIGITS: Final = 8


class KnownRequests:
    """Answers plain requests to an application of ours, by heads that it keeps.

    Other applications name no endpoints, so that it declines their requests.
    """

    __slots__ = ("_find_endpoint", "_known", "app")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._find_endpoint: Callable[[Scope], Endpoint | None] | None
        self._find_endpoint = getattr(app, "find_endpoint", None)
        self._known: dict[RequestLine, tuple[Headers, PlainHead | None]] = {}

    def answer(self, line: RequestLine, headers: Headers, body: bytes) -> PlainReply | None:
        """Answer a plain request; return None, and change nothing, where it may be another one.

        `headers` are as the client spells them.
        """
        known = self._known.get(line)
        if known is None or known[0] != headers:
            head = self._prepare(line, headers)
        else:
            head = known[1]
            if head is not None and head.way.is_retired:
                head = self._prepare(line, headers)
        if head is None:
            return None
        answer: Any = None

        def take(*sent: Any) -> None:
            nonlocal answer
            answer = sent

        head.answer(body, take)
        return answer  # type: ignore[no-any-return]

    def _prepare(self, line: RequestLine, headers: Headers) -> PlainHead | None:
        if len(self._known) >= _MOST:
            self._known.clear()
        head = self._find_head(line, [(name.lower(), value) for name, value in headers])
        self._known[line] = headers, head
        return head

    def _find_head(self, line: RequestLine, headers: Headers) -> PlainHead | None:
        fields = dict(headers)
        if (
            self._find_endpoint is None
            or len(fields.get(b"content-length", b"")) >= _MANY_DIGITS
            or b"transfer-encoding" in fields
        ):
            return None
        method, path, scheme, host, port = line
        request = Request(method, scheme, host, find_port(scheme, port), path, headers)
        scope: Scope = InMemoryConnection(request).scope()
        endpoint = self._find_endpoint(scope)
        head = None if endpoint is None else endpoint.prepare(scope)
        # A durable store keeps what a request changes before it is answered.
        return None if head is None or head.way.keeps else head


def find_port(scheme: str, port: int | None) -> int:
    """Return the port of an address, which may have none."""
    return port or (443 if scheme == "https" else 80)
