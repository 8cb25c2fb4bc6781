"""What a request comes to: the product, with its price, and how long the making takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from getimg_mock.world.generations import Product

if TYPE_CHECKING:
    from getimg_mock.world.randomness import Stream
    from getimg_mock.world.requests import GenerationRequest

_MOST_PRODUCTS = 1000
_MIME_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def seconds_by_length(request: GenerationRequest, chance: Stream) -> float:
    """Return how long a video takes: within the model's span, the longer the video, the later."""
    durations = request.model.supported_durations
    shortest, longest = min(durations), max(durations)
    length = ((request.duration or shortest) - shortest) / ((longest - shortest) or 1)
    low, high = request.model.seconds
    place = min(1.0, max(0.0, (chance.unit("seconds") + length) / 2))
    return low + (high - low) * place


def product_of(request: GenerationRequest) -> Product:
    """Return what a valid request delivers and costs; a model without a rate costs nothing."""
    model = request.model
    size = model.size(request.aspect_ratio, request.resolution)
    has_sound = request.sound and model.supports_sound
    rate = model.rate(resolution=request.resolution, sound=has_sound)
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
    """The products of the requests seen lately: thousands of requests ask for the same one."""

    def __init__(self) -> None:
        self._products: dict[tuple[object, ...], Product] = {}

    def find(self, request: GenerationRequest) -> Product:
        """Return what a valid request delivers and costs."""
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
            # In the lenient mode the words are the client's own; they must not fill the memory.
            if len(self._products) >= _MOST_PRODUCTS:
                self._products.clear()
            product = self._products[key] = product_of(request)
        return product
