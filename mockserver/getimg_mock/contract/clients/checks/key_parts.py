"""How much of a key a text may show: masks that leave a few characters are usual."""

from __future__ import annotations


def find_key_part(text: str, key: str) -> int:
    """Return where a text shows more than half of a key in one piece; -1 where it does not."""
    shown = len(key) // 2 + 1
    places = (text.find(key[at : at + shown]) for at in range(len(key) - shown + 1))
    return min((at for at in places if at >= 0), default=-1)
