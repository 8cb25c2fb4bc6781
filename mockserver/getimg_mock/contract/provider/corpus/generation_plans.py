"""Plans about generations, their files and their money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.prices import compute_price
from getimg_mock.contract.provider.corpus.cost_range_plans import build_additive_range_steps
from getimg_mock.contract.provider.corpus.file_steps import (
    CLAIMED_HOST,
    build_borrowed_link_steps,
    build_file_steps,
    build_format_steps,
    request_file,
)
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, PAST_DAYS_PLACEHOLDER, Poll, Ref, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"


_SENDERS: Final = (
    (),
    (("user-agent", "GetimgAI/Python 0.4.0"), ("x-stainless-retry-count", "1")),
    (("user-agent", "GetimgAI/JS 0.3.2"), ("x-stainless-retry-count", "0")),
)
"""What official SDKs say of themselves, and that a request is sent once more."""


def build_plans(models: Sequence[ModelJson], *, thorough: bool) -> Iterator[Plan]:
    """Yield the plans about generations; `thorough` where waiting costs no real time."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    sounding = next((m for m in models if m.get("supports_sound")), video)
    # A service may book late: what it booked is compared at the end of the run.
    settling = 10 if thorough else 0
    yield from _build_file_plans(image, video, sounding, settling)
    yield from _build_state_plans(image, video)
    yield from _build_money_plans(image, video, settling)
    yield Plan(
        name="longer videos", tier="R2", concurrent=True, steps=(*_build_length_steps(sounding),)
    )
    yield Plan(
        name="what is left out",
        tier="R2",
        concurrent=True,
        steps=(*_build_default_steps(models, files=not thorough),),
    )


def _build_file_plans(
    image: ModelJson, video: ModelJson, sounding: ModelJson, settling: int
) -> Iterator[Plan]:
    yield Plan(name="an image and its file", tier="R2", steps=(*_build_image_steps(image),))
    yield Plan(
        name="images in every format",
        tier="R2",
        concurrent=True,
        steps=(*build_format_steps(image),),
    )
    yield Plan(
        name="a video from 202 to its file",
        tier="R2",
        steps=(*_build_video_steps(video, settling),),
    )
    yield Plan(
        name="a video with sound, and one without",
        tier="R2",
        concurrent=True,
        steps=(*_build_sound_steps(sounding),),
    )


def _build_state_plans(image: ModelJson, video: ModelJson) -> Iterator[Plan]:
    yield Plan(
        name="looking at a pending video costs nothing",
        tier="R2",
        steps=(*_build_pending_video_steps(video),),
    )
    yield Plan(
        name="equal images are several generations",
        tier="R2",
        steps=(*_build_identical_steps(image),),
    )
    yield Plan(
        name="videos that fail",
        tier="R2",
        world=(("fail_rate", 1.0),),
        steps=(*_build_failing_steps(video),),
    )
    yield Plan(name="unknown and malformed ids", steps=(*_build_unknown_id_steps(),))
    yield Plan(
        name="a file until it is deleted",
        tier="R2",
        clock=True,
        anywhere=True,
        world=(("retention", 600),),
        steps=(*_build_deletion_steps(image, video),),
    )


def _build_money_plans(image: ModelJson, video: ModelJson, settling: int) -> Iterator[Plan]:
    yield Plan(
        name="money of a working day",
        tier="R2",
        steps=(*_build_working_day_steps(image, video, settling),),
    )
    yield Plan(
        name="costs on both sides of midnight",
        tier="R2",
        clock=True,
        steps=(*_build_midnight_steps(image),),
    )
    yield Plan(
        name="what cannot be paid",
        tier="R2",
        world=(("balance", "0.001"),),
        steps=(*_build_too_dear_steps(image, video),),
    )
    yield Plan(
        name="money for one only",
        tier="R2",
        world=(("balance", _compute_balance_for_one(video)),),
        steps=(*_build_last_money_steps(video),),
    )


def _build_image_steps(model: ModelJson) -> Iterator[Step]:
    yield get_balance()
    yield post("image", build_small_request(model), valid=True, name="image")
    yield from build_file_steps("image")
    yield get_balance()
    yield request_file("image")
    yield get_balance()
    yield post("image", build_small_request(model, prompt="Another"), valid=True, name="other")
    yield get_balance()
    yield from build_borrowed_link_steps("image", "other")


