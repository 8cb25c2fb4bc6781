"""What a request can cost at most is known before it is sent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    load_shipped_models,
)
from getimg_mock.contract.plans import Plan, encode_body, post
from getimg_mock.contract.prices import (
    compute_plan_price,
    compute_price,
    compute_worst_price,
    could_cost,
    select_affordable,
)
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.plan_strategies import submissions

if TYPE_CHECKING:
    from getimg_mock.contract.steps import Send


MODELS = load_shipped_models()


def test_an_unknown_price_is_refused() -> None:
    """Documented: empty rates do not mean free; what has no price is not sent."""
    unpriced = [MODELS[0] | {"pricing": {"currency": "USD", "rates": []}}]
    assert compute_worst_price(encode_body({"model": MODELS[0]["id"]}), unpriced) is None
    plan = Plan(name="x", tier="R2", steps=(post("image", {"model": MODELS[0]["id"]}),))
    chosen, left = select_affordable([plan], unpriced, Decimal(100))
    assert chosen == []
    assert "unknown" in left[0][1]


@settings(max_examples=200)
@given(step=submissions(MODELS))
def test_the_worst_price_is_no_less_than_the_price(step: Send) -> None:
    """A reservation covers what the catalogue says the request costs."""
    body: dict[str, Any] = json.loads(step.body or b"{}")
    model = next(each for each in MODELS if each["id"] == body["model"])
    price, worst = compute_price(model, body), compute_worst_price(step.body, MODELS)
    assert price is not None
    assert worst is not None
    assert price <= worst


def test_the_price_of_a_plan_is_the_sum_of_its_worst_cases() -> None:
    """A plan is priced whole before any of it is sent."""
    plan = Plan(name="x", tier="R2", steps=(post("image", {"model": "z-image-turbo"}),) * 3)
    assert compute_plan_price(plan, MODELS).worst == "0.036"
    assert compute_plan_price(plan, MODELS).submissions == 3


def test_plans_that_only_read_can_spend_nothing() -> None:
    """R0 holds no request that a provider could charge for, not even by mistake."""
    for plan in build_corpus(MODELS):
        if plan.tier == "R0":
            assert plan.submissions == (), plan.name


def test_only_a_post_with_a_key_could_cost() -> None:
    """Whatever is not a GET and carries a key is taken for something that costs."""
    key = (("authorization", "Bearer sk_x"),)
    assert could_cost("POST", key)
    assert could_cost("PUT", key)
    assert not could_cost("GET", key)
    assert not could_cost("POST", ())


def test_of_two_fields_with_one_name_the_dearest_counts() -> None:
    """Nobody knows which of two models a provider takes."""
    twice = b'{"model":"gpt-image-2","prompt":"a","model":"z-image-turbo"}'
    dearest = max(compute_worst_price(encode_body({"model": m["id"]}), MODELS) or 0 for m in MODELS)
    assert compute_worst_price(twice, MODELS) == dearest


@pytest.mark.parametrize("duration", [None, "5 s", True, [5], {"seconds": 5}, 4.5, 3600])
def test_an_odd_duration_costs_the_dearest(duration: Any) -> None:
    """So that "videos: wrong types" has a price, and can be paid."""
    video = find_cheapest(MODELS, "video")
    known = compute_worst_price(encode_body({"model": video["id"]}), MODELS)
    assert (
        compute_worst_price(
            encode_body(build_small_request(video) | {"duration": duration}), MODELS
        )
        == known
    )


@pytest.mark.parametrize("pricing", [None, [], "free", {"rates": 7}, {"rates": [None]}])
def test_a_malformed_price_list_has_no_price(pricing: Any) -> None:
    """A service may list anything: it is an unknown price, and never an exception."""
    model = {"id": "x", "type": "image", "pricing": pricing}
    assert compute_worst_price(b'{"model": "x"}', [model]) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.0051234567", "0.0051234567"),
        ("499.9948765433", "499.9948765433"),
        ("0.30000000000000004", "0.3"),
        ("499.99999999999943", "500"),
    ],
)
def test_an_amount_is_read_as_it_is_written_but_for_what_floating_point_adds(
    written: str, read: str
) -> None:
    """Documented: unit prices are decimal texts, and of any number of places."""
    assert parse_decimal(written) == parse_decimal(Decimal(written)) == Decimal(read)


def test_what_has_no_rate_may_cost_the_dearest_known_price() -> None:
    """So a service that sells it is tried within the budget; without rates nothing is known."""
    models = load_shipped_models()
    video = next(model for model in models if model["supports_sound"])
    louder = [rate for rate in video["pricing"]["rates"] if rate["sound"] == "sound_on"]
    changed = [
        model | {"pricing": model["pricing"] | {"rates": louder}} if model is video else model
        for model in models
    ]
    silent = json.dumps({"model": video["id"], "prompt": "Fog"}).encode()
    dearest = max(
        Decimal(rate["unit_price"]) * max(model["supported_durations"] or [1])
        for model in changed
        for rate in model["pricing"]["rates"]
    )
    assert compute_worst_price(silent, changed) == dearest
    bare = [model | {"pricing": {"rates": []}} if model is video else model for model in models]
    assert compute_worst_price(silent, bare) is None
