"""Text without control characters: no report lets them reach a terminal or a page."""

from __future__ import annotations

import json
from typing import Final

LINE_BREAKS: Final = "\t\r\n"
"""The control characters that a page may hold."""

_BASIC_PLANE: Final = 0xFFFF


def replace_unprintable(text: str, *, keep: str = "") -> str:
    """Return a text in which characters that cannot be printed are replaced.

    These are control characters such as ESC, lone surrogates, and marks that reverse the direction
    of a text. Line breaks are among them; those in `keep` stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def escape_json(text: str) -> str:
    """Return JSON in which characters that cannot be printed are escaped; line breaks stay.

    They can be within strings only, where JSON has an escape for each: nothing is lost.
    """
    return "".join(
        each if each.isprintable() or each == "\n" else _escape(ord(each)) for each in text
    )


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= _BASIC_PLANE else json.dumps(chr(code))[1:-1]
