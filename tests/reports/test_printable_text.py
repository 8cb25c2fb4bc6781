"""Text that terminals and pages may show."""

from __future__ import annotations

import pytest

from getimg_mock.reports.printable_text import LINE_BREAKS, replace_unprintable


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\ud800", "\n"])
def test_what_cannot_be_printed_is_replaced(character: str) -> None:
    """Also what only reverses the direction of the text after it."""
    assert replace_unprintable(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_line_breaks_stay_where_lines_do() -> None:
    """A page has lines; a row of a table has none."""
    assert replace_unprintable("a\r\n\tb\x1b", keep=LINE_BREAKS) == "a\r\n\tb\ufffd"
