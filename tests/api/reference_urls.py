"""Reference images for tests: small real pictures, as data URLs, and what is said of a URL."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

from PIL import Image

from getimg_mock.errors import Refusal
from getimg_mock.world.references import check_reference


def encode(codec: str, size: tuple[int, int] = (8, 5), **options: Any) -> bytes:
    """Return a real picture."""
    file = BytesIO()
    Image.new("RGB", size, "steelblue").save(file, codec, **options)
    return file.getvalue()


PNG, JPEG, WEBP = encode("PNG"), encode("JPEG"), encode("WEBP")


def find_objection(url: str) -> str | None:
    """Return what is said against `url`, None when nothing is."""
    try:
        check_reference(url, param="it")
    except Refusal as refusal:
        return refusal.message.removeprefix("Invalid 'it': ")
    return None


def build_data_url(data: bytes, kind: str = "image/png") -> str:
    """Return bytes as a data URL of a media type."""
    return f"data:{kind};base64,{b64encode(data).decode()}"
