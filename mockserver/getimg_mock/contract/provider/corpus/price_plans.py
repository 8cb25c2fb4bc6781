"""Plans that buy what a price list offers: each value of each model, and all combinations."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    find_upright_ratio,
    get_kind,
    rank_resolution,
)
from getimg_mock.contract.plans import Plan, get_balance, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.input_values import FORMATS
from getimg_mock.contract.steps import Poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step


def build_plans(models: Sequence[ModelJson], *, thorough: bool) -> Iterator[Plan]:
    """Yield the plans about prices and sizes; `thorough` where generations cost nothing real."""
    image = find_cheapest(models, "image")
    yield Plan(
        name="pictures of every size",
        tier="R2",
        concurrent=True,
        steps=(*_build_size_steps(image),),
    )
    for model in models:
        steps = _build_image_steps(model) if model["type"] == "image" else _build_video_steps(model)
        if thorough:
            yield Plan(name=f"{model['id']}: every combination", tier="R2", steps=(*steps,))


def _build_size_steps(image: ModelJson) -> Iterator[Step]:
    """Yield each format at each resolution, and files: the largest, and one that is upright.

    Large files take long to make, so only PNG is downloaded at the highest resolution: as soon as
    its link is known, and once more from what may be a cache.
    """
    if not image["supported_resolutions"]:
        return
    lowest, *more = sorted(image["supported_resolutions"], key=rank_resolution)
    largest = ("png", (lowest, *more)[-1])
    orders = [(kind, size) for size, kind in product((lowest, *more), FORMATS)]
    for kind, size in sorted(orders, key=largest.__eq__):
        body = build_small_request(image, resolution=size, output_format=kind)
        yield post("image", body, valid=True, name=f"{kind} {size}")
    yield request_file(" ".join(largest))
    yield from (request_file(f"{kind} {lowest}") for kind in FORMATS[1:])
    yield request_file(" ".join(largest))
    if ratio := find_upright_ratio(image):
        body = build_small_request(image, output_format="png", aspect_ratio=ratio)
        yield post("image", body, valid=True, name=ratio)
        yield request_file(ratio, delivery="abandoned")
        yield request_file(ratio)


def _build_image_steps(model: ModelJson) -> Iterator[Step]:
    yield get_balance()
    for resolution, kind in product(model["supported_resolutions"], FORMATS):
        body = build_small_request(model, resolution=resolution, output_format=kind)
        yield post(get_kind(model), body, valid=True, name=f"{resolution} {kind}")
        yield get_balance()


def _build_video_steps(model: ModelJson) -> Iterator[Step]:
    yield get_balance()
    sounds = (False, True) if model["supports_sound"] else (False,)
    for resolution, sound, seconds in product(
        model["supported_resolutions"], sounds, model["supported_durations"]
    ):
        body = build_small_request(model, resolution=resolution, sound=sound, duration=seconds)
        name = f"{resolution} {seconds} s {sound}"
        yield post("video", body, valid=True, name=name)
        yield Poll(of=name, every=60)
        yield get_balance()
