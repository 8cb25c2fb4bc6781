"""Pixel sizes: computed from ratio and resolution where no table lists them.

getimg.ai documents two sizes only (api-facts section 6: 2K 1:1 is 2048x2048, 1080p 16:9 is
1920x1080). The rule here agrees with both and is otherwise our choice: every ratio of a resolution
has the same area. Sides are multiples of 16 for images and even for videos (H.264 requires it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt
from typing import Final

SMALLEST: Final = 16
LARGEST: Final = 8192
"""The limits of a side, which every image format and the video encoder support."""

_RATIO: Final = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
_RESOLUTION: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(k|p|px)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


def parse_ratio(aspect_ratio: str) -> tuple[int, int] | None:
    """Return the two numbers of a ratio such as `16:9`, or None for anything else."""
    match = _RATIO.fullmatch(aspect_ratio)
    return (int(match[1]), int(match[2])) if match else None


def compute_size(aspect_ratio: str, resolution: str, *, video: bool) -> Size:
    """Return the size of an image or video; never raises, whatever the two words are.

    `2K` is the area of a square of 2048 (for a video: of 1920x1080), `1080p` that of 1920x1080,
    `512` that of a square of 512. An unreadable resolution counts as `1K` (a video: `720p`), an
    unreadable ratio as `1:1` (a video: `16:9`).
    """
    width, height = parse_ratio(aspect_ratio) or ((16, 9) if video else (1, 1))
    area = _compute_area(resolution, video=video)
    wide = sqrt(area * width / height)
    high = sqrt(area * height / width)
    shrink = min(1.0, LARGEST / max(wide, high))
    step = 2 if video else 16
    return Size(_round_side(wide * shrink, step), _round_side(high * shrink, step))


def _compute_area(resolution: str, *, video: bool) -> float:
    match = _RESOLUTION.fullmatch(resolution)
    number = float(match[1]) if match else 0.0
    if match is None or not number:
        return 720 * 720 * 16 / 9 if video else 1024.0 * 1024
    unit = (match[2] or "").lower()
    if unit == "k" and video:
        number, unit = 540 * number, "p"
    side = 1024 * number if unit == "k" else number
    return side * side * (16 / 9 if unit == "p" else 1)


def _round_side(side: float, step: int) -> int:
    return min(LARGEST, max(SMALLEST, round(side / step) * step))
