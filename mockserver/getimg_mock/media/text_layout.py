"""Words on a picture: which characters can be drawn, how they wrap, how large they may be.

The only font is the one inside Pillow, so that nothing has to be installed and every machine draws
the same. It knows ASCII and a few more characters; the rest is brought down to those where Unicode
says how (an accent falls off its letter), and is otherwise drawn as the font's empty box.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

LEADING: Final = 1.24  # from one baseline to the next, in font sizes
_LONGEST: Final = 4096  # more characters than any poster can show
_BOX: Final = "\ufffe"  # a noncharacter: no font has a glyph for it
_PROBE: Final = 12  # that at which glyphs are told from the empty box
_SLACK: Final = 1.01  # kerning moves a line's end a little
_MOST_BALANCED: Final = 6  # lines; longer texts are read as running text
# What Unicode does not decompose, and people write.
_REPLACED: Final = {
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MINUS SIGN}": "-",
    "\N{EURO SIGN}": "EUR",
    "\N{POUND SIGN}": "GBP",
    "ß": "ss",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
}


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of text at one font size."""

    lines: tuple[str, ...]
    size: int

    @property
    def height(self) -> float:
        """The height of all lines, in pixels."""
        return len(self.lines) * self.size * LEADING


@lru_cache(maxsize=64)
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own scalable font at `size` pixels."""
    loaded = ImageFont.load_default(size=size)
    if not isinstance(
        loaded, ImageFont.FreeTypeFont
    ):  # pragma: no cover - a Pillow without FreeType
        raise TypeError("This Pillow was built without FreeType: install one of its wheels.")
    return loaded


def replace_undrawable(text: str) -> str:
    """Return `text` on one line, in characters that can all be drawn."""
    drawn = "".join(_replace_character(character) for character in text[:_LONGEST])
    return " ".join(drawn.split())[:_LONGEST]


@lru_cache(maxsize=4096)
def _replace_character(character: str) -> str:
    if "!" <= character <= "~":
        return character
    if character.isspace() or unicodedata.category(character) == "Cc":
        return " "
    return "".join(_simplify(part) for part in unicodedata.normalize("NFKD", character))


def _simplify(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return ""
    if not _has_glyph(character):
        return _REPLACED.get(character) or ("-" if category == "Pd" else _BOX)
    return character


def _has_glyph(character: str) -> bool:
    return _render_shape(character) != _render_shape(_BOX)


@lru_cache(maxsize=4096)
def _render_shape(character: str) -> bytes:
    return bytes(load_font(_PROBE).getmask(character))


def measure_width(text: str, size: int) -> float:
    """Return how wide `text`, already drawable, is at `size`, in pixels and rather too much."""
    return sum(map(_get_advances(size).__getitem__, text)) * _SLACK


class _Advances(dict[str, float]):
    """How far each character moves the pen at one size, measured when it is first asked for."""

    def __init__(self, size: int) -> None:
        # Not in proportion to the size: hinting moves each letter to whole pixels.
        self._font = load_font(size)

    def __missing__(self, character: str) -> float:
        self[character] = self._font.getlength(character)
        return self[character]


@lru_cache(maxsize=64)
def _get_advances(size: int) -> _Advances:
    return _Advances(size)


def shorten_text(text: str, size: int, room: float) -> str:
    """Return `text`, or as much of its beginning as fits into `room` with an ellipsis after it."""
    if measure_width(text, size) <= room:
        return text
    end = len(text)
    while end and measure_width(text[:end].rstrip() + "...", size) > room:
        end -= 1
    return text[:end].rstrip() + "..." if end else ""


def fit_text(text: str, *, room: tuple[float, float], largest: int, smallest: int) -> Block:
    """Return `text` wrapped into `room` (width, height), as large as it can be.

    What does not fit even at the `smallest` size is cut, with an ellipsis; a room without space
    for one line gives a block without lines.
    """
    wide, high = room
    letters = set(text)
    size = largest
    while True:
        most = int(high / (size * LEADING))
        if any(measure_width(letter, size) > wide for letter in letters):
            most = 0
        # One line too many says enough.
        lines = wrap_text(text, size, wide, most + 1) if most else []
        if lines and len(lines) <= most:
            return Block(tuple(_balance_lines(text, size, wide, lines)), size)
        if size <= smallest:
            break
        size = max(smallest, int(size * 0.92))
    if lines:
        rest = " ".join(lines[most - 1 :])
        lines[most - 1 :] = [shorten_text(f"{rest} ...", size, wide)]
    return Block(tuple(line for line in lines if line), size)


def _balance_lines(text: str, size: int, room: float, lines: list[str]) -> list[str]:
    """Return as many `lines`, of about one length: no last word stands alone."""
    if not 1 < len(lines) <= _MOST_BALANCED:
        return lines
    longest = max(measure_width(word, size) for word in text.split())
    while True:
        room *= 0.95
        if longest > room:
            return lines
        tighter = wrap_text(text, size, room, len(lines) + 1)
        if len(tighter) > len(lines):
            return lines
        lines = tighter


def wrap_text(text: str, size: int, room: float, most: int | None = None) -> list[str]:
    """Return the lines of `text`, none wider than `room`; a word that is wider is broken.

    With `most`, no more lines than so many are made, and what comes after them is left out.
    """
    return list(islice(_break_lines(text, size, room), most))


def _break_lines(text: str, size: int, room: float) -> Iterator[str]:
    line, used = "", 0.0
    blank = measure_width(" ", size)
    for word in text.split():
        for piece, wide in _break_word(word, size, room):
            if line and used + blank + wide <= room:
                line, used = f"{line} {piece}", used + blank + wide
                continue
            if line:
                yield line
            line, used = piece, wide
    if line:
        yield line


def _break_word(word: str, size: int, room: float) -> Iterator[tuple[str, float]]:
    """Yield the parts of a word that fit into `room`, with their widths."""
    whole = measure_width(word, size)
    if whole <= room:
        yield word, whole
        return
    advances = _get_advances(size)
    start, used = 0, 0.0
    for place, character in enumerate(word):
        wide = advances[character] * _SLACK
        if place > start and used + wide > room:
            piece = word[start:place]
            yield piece, measure_width(piece, size)
            start, used = place, 0.0
        used += wide
    piece = word[start:]
    yield piece, measure_width(piece, size)
