"""The fonts of posters: the one inside Pillow, one of the user's own, and that of an extra.

A font is named by its file; `PILLOW` is that of Pillow, which draws the same on every machine.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from PIL import ImageFont

PILLOW: Final = ""
# The package of the extra `fonts`, and its file: Latin, Cyrillic, Chinese, Japanese, Korean.
_WIDE_PACKAGE: Final = "cvttf_NotoSansCJK_Regular"
_WIDE_FILE: Final = "NotoSansCJKtc-Regular.otf"


@lru_cache(maxsize=64)
def load_font(size: int, font: str = PILLOW) -> ImageFont.FreeTypeFont:
    """Return a font at `size` pixels: Pillow's own scalable one, or that of a file."""
    from PIL import ImageFont  # noqa: PLC0415 - cold start matters: settings import this module

    loaded = ImageFont.truetype(font, size) if font else ImageFont.load_default(size=size)
    if not isinstance(
        loaded, ImageFont.FreeTypeFont
    ):  # pragma: no cover - a Pillow without FreeType
        raise TypeError("This Pillow was built without FreeType: install one of its wheels.")
    return loaded


def check_font(path: Path) -> None:
    """Raise `SettingsError` for a file that is no font."""
    try:
        load_font(12, str(path))
    except OSError as error:
        why = "there is no such file" if not path.exists() else str(error)
        raise SettingsError(
            f"--font {path}: {why}. Name a TrueType or OpenType file, such as NotoSans.ttf."
        ) from None


@cache
def find_installed_font() -> str | None:
    """Return the file of the font that the extra `fonts` installs; None without it."""
    spec = find_spec(_WIDE_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    found = [Path(each) / _WIDE_FILE for each in folders or ()]
    return next((str(each) for each in found if each.is_file()), None)
