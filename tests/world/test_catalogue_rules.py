"""The rules for models: what breaks one is found, with its place and a sentence that helps."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from getimg_mock.world.catalogue_rules import find_faults

IMAGE: dict[str, Any] = {
    "id": "new-image",
    "name": "New",
    "type": "image",
    "created_at": "2026-05-01T08:00:00.000Z",
    "supported_aspect_ratios": ["1:1", "16:9"],
    "supported_resolutions": ["1K", "2K"],
    "supported_durations": [],
    "supported_references": {"reference_image": 2},
    "supports_sound": False,
    "pricing": {
        "currency": "USD",
        "rates": [
            {
                "billable_unit": "image",
                "resolution": "1K",
                "sound": "not_applicable",
                "unit_price": "0.02",
            },
            {
                "billable_unit": "image",
                "resolution": None,
                "sound": "not_applicable",
                "unit_price": "0.04",
            },
        ],
    },
    "x_mock": {"seconds": [1, 2.5], "sizes": {"16:9": {"2K": [2848, 1600]}}},
}
VIDEO: dict[str, Any] = {
    **copy.deepcopy(IMAGE),
    "id": "new-video",
    "type": "video",
    "supported_resolutions": ["720p"],
    "supported_durations": [5, 2.5],
    "supported_references": {"first_frame": 1, "last_frame": 1, "reference_image": 0},
    "supports_sound": True,
    "pricing": {"currency": "USD", "rates": []},
    "x_mock": {"fps": 30},
}


_REMOVED = object()


def changed(entry: dict[str, Any], place: str, value: object) -> dict[str, Any]:
    """Return a copy of `entry` with one value set, by its place: `pricing/rates/0/sound`."""
    result = copy.deepcopy(entry)
    *path, last = place.split("/")
    target: Any = result
    for step in path:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if value is _REMOVED:
        del target[last]
    else:
        target[int(last) if isinstance(target, list) else last] = value
    return result


@pytest.mark.parametrize("entry", [IMAGE, VIDEO], ids=["image", "video"])
def test_nothing_is_said_of_a_good_model(entry: dict[str, Any]) -> None:
    """The models that the tests below break are whole before."""
    assert list(find_faults(entry)) == []


IN_IMAGES: list[tuple[str, object, str]] = [
    ("id", _REMOVED, ": "),
    ("id", 7, ".id: "),
    ("id", "", ".id: "),
    ("id", "a b", '.id: "a b" cannot be part of a path'),
    ("id", "a/b", '.id: "a/b" cannot be part of a path'),
    ("type", "audio", ".type: "),
    ("created_at", "yesterday", ".created_at: "),
    ("created_at", "2026-05-01T08:00:00", ".created_at: "),
    ("created_at", "0001-01-01T00:00:00+14:00", ".created_at: "),
    ("supported_aspect_ratios", "1:1", ".supported_aspect_ratios: "),
    ("supported_aspect_ratios", [], ".supported_aspect_ratios: is empty"),
    ("supported_aspect_ratios/1", "16x9", '.supported_aspect_ratios[1]: "16x9" is no'),
    ("supported_aspect_ratios/1", "0:9", '.supported_aspect_ratios[1]: "0:9" is no'),
    ("supported_aspect_ratios/1", "1:1", '.supported_aspect_ratios[1]: "1:1" is listed'),
    ("supported_resolutions", [], ".supported_resolutions: is empty"),
    ("supported_resolutions/0", " ", ".supported_resolutions[0]: is empty"),
    ("supported_resolutions/1", "1K", '.supported_resolutions[1]: "1K" is listed'),
    ("supported_resolutions/0", 1, ".supported_resolutions[0]: "),
    ("supported_durations", [5], ".supported_durations: must be empty"),
    ("supported_references/first_frame", 1, ".supported_references.first_frame: is an"),
    ("supported_references/reference-image", 1, '.supported_references["reference-image"]: is an'),
    ("supported_references/reference_image", -1, ".supported_references.reference_image: "),
    ("supported_references/reference_image", True, ".supported_references.reference_image: "),
    ("supported_references", {"a/~b": -1}, '.supported_references["a/~b"]: '),
    ("supports_sound", True, ".supports_sound: must be false"),
    ("supports_sound", "no", ".supports_sound: "),
    ("pricing", None, ".pricing: "),
    ("pricing/currency", "EUR", ".pricing.currency: "),
    (
        "pricing/rates/0/billable_unit",
        "video_second",
        '.pricing.rates[0].billable_unit: must be "image"',
    ),
    ("pricing/rates/0/unit_price", 0.02, ".pricing.rates[0].unit_price: "),
    ("pricing/rates/0/unit_price", "-0.02", ".pricing.rates[0].unit_price: "),
    ("pricing/rates/0/unit_price", "1e3", ".pricing.rates[0].unit_price: "),
    ("pricing/rates/0/unit_price", "\u0661", ".pricing.rates[0].unit_price: "),
    ("pricing/rates/0/unit_price", "1" * 21, '.pricing.rates[0].unit_price: "111'),
    ("pricing/rates/0/sound", "loud", ".pricing.rates[0].sound: "),
    ("pricing/rates/0/resolution", 2, ".pricing.rates[0].resolution: "),
    (
        "pricing/rates/1/unit_price",
        "0.01",
        ".pricing.rates[1].unit_price: 0.01 is less than the one before: 0.02",
    ),
    ("pricing/rates/1/resolution", "1K", ".pricing.rates[1]: is a second rate"),
    ("x_mock", [], ".x_mock: must be an object, not an array"),
    ("x-mock", {}, '["x-mock"]: is an unknown key; did you mean "x_mock"?'),
    ("x_mock/fsp", 24, '.x_mock.fsp: is an unknown key; did you mean "fps"?'),
    ("x_mock/frames", 24, ".x_mock.frames: is an unknown key; known: fps, "),
    ("x_mock/fps", 0, ".x_mock.fps: must be a whole number from 1 to 120, not 0"),
    ("x_mock/fps", True, ".x_mock.fps: "),
    ("x_mock/fps", 29.97, ".x_mock.fps: "),
    ("x_mock/seconds", 5, ".x_mock.seconds: must be [least, most]"),
    ("x_mock/seconds", [3, 2], ".x_mock.seconds: "),
    ("x_mock/seconds", [-1, 2], ".x_mock.seconds: "),
    ("x_mock/seconds", [1, True], ".x_mock.seconds: "),
    ("x_mock/seconds", [1, 1000000000.0], ".x_mock.seconds: "),
    ("x_mock/sizes", [], ".x_mock.sizes: must be an object"),
    (
        "x_mock/sizes/16:10",
        {},
        '.x_mock.sizes["16:10"]: is not a ratio of this model; known: 1:1, 16:9.',
    ),
    ("x_mock/sizes/16:9", 1, '.x_mock.sizes["16:9"]: must be an object'),
    (
        "x_mock/sizes/16:9/2k",
        [16, 16],
        '.x_mock.sizes["16:9"]["2k"]: is not a resolution of this model; did you mean "2K"?',
    ),
    ("x_mock/sizes/16:9/2K", [16], '.x_mock.sizes["16:9"]["2K"]: must be [width, height]'),
    ("x_mock/sizes/16:9/2K", [16, 8193], '.x_mock.sizes["16:9"]["2K"]: must be'),
    ("x_mock/sizes/16:9/2K", [16, "16"], '.x_mock.sizes["16:9"]["2K"]: must be'),
]

IN_VIDEOS: list[tuple[str, object, str]] = [
    ("supported_durations", [], ".supported_durations: is empty"),
    ("supported_durations/0", 0, ".supported_durations[0]: must be above 0"),
    ("supported_durations/0", 601, ".supported_durations[0]: must be above 0"),
    ("supported_durations/0", "5", ".supported_durations[0]: "),
    ("supported_durations/1", 5.0, ".supported_durations[1]: 5.0 is listed"),
    (
        "supported_references/first_farme",
        1,
        ".supported_references.first_farme: is an unknown role for a video model; did",
    ),
    ("x_mock/sizes", {"1:1": {"720p": [961, 960]}}, '.x_mock.sizes["1:1"]["720p"]: must be even'),
]


@pytest.mark.parametrize(
    ("entry", "place", "value", "text"),
    [(IMAGE, *each) for each in IN_IMAGES] + [(VIDEO, *each) for each in IN_VIDEOS],
)
def test_a_broken_rule_is_found_at_its_place(
    entry: dict[str, Any], place: str, value: object, text: str
) -> None:
    """The place is written as in code, relative to the model; the message is one sentence."""
    where, message = next(find_faults(changed(entry, place, value)))
    assert f"{where}: {message}".startswith(text)
    assert message.endswith((".", "?"))
    assert "\n" not in message
