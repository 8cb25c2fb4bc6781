"""The files of a generation: what its link delivers, and a small picture for lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.media.own_files import find_own_file
from getimg_mock.media.pictures import Picture
from getimg_mock.media.video_files import Video

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.media.own_files import OwnFile
    from getimg_mock.setting_values import MediaSize
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.workspaces import Workspace

THUMBNAIL: Final = 320
"""The longest side of a thumbnail, in pixels."""


def build_media(
    workspace: Workspace,
    generation: Generation,
    *,
    size: MediaSize = "small",
    font: Path | None = None,
) -> Picture | Video | OwnFile:
    """Return what the file of a generation is rendered from.

    A picture's file of the `size` "real" is about as large as that of a real picture. `font` is the
    file of a font. Raises `SettingsError` for a file of the user's own that is not what it was.
    """
    product, seed = generation.product, workspace.derive_media_seed(generation.id)
    if product.file is not None:
        return find_own_file(product)
    words = generation.prompt, product.model, generation.id
    sides, is_flat = (product.width, product.height), size == "flat"
    if product.duration is None or product.fps is None:
        grain = size == "real"
        return Picture(*sides, product.mime_type, *words, seed, grain, is_flat, font=_name(font))
    rate, has_sound = round(product.fps), product.has_sound
    return Video(*sides, product.duration, rate, has_sound, *words, seed, is_flat, _name(font))


def build_thumbnail(
    workspace: Workspace, generation: Generation, *, font: Path | None = None
) -> Picture:
    """Return the thumbnail of a generation: its poster, drawn small, as WebP.

    Drawing it small takes a few milliseconds; scaling down the file of a 4K picture takes 200.
    """
    product = generation.product
    scale = min(1.0, THUMBNAIL / max(product.width, product.height))
    return Picture(
        max(1, round(product.width * scale)),
        max(1, round(product.height * scale)),
        "image/webp",
        generation.prompt,
        product.model,
        generation.id,
        workspace.derive_media_seed(generation.id),
        note=f"{product.width} x {product.height}",
        font=_name(font),
    )


def _name(font: Path | None) -> str | None:
    return None if font is None else str(font)
