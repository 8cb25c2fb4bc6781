"""The product that a request orders, its price, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from getimg_mock.world.generations import Product
from getimg_mock.world.transitions import draw_seconds

if TYPE_CHECKING:
    from getimg_mock.settings import Settings
    from getimg_mock.world.randomness import Stream
    from getimg_mock.world.requests import GenerationRequest

_MOST_PRODUCTS = 1000
_MIME_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def compute_seconds(request: GenerationRequest, chance: Stream) -> float:
    """Return the seconds that a video takes: within the model's range, more for longer videos."""
    durations = request.model.supported_durations
    shortest, longest = min(durations), max(durations)
    length = ((request.duration or shortest) - shortest) / ((longest - shortest) or 1)
    low, high = request.model.seconds
    place = min(1.0, max(0.0, (chance.draw_unit("seconds") + length) / 2))
    return low + (high - low) * place


def draw_default_seconds(request: GenerationRequest, settings: Settings, chance: Stream) -> float:
    """Return the seconds that a generation takes when no rule decides: as recorded, or as set."""
    if request.recorded is not None and request.recorded.seconds is not None:
        return request.recorded.seconds
    if request.kind == "image":
        return draw_seconds(settings.image_seconds, chance)
    span = settings.video_seconds
    return compute_seconds(request, chance) if span is None else draw_seconds(span, chance)


def compute_product(request: GenerationRequest) -> Product:
    """Return what a valid request delivers and costs; without a rate it costs nothing."""
    model = request.model
    size = model.find_size(request.aspect_ratio, request.resolution)
    has_sound = request.sound and model.supports_sound
    rate = model.find_rate(resolution=request.resolution, sound=has_sound)
    price = rate.unit_price if rate is not None else Decimal(0)
    quantity = 1 if request.duration is None else request.duration
    return Product(
        kind=request.kind,
        model=model.id,
        mime_type=_MIME_TYPES[request.output_format] if request.output_format else "video/mp4",
        width=size.width,
        height=size.height,
        duration=request.duration,
        fps=model.fps if request.kind == "video" else None,
        has_sound=has_sound,
        billable_unit="image" if request.kind == "image" else "video_second",
        unit_price=price,
        quantity=quantity,
        total_cost=price * Decimal(str(quantity)),
    )


class ProductCache:
    """Products of recent requests: thousands of requests may order the same one."""

    def __init__(self) -> None:
        self._products: dict[tuple[object, ...], Product] = {}

    def find(self, request: GenerationRequest) -> Product:
        """Return what a valid request delivers and costs, as it was recorded if it was."""
        if request.recorded is not None:
            return request.recorded.product or replace(
                compute_product(request), recording=request.recorded.source
            )
        key = (
            request.kind,
            request.model.id,
            request.aspect_ratio,
            request.resolution,
            request.output_format,
            request.duration,
            request.sound,
        )
        product = self._products.get(key)
        if product is None:
            # In the lenient mode clients choose the values; the cache must stay bounded.
            if len(self._products) >= _MOST_PRODUCTS:
                self._products.clear()
            product = self._products[key] = compute_product(request)
        return product
