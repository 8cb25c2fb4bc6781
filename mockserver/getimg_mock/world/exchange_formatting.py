"""The headers and bodies of exchanges as JSON."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def format_headers(headers: Sequence[tuple[bytes, bytes]]) -> list[list[str]]:
    """Return headers as JSON shows them."""
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def format_body(body: bytes, size: int) -> dict[str, str]:
    """Return a body of `size` bytes, of which `body` was kept, as JSON shows it."""
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError as error:
        # A truncated body may end within a character.
        if len(body) < size and error.start > len(body) - 4:
            return {"text": body[: error.start].decode("utf-8")}
        return {"base64": b64encode(body).decode("ascii")}
