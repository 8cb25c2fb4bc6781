"""Plans about rate limits: more requests than a window allows, and what windows show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import (
    PIXEL,
    build_small_request,
    find_cheapest,
    find_largest_resolution,
    find_most_pixels,
    get_kind,
    list_pictured,
)
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"

_UNWATCHED: Final = 30
"""How many videos are begun that nothing looks at: more than services run at the same time."""

_REFUSALS: Final = 5
"""How many requests over the limit are sent: what one refusal in five says is looked at."""

_WAYS: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (),
    (("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")),
    (("x-forwarded-for", "198.51.100.9"), ("user-agent", "another/1.0"), ("cookie", "id=9")),
)
"""Headers that name another sender: limits are those of the workspace, whatever they say."""

_MAX_LIMIT: Final = 300
"""The highest limit that is tested, since reaching it buys that many generations."""


def build_plans(
    models: Sequence[ModelJson], limits: Mapping[str, int], *, thorough: bool
) -> Iterator[Plan]:
    """Yield the plans about rate limits; `limits` are requests a minute by kind, where known.

    Plans that are `thorough` wait for a new window, where waiting costs no real time.
    """
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    images, videos = limits.get("image", 0), limits.get("video", 0)
    yield Plan(
        name="more images than the limit",
        tier="R3",
        world=(("image_rpm", images or 3),),
        keys=1 if images else 2,
        clock=True,
        anywhere=0 < images <= _MAX_LIMIT,
        steps=(*_build_image_burst_steps(image, video, images or 3, at_once=images > 0),),
    )
    yield Plan(
        name="more videos than the limit",
        tier="R3",
        world=(("video_rpm", videos or 2),),
        clock=True,
        anywhere=0 < videos <= _MAX_LIMIT,
        steps=(*_build_video_burst_steps(video, videos or 2, at_once=videos > 0),),
    )
    yield from _build_slot_plans(image, video, videos, thorough=thorough)
    yield Plan(
        name="remaining within a window",
        tier="R2",
        clock=True,
        anywhere=True,
        world=(("image_rpm", 8), ("video_rpm", 5)),
        steps=(*_build_remaining_steps(models, thorough=thorough),),
    )


def _build_slot_plans(
    image: ModelJson, video: ModelJson, videos: int, *, thorough: bool
) -> Iterator[Plan]:
    """Yield the plans about work at the same time; `videos` is the limit a minute, where known."""
    yield Plan(
        name="more at once than the limit",
        tier="R3",
        world=(("concurrent", 1),),
        clock=True,
        steps=(*_build_concurrent_steps(video),),
    )
    yield Plan(
        name="slots after refusals and failures",
        tier="R3",
        world=(("concurrent", 1), ("fail_rate", 1.0)),
        clock=True,
        steps=(*_build_slot_steps(image, video),),
    )
    unwatched = 3 if thorough else min(_UNWATCHED, videos or _UNWATCHED)
    yield Plan(
        name="videos that are not looked at",
        tier="R3",
        world=(("concurrent", 3), ("video_rpm", 60)),
        anywhere=True,
        steps=(*_build_unwatched_steps(image, video, unwatched),),
    )


def _build_image_burst_steps(
    image: ModelJson, video: ModelJson, limit: int, *, at_once: bool
) -> Iterator[Step]:
    yield get_balance(key="b")
    for turn in range(min(limit, _MAX_LIMIT) + at_once):
        yield post(
            "image",
            build_small_request(image, prompt=f"Burst {turn}"),
            use="burst",
            together=at_once,
            group="burst" if at_once else "",
        )
    yield get_balance()
    for turn in range(_REFUSALS):
        yield post(
            "image",
            build_small_request(image, prompt=f"Too fast {turn}"),
            use="burst",
            name="limited",
        )
    yield get_balance()
    yield post("image", build_small_request(image), key="b", use="other-key")
    yield post("video", build_small_request(video), use="other-kind", name="video")
    yield from _build_read_steps()
    yield Poll(of="video", every=2)
    yield from _build_wait_steps(image, "retry-after", "x-ratelimit-reset")
    yield get_balance()


def _build_read_steps() -> Iterator[Step]:
    """Yield reads of each kind while a window is used up."""
    yield get("/v2/models", use="reads-at-limit")
    yield get_balance(use="reads-at-limit")
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="reads-at-limit")
    for _ in range(_REFUSALS):
        yield get(_RETRIEVE, ref=Ref("video"), use="reads-at-limit")


def _build_wait_steps(model: ModelJson, *headers: str) -> Iterator[Step]:
    """Yield a refusal, and a request after exactly the wait that each of its headers says.

    The refusal is a new one, so that no time has passed since it said how long to wait. They are
    sent only where it said so.
    """
    kind = get_kind(model)
    body = build_small_request(model, prompt="Still too fast")
    yield post(kind, body, use="burst", name="limited")
    for header in headers:
        said = Ref("limited", f"header:{header}")
        yield Wait(until=said, seconds=0.2 if header == "x-ratelimit-reset" else 0)
        body = build_small_request(model, prompt=f"After the wait for {header}")
        yield post(kind, body, use="after-wait", name=f"after {header}", ref=said)


def _build_video_burst_steps(video: ModelJson, limit: int, *, at_once: bool) -> Iterator[Step]:
    count = min(limit, _MAX_LIMIT)
    yield get_balance()
    for turn in range(count):
        yield post(
            "video",
            build_small_request(video, prompt=f"Burst {turn}"),
            use="burst",
            together=at_once,
            group="burst" if at_once else "",
            name=f"video {turn}",
        )
    for turn in range(_REFUSALS):
        yield post(
            "video",
            build_small_request(video, prompt=f"Too fast {turn}"),
            use="burst",
            name="limited",
        )
    # A queue that is full may say something else of those that wait in it.
    for turn in range(count):
        look = Ref(f"video {turn}")
        yield get(_RETRIEVE, ref=look, together=at_once, group="looks" if at_once else "")
    polls = [Poll(of=f"video {turn}") for turn in range(count)]
    yield from (
        polls if at_once else ()
    )  # polled before the long wait, so that the plan knows its end
    yield from _build_wait_steps(video, "retry-after")
    yield from () if at_once else polls
    yield Poll(of="after retry-after")
    yield get_balance()


def _build_concurrent_steps(video: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(video), valid=True, name="video")
    yield post(
        "video", build_small_request(video, prompt="One too many"), name="limited", use="concurrent"
    )
    yield Poll(of="video")
    yield get_balance()
    yield post(
        "video", build_small_request(video, prompt="Now it goes"), use="after-wait", name="second"
    )
    yield Poll(of="second")
    yield get_balance()


def _build_slot_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    """Yield work after refusals, and after a video that failed: the one slot is free again."""
    for _ in range(2):
        yield post("video", build_small_request(video, resolution="8K"), valid=False)
        yield post("image", build_small_request(image, prompt=""), valid=False)
    for turn in range(3):
        name = f"video {turn}"
        yield post("video", build_small_request(video), valid=True, name=name, use="free-slot")
        yield Poll(of=name)
        yield post("image", build_small_request(image), valid=True, use="free-slot")


def _build_unwatched_steps(image: ModelJson, video: ModelJson, count: int) -> Iterator[Step]:
    """Yield as many videos as run at once, a look at the first alone, and then more videos.

    The looks at the others come after these: slots must be free without them.
    """
    names = [f"video {turn}" for turn in range(count)]
    for place, name in enumerate(names):
        yield post(
            "video",
            build_small_request(video, prompt=f"Unwatched {place}"),
            name=name,
            use="burst",
            together=place > 0,
            group="unwatched" if place else "",
        )
    # All of one workspace's slots are taken: another has its own.
    yield post("image", build_small_request(image), key="b", use="other-key")
    yield Poll(of=names[0])
    yield Wait(seconds=0.5)
    more = [f"one more {turn}" for turn in range(3)]
    for name in more:
        order = build_small_request(video, prompt=name)
        yield post("video", order, name=name, use="unwatched-slot")
    for name in names[1:]:
        yield get(_RETRIEVE, ref=Ref(name))
    for name in (*names[1:], *more):
        yield Poll(of=name)


def _build_large_pictures(models: Sequence[ModelJson]) -> Iterator[dict[str, Any]]:
    """Yield orders of the most pixels, and of a picture with a reference: each is one request."""
    largest = find_most_pixels(models, "image")
    yield build_small_request(largest, resolution=find_largest_resolution(largest))
    for model in list_pictured(models, "image"):
        yield build_small_request(model, images=[{"url": PIXEL}])


def _build_long_film(video: ModelJson) -> dict[str, Any]:
    """Return the order of the longest video of a model, with sound if it has any."""
    longest = {"duration": max(video["supported_durations"])}
    return longest | ({"sound": True} if video.get("supports_sound") else {})


def _build_remaining_steps(models: Sequence[ModelJson], *, thorough: bool) -> Iterator[Step]:
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    for turn, way in enumerate(_WAYS):
        order = post("image", build_small_request(image, prompt=f"Picture {turn}"), name="image")
        yield replace(order, headers=(*order.headers, *way))
        film = build_small_request(video, prompt=f"Film {turn}")
        film |= _build_long_film(video) if turn == 1 else {}
        yield post("video", film, name=f"film {turn}")
        if thorough or way is _WAYS[-1]:
            yield Wait(seconds=5 if thorough else 1)
    for large in _build_large_pictures(models):
        yield post("image", large)
    yield get(_RETRIEVE, ref=Ref("film 2"))
    yield replace(post("image", build_small_request(image)), query="x=1")
    for turn in range(3):
        yield Poll(of=f"film {turn}")
    if not thorough:
        return
    yield Wait(until=Ref("film 2", "header:x-ratelimit-reset"), seconds=1)
    yield post("image", build_small_request(image, prompt="A new window"))
    yield post("video", build_small_request(video, prompt="A new window"), name="new film")
    yield get(_RETRIEVE, ref=Ref("film 2"))
    yield Poll(of="new film")
