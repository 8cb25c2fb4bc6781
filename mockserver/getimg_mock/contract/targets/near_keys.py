"""Keys, and near misses of them, in the place of placeholders of a plan."""

from __future__ import annotations

import base64
import re
from typing import Final

from getimg_mock.contract.steps import FIRST_KEY

_ONE_CHANGED: Final = re.compile(r"\{key/([0-7])\}")
"""Placeholder for the key with one character changed, in that eighth of it."""


def insert_key(text: str, key: str) -> str:
    """Return a text with the key, or a near miss of it, in place of its placeholders."""
    near = {
        FIRST_KEY: key,
        "{KEY}": key.swapcase(),
        "{Key}": key[:3] + key[3:].swapcase(),
        "{ke}": key[:-1],
        "{ey}": key[1:],
        "{basic}": base64.b64encode(f"{key}:".encode()).decode(),
    }
    for placeholder, value in near.items():
        text = text.replace(placeholder, value)
    return _ONE_CHANGED.sub(lambda found: _change_eighth(key, int(found[1])), text)


def _change_eighth(key: str, place: int) -> str:
    """Return a key with another character at the first place of one of its eighths."""
    at = len(key) * place // 8
    return f"{key[:at]}{'z' if key[at : at + 1] != 'z' else 'y'}{key[at + 1 :]}"
