"""Plans of two workspaces at the same moment: what a service keeps of one request shows in another.

A handler that keeps its request, or its workspace, where others find it is right one after another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import (
    PIXEL,
    build_small_request,
    find_cheapest,
    get_kind,
    list_pictured,
)
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.input_values import OTHER_BYTES
from getimg_mock.contract.steps import Poll, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Key, Send, Step

_KEYS: Final[tuple[Key, ...]] = ("a", "b")
_RETRIEVE: Final = "/v2/videos/generations/{}"

NEIGHBOUR: Final = "neighbour"
"""The role of requests at the same moment whose errors may be taken for each other's."""

_TRACED: Final = (("content-type", "application/json"), ("x-request-id", "5d1f0001"))
"""Clients may call their requests alike: the name of a request is no name of its answer."""

_TURNS: Final = 2
"""How many orders each key has at the same time; services allow at least three."""

_LOOKS: Final = 30
"""How many downloads are begun at once: more than services let run of orders at the same time."""


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plan of two workspaces at the same moment."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    yield Plan(
        name="two workspaces at the same moment",
        tier="R2",
        keys=2,
        steps=(
            *_build_image_steps(image),
            *_build_error_steps(models),
            *_build_reference_steps(list_pictured(models, "image")),
            *_build_video_steps(video),
        ),
    )


def _read_balances() -> Iterator[Send]:
    yield from (get_balance(key=key) for key in _KEYS)


def _order_at_once(model: ModelJson, group: str, more: dict[Key, dict[str, Any]]) -> Iterator[Send]:
    """Yield orders of both keys at the same time, which differ in what `more` says of a key."""
    for turn in range(_TURNS):
        for key in _KEYS:
            order = build_small_request(model, prompt=f"At the same moment, {turn}", **more[key])
            yield post(
                get_kind(model),
                order,
                valid=True,
                key=key,
                headers=_TRACED,
                together=True,
                group=group,
                name=f"{group}, {key} {turn}",
            )


def _build_image_steps(image: ModelJson) -> Iterator[Step]:
    """Yield equal prompts for other files, and many downloads of one at once."""
    ratios = image["supported_aspect_ratios"]
    other = {"output_format": "png"} | ({"aspect_ratio": ratios[-1]} if ratios else {})
    group = "images at once"
    yield from _read_balances()
    yield from _order_at_once(image, group, {"a": other, "b": {}})
    yield from _read_balances()
    for key in _KEYS:
        yield request_file(f"{group}, {key} 0")
    for _ in range(_LOOKS):
        yield request_file(
            f"{group}, b 0", use="reads-at-limit", together=True, group="downloads at once"
        )


def _build_error_steps(models: Sequence[ModelJson]) -> Iterator[Send]:
    """Yield orders of several models, all with a resolution that none has."""
    for place, model in enumerate([each for each in models if each["type"] == "image"][:4]):
        body = {"model": model["id"], "prompt": "A lighthouse", "resolution": f"{place + 20}K"}
        yield post(
            "image",
            body,
            key=_KEYS[place % 2],
            valid=False,
            fault="model-value",
            field=f"resolution = {body['resolution']!r}",
            use=NEIGHBOUR,
            together=True,
            group="errors at once",
        )


def _build_reference_steps(pictured: Sequence[ModelJson]) -> Iterator[Step]:
    """Yield orders of one key whose references are broken, beside good ones of the other."""
    if not pictured:
        return
    model, ((name, bad), *_) = pictured[0], OTHER_BYTES.items()
    good = post("image", build_small_request(model, images=[{"url": PIXEL}]), valid=True, key="b")
    broken = post("image", build_small_request(model, images=[{"url": bad}]), valid=False)
    for _ in range(_TURNS):
        for step in (replace(broken, fault="reference-bytes", field=name), good):
            yield replace(step, together=True, group="references at once")
    yield from _read_balances()


def _build_video_steps(video: ModelJson) -> Iterator[Step]:
    """Yield videos of both keys, and looks of each key at those of the other."""
    group = "videos at once"
    yield from _order_at_once(video, group, {"a": {}, "b": {}})
    for turn in range(_TURNS):
        for key, other in zip(_KEYS, _KEYS[::-1], strict=True):
            name = f"{group}, {key} {turn}"
            yield get(_RETRIEVE, ref=Ref(name), key=other, use="foreign")
            yield Poll(of=name, key=key, every=2)
    for turn in range(_TURNS):
        for key in _KEYS:
            look = get(_RETRIEVE, ref=Ref(f"{group}, {key} {turn}"), key=key)
            yield replace(look, together=True, group="looks at once")
    yield from _build_read_steps()


def _build_read_steps() -> Iterator[Send]:
    """Yield balances of both keys at the same time, and requests without a good key among them."""
    bad = get_balance(key="raw", headers=(("authorization", "Bearer not-a-key"),), fault="key")
    for _ in range(_TURNS + 1):
        for step in (*_read_balances(), replace(bad, field="a bogus key beside good ones")):
            yield replace(step, together=True, group="reads at once")
    yield from _read_balances()
