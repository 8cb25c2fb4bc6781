"""The formats that a file can have: one table for names, media types, extensions and codecs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from getimg_mock.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `name` is what `output_format` says, `codec` what Pillow or FFmpeg call it."""

    name: str
    mime_type: str
    extension: str
    codec: str


PNG: Final = Format("png", "image/png", "png", "PNG")
JPEG: Final = Format("jpeg", "image/jpeg", "jpg", "JPEG")
WEBP: Final = Format("webp", "image/webp", "webp", "WEBP")
MP4: Final = Format("mp4", "video/mp4", "mp4", "mp4")

PICTURE_FORMATS: Final = (PNG, JPEG, WEBP)
FORMATS: Final = (*PICTURE_FORMATS, MP4)


def find_format(name: str) -> Format:
    """Return the format that `output_format` calls `name`."""
    known = {each.name: each for each in FORMATS}
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError("media format", name, known) from None


def find_format_by_mime_type(mime_type: str, *, among: tuple[Format, ...] = FORMATS) -> Format:
    """Return the format of `mime_type`, which must be one of `among`."""
    known = {each.mime_type: each for each in among}
    try:
        return known[mime_type]
    except KeyError:
        raise UnknownNameError("media type", mime_type, known) from None
