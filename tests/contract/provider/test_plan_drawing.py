"""Drawn plans: the same for the same seed, and drawn again from numbers that shrink."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.choices import NumberedChoices
from getimg_mock.contract.provider.number_shrinking import shrink_numbers
from getimg_mock.contract.provider.plan_drawing import build_plan, draw_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = load_shipped_models()


def test_a_plan_is_built_again_from_the_numbers_that_it_took() -> None:
    """Whatever was drawn: keys, bodies, faults, odd values, texts in every script."""
    for number in range(60):
        drawn = NumberedChoices(seed=1, number=number)
        plan = build_plan(drawn, MODELS)
        assert build_plan(NumberedChoices(drawn.taken), MODELS) == plan


def test_a_seed_draws_the_same_plans_on_every_machine() -> None:
    """A failing seed can be told to others: it does not depend on what is imported or installed."""
    models = [
        {
            "id": f"a-{kind}",
            "type": kind,
            "supported_aspect_ratios": ["1:1", "16:9"],
            "supported_resolutions": ["1K"],
            "supported_durations": [5, 8],
            "supports_sound": True,
            "supported_references": {"reference_image": 2},
        }
        for kind in ("image", "video")
    ]
    written = json.dumps([plan.as_json() for plan in draw_plans(models, seed=3, count=20)])
    assert sha256(written.encode()).hexdigest()[:16] == "41ea7a4f582cfc33"


def test_numbers_are_removed_and_lowered_as_far_as_something_is_found() -> None:
    """What remains is needed; and however little is enough, the tries are bounded."""
    tried: list[int] = []

    def find(numbers: Sequence[int]) -> list[int] | None:
        tried.append(len(numbers))
        return list(numbers) if sum(each > 4 for each in numbers) >= 2 else None

    assert shrink_numbers([*range(100)], find) == [5, 5]
    assert max(tried) < 100
    assert len(tried) <= 1000