def _build_video_steps(model: ModelJson, settling: int) -> Iterator[Step]:
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-before")
    yield post("video", build_small_request(model), valid=True, name="video")
    yield Poll(of="video")
    yield request_file("video.now")
    yield get(_RETRIEVE, ref=Ref("video"), headers=CLAIMED_HOST)
    for _ in range(2):
        yield get(_RETRIEVE, ref=Ref("video"), name="video.now")
    for alter in ("cut-id", "longer-id"):
        yield get(_RETRIEVE, ref=Ref("video"), alter=alter, use="malformed-id")
    yield get_balance()
    yield from _build_cost_steps(settling)
    yield from build_file_steps("video.now")
    yield get(_RETRIEVE, ref=Ref("video"))
    yield get_balance()
    if settling:  # what changes later on a service is seen at the end of the run
        yield Wait(seconds=3)
    yield get(_RETRIEVE, ref=Ref("video"))
    yield get(_RETRIEVE, ref=Ref("video"))
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER)


def _build_cost_steps(settling: int) -> Iterator[Step]:
    """Yield a read of the costs at once, and one after the seconds in which they may settle."""
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-after")
    if not settling:
        return
    yield Wait(seconds=settling)
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-after")


def _build_sound_steps(model: ModelJson) -> Iterator[Step]:
    for wanted in (True, False):
        name = f"sound {wanted}"
        yield post("video", build_small_request(model, sound=wanted), valid=True, name=name)
    for wanted in (True, False):
        yield Poll(of=f"sound {wanted}")
        yield request_file(f"sound {wanted}.now")


def _build_pending_video_steps(model: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(model), valid=True, name="video")
    yield get_balance()
    for _ in range(5):
        yield get(_RETRIEVE, ref=Ref("video"))
    yield get_balance()
    yield Poll(of="video")
    yield get_balance()
    for _ in range(3):
        yield get(_RETRIEVE, ref=Ref("video"))
    yield get_balance()


def _build_identical_steps(image: ModelJson) -> Iterator[Step]:
    yield get_balance()
    for _ in range(3):
        yield post(
            "image",
            build_small_request(image),
            valid=True,
            group="identical images",
            use="identical",
            together=True,
        )
    yield get_balance()


def _build_failing_steps(model: ModelJson) -> Iterator[Step]:
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER)
    yield post("video", build_small_request(model), valid=True, name="video")
    yield Poll(of="video")
    yield get(_RETRIEVE, ref=Ref("video"))
    yield get(_RETRIEVE, ref=Ref("video"))
    yield get(_COSTS, query=DAYS_PLACEHOLDER)
    yield get_balance()


def _build_unknown_id_steps() -> Iterator[Step]:
    for name in ("req-01ZZZZZZZZZZZZ", "req-0000000000", "00000000-0000-0000-0000-000000000000"):
        yield get(_RETRIEVE.replace("{}", name), use="unknown-id")
    for name in ("%00", "a" * 300, "..%2f..%2fbalance", "%F0%9F%8C%8A", "'--", "%22"):
        yield get(_RETRIEVE.replace("{}", name), use="malformed-id")


def _build_deletion_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield post("image", build_small_request(image), valid=True, name="image")
    gone = Ref("image", "/data/0/deletes_at")
    yield Wait(until=gone, seconds=-3)
    yield request_file("image", use="before-expiry")
    yield Wait(until=gone, seconds=3)
    yield request_file("image", use="after-expiry")
    yield request_file("image", headers=(("range", "bytes=0-9"),), use="after-expiry")
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video")
    yield Wait(until=Ref("video.now", "/data/0/deletes_at"), seconds=-3)
    yield request_file("video.now", use="before-expiry")
    yield Wait(until=Ref("video.now", "/data/0/deletes_at"), seconds=3)
    yield request_file("video.now", use="after-expiry")
    yield request_file("video.now", alter="late-exp")
    yield get(_RETRIEVE, ref=Ref("video"), use="look-after-expiry")


