"""The poster that every picture, and every video, shows: soft light, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw

from getimg_mock.media import lettering
from getimg_mock.media.palettes import Colour, Palette, palette
from getimg_mock.world.chance import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

_SKETCH: Final = 320  # the longest side of the background before it is enlarged
_SMALLEST_LABEL: Final = 9
_SIDE: Final = 178  # what Pillow's radial gradient has reached at its sides; 255 is in its corners


@dataclass(frozen=True, slots=True)
class Poster:
    """What is on a poster; `note` stands in the upper right corner, `inset` is kept free below."""

    width: int
    height: int
    prompt: str
    model: str
    generation: str
    seed: bytes
    note: str
    inset: int = 0

    @property
    def palette(self) -> Palette:
        """The colours that the seed draws."""
        return palette(Stream(self.seed, "palette"))


def draw_poster(poster: Poster) -> Image.Image:
    """Return `poster` as an RGB image of exactly its size."""
    image = _background(poster)
    _inscribe(image, poster)
    return image


def _background(poster: Poster) -> Image.Image:
    """Draw the background small and enlarge it: it is soft, so nothing is lost but time."""
    chance = Stream(poster.seed, "background")
    colours = poster.palette
    scale = min(1.0, _SKETCH / max(poster.width, poster.height))
    size = max(1, round(poster.width * scale)), max(1, round(poster.height * scale))
    sketch = Image.composite(
        Image.new("RGB", size, colours.ground[1]),
        Image.new("RGB", size, colours.ground[0]),
        _slope(chance, size),
    )
    for index, colour in enumerate(colours.glows):
        _glow(sketch, chance, index, colour)
    return sketch.resize((poster.width, poster.height), Image.Resampling.BILINEAR)


def _slope(chance: Stream, size: tuple[int, int]) -> Image.Image:
    down = Image.linear_gradient("L")
    across = down.transpose(Image.Transpose.ROTATE_90)
    if chance.happens("mirrored", 0.5):
        across = ImageChops.invert(across)
    return Image.blend(down, across, chance.uniform("slope", 0.2, 0.7)).resize(size)


def _glow(sketch: Image.Image, chance: Stream, index: int, colour: Colour) -> None:
    """Lay one soft light on the sketch, somewhere, often reaching over its edge."""
    longest = max(sketch.size)
    across = round(longest * chance.uniform(f"across {index}", 0.7, 1.35))
    down = round(longest * chance.uniform(f"down {index}", 0.5, 1.0))
    left = round(sketch.width * chance.uniform(f"left {index}", 0, 1) - across / 2)
    top = round(sketch.height * chance.uniform(f"top {index}", -0.1, 0.9) - down / 2)
    strength = chance.uniform(f"strength {index}", 0.7, 1.0)
    light = Image.radial_gradient("L").point(_falling(strength)).resize((across, down))
    sketch.paste(colour, (left, top, left + across, top + down), light)


def _falling(strength: float) -> Callable[[int], float]:
    """Return a smooth curve from `strength` at the centre to nothing where the sides are."""

    def fall(distance: int) -> float:
        near = max(0.0, 1 - distance / _SIDE)
        return 255 * strength * near * near * (3 - 2 * near)

    return fall


def _inscribe(image: Image.Image, poster: Poster) -> None:
    """Write the model and the note above, the prompt large, the id and our name below."""
    layout = _Layout(poster)
    pen = ImageDraw.Draw(image)
    colours = poster.palette
    if layout.has_labels:
        _label_row(pen, poster, layout.top, poster.model, poster.note)
        _label_row(pen, poster, layout.bottom - layout.label, poster.generation, "getimg-mock")
        rule = layout.bottom - layout.label * 1.9
        thickness = max(1, round(layout.label / 16))
        pen.rectangle(
            (layout.margin, rule, poster.width - layout.margin, rule + thickness - 1),
            fill=colours.quiet,
        )
    block = lettering.fitted(
        lettering.drawable(poster.prompt),
        room=(layout.wide, layout.prompt_bottom - layout.prompt_top),
        largest=layout.largest,
        smallest=layout.label,
    )
    _write(pen, block, layout, colours.ink)


def _label_row(pen: ImageDraw.ImageDraw, poster: Poster, top: float, left: str, right: str) -> None:
    layout = _Layout(poster)
    size = layout.label
    right = lettering.drawable(right)
    taken = lettering.width(right, size)
    if taken > layout.wide / 2.2:
        right, taken = "", 0.0
    room = layout.wide - taken - size * bool(right)
    left = lettering.shortened(lettering.drawable(left), size, room)
    for text, x in ((left, layout.margin), (right, poster.width - layout.margin - taken)):
        pen.text((x, top), text, fill=poster.palette.quiet, font=lettering.font(size))


def _write(
    pen: ImageDraw.ImageDraw, block: lettering.Block, layout: _Layout, colour: Colour
) -> None:
    top = layout.prompt_bottom - block.height
    for index, line in enumerate(block.lines):
        at = (layout.margin, top + index * block.size * lettering.LEADING)
        pen.text(at, line, fill=colour, font=lettering.font(block.size))


class _Layout:
    """Where things stand on a poster, in pixels."""

    def __init__(self, poster: Poster) -> None:
        shortest = min(poster.width, poster.height)
        self.label = max(_SMALLEST_LABEL, round(shortest * 0.026))
        self.margin = round(shortest * 0.07) if shortest > 64 else 1
        self.wide = poster.width - 2 * self.margin
        self.top = self.margin
        self.bottom = poster.height - max(self.margin, poster.inset + self.margin // 2)
        self.has_labels = self.bottom - self.top > 6 * self.label
        self.prompt_top = self.top + self.label * 2 if self.has_labels else self.top
        self.prompt_bottom = self.bottom - self.label * 2.6 if self.has_labels else self.bottom
        self.largest = max(self.label, round(shortest * 0.085))
