"""What a video shows: the poster of its prompt, and a bar that grows along its lower edge."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from getimg_mock.media import h264
from getimg_mock.media.posters import draw_poster

if TYPE_CHECKING:
    from fractions import Fraction

    from getimg_mock.media.posters import Poster

_MOST_KEY_FRAMES: Final = 40
_SMALLEST_WITH_BAR: Final = 96
_THINNEST_BAR: Final = 6
_LONGEST_SHIFT: Final = 256  # pixels from frame to frame; decoders are promised not much more


@dataclass(frozen=True, slots=True)
class Film:
    """A poster shown for `frames` frames at `fps` frames per second."""

    poster: Poster
    frames: int
    fps: Fraction
    has_sound: bool

    @property
    def bar(self) -> Bar | None:
        """The bar that shows how far the film has come; None where there is no room for it."""
        return fit_bar(self.poster.width, self.poster.height)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar along the lower edge, one row of macroblocks high or what is visible of it."""

    row: int
    width: int
    height: int

    @property
    def top(self) -> int:
        """The uppermost line of the bar."""
        return self.row * h264.MACROBLOCK

    def count_lit(self, shown: int, of: int) -> int:
        """Return how many pixels are lit in the last of `shown` frames, always an even number.

        Some always are: that is what the following frame copies from.
        """
        return max(h264.MACROBLOCK, 2 * -(-self.width * shown // of // 2))

    def compute_growth(self, shown: int, of: int) -> h264.Shift:
        """Return the shift that makes the frame after `shown` frames out of the one before it."""
        before, after = self.count_lit(shown, of), self.count_lit(shown + 1, of)
        end = -(-min(after, self.width) // h264.MACROBLOCK)
        return h264.Shift(row=self.row, first=before // h264.MACROBLOCK, end=end, by=after - before)


def fit_bar(width: int, height: int) -> Bar | None:
    """Return the bar for a film of this size, or None when the film is too small for one."""
    if min(width, height) < _SMALLEST_WITH_BAR:
        return None
    row = (height - _THINNEST_BAR) // h264.MACROBLOCK
    return Bar(row, width, min(h264.MACROBLOCK, height - row * h264.MACROBLOCK))


def has_odd_side(width: int, height: int) -> bool:
    """Return whether 4:2:0, which every player knows, cannot store this size exactly."""
    return bool(width % 2 or height % 2)


def place_key_frames(film: Film, every: float) -> list[int]:
    """Return the numbers of the key frames, at most `every` seconds apart; the first is 0."""
    seconds = film.frames / film.fps
    wanted = min(_MOST_KEY_FRAMES, ceil(seconds / every), film.frames)
    if film.frames * _LONGEST_SHIFT < film.poster.width:
        wanted = film.frames
    return [index * film.frames // wanted for index in range(wanted)]


def draw_first_frame(film: Film) -> Image.Image:
    """Return the poster with a bar of which only the first two pixels are lit."""
    image = draw_poster(film.poster)
    if film.bar is not None:
        across = (0, film.bar.top, film.bar.width, film.bar.top + film.bar.height - 1)
        ImageDraw.Draw(image).rectangle(across, fill=film.poster.palette.line)
        light_bar(image, film, 2)
    return image


def light_bar(image: Image.Image, film: Film, lit: int) -> None:
    """Light the first `lit` pixels of the bar, where there is one."""
    if film.bar is not None:
        across = (0, film.bar.top, lit - 1, film.bar.top + film.bar.height - 1)
        ImageDraw.Draw(image).rectangle(across, fill=film.poster.palette.ink)
