"""The fonts of posters: the one inside Pillow, one of the user's own, and that of an extra.

A font is named by its file; `PILLOW` is that of Pillow, which draws the same on every machine.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import ImageFont

    _Mask = tuple[Any, tuple[int, int]]
    """The letters as levels of grey, and where they begin."""

PILLOW: Final = ""
# The package of the extra `fonts`, and its file: Latin, Cyrillic, Chinese, Japanese, Korean.
_WIDE_PACKAGE: Final = "cvttf_NotoSansCJK_Regular"
_WIDE_FILE: Final = "NotoSansCJKtc-Regular.otf"
_MOST_KEPT: Final = 16
_LARGEST_KEPT: Final = 64 * 1024
"""How many masks of a font are kept, and of how many pixels, a byte each."""


@lru_cache(maxsize=64)
def load_font(size: int, font: str = PILLOW) -> ImageFont.FreeTypeFont:
    """Return a font at `size` pixels: Pillow's own scalable one, or that of a file."""
    from PIL import ImageFont  # noqa: PLC0415 - cold start matters: settings import this module

    loaded = ImageFont.truetype(font, size) if font else ImageFont.load_default(size=size)
    if not isinstance(
        loaded, ImageFont.FreeTypeFont
    ):  # pragma: no cover - a Pillow without FreeType
        raise TypeError("This Pillow was built without FreeType: install one of its wheels.")
    # Labels are the same on many pictures, and so are the lines of a long prompt of one letter.
    loaded.getmask2 = _remember_masks(loaded.getmask2)  # type: ignore[method-assign]
    return loaded


def _remember_masks(draw: Callable[..., _Mask]) -> Callable[..., _Mask]:
    """Return a function that keeps the latest small masks of a font, which nothing changes."""
    kept: OrderedDict[str, _Mask] = OrderedDict()
    signature = inspect.signature(draw)

    def get(*arguments: Any, **options: Any) -> _Mask:
        call = signature.bind(*arguments, **options)
        # FreeType places letters by 64ths of a pixel. Levels of grey have no ink yet.
        start = [round(each * 64) / 64 for each in call.arguments.get("start") or (0.0, 0.0)]
        key = repr({**call.arguments, "start": start, "ink": 0})
        mask = kept.get(key)
        if mask is None:
            mask = draw(*arguments, **options)
            width, height = mask[0].size
            if width * height <= _LARGEST_KEPT:
                kept[key] = mask
                if len(kept) > _MOST_KEPT:
                    kept.popitem(last=False)
        return mask

    return get


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
