"""Pictures: real PNG, JPEG and WebP files of exactly the promised width, height and format."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from getimg_mock.media.file_formats import (
    JPEG,
    PICTURE_FORMATS,
    PNG,
    WEBP,
    find_format_by_mime_type,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.media.png_files import Band
    from getimg_mock.media.posters import Poster

# Chosen for speed at 4K, where a poster is soft enough to look perfect at these settings.
_SAVE_OPTIONS: Final[dict[str, dict[str, int]]] = {
    PNG.codec: {"compress_level": 1},
    JPEG.codec: {"quality": 88},
    WEBP.codec: {"quality": 82, "method": 0},
}
_FLAT_WEBP: Final[dict[str, int]] = {"lossless": True, "quality": 0, "method": 0}
"""Of one colour, that takes half of the time, also of a decoder."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a picture's bytes depend on; `generation` is its id.

    `note` is the text in the upper right corner; by default its size in pixels.
    With `grain` the file is about as large as one of a real picture. `font` is the file of a font.
    A `flat` picture has a background of one colour.
    """

    width: int
    height: int
    mime_type: str
    prompt: str
    model: str
    generation: str
    seed: bytes
    grain: bool = False
    flat: bool = False
    note: str | None = None
    font: str | None = None


def encode_picture(picture: Picture) -> bytes:
    """Return the file of `picture`: the same bytes each time.

    Raises `UnknownNameError` when its `mime_type` is not that of a picture.
    """
    # Pillow is imported by the first picture and not by the first request: cold start matters.
    from getimg_mock.media.png_files import encode_png, plan_bands  # noqa: PLC0415 - see above
    from getimg_mock.media.posters import draw_poster  # noqa: PLC0415 - see above

    codec = find_format_by_mime_type(picture.mime_type, among=PICTURE_FORMATS).codec
    is_banded = picture.grain and codec == PNG.codec
    bands = plan_bands(picture.width, picture.height) if is_banded else []
    image = draw_poster(_build_poster(picture, bands))
    if bands:
        return encode_png(image, bands)
    if codec == JPEG.codec:
        image = image.convert("RGB")  # which knows no palettes
    file = BytesIO()
    is_flat_webp = picture.flat and codec == WEBP.codec
    image.save(file, codec, **(_FLAT_WEBP if is_flat_webp else _SAVE_OPTIONS[codec]))
    return file.getvalue()


def _build_poster(picture: Picture, bands: Sequence[Band]) -> Poster:
    from getimg_mock.media.posters import Poster  # noqa: PLC0415 - see above

    return Poster(
        width=picture.width,
        height=picture.height,
        prompt=picture.prompt,
        model=picture.model,
        generation=picture.generation,
        seed=picture.seed,
        note=picture.note or f"{picture.width} x {picture.height}",
        grain=picture.grain,
        flat=picture.flat,
        bands=tuple(bands),
        font=picture.font,
    )
