"""The poster that every picture, and every video, shows: soft light, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw

from getimg_mock.media import text_layout
from getimg_mock.media.fonts import load_font
from getimg_mock.media.palettes import Colour, Palette, draw_palette
from getimg_mock.world.randomness import Stream, draw_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.media.png_files import Band

_SKETCH: Final = 320  # the longest side of the background before it is enlarged
_SMOOTH: Final = (1024, 512)  # columns and rows, from where on pixels of the background repeat
_SMALLEST_LABEL: Final = 9
_ROOM_FOR_LABELS: Final = 8  # label heights; on less, the prompt stands alone
_SMALL: Final = 64  # pixels; up to here every one is needed, and none is left for a margin
_GRAIN: Final = 20  # levels of brightness from the darkest grain to the lightest
_GRAIN_BYTES: Final = 256 * 1024  # deflate and its like look back 32 KiB
_STRIP: Final = 64 * 1024  # pixels of a picture that get their grain at once
_SIDE: Final = 178  # what Pillow's radial gradient has reached at its sides; 255 is in its corners


@dataclass(frozen=True, slots=True)
class Poster:
    """What is on a poster; `note` stands in the upper right corner, `inset` is kept free below.

    With `grain` the background has a texture that does not compress: in all rows, or in the bands
    that are stored where `bands` are given. A `flat` one has one colour. `font` is the file of the
    font for all words.
    """

    width: int
    height: int
    prompt: str
    model: str
    generation: str
    seed: bytes
    note: str
    inset: int = 0
    grain: bool = False
    flat: bool = False
    bands: tuple[Band, ...] = ()
    font: str | None = None

    @property
    def palette(self) -> Palette:
        """The colours that the seed draws."""
        return _draw_palette(self.seed)


@lru_cache(maxsize=8)
def _draw_palette(seed: bytes) -> Palette:
    """Draw a palette once for all parts of a poster."""
    return draw_palette(Stream(seed, "palette"))


def draw_poster(poster: Poster) -> Image.Image:
    """Return `poster` as an RGB image of exactly its size; a flat one has a palette."""
    image = _draw_background(poster)
    _inscribe(image, poster)
    return image


def _draw_background(poster: Poster) -> Image.Image:
    """Draw the background small and enlarge it: it is soft, so nothing is lost but time."""
    chance = Stream(poster.seed, "background")
    colours = poster.palette
    if poster.flat:
        # A byte a pixel, and less in a PNG: at 4K, a fifth of the time for file and decoder.
        return Image.new("P", (poster.width, poster.height), colours.ground[0])
    scale = min(1.0, _SKETCH / max(poster.width, poster.height))
    size = max(1, round(poster.width * scale)), max(1, round(poster.height * scale))
    sketch = Image.composite(
        Image.new("RGB", size, colours.ground[1]),
        Image.new("RGB", size, colours.ground[0]),
        _draw_slope(chance, size),
    )
    for index, colour in enumerate(colours.glows):
        _draw_glow(sketch, chance, index, colour)
    if not poster.grain:
        return _enlarge(sketch, poster)
    # Darkened where the grain would exceed white: the cheap addition is modulo 256.
    bounded = sketch.point([min(value, 255 - _GRAIN) for value in range(256)] * 3)
    return _add_grain(_enlarge(bounded, poster), _draw_grain(poster))


def _add_grain(image: Image.Image, grain: Image.Image) -> Image.Image:
    """Add grey noise to a picture, strip by strip: memory of its size is dear, when it is new."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        strip = grain.crop(box)
        light = Image.merge("RGB", (strip, strip, strip))
        image.paste(ImageChops.add_modulo(image.crop(box), light), box)
    return image


