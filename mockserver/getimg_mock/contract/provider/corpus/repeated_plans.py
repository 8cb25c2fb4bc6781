"""Plans that do one thing many times, to find what goes wrong now and then.

What goes wrong once in twenty is missed by sixty tries with a probability of 0.95 ** 60, or 5 %.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest, rank_resolution
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.input_values import FORMATS
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"

_MANY: Final = 60
"""How often a request is repeated that costs nothing, or costs nothing real."""

_SOME: Final = 12
"""How many equal images are bought of a service: each tenth that goes wrong is among them."""

_LARGER: Final = 6
"""How many are bought of what is larger or dearer: each fifth that goes wrong is among them."""

_VIDEOS: Final = 3
"""How many videos are begun at the same time; services allow at least as many."""


def build_plans(models: Sequence[ModelJson], *, thorough: bool) -> Iterator[Plan]:
    """Yield the plans that repeat requests; `thorough` where generations cost nothing real."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    yield Plan(
        name="many equal images",
        tier="R2",
        world=(("limits", "generous"),) if thorough else (),
        anywhere=True,
        steps=(*_build_image_steps(image, _MANY if thorough else _SOME, thorough=thorough),),
    )
    yield Plan(
        name="many equal videos",
        tier="R2",
        steps=(*_build_video_steps(video, 4 if thorough else 1),),
    )
    if not thorough:
        sounding = next((m for m in models if m.get("supports_sound")), video)
        larger, films = _build_larger_steps(image), _build_sounding_steps(sounding)
        yield Plan(name="larger pictures", tier="R2", concurrent=True, steps=(*larger,))
        yield Plan(name="films with sound", tier="R2", concurrent=True, steps=(*films,))
    yield from _build_look_plans(video, thorough=thorough)
    yield Plan(
        name="a video and a file, hours later",
        tier="R2",
        clock=True,
        steps=(*_build_later_steps(image, video),),
    )


def _build_look_plans(video: ModelJson, *, thorough: bool) -> Iterator[Plan]:
    yield Plan(
        name="videos that several look at",
        tier="R2",
        steps=(*_build_shared_look_steps(video),),
    )
    yield Plan(
        name="three videos, looked at many times",
        tier="R2",
        steps=(*_build_look_steps(video, thorough=thorough),),
    )
    yield Plan(
        name="failed videos, looked at many times",
        tier="R2",
        world=(("fail_rate", 1.0),),
        steps=(*_build_look_steps(video, thorough=thorough),),
    )


def _build_image_steps(image: ModelJson, count: int, *, thorough: bool) -> Iterator[Step]:
    """Yield equal orders, with a balance after each: a sum could hide two faults.

    Of a service each file is downloaded; a fake's are all drawn in one way.
    """
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-before")
    for turn in range(count):
        yield post("image", build_small_request(image), valid=True, name=f"image {turn}")
        yield get_balance()
    if not thorough:
        yield from (request_file(f"image {turn}") for turn in range(count))
    yield Wait(seconds=10 if thorough else 0)
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-after")


def _build_larger_steps(image: ModelJson) -> Iterator[Step]:
    """Yield pictures of the second resolution, in each format and ratio, with their files.

    Two of the lowest come last, with which they are compared.
    """
    ranked = sorted(image["supported_resolutions"], key=rank_resolution)
    ratios = image["supported_aspect_ratios"]
    for turn in range(_LARGER + 2 if ranked else 0):
        size = ranked[:2][-1] if turn < _LARGER else ranked[0]
        order = {"resolution": size, "output_format": FORMATS[turn % len(FORMATS)]}
        order |= {"aspect_ratio": ratios[-turn % len(ratios)]} if ratios else {}
        yield post("image", build_small_request(image, **order), valid=True, name=f"large {turn}")
    yield from (request_file(f"large {turn}") for turn in range(_LARGER if ranked else 0))


def _build_sounding_steps(video: ModelJson) -> Iterator[Step]:
    """Yield videos that differ from the default in all that may be ordered, with their files.

    Each has another ratio, and every other one the second resolution: sides are rounded in each.
    """
    lengths, ratios = sorted(video["supported_durations"]), video["supported_aspect_ratios"]
    sizes = sorted(video["supported_resolutions"], key=rank_resolution)[:2]
    for first in range(0, _LARGER, _VIDEOS):
        names = {f"film {turn}": turn for turn in range(first, first + _VIDEOS)}
        for name, turn in names.items():
            order = {"duration": lengths[:2][-1], "sound": True}
            order |= {"aspect_ratio": ratios[-1 - turn % len(ratios)]} if ratios else {}
            order |= {"resolution": sizes[-1 - turn % len(sizes)]} if sizes else {}
            yield post("video", build_small_request(video, **order), valid=True, name=name)
        yield from (Poll(of=name, every=20) for name in names)
        yield from (request_file(f"{name}.now") for name in names)


def _build_video_steps(video: ModelJson, rounds: int) -> Iterator[Step]:
    """Yield equal orders with their files: those of the first round come at the same moment."""
    yield get_balance()
    for turn in range(rounds):
        names = [f"video {turn}.{place}" for place in range(_VIDEOS)]
        for name in names:
            order = post("video", build_small_request(video), valid=True, name=name)
            at_once = replace(order, group="equal videos", use="identical", together=True)
            yield order if turn else at_once
        yield from (Poll(of=name, every=20) for name in names)
        yield from (request_file(f"{name}.now") for name in names)
        yield get_balance()


def _build_shared_look_steps(video: ModelJson) -> Iterator[Step]:
    """Yield videos whose end is seen by three connections at the same moment."""
    names = ("video 0", "video 1")
    yield get_balance()
    for name in names:
        yield post("video", build_small_request(video), valid=True, name=name)
    yield from (Poll(of=name, every=1, at_once=3) for name in names)
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER)


def _build_look_steps(video: ModelJson, *, thorough: bool) -> Iterator[Step]:
    """Yield three videos, each with twenty looks after its end, half on other connections.

    What changes later is seen after a second, on a service at the end of the run.
    """
    names = [f"video {place}" for place in range(_VIDEOS)]
    yield get_balance()
    for name in names:
        yield post("video", build_small_request(video), valid=True, name=name)
    yield from (get(_RETRIEVE, ref=Ref(name)) for name in names)  # none has ended: a queue shows
    for name in names:
        yield Poll(of=name)
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER)
    for turn in range(_MANY // _VIDEOS):
        at_once = bool(turn % 2)
        for name in names:
            yield get(
                _RETRIEVE,
                ref=Ref(name),
                together=at_once,
                group=f"looks {turn}" if at_once else "",
            )
        if thorough and turn == _MANY // _VIDEOS // 2:
            yield Wait(seconds=1)
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER)


def _build_later_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    """Yield looks at a result while its file is kept: after a minute, an hour, most of a day."""
    yield post("image", build_small_request(image), valid=True, name="image")
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video", every=20)
    yield request_file("image")
    yield request_file("video.now")
    yield get_balance()
    for seconds in (60, 3_600, 40_000):
        yield Wait(seconds=seconds)
        yield get(_RETRIEVE, ref=Ref("video"))
        yield request_file("image", use="before-expiry")
        yield request_file("video.now", use="before-expiry")
    yield get_balance()
