"""Keys in responses: whole, in part, with their ends around a mask, or in another notation."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from getimg_mock.contract.targets.execution import insert_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange

_PIECE: Final = 8
"""How many characters of a key in succession are a part of it."""

_ENDS: Final = 6
"""How many characters of a key around a mask are a part of it, its `sk_` apart."""

_LEAST_SECRET: Final = 12
"""Of a shorter key only the whole counts: its parts may be words."""

_MASK: Final = re.compile(r"\.{2,}|\u2026|[*\u2022#]{2,}|[xX]{3,}")
_END_OF_WORD: Final = re.compile(r"[\w-]*$")
_BEGIN_OF_WORD: Final = re.compile(r"[\w-]*")
_AROUND: Final = 64
_MOST: Final = 65_536
_MOST_KEPT: Final = 4096
"""Of the bytes of longer texts nothing is kept: few of them come twice."""

_FOUND: Final = ("", "the ends of a key", "a part of a key", "a key")
_MEDIA: Final = ("image/", "video/", "audio/")
_PREFIX: Final = "sk_"
_LEAST_END: Final = 3


def find_shown_key(exchange: HttpExchange, secrets: Sequence[tuple[str, str]]) -> str:
    """Return what of a key a response shows, as words; empty for nothing."""
    known = tuple([secret for _, secret in secrets])
    sent = tuple(_find_sent_key(exchange, secrets)) if exchange.key == "raw" else ()
    readable = not exchange.kind.startswith(_MEDIA)
    body = exchange.content[:_MOST]
    search = _search_again if len(body) <= _MOST_KEPT else _search
    found = search(body, known, sent, readable=readable)
    for name, value in exchange.headers:
        found = max(found, _search_header(name, value, known, sent))
    return _FOUND[found]


def _search(
    shown: bytes, known: tuple[str, ...], sent: tuple[str, ...], *, readable: bool = True
) -> int:
    """Return what a text shows of the `known` keys, and of what was `sent` as one: see `_FOUND`."""
    if any(secret.encode() in shown for secret in known):
        return 3
    text = shown.decode(errors="replace") if readable else ""
    masked = list(_list_masked(text))
    found = 0
    for secret in dict.fromkeys([*known, *sent]):
        if len(secret) < _LEAST_SECRET or secret.startswith("<"):
            continue
        if any(piece in text for piece in _list_pieces(secret)):
            return 2
        if any(_is_masked(secret, *ends) for ends in masked):
            found = 1
    return found


_search_again = lru_cache(maxsize=4096)(_search)


@lru_cache(maxsize=4096)
def _search_header(name: str, value: str, known: tuple[str, ...], sent: tuple[str, ...]) -> int:
    return _search(f"{name}: {value}".encode(), known, sent)


def _list_masked(text: str) -> Iterator[tuple[str, str]]:
    """Yield what is before and after each mask of a text, as far as it belongs to a word."""
    for mask in _MASK.finditer(text):
        before = _END_OF_WORD.search(text[max(0, mask.start() - _AROUND) : mask.start()])
        after = _BEGIN_OF_WORD.match(text[mask.end() : mask.end() + _AROUND])
        yield before[0] if before else "", after[0] if after else ""


def _find_sent_key(exchange: HttpExchange, secrets: Sequence[tuple[str, str]]) -> list[str]:
    """Return the token that a request without a good key sent in its `Authorization`."""
    step, first = exchange.step, dict(secrets).get("a")
    if step is None or first is None:
        return []
    values = [value for name, value in step.headers if name == "authorization"]
    return [insert_key(value, first).partition(" ")[2] for value in values]


@lru_cache(maxsize=256)
def _list_pieces(secret: str) -> tuple[str, ...]:
    """Return the parts that identify a key, and the key in other notations."""
    last = len(secret) - _PIECE
    pieces = {secret[at : at + _PIECE] for at in range(last + 1)}
    # A word, such as "contract" or "unknown_", may be in any text.
    telling = {each for each in pieces if not each.replace("_", "").isalpha()}
    plain = secret.encode()
    codes = {
        base64.b64encode(plain).decode().rstrip("=")[:-2],
        base64.urlsafe_b64encode(plain).decode().rstrip("=")[:-2],
        plain.hex(),
        quote(secret, safe=""),
        secret[::-1],
    }
    return tuple(telling | codes)


def _is_masked(secret: str, begin: str, end: str) -> bool:
    """Whether a masked text has the beginning and the end of a key."""
    first = begin if begin and secret.startswith(begin) else ""
    last = end if end and secret.endswith(end) else ""
    if (begin and not first) or (end and not last):
        return False
    telling = len(first.removeprefix(_PREFIX)) + len(last)
    return (
        telling >= (_ENDS if first and last else _PIECE // 2) and len(last or first) >= _LEAST_END
    )
