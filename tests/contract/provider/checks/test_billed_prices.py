"""GP503: the price of a combination that the catalogue leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.provider.fixed_plans import is_broken, run_plan

if TYPE_CHECKING:
    from getimg_mock.contract.history import History

MODEL = "seedance-v1-5-pro"


def leave_out(history: History, resolution: str, price: float) -> History:
    """Return the history with a price for what has no rate at a resolution any more."""
    models = []
    for model in history.models:
        rates = [
            rate for rate in model["pricing"]["rates"] if rate["resolution"] in {"720p", "1080p"}
        ]
        known = model["pricing"] | {"rates": rates}
        models.append(model | {"pricing": known} if model["id"] == MODEL else model)
    found = []
    for each in history:
        made = history.submitted.get(each.generation)
        if each.completed and made is not None and made.asked.get("resolution") == resolution:
            usage = each.plain["usage"] | {"unit_price": price}
            found.append(replace(each, body=json.dumps(each.plain | {"usage": usage}).encode()))
        else:
            found.append(each)
    return replace(history, exchanges=tuple(found), models=tuple(models), own=False)


@pytest.mark.parametrize("price", [0, 0.02])
def test_what_has_no_rate_is_not_sold(*, price: float) -> None:
    """A combination that is missing in the list is not free, and its cost cannot be known."""
    history = run_plan(f"{MODEL}: what it supports")
    assert is_broken("GP503", leave_out(history, "480p", price))
    assert not is_broken("GP503", history)


def test_a_model_without_rates_may_sell_and_one_with_some_may_not() -> None:
    """Its price cannot be known before the bill; where a model has no rates at all, none can."""
    history = run_plan("a video with sound, and one without")

    def list_rates(*sounds: str) -> History:
        models = []
        for model in history.models:
            rates = [r for r in model["pricing"]["rates"] if r["sound"] in sounds]
            models.append(model | {"pricing": model["pricing"] | {"rates": rates}})
        return replace(history, models=tuple(models))

    assert not is_broken("GP503", list_rates("sound_on", "sound_off", "not_applicable"))
    assert is_broken("GP503", list_rates("sound_on"))
    assert not is_broken("GP503", list_rates())
    unknown = [
        model | {"pricing": {"rates": [{"unit_price": "1", "resolution": None, "sound": "voice"}]}}
        for model in history.models
    ]
    assert not is_broken("GP503", replace(history, models=tuple(unknown)))
