"""Names the encoding of a request body that is not JSON in UTF-8."""

from __future__ import annotations

import json
from typing import Final

# How compressed bodies begin.
_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "deflate",
    b"\x78\x5e": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_PLAIN: Final = ("", "identity")


def describe_encoding(body: bytes, declared: str = "") -> str | None:
    """Return what a body is that cannot be read, and what would work; None where it is unknown.

    `declared` is the value of the header `Content-Encoding`.
    """
    for begin, name in _COMPRESSED.items():
        if body.startswith(begin):
            return f"it is compressed ({name}); send it without Content-Encoding"
    if declared.strip().lower() not in _PLAIN:
        # Brotli and raw deflate have no mark at their beginning.
        return f"it is compressed ({ascii(declared[:20])[1:-1]}); send it without Content-Encoding"
    encoding = json.detect_encoding(body)
    if encoding == "utf-8-sig":
        return "it begins with a byte order mark; send it without"
    if encoding != "utf-8":
        return f"it is in {encoding[:6].upper()}; send it in UTF-8"
    return None
