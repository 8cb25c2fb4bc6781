"""Colours that can be read on and that differ."""

from __future__ import annotations

import pytest

from getimg_mock.media.palettes import Colour, draw_palette, oklch
from getimg_mock.media.posters import Poster, draw_poster
from getimg_mock.world.randomness import Stream

READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3


def luminance(colour: Colour) -> float:
    """Return the relative luminance of WCAG 2.2."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of WCAG 2.2, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("number", range(60))
def test_every_word_can_be_read_wherever_it_stands(number: int) -> None:
    """Each colour of letters has the contrast that WCAG asks for to all of the background."""
    poster = Poster(32, 18, prompt="", model="", generation="", seed=b"%d" % number, note="")
    colours, image = poster.palette, draw_poster(poster)
    for at in ((x, y) for x in range(32) for y in range(18)):
        pixel = image.getpixel(at)
        assert isinstance(pixel, tuple)
        behind = (int(pixel[0]), int(pixel[1]), int(pixel[2]))
        assert contrast(colours.ink, behind) >= READABLE
        assert contrast(colours.quiet, behind) >= READABLE


def test_a_videos_bar_can_be_told_from_its_track() -> None:
    """What has been shown is seen apart from what is to come (WCAG 2.2, 1.4.11)."""
    for number in range(60):
        colours = draw_palette(Stream(b"%d" % number, "palette"))
        assert contrast(colours.ink, colours.line) >= 3


def test_seeds_give_different_palettes() -> None:
    """Both dark and light ones, and hardly ever the same twice."""
    drawn = [draw_palette(Stream(b"%d" % number, "palette")) for number in range(100)]
    assert len({each.ground for each in drawn}) > 95
    assert {luminance(each.ink) > 0.5 for each in drawn} == {True, False}


@pytest.mark.parametrize(
    ("lightness", "chroma", "hue", "colour"),
    [
        (1, 0, 0, (255, 255, 255)),
        (0, 0, 0, (0, 0, 0)),
        (0.62796, 0.25768, 29.234, (255, 0, 0)),  # CSS Color 4: red is oklch(62.796% 0.25768 29.23)
        (0.51975, 0.17686, 142.495, (0, 128, 0)),  # and green is oklch(51.975% 0.17686 142.495)
    ],
)
def test_oklch_is_that_of_css(lightness: float, chroma: float, hue: float, colour: Colour) -> None:
    """The matrices are copied from a page; two known colours show that they were copied well."""
    made = oklch(lightness, chroma, hue)
    assert all(abs(one - other) <= 1 for one, other in zip(made, colour, strict=True))


def test_too_much_chroma_is_taken_back() -> None:
    """Colours that sRGB cannot show keep their lightness and hue instead of clipping."""
    assert all(0 <= channel <= 255 for channel in oklch(0.5, 0.4, 200))
    assert oklch(0.5, 0.4, 200) == oklch(0.5, 0.3, 200)
