"""The models that the provider offers, their prices and their sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

Kind = Literal["image", "video"]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One price: a resolution, a sound setting and US dollars for each unit."""

    resolution: str
    sound: Literal["sound_on", "sound_off", "not_applicable"]
    unit_price: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A model. The first ratio, resolution and duration are its defaults."""

    id: str
    name: str
    type: Kind
    created_at: str
    ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    durations: tuple[int, ...]
    references: dict[str, int]
    sound: bool
    rates: tuple[Rate, ...]

    @property
    def unit(self) -> str:
        """What is paid for."""
        return "image" if self.type == "image" else "video_second"

    def describe(self) -> dict[str, Any]:
        """Return the model as the API shows it."""
        rates = [
            {
                "billable_unit": self.unit,
                "resolution": rate.resolution,
                "sound": rate.sound,
                "unit_price": rate.unit_price,
            }
            for rate in sorted(self.rates, key=lambda each: Decimal(each.unit_price))
        ]
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "created_at": self.created_at,
            "supported_aspect_ratios": list(self.ratios),
            "supported_resolutions": list(self.resolutions),
            "supported_durations": list(self.durations),
            "supported_references": dict(self.references),
            "supports_sound": self.sound,
            "pricing": {"currency": "USD", "rates": rates},
        }

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the price of a unit."""
        wanted = ("sound_on" if sound else "sound_off", "not_applicable")
        for setting in wanted:
            for rate in self.rates:
                if rate.resolution == resolution and rate.sound == setting:
                    return Decimal(rate.unit_price)
        raise LookupError(f"{self.id} has no price for {resolution}.")


def _list_image_rates(prices: dict[str, str]) -> tuple[Rate, ...]:
    return tuple(
        Rate(resolution=resolution, sound="not_applicable", unit_price=price)
        for resolution, price in prices.items()
    )


RATIOS: Final = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
OFFERS: Final = (
    Offer(
        id="seedream-5-lite",
        name="Seedream 5 Lite",
        type="image",
        created_at="2026-02-10T09:00:00.000Z",
        ratios=RATIOS,
        resolutions=("2K", "3K"),
        durations=(),
        references={"reference_image": 8},
        sound=False,
        rates=_list_image_rates({"2K": "0.04", "3K": "0.055"}),
    ),
    Offer(
        id="gemini-3-1-flash-image",
        name="Gemini 3.1 Flash Image",
        type="image",
        created_at="2026-03-01T12:00:00.000Z",
        ratios=("1:1", "2:3", "3:2", "16:9", "9:16", "21:9"),
        resolutions=("1K", "2K", "4K"),
        durations=(),
        references={"reference_image": 4},
        sound=False,
        rates=_list_image_rates({"1K": "0.034", "2K": "0.068", "4K": "0.12"}),
    ),
    Offer(
        id="z-image-turbo",
        name="Z-Image Turbo",
        type="image",
        created_at="2026-01-20T08:30:00.000Z",
        ratios=("1:1", "16:9", "9:16", "3:2", "2:3"),
        resolutions=("1K", "2K"),
        durations=(),
        references={},
        sound=False,
        rates=_list_image_rates({"1K": "0.005", "2K": "0.012"}),
    ),
    Offer(
        id="seedance-v1-pro",
        name="Seedance 1.0 Pro",
        type="video",
        created_at="2025-10-15T10:00:00.000Z",
        ratios=("16:9", "9:16", "1:1"),
        resolutions=("1080p", "720p", "480p"),
        durations=(5, 4, 6, 8, 10, 12),
        references={"first_frame": 1},
        sound=False,
        rates=_list_image_rates({"480p": "0.015", "720p": "0.025", "1080p": "0.05"}),
    ),
    Offer(
        id="seedance-v1-5-pro",
        name="Seedance 1.5 Pro",
        type="video",
        created_at="2026-04-02T10:00:00.000Z",
        ratios=("16:9", "9:16", "1:1", "4:3"),
        resolutions=("720p", "1080p", "480p"),
        durations=(5, 4, 6, 8, 10, 12),
        references={"reference_image": 4, "first_frame": 1, "last_frame": 1},
        sound=True,
        rates=(
            Rate(resolution="480p", sound="sound_off", unit_price="0.012"),
            Rate(resolution="480p", sound="sound_on", unit_price="0.0155"),
            Rate(resolution="720p", sound="sound_off", unit_price="0.02"),
            Rate(resolution="720p", sound="sound_on", unit_price="0.03"),
            Rate(resolution="1080p", sound="sound_off", unit_price="0.035"),
            Rate(resolution="1080p", sound="sound_on", unit_price="0.05"),
        ),
    ),
)


def compute_size(resolution: str, ratio: str) -> tuple[int, int]:
    """Return the width and height in pixels of a resolution such as `2K` or `720p`."""
    across, down = (int(part) for part in ratio.split(":"))
    if resolution.endswith("K"):
        side = 1024 * int(resolution[:-1])
        width = round(side * math.sqrt(across / down) / 16) * 16
        height = round(side * math.sqrt(down / across) / 16) * 16
        return width, height
    short = int(resolution[:-1])
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return (long, short) if across >= down else (short, long)
