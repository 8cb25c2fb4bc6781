"""Colours that go together, drawn from a seed.

They are mixed in OKLCH, where equal lightness looks equally light whatever the hue; that is what
keeps the lettering legible on every palette.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.world.randomness import Stream

Colour = tuple[int, int, int]

# How far the neighbouring hues stand from the first one, in degrees. Each row is one mood.
_HARMONIES: Final = (
    (0, 28, -34, 62),
    (0, -26, 40, -70),
    (0, 36, 72, -20),
    (0, 58, 24, -48),
    (0, -42, -84, 30),
)

_FRESH_FROM: Final = 165  # sea green, from where hues go over blue and violet
_FRESH_SPAN: Final = 220  # to crimson


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one poster.

    `ground` are the two ends of the background, `glows` the soft lights on it, `ink` the colour of
    the prompt, `quiet` that of the labels, `line` that of rules and of a video's empty track.
    """

    ground: tuple[Colour, Colour]
    glows: tuple[Colour, ...]
    ink: Colour
    quiet: Colour
    line: Colour


def draw_palette(chance: Stream) -> Palette:
    """Return the palette that `chance` draws: a dark one with light lettering, or the reverse."""
    hue = chance.uniform("hue", 0, 360)
    hues = [hue + step for step in chance.choose("harmony", _HARMONIES)]
    if chance.happens("dawn", 0.4):
        return _build_dawn(hues)
    return _build_dusk(hues)


def _build_dusk(drawn: list[float]) -> Palette:
    hues = [_shift_hue(hue) for hue in drawn]
    return Palette(
        ground=(oklch(0.23, 0.075, hues[0]), oklch(0.35, 0.12, hues[1])),
        glows=(
            oklch(0.5, 0.19, hues[1]),
            oklch(0.47, 0.18, hues[2]),
            oklch(0.51, 0.16, hues[3]),
            oklch(0.43, 0.16, hues[0]),
        ),
        ink=oklch(0.985, 0.006, hues[1]),
        quiet=oklch(0.955, 0.015, hues[1]),
        line=oklch(0.3, 0.05, hues[0]),
    )


def _build_dawn(hues: list[float]) -> Palette:
    return Palette(
        ground=(oklch(0.95, 0.025, hues[0]), oklch(0.89, 0.06, hues[1])),
        glows=(
            oklch(0.84, 0.11, hues[1]),
            oklch(0.87, 0.09, hues[2]),
            oklch(0.82, 0.1, hues[3]),
            oklch(0.93, 0.05, hues[0]),
        ),
        ink=oklch(0.25, 0.06, hues[0]),
        quiet=oklch(0.37, 0.06, hues[0]),
        line=oklch(0.96, 0.015, hues[0]),
    )


def _shift_hue(hue: float) -> float:
    """Return `hue` moved out of those that turn to mud in the dark, from ochre to olive."""
    around = hue % 360
    # There and back again, so that neighbours stay neighbours all around.
    return _FRESH_FROM + min(around, 360 - around) / 180 * _FRESH_SPAN


def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Return the sRGB colour of an OKLCH one, with as much of its chroma as sRGB can show."""
    while True:
        linear = _to_linear_srgb(lightness, chroma, radians(hue))
        if chroma <= 0 or all(-0.0005 <= channel <= 1.0005 for channel in linear):
            red, green, blue = (_encode_channel(channel) for channel in linear)
            return red, green, blue
        chroma -= 0.004


def _to_linear_srgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    # Bjorn Ottosson's matrices, https://bottosson.github.io/posts/oklab/
    a, b = chroma * cos(hue), chroma * sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _encode_channel(channel: float) -> int:
    clipped = min(max(channel, 0.0), 1.0)
    curved = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * curved)
