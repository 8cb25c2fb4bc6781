"""How much of a key a text may show: masks that leave a few characters are usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.key_traces import count_shown_ends, find_masks, list_pieces

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import ClientExchange

_USUAL_ENDS: Final = 8
"""How many characters around a mask are usual: four at each end, the `sk_` apart."""

_MOST: Final = 65_536
"""How many bytes of a file are searched for parts of a key; the whole key is found anywhere."""

_FOR_KEYS: Final = frozenset({"authorization", "x-api-key"})


def find_key_part(text: str, key: str) -> int:
    """Return where a text shows a part of a key that tells it, in any notation; -1 for nowhere."""
    places = [at for each in list_pieces(key, prefixed=False) if (at := text.find(each)) >= 0]
    places += [
        at for at, *ends in find_masks(text) if sum(count_shown_ends(key, *ends)) > _USUAL_ENDS
    ]
    return min(places, default=-1)


def is_key_in_file(data: bytes, key: str) -> bool:
    """Return whether a file has a key, or its beginning a part of one."""
    begin = data[:_MOST].decode(errors="replace")
    return key.encode() in data or find_key_part(begin, key) >= 0


def find_headers_with_key(each: ClientExchange, key: str) -> list[str]:
    """Return the names of the headers that show a key, and are none for it."""
    return [
        name
        for name, value in each.sent
        if name.lower() not in _FOR_KEYS and find_key_part(value, key) >= 0
    ]
