"""What of a key a text shows: a part in one piece, the ends around a mask, another notation."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE: Final = 8
"""How many characters of a key in succession are a part of it."""

PREFIX: Final = "sk_"
"""What every key begins with, so that it tells nothing."""

_MASK: Final = re.compile(r"\.{2,}|\u2026|[*\u2022#]{2,}|[xX]{3,}")
_END_OF_WORD: Final = re.compile(r"[\w-]*$")
_BEGIN_OF_WORD: Final = re.compile(r"[\w-]*")
_AROUND: Final = 64


def find_masks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield where each mask of a text is, and what of a word is before and after it."""
    for mask in _MASK.finditer(text):
        before = _END_OF_WORD.search(text[max(0, mask.start() - _AROUND) : mask.start()])
        after = _BEGIN_OF_WORD.match(text[mask.end() : mask.end() + _AROUND])
        yield mask.start(), before[0] if before else "", after[0] if after else ""


@lru_cache(maxsize=256)
def list_pieces(secret: str, *, prefixed: bool = True) -> tuple[str, ...]:
    """Return the parts that identify a key, and the key in other notations.

    Unless `prefixed`, the `sk_` at its beginning is not counted among the characters of a part.
    """
    counted = secret if prefixed else secret.removeprefix(PREFIX)
    pieces = {counted[at : at + PIECE] for at in range(len(counted) - PIECE + 1)}
    # A word, such as "contract" or "unknown_", may be in any text.
    telling = {each for each in pieces if not each.replace("_", "").isalpha()}
    return tuple(telling | set(_list_notations(secret)))


def _list_notations(secret: str) -> Iterator[str]:
    plain = secret.encode()
    yield secret[::-1]
    yield quote(secret, safe="")
    for code in (plain.hex(), "".join(f"%{each:02x}" for each in plain)):
        yield code
        yield code.upper()
    for begin in (b"", b":", b"::"):  # what precedes the key moves the groups of three bytes
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # At both ends a character depends on what is beside the key.
            code = encode(begin + plain).decode().rstrip("=")[:-2]
            yield code[len(begin) + 1 :] if begin else code


def count_shown_ends(secret: str, begin: str, end: str) -> tuple[int, int]:
    """Return how many characters of a key, its `sk_` apart, are before and after a mask.

    Both are 0 where a text around the mask is none of the key.
    """
    if not secret.startswith(begin) or not secret.endswith(end):
        return 0, 0
    return len(begin.removeprefix(PREFIX)), len(end)
