"""Bodies of requests that a model must accept, built from choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import PIXEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.provider.choices import Choices

SUPPORTED_VALUES: Final = {
    "aspect_ratio": "supported_aspect_ratios",
    "resolution": "supported_resolutions",
}
"""The fields whose values a model lists, and where."""

_URLS: Final = (PIXEL, "https://example.com/cat.png", "https://example.org/a%20b.webp")
_FORMATS: Final = ("png", "jpeg", "webp")
_IN_OR_OUT: Final = (False, True)
_ORDERS: Final = ("as listed", "backwards", "by name")


def build_valid_body(choices: Choices, model: ModelJson) -> dict[str, Any]:
    """Return a request that a model must take, its fields in an order that means nothing."""
    body: dict[str, Any] = {"model": model["id"], "prompt": choices.write_prompt()}
    for name, options in _list_optional(model).items():
        if choices.choose(_IN_OR_OUT):
            body[name] = choices.choose(options)
    if model["supported_references"] and choices.choose(_IN_OR_OUT):
        body["images"] = build_references(choices, model)
    order = choices.choose(_ORDERS)
    names = list(body) if order == "as listed" else sorted(body)
    return {name: body[name] for name in (list(body)[::-1] if order == "backwards" else names)}


def _list_optional(model: ModelJson) -> dict[str, Sequence[Any]]:
    found: dict[str, Sequence[Any]] = {
        name: model[listed] for name, listed in SUPPORTED_VALUES.items() if model[listed]
    }
    if model["type"] == "image":
        found["output_format"] = _FORMATS
    else:
        found["duration"] = model["supported_durations"]
        found["sound"] = _IN_OR_OUT if model["supports_sound"] else (False,)
    return found


def build_references(choices: Choices, model: ModelJson) -> list[dict[str, Any]]:
    """Return references that a model must take."""
    supported = model["supported_references"]
    roles = tuple(role for role in supported if role != "last_frame" or "first_frame" in supported)
    role = choices.choose(roles)
    count = choices.choose_number(1, min(supported[role], 8))
    images = [{"url": choices.choose(_URLS), "role": role} for _ in range(count)]
    if role == "last_frame":
        images = [{"url": choices.choose(_URLS), "role": "first_frame"}, images[0]]
    return images