def _build_working_day_steps(image: ModelJson, video: ModelJson, settling: int) -> Iterator[Step]:
    yield get_balance()
    yield get(_COSTS, query=DAYS_PLACEHOLDER, use="costs-before")
    for turn in range(3):
        yield post(
            "image",
            build_small_request(image, prompt=f"Picture {turn}"),
            headers=(("content-type", "application/json"), *_SENDERS[turn]),
            valid=True,
            name=f"i{turn}",
        )
        yield get_balance()
    for turn in range(2):
        yield post(
            "video", build_small_request(video, prompt=f"Film {turn}"), valid=True, name=f"v{turn}"
        )
    yield Poll(of="v0")
    yield Poll(of="v1")
    yield get_balance()
    yield from _build_cost_steps(settling)
    yield get(_COSTS, query=PAST_DAYS_PLACEHOLDER)
    for turn in range(2):
        yield get(_RETRIEVE, ref=Ref(f"v{turn}"), name=f"v{turn}.now")
        yield request_file(f"v{turn}.now")
    yield get_balance()
    yield from build_borrowed_link_steps("v0.now", "v1.now")
    yield from build_borrowed_link_steps("i0", "v0.now")


def _build_midnight_steps(model: ModelJson) -> Iterator[Step]:
    yield post("image", build_small_request(model), valid=True)
    yield Wait(seconds=12 * 3600)
    yield post("image", build_small_request(model), valid=True)
    yield from build_additive_range_steps(
        "2026-09-01", "2026-09-02", "2026-09-03", "around midnight"
    )
    for end in ("2026-09-01T23:59:59Z", "2026-09-02T00:00:00Z", "2026-09-01T23:59:59.999Z"):
        yield get(
            _COSTS,
            query=f"start=2026-09-01T00:00:00Z&end={end}",
            use="range-inclusive",
            field=f"until {end}",
        )


def _build_too_dear_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield get_balance()
    for _ in range(2):
        yield post("image", build_small_request(image), use="too-dear")
        yield post("video", build_small_request(video), use="too-dear")
    yield get_balance()


def _compute_balance_for_one(model: ModelJson) -> str:
    price = compute_price(model, build_small_request(model))
    return str(price + price / 2) if price is not None else "0.05"


def _build_last_money_steps(model: ModelJson) -> Iterator[Step]:
    yield get_balance()
    yield post("video", build_small_request(model), name="video")
    yield get_balance()
    yield post("video", build_small_request(model, prompt="One too many"), use="too-dear")
    yield get_balance()
    yield Poll(of="video")
    yield get_balance()
    yield post("video", build_small_request(model, prompt="Still too many"), use="too-dear")
    yield get_balance()


def _build_length_steps(model: ModelJson) -> Iterator[Step]:
    lengths = sorted(model["supported_durations"])
    for seconds in sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]}):
        names = {f"{seconds} s, {sound}": sound for sound in (False, True)}
        for name, sound in names.items():
            yield post(
                "video",
                build_small_request(model, duration=seconds, sound=sound),
                valid=True,
                name=name,
            )
        for name in names:
            yield Poll(of=name, every=20)
            yield request_file(f"{name}.now")


def _build_default_steps(models: Sequence[ModelJson], *, files: bool) -> Iterator[Step]:
    """Yield orders without what may be left out, and with the defaults; unless `files`, few files.

    A default may count for the answer and not for the file.
    """
    for model in models:
        kind: ModelKind = "image" if model["type"] == "image" else "video"
        plain = {"model": model["id"], "prompt": "As it comes"}
        full: dict[str, Any] = plain | {
            "aspect_ratio": model["supported_aspect_ratios"][0],
            "resolution": model["supported_resolutions"][0],
        }
        full |= (
            {"output_format": "jpeg"}
            if kind == "image"
            else {
                "duration": model["supported_durations"][0],
                "sound": False,
            }
        )
        for use, body in (("omitted", plain), ("explicit", full)):
            name = f"{model['id']} {use}"
            yield post(kind, body, valid=True, use=use, group=f"default:{model['id']}", name=name)
        for use in ("omitted", "explicit") if kind == "video" else ():
            yield Poll(of=f"{model['id']} {use}", every=20)
        if kind == "video":
            yield request_file(f"{model['id']} omitted.now")
        elif files:
            yield request_file(f"{model['id']} omitted")
