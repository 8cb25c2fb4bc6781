"""Content codings: which ones a request allows, and bodies without theirs."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST: Final = 64 << 20
"""The longest body in bytes that is decompressed."""

_WINDOWS: Final = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    # Servers send the bare format under this name, too.
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


def list_allowed(accepted: str | None) -> set[str]:
    """Return the codings that an `Accept-Encoding` allows; `*` where it allows any."""
    found = set()
    for word in (accepted or "").lower().split(","):
        name, _, weight = word.partition(";")
        none = weight.strip().startswith("q=0") and not weight.strip(" q=0.")
        if name.strip() and not none:
            found.add(name.strip())
    return found | ({"x-gzip"} if "gzip" in found else set())


def decompress(body: bytes, coding: str) -> bytes | None:
    """Return a body without its coding; None where it is unknown, or not what the body has."""
    if coding in {"", "identity"}:
        return body
    for reader, plain in _list_readings(body, coding):
        if reader.eof and not reader.unused_data:
            return plain
    return None


def begins_as(body: bytes, coding: str) -> bool:
    """Return whether a body, or the first part of one, may have this coding: true if unknown."""
    return coding not in _WINDOWS or any(True for _ in _list_readings(body, coding))


def _list_readings(body: bytes, coding: str) -> Iterator[tuple[Any, bytes]]:
    """Yield each decompressor that can read a body, with what it made of it."""
    for window in _WINDOWS.get(coding, ()):
        reader = zlib.decompressobj(window)
        with suppress(zlib.error):
            yield reader, reader.decompress(body, _MOST)
