"""Words are brought into shape so that they can be drawn and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.media.fonts import load_font
from getimg_mock.media.text_layout import (
    LEADING,
    fit_text,
    measure_width,
    replace_undrawable,
    shorten_text,
    wrap_text,
)

words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain", "plain"),
        ("café Łódź, Straße", "cafe Lodz, Strasse"),
        ("“quoted” \u2013 it\u2019s", "“quoted” - it\u2019s"),
        ("a\nb\t c\0d", "a b c d"),
        ("ﬁne … 2\u00d72", "fine ... 2x2"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("中", "\ufffe"),
        ("\ud800", "\ufffe"),
    ],
)
def test_characters_are_brought_down_to_those_of_the_font(text: str, drawn: str) -> None:
    """A letter without its accent can be read; an empty box cannot."""
    assert replace_undrawable(text) == drawn


@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_what_is_drawable_stays_as_it_is(text: str) -> None:
    """Drawing twice changes nothing, and what comes out can be measured by the font."""
    once = replace_undrawable(text)
    assert replace_undrawable(once) == once
    assert load_font(20).getlength(once) >= 0


@given(words, st.integers(9, 90))
def test_widths_are_not_underestimated(text: str, size: int) -> None:
    """Lines are broken by our own sums, which must not be smaller than what is drawn."""
    assert load_font(size).getlength(text) <= measure_width(text, size) + 1


@given(words, st.integers(9, 60), st.floats(60, 500))
def test_lines_are_never_wider_than_their_room_and_lose_nothing(
    text: str, size: int, room: float
) -> None:
    """Wrapping breaks words if it must, but drops none of their letters."""
    lines = wrap_text(text, size, room)
    assert all(measure_width(line, size) <= room + 0.001 for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())


@given(words, st.floats(1, 500), st.floats(1, 300))
def test_a_block_fits_its_room(text: str, wide: float, high: float) -> None:
    """Letters that leave their room would cover others or the edge."""
    block = fit_text(text, room=(wide, high), largest=60, smallest=9)
    assert block.height <= high + 0.001
    assert 9 <= block.size <= 60
    assert all(measure_width(line, block.size) <= wide + 0.001 for line in block.lines)


def test_a_block_is_as_large_as_its_room_allows() -> None:
    """Short prompts are set large, long ones small, and only the longest are cut."""
    room = (400.0, 200.0)
    sizes = [
        fit_text("word " * count, room=room, largest=60, smallest=9).size for count in (1, 20, 60)
    ]
    assert sizes[0] == 60
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < sizes[1]


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    """A reader can see that there was more."""
    block = fit_text("word " * 900, room=(200.0, 60.0), largest=40, smallest=9)
    assert len(block.lines) == int(60 / (9 * LEADING))
    assert block.lines[-1].endswith("...")
    assert not block.lines[0].endswith("...")


def test_no_last_word_stands_alone() -> None:
    """Lines of about one length look as if somebody had set them."""
    text = "A quiet harbour at first light, fishing boats under a pale pink sky"
    for room in range(500, 900, 25):
        lines = fit_text(text, room=(room, 300.0), largest=50, smallest=9).lines
        assert len(lines) > 1
        assert measure_width(lines[-1], 50) > 0.4 * max(measure_width(line, 50) for line in lines)


def test_shortening_leaves_what_fits() -> None:
    """Ids are cut only where they must be."""
    assert shorten_text("short", 10, 500) == "short"
    assert shorten_text("a rather long model name", 10, 60).endswith("...")
    assert measure_width(shorten_text("a rather long model name", 10, 60), 10) <= 60
    assert shorten_text("anything", 10, 1) == ""
