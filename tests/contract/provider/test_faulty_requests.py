"""Drawn requests with one known fault: all faults there are, and each of them is refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, seed, settings

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.provider.faulty_requests import list_bound_breaches, list_fields
from getimg_mock.contract.provider.plan_strategies import faulty
from getimg_mock.contract.targets.fake_targets import InProcessTarget

if TYPE_CHECKING:
    from getimg_mock.contract.steps import Send

pytestmark = pytest.mark.slow

MODELS = load_shipped_models()
BOUNDS = ("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems")


def drawn(count: int) -> list[Send]:
    """Return drawn faulty requests, the same each time."""
    found: list[Send] = []

    @seed(5)
    @settings(
        max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(faulty(MODELS))
    def collect(step: Send) -> None:
        found.append(step)

    collect()
    return found


def test_every_drawn_fault_is_refused() -> None:
    """A request with one fault is a 4xx that blames the request; every fault is drawn."""
    steps = drawn(2500)
    history = InProcessTarget().run(Plan(name="faults", tier="R1", steps=tuple(steps)))
    taken = [each for each in history if each.status not in {400, 422}]
    assert not taken, [(each.fault, each.step and each.step.field, each.status) for each in taken]
    faults = Counter(step.fault for step in steps)
    assert faults.keys() == {
        "missing",
        "type",
        "enum",
        "model-value",
        "unknown-model",
        "reference-url",
        "length",
        "reference-count",
        "reference-role",
        "number-form",
        "malformed",
    }
    assert min(faults.values()) >= 15


@pytest.mark.parametrize("kind", ["image", "video"])
def test_every_bound_of_the_schemas_has_a_breach(kind: str) -> None:
    """One for each keyword that bounds a field, and both alphabets where letters are counted."""
    wanted = {
        ("images" if name.startswith("images[]") else name, schema[keyword])
        for name, schema in list_fields(kind).items()
        for keyword in BOUNDS
        if keyword in schema
    }
    assert len(wanted) == {"image": 4, "video": 5}[kind]
    assert {name for name, _, _ in list_bound_breaches(kind)} == {name for name, _ in wanted}
    assert len(list_bound_breaches(kind)) == len(wanted) + 1
    for name, bound in wanted:
        sizes = [_size(value) for field, _, value in list_bound_breaches(kind) if field == name]
        assert {bound - 1, bound + 1} & set(sizes), name


def _size(value: Any) -> int:
    if isinstance(value, list) and len(value) == 1:
        return len(value[0]["url"])
    return value if isinstance(value, int) else len(value)