def _enlarge(sketch: Image.Image, poster: Poster) -> Image.Image:
    """Return the background in full size: smooth up to a point, then each pixel several times.

    Neighbours differ by less than a level of brightness there, and it takes a third of the time.
    """
    size = poster.width, poster.height
    smooth = tuple(
        -(-side // max(1, side // enough)) for side, enough in zip(size, _SMOOTH, strict=True)
    )
    half = sketch.resize((smooth[0], smooth[1]), Image.Resampling.BILINEAR)
    return half if half.size == size else half.resize(size, Image.Resampling.NEAREST)


def _draw_grain(poster: Poster) -> Image.Image:
    """Return grey noise: rows that are drawn once and repeated, too far apart for compression."""
    rows = min(poster.height, -(-_GRAIN_BYTES // poster.width))
    levels = bytes(value * _GRAIN // 255 for value in range(256))
    noise = draw_bytes(poster.width * rows, "grain", poster.seed).translate(levels)
    whole = noise * -(-poster.height // rows)
    if poster.bands:
        whole = b"".join(_draw_band(poster, band, whole) for band in poster.bands)
    size = poster.width, poster.height
    return Image.frombytes("L", size, whole[: poster.width * poster.height])


def _draw_band(poster: Poster, band: Band, noise: bytes) -> bytes:
    """Return the grain of a band: one level, the mean of all, where there is none."""
    start, end = band.top * poster.width, band.bottom * poster.width
    return noise[start:end] if band.is_stored else bytes((_GRAIN // 2,)) * (end - start)


def _draw_slope(chance: Stream, size: tuple[int, int]) -> Image.Image:
    down = Image.linear_gradient("L")
    across = down.transpose(Image.Transpose.ROTATE_90)
    if chance.happens("mirrored", 0.5):
        across = ImageChops.invert(across)
    return Image.blend(down, across, chance.uniform("slope", 0.2, 0.7)).resize(size)


def _draw_glow(sketch: Image.Image, chance: Stream, index: int, colour: Colour) -> None:
    """Lay one soft light on the sketch, somewhere, often reaching over its edge."""
    longest = max(sketch.size)
    across = round(longest * chance.uniform(f"across {index}", 0.7, 1.35))
    down = round(longest * chance.uniform(f"down {index}", 0.5, 1.0))
    left = round(sketch.width * chance.uniform(f"left {index}", 0, 1) - across / 2)
    top = round(sketch.height * chance.uniform(f"top {index}", -0.1, 0.9) - down / 2)
    strength = chance.uniform(f"strength {index}", 0.7, 1.0)
    light = Image.radial_gradient("L").point(_build_falloff(strength)).resize((across, down))
    sketch.paste(colour, (left, top, left + across, top + down), light)


def _build_falloff(strength: float) -> Callable[[int], float]:
    """Return a smooth curve from `strength` at the centre to nothing where the sides are."""

    def fall(distance: int) -> float:
        near = max(0.0, 1 - distance / _SIDE)
        return 255 * strength * near * near * (3 - 2 * near)

    return fall


def _inscribe(image: Image.Image, poster: Poster) -> None:
    """Write the model and the note above, the prompt large, the id and our name below."""
    layout, colours, pen = _compute_layout(poster), poster.palette, ImageDraw.Draw(image)
    if layout.has_labels:
        labels = _Labels(pen, layout, colours.quiet, poster.font)
        labels.write(layout.top, poster.model, poster.note)
        low = layout.bottom - layout.label
        labels.write(low, poster.generation, "getimg-mock")
        rule = round(layout.bottom - layout.label * 1.9)
        thickness = max(1, round(layout.label / 16))
        pen.rectangle((layout.left, rule, layout.right, rule + thickness - 1), fill=colours.quiet)
    font = text_layout.choose_font(poster.prompt, poster.font)
    block = text_layout.fit_text(
        text_layout.replace_undrawable(poster.prompt, font),
        room=(layout.right - layout.left, layout.prompt_bottom - layout.prompt_top),
        largest=layout.largest,
        smallest=layout.label,
        font=font,
    )
    top = layout.prompt_bottom - block.height
    for index, line in enumerate(block.lines):
        at = (layout.left, top + index * block.size * text_layout.LEADING)
        pen.text(at, line, fill=colours.ink, font=load_font(block.size, font))


@dataclass(frozen=True, slots=True)
class _Labels:
    """Writes the small lines of a poster."""

    pen: ImageDraw.ImageDraw
    layout: _Layout
    ink: Colour
    own_font: str | None

    def write(self, top: float, left: str, right: str) -> None:
        """Write one line, its second half flush right; where both do not fit, the first only."""
        layout, size = self.layout, self.layout.label
        font = text_layout.choose_font(left + right, self.own_font)
        left, right = (text_layout.replace_undrawable(each, font) for each in (left, right))
        face, room = load_font(size, font), layout.right - layout.left
        taken = text_layout.measure_width(right, size, font) + size
        if taken + min(text_layout.measure_width(left, size, font), room / 2) <= room:
            self.pen.text((layout.right, top), right, fill=self.ink, font=face, anchor="ra")
            room -= taken
        left = text_layout.shorten_text(left, size, room, font)
        self.pen.text((layout.left, top), left, fill=self.ink, font=face)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand on a poster, and how large letters are, in pixels."""

    left: float
    right: float
    top: float
    bottom: float
    label: int
    largest: int

    @property
    def has_labels(self) -> bool:
        across, down = self.right - self.left, self.bottom - self.top
        return min(across, down) > _ROOM_FOR_LABELS * self.label

    @property
    def prompt_top(self) -> float:
        return self.top + self.label * 2 if self.has_labels else self.top

    @property
    def prompt_bottom(self) -> float:
        return self.bottom - self.label * 2.6 if self.has_labels else self.bottom


def _compute_layout(poster: Poster) -> _Layout:
    shortest, longest = sorted((poster.width, poster.height))
    # Letters grow with the shorter side, and some more on a banner.
    unit = max(shortest, min(longest / 1.8, 2 * shortest))
    label = max(_SMALLEST_LABEL, round(unit * 0.029))
    margin = round(shortest * 0.07) if shortest > _SMALL else 1
    return _Layout(
        left=margin,
        right=poster.width - margin,
        top=margin,
        bottom=poster.height - max(margin, poster.inset + margin // 2),
        label=label,
        largest=max(label, round(unit * 0.085)),
    )
