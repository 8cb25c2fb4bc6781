"""Keys in responses: whole, in part, with their ends around a mask, or in another notation."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.key_traces import (
    PIECE,
    count_shown_ends,
    find_masks,
    list_pieces,
)
from getimg_mock.contract.targets.near_keys import insert_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.exchanges import HttpExchange

_ENDS: Final = 6
"""How many characters of a key around a mask are a part of it, its `sk_` apart."""

_LEAST_SECRET: Final = 12
"""Of a shorter key only the whole counts: its parts may be words."""

_MOST: Final = 65_536
_MOST_KEPT: Final = 4096
"""Of the bytes of longer texts nothing is kept: few of them come twice."""

_FOUND: Final = ("", "the ends of a key", "a part of a key", "a key")
_MEDIA: Final = ("image/", "video/", "audio/")
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
    masked = [ends for _, *ends in find_masks(text)]
    found = 0
    for secret in dict.fromkeys([*known, *sent]):
        if len(secret) < _LEAST_SECRET or secret.startswith("<"):
            continue
        if any(piece in text for piece in list_pieces(secret)):
            return 2
        if any(_is_masked(secret, *ends) for ends in masked):
            found = 1
    return found


_search_again = lru_cache(maxsize=4096)(_search)


@lru_cache(maxsize=4096)
def _search_header(name: str, value: str, known: tuple[str, ...], sent: tuple[str, ...]) -> int:
    return _search(f"{name}: {value}".encode(), known, sent)


def _find_sent_key(exchange: HttpExchange, secrets: Sequence[tuple[str, str]]) -> list[str]:
    """Return the token that a request without a good key sent in its `Authorization`."""
    step, first = exchange.step, dict(secrets).get("a")
    if step is None or first is None:
        return []
    values = [value for name, value in step.headers if name == "authorization"]
    return [insert_key(value, first).partition(" ")[2] for value in values]


def _is_masked(secret: str, begin: str, end: str) -> bool:
    """Whether a masked text has the beginning and the end of a key."""
    first, last = count_shown_ends(secret, begin, end)
    least = _ENDS if begin and end else PIECE // 2
    return first + last >= least and len(end or begin) >= _LEAST_END
