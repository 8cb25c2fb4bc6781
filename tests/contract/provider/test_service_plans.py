"""What the fixed plans do at a service, where money and time are real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.corpus.field_plans import list_unsupported_seconds
from getimg_mock.contract.steps import Send, Wait

if TYPE_CHECKING:
    from getimg_mock.contract.plans import Plan

PLANS = {each.name: each for each in build_corpus(load_shipped_models(), thorough=False)}


def list_downloads(plan: Plan) -> set[str]:
    """Return the names of the results whose files a plan downloads."""
    steps = [each for each in plan.steps if isinstance(each, Send) and each.link]
    return {each.ref.step for each in steps if each.ref is not None}


def test_the_largest_picture_of_each_model_is_downloaded() -> None:
    """A service may make what is large in another way: by turns also as PNG, and as WebP."""
    formats: set[str] = set()
    for model in load_shipped_models():
        if model["type"] != "image":
            continue
        found = list_downloads(PLANS[f"{model['id']}: what it supports"])
        largest = [name for name in found if "resolution" in name]
        assert any("output_format" not in name for name in largest)
        told = {kind for kind in ("png", "webp") for name in largest if kind in name}
        assert len(told) == 1
        formats |= told
    assert formats == {"png", "webp"}


def test_little_is_waited_for() -> None:
    """Waits are for what a plan is about: none is there for costs to settle."""
    known = {"a video and a file, hours later"}
    waits = {
        name: sum(each.seconds for each in plan.steps if isinstance(each, Wait) and not each.until)
        for name, plan in PLANS.items()
        if not plan.clock and name not in known
    }
    assert max(waits.values()) <= 6
    one_key = {name: waits[name] for name in waits if PLANS[name].keys == 1}
    assert {name for name, seconds in one_key.items() if seconds} == {
        "the catalogue",
        "videos that are not looked at",
    }


def test_lengths_between_those_of_a_model_are_tried() -> None:
    """A service that takes any length up to the longest sells what it does not list."""
    found = list_unsupported_seconds({"supported_durations": [10, 5]})
    assert {4, 6, 7, 11} <= {*found}
    assert not {5, 10} & {*found}


def test_files_of_all_ratios_and_two_resolutions_are_compared() -> None:
    """Sides are rounded in each: one that is right at 16:9 may be wrong at 21:9."""
    films = [json.loads(each.body or b"{}") for each in PLANS["films with sound"].submissions]
    assert {each["resolution"] for each in films} == {"480p", "720p"}
    assert len({each["aspect_ratio"] for each in films}) == len(films)
    assert list_downloads(PLANS["what is left out"]) >= {"z-image-turbo omitted"}


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        ("images in every format", 5),
        ("the catalogue", 20),
        ("seedance-v1-pro: what it supports", 3),
    ],
)
def test_much_is_sent_at_the_same_moment(plan: str, count: int) -> None:
    """What others do meanwhile, and on which node a connection ends, is seen by no single one."""
    sends = [each for each in PLANS[plan].steps if isinstance(each, Send)]
    assert sum(each.together for each in sends) >= count


def test_a_video_with_references_has_other_values_than_the_defaults() -> None:
    """A service may take another way for references, and forget what else was ordered."""
    plan = PLANS["videos: references that fit"]
    turned = [step for step in plan.submissions if step.field == "turned JPEGs"]
    orders = [json.loads(each.body or b"{}") for each in turned]
    roles = {order["images"][0]["role"] for order in orders}
    assert roles == {"first_frame", "reference_image"}
    for order in orders:
        model = next(m for m in load_shipped_models() if m["id"] == order["model"])
        lengths = model["supported_durations"]
        assert order["duration"] not in {lengths[0], min(lengths)}
        assert order.get("sound", False) is model["supports_sound"]
