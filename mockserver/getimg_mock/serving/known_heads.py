"""The heads of requests that a connection has seen: the same bytes need no parsing again.

A client sends the same head with most of its requests, and parsing one costs a call of Python for
each of its headers. A head is learnt only from a request that was parsed, so that there is one
parser, and only if nothing else decides how its body ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Scope

    from getimg_mock.api.endpoints import Endpoint
    from getimg_mock.api.plain_heads import PlainHead
    from getimg_mock.world.journal import Headers

_END: Final = b"\r\n\r\n"
_MOST: Final = 32
"""Heads that are kept for one connection."""

_LONGEST: Final = 2048
"""Bytes of the longest head that is kept."""


class KnownHead:
    """What the parser made of a head: the scope of its request, and the length of its body.

    `scope` is without what belongs to one request; `headers` are those of the scope.
    """

    __slots__ = ("_is_prepared", "_plain", "headers", "length", "scope")

    def __init__(self, scope: dict[str, Any], headers: Headers, length: int) -> None:
        self.scope = scope
        self.headers = headers
        self.length = length
        self._plain: PlainHead | None = None
        self._is_prepared = False

    def prepare(self, find_endpoint: Callable[[Scope], Endpoint | None]) -> PlainHead | None:
        """Return what answers plain requests with this head, None where something else may.

        `find_endpoint` is that of the application.
        """
        plain = self._plain
        if self._is_prepared and (plain is None or not plain.way.is_retired):
            return plain
        scope = self.scope.copy()
        scope["headers"] = self.headers.copy()
        endpoint = find_endpoint(scope)
        self._plain = None if endpoint is None else endpoint.prepare(scope)
        self._is_prepared = True
        return self._plain


class KnownHeads(dict[bytes, KnownHead]):
    """The last heads of one connection, by their bytes."""

    __slots__ = ()

    def find(self, data: bytes) -> tuple[KnownHead, bytes] | None:
        """Return the head and the body of bytes that are one whole request, else None."""
        end = data.find(_END) + 4
        known = self.get(data[:end])
        if known is None or len(data) - end != known.length:
            return None
        return known, data[end:]

    def learn(self, data: bytes, scope: Mapping[str, Any], body: bytes) -> None:
        """Keep the head of `data`, which the parser took for one request with this `body`.

        Keeps none whose end, or that of its body, is not where `find` takes it to be.
        """
        end = data.find(_END) + len(_END)
        fields = dict(scope["headers"])
        if (
            end > _LONGEST
            or data[end:] != body
            or scope["http_version"] != "1.1"
            or fields.get(b"content-length", b"0") != b"%d" % len(body)
            or b"transfer-encoding" in fields
            or b"upgrade" in fields
        ):
            return
        if len(self) >= _MOST:
            self.clear()
        self[data[:end]] = KnownHead(dict(scope), list(scope["headers"]), len(body))
