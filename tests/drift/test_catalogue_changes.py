"""What two catalogues differ in, and how severe each difference is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.drift.catalogue_changes import compare_catalogues

MODELS = load_shipped_models()
IMAGE = "seedream-5-lite"


def compare(**changed: Any) -> list[tuple[str, str, str]]:
    """Return the changes when fields of one model have other values."""
    after = deepcopy(MODELS)
    next(each for each in after if each["id"] == IMAGE).update(changed)
    return [
        (row.subject.removeprefix(f"model {IMAGE} "), row.change, row.severity)
        for row in compare_catalogues("live", MODELS, after)
    ]


def price(amount: str, resolution: str | None = "2K") -> dict[str, Any]:
    """Return one rate."""
    return {
        "billable_unit": "image",
        "resolution": resolution,
        "sound": "not_applicable",
        "unit_price": amount,
    }


KNOWN = next(each for each in MODELS if each["id"] == IMAGE)
RATIOS = KNOWN["supported_aspect_ratios"]
RATES = KNOWN["pricing"]["rates"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": "Other"}, [("name", "values changed", "info")]),
        ({"type": "video"}, [("type", "type changed", "breaking")]),
        (
            {"supported_aspect_ratios": [*RATIOS, "5:4"]},
            [("supported_aspect_ratios", "values changed", "info")],
        ),
        (
            {"supported_aspect_ratios": RATIOS[:-1]},
            [("supported_aspect_ratios", "values changed", "breaking")],
        ),
        (
            {"supported_aspect_ratios": [*RATIOS[1:], RATIOS[0]]},
            [("default of supported_aspect_ratios", "default changed", "warning")],
        ),
        (
            {"supported_references": {"reference_image": 4, "first_frame": 1}},
            [
                ("supported_references first_frame", "limit changed", "info"),
                ("supported_references reference_image", "limit changed", "breaking"),
            ],
        ),
        ({"supports_sound": True}, [("supports_sound", "values changed", "info")]),
        (
            {"pricing": {"currency": "USD", "rates": [price("0.05"), *RATES[1:]]}},
            [("pricing image 2K not_applicable", "price changed", "warning")],
        ),
        ({"pricing": {"currency": "USD", "rates": [price("0.040"), *RATES[1:]]}}, []),
        (
            {"pricing": {"currency": "USD", "rates": [*RATES, price("0.1", None)]}},
            [("pricing image any not_applicable", "added", "info")],
        ),
        (
            {"pricing": {"currency": "USD", "rates": RATES[1:]}},
            [("pricing image 2K not_applicable", "removed", "warning")],
        ),
        ({"seed": True}, [("seed", "added", "info")]),
        ({}, []),
    ],
)
def test_a_change_of_a_model_is_one_row(changed: Any, expected: list[Any]) -> None:
    """Prices are compared as amounts, lists by what they hold and what comes first."""
    assert compare(**changed) == expected


def test_models_come_and_go() -> None:
    """One that is gone breaks the programs that name it."""
    one, *rest = MODELS
    gone = [*compare_catalogues("live", MODELS, rest)]
    assert [(row.subject, row.change, row.severity) for row in gone] == [
        (f"model {one['id']}", "model gone", "breaking")
    ]
    added = [*compare_catalogues("live", rest, MODELS)]
    assert [(row.change, row.severity) for row in added] == [("model added", "info")]
