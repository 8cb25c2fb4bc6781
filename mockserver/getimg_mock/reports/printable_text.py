"""Text without control characters: no report lets them reach a terminal or a page."""

from __future__ import annotations

from typing import Final

LINE_BREAKS: Final = "\t\r\n"
"""The control characters that a page may hold."""


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
