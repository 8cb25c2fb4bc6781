"""Words on a picture: which characters can be drawn, how they wrap, how large they may be.

By default the font is the one inside Pillow, so that nothing has to be installed and every machine
draws the same. It knows ASCII and a few more characters; the rest is brought down to those where
Unicode says how (an accent falls off its letter), and is otherwise drawn as the font's empty box.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from getimg_mock.media.fonts import PILLOW, find_installed_font, load_font

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


_CONTROL_CHARACTERS: Final = dict.fromkeys([*range(32), 127], " ")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of text at one font size."""

    lines: tuple[str, ...]
    size: int

    @property
    def height(self) -> float:
        """The height of all lines, in pixels."""
        return len(self.lines) * self.size * LEADING


def choose_font(text: str, own: str | None = None) -> str:
    """Return the font for `text`: `own` if there is one, else Pillow's as long as it can draw all.

    Otherwise the one that is installed, if there is one.
    """
    if own is not None:
        return own
    if _BOX not in replace_undrawable(text):
        return PILLOW
    return find_installed_font() or PILLOW


def replace_undrawable(text: str, font: str = PILLOW) -> str:
    """Return `text` on one line, in characters that can all be drawn."""
    if text.isascii():
        return " ".join(text[:_LONGEST].translate(_CONTROL_CHARACTERS).split())
    if font:
        # Composed, since marks that a font would have to place are left out.
        text = unicodedata.normalize("NFC", text[:_LONGEST])
    drawn = "".join(_replace_character(character, font) for character in text[:_LONGEST])
    return " ".join(drawn.split())[:_LONGEST]


@lru_cache(maxsize=4096)
def _replace_character(character: str, font: str) -> str:
    if "!" <= character <= "~":
        return character
    if character.isspace() or unicodedata.category(character) == "Cc":
        return " "
    if font and unicodedata.category(character)[0] in "LNPS" and _has_glyph(character, font):
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(_simplify(part, font) for part in decomposed)


def _simplify(character: str, font: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return ""
    if not _has_glyph(character, font):
        return _REPLACED.get(character) or ("-" if category == "Pd" else _BOX)
    return character


def _has_glyph(character: str, font: str) -> bool:
    return _render_shape(character, font) != _render_shape(_BOX, font)


@lru_cache(maxsize=4096)
def _render_shape(character: str, font: str) -> bytes:
    return bytes(load_font(_PROBE, font).getmask(character))


def measure_width(text: str, size: int, font: str = PILLOW) -> float:
    """Return how wide `text`, already drawable, is at `size`, in pixels and rather too much."""
    return sum(map(_get_advances(size, font).__getitem__, text)) * _SLACK


class _Advances(dict[str, float]):
    """How far each character moves the pen at one size, measured when it is first asked for."""

    def __init__(self, size: int, font: str) -> None:
        # Not in proportion to the size: hinting moves each letter to whole pixels.
        self._font = load_font(size, font)

    def __missing__(self, character: str) -> float:
        self[character] = self._font.getlength(character)
        return self[character]


@lru_cache(maxsize=64)
def _get_advances(size: int, font: str) -> _Advances:
    return _Advances(size, font)


def shorten_text(text: str, size: int, room: float, font: str = PILLOW) -> str:
    """Return `text`, or as much of its beginning as fits into `room` with an ellipsis after it."""
    if measure_width(text, size, font) <= room:
        return text
    end = len(text)
    while end and measure_width(text[:end].rstrip() + "...", size, font) > room:
        end -= 1
    return text[:end].rstrip() + "..." if end else ""


def fit_text(
    text: str, *, room: tuple[float, float], largest: int, smallest: int, font: str = PILLOW
) -> Block:
    """Return `text` wrapped into `room` (width, height), as large as it can be.

    What does not fit even at the `smallest` size is cut, with an ellipsis; a room without space
    for one line gives a block without lines.
    """
    wide, high = room
    letters = set(text)
    size = largest
    while True:
        most = int(high / (size * LEADING))
        if any(measure_width(letter, size, font) > wide for letter in letters):
            most = 0
        # One line too many says enough.
        lines = wrap_text(text, size, wide, most + 1, font=font) if most else []
        if lines and len(lines) <= most:
            return Block(tuple(_balance_lines(text, size, wide, lines, font)), size)
        if size <= smallest:
            break
        size = max(smallest, int(size * 0.92))
    if lines:
        rest = " ".join(lines[most - 1 :])
        lines[most - 1 :] = [shorten_text(f"{rest} ...", size, wide, font)]
    return Block(tuple(line for line in lines if line), size)


def _balance_lines(text: str, size: int, room: float, lines: list[str], font: str) -> list[str]:
    """Return as many `lines`, of about one length: no last word stands alone."""
    if not 1 < len(lines) <= _MOST_BALANCED:
        return lines
    longest = max(measure_width(word, size, font) for word in text.split())
    while True:
        room *= 0.95
        if longest > room:
            return lines
        tighter = wrap_text(text, size, room, len(lines) + 1, font=font)
        if len(tighter) > len(lines):
            return lines
        lines = tighter


def wrap_text(
    text: str, size: int, room: float, most: int | None = None, *, font: str = PILLOW
) -> list[str]:
    """Return the lines of `text`, none wider than `room`; a word that is wider is broken.

    With `most`, no more lines than so many are made, and what comes after them is left out.
    """
    return list(islice(_break_lines(text, size, room, font), most))


def _break_lines(text: str, size: int, room: float, font: str) -> Iterator[str]:
    line, used = "", 0.0
    blank = measure_width(" ", size, font)
    for word in text.split():
        for piece, wide in _break_word(word, size, room, font):
            if line and used + blank + wide <= room:
                line, used = f"{line} {piece}", used + blank + wide
                continue
            if line:
                yield line
            line, used = piece, wide
    if line:
        yield line


def _break_word(word: str, size: int, room: float, font: str) -> Iterator[tuple[str, float]]:
    """Yield the parts of a word that fit into `room`, with their widths."""
    whole = measure_width(word, size, font)
    if whole <= room:
        yield word, whole
        return
    advances = _get_advances(size, font)
    start, used = 0, 0.0
    for place, character in enumerate(word):
        wide = advances[character] * _SLACK
        if place > start and used + wide > room:
            piece = word[start:place]
            yield piece, measure_width(piece, size, font)
            start, used = place, 0.0
        used += wide
    piece = word[start:]
    yield piece, measure_width(piece, size, font)
