"""Hypothesis strategies for the bodies of requests that a model must accept."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.provider.faulty_requests import SUPPORTED_VALUES, between, sampled

if TYPE_CHECKING:
    from getimg_mock.contract.model_choice import ModelJson

_URLS: Final = (PIXEL, "https://example.com/cat.png", "https://example.org/a%20b.webp")
_LENGTHS: Final = (("a", 1), ("a", 4096), ("\U0001f30a", 4096))
"""The shortest and the longest prompts, as a character and how often it is repeated."""


@cache
def prompts() -> st.SearchStrategy[str]:
    """Draw texts that any provider must take: 1 to 4096 characters, in every script."""
    letters = st.characters(exclude_categories=["Cs"])
    plain = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=60)
    longest = st.sampled_from(_LENGTHS).map(lambda made: made[0] * made[1])
    return st.one_of(plain, st.text(letters, min_size=1, max_size=60), longest)


def valid_bodies(model: ModelJson) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a request that a model must take, its fields in an order that means nothing."""
    optional: dict[str, st.SearchStrategy[Any]] = {
        name: st.sampled_from(model[listed])
        for name, listed in SUPPORTED_VALUES.items()
        if model[listed]
    }
    if model["type"] == "image":
        optional["output_format"] = st.sampled_from(["png", "jpeg", "webp"])
    else:
        optional["duration"] = st.sampled_from(model["supported_durations"])
        optional["sound"] = st.booleans() if model["supports_sound"] else st.just(False)  # noqa: FBT003 - the value that is drawn
    if model["supported_references"]:
        optional["images"] = references(model)
    required = {"model": st.just(model["id"]), "prompt": prompts()}
    drawn = st.fixed_dictionaries(required, optional=optional)
    return st.builds(_reorder, drawn, st.sampled_from(["as listed", "backwards", "by name"]))


def _reorder(body: dict[str, Any], order: str) -> dict[str, Any]:
    names = {"as listed": list(body), "backwards": list(body)[::-1], "by name": sorted(body)}
    return {name: body[name] for name in names[order]}


@st.composite
def references(draw: st.DrawFn, model: ModelJson) -> list[dict[str, Any]]:
    """Draw references that a model must take."""
    supported = model["supported_references"]
    roles = tuple(role for role in supported if role != "last_frame" or "first_frame" in supported)
    role = draw(sampled(roles))
    count = draw(between(1, min(supported[role], 8)))
    images = [{"url": draw(sampled(_URLS)), "role": role} for _ in range(count)]
    if role == "last_frame":
        images = [{"url": draw(sampled(_URLS)), "role": "first_frame"}, images[0]]
    return images
