"""The ceiling on money holds, whatever the service does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.model_choice import build_small_request
from getimg_mock.contract.plans import Plan, encode_body, get_balance, post
from getimg_mock.contract.prices import compute_worst_price
from getimg_mock.contract.provider.plan_strategies import plans
from getimg_mock.contract.targets.execution import ReceivedResponse, RefusedError
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.targets.plan_run import PlanRun
from getimg_mock.serving.server import MockServer
from tests.contract.budget.paying_services import (
    MODELS,
    PRICE,
    Paid,
    Till,
    order_image,
)

pytestmark = pytest.mark.slow

FAULTS = st.sampled_from(
    [
        "none",
        "none",
        "lost",
        "500 after",
        "429",
        "cut off",
        "html",
        "hang",
        "400 after",
        "free, it says",
        "midnight",
        "no balance",
    ]
)

DEEDS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from("ab"),
        st.booleans(),
        st.sampled_from([200, 202, 400, 429, 500, 0]),
        st.sampled_from(["0", "0.005", "0.012"]),
        st.sampled_from(["", "", "settle", "midnight"]),
    ),
    max_size=25,
)


@settings(max_examples=100)
@given(
    plan=plans(MODELS),
    faults=st.lists(FAULTS, max_size=30),
    ceiling=st.decimals("0", "2", places=3),
    together=st.booleans(),
)
def test_no_fault_makes_spending_exceed_the_ceiling(
    plan: Plan, faults: list[str], ceiling: Decimal, *, together: bool
) -> None:
    """What the service takes is never more than what is booked, and that never above the ceiling.

    Lost answers, 4xx and 5xx after the effect, cut-off bodies, results that say they were free, a
    balance that is not shown, midnight before the answer: nothing is given back on their word.
    """
    if together:
        equal = post("image", build_small_request(MODELS[0]), together=True, group="equal")
        plan = replace(plan, steps=(*plan.steps, *(equal,) * 3))
    budget = Budget(ceiling, MODELS)
    with InProcessTarget().open_session(plan) as inner:
        session = Paid(inner, budget, list(faults), keys=inner.keys)
        for _ in range(2):  # what was given back after the first is spent by the second
            PlanRun(session, plan, MODELS).run()
            session.mute = False
            budget.settle()
            assert session.charged() <= budget.spent == budget.record.total
        assert all(spent <= ceiling for spent in budget.record.days.values())
        assert all(added <= left for added, left in budget.compute_daily_spend())


@settings(max_examples=200)
@given(deeds=DEEDS, ceiling=st.decimals("0", "0.1", places=3))
def test_two_runs_at_once_stay_under_one_ceiling(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[Any], ceiling: Decimal
) -> None:
    """Two gates share a record file: whatever either lets through, no day has more than its due.

    Where a service charged one day what it only claimed to have charged another, both together.
    """
    path, night, till = tmp_path_factory.mktemp("spend") / "spend.json", [1], Till()

    def today() -> datetime:
        return datetime(2026, 9, night[0], tzinfo=UTC)

    keys = {"a": "sk_a", "b": "sk_b"}
    gates = [Budget(ceiling, MODELS, SpendRecord(path, clock=today), till, keys) for _ in range(2)]
    by_day: dict[str, Decimal] = {}
    claims = False
    for which, key, charges, status, said, then in deeds:
        sent = order_image(keys[key])
        day = f"{today():%Y-%m-%d}"
        try:
            gates[which].before_request(sent, post("image", {}))
        except RefusedError:
            continue
        night[0] += then == "midnight"
        claims |= Decimal(said) > PRICE * charges
        if charges:
            till.take(key, PRICE)
            by_day[day] = by_day.get(day, Decimal(0)) + PRICE
        usage = {"id": f"x{len(by_day)}", "usage": {"total_cost": Decimal(said)}}
        body = json.dumps(usage, default=str).encode()
        gates[which].after_request(
            sent, post("image", {}), ReceivedResponse(status, (), body) if status else None
        )
        if then == "settle":
            gates[which].settle()
    assert claims or all(taken <= ceiling for taken in by_day.values()), by_day
    assert sum(by_day.values(), Decimal(0)) <= ceiling * night[0]
    for gate in gates:
        gate.close()
    assert sum(till.taken.values(), Decimal(0)) <= SpendRecord(path, clock=today).total


def test_requests_at_the_same_time_stay_under_the_ceiling() -> None:
    """Each is reserved before any of them leaves; what does not fit is not sent."""
    cheap = min((m for m in MODELS if m["type"] == "image"), key=price_of_default)
    send = post("image", build_small_request(cheap), group="equal", together=True)
    plan = Plan(name="x", tier="R2", steps=(send,) * 3)
    each = price_of_default(cheap)
    with MockServer() as server:
        target = HttpTarget(server.url, {"a": "sk_first_key"}, gate=Budget(each * 2, MODELS))
        history = target.run(plan)
        assert [e.status for e in history] == [200, 200]
        assert history.unresolved
        assert server.app.fake.store.get_or_create("sk_first_key").ledger.charged <= each * 2


def price_of_default(model: dict[str, Any]) -> Decimal:
    """Return the worst price of the smallest request for a model."""
    price = compute_worst_price(encode_body(build_small_request(model)), MODELS)
    assert price is not None
    return price


def test_a_refused_request_gives_its_reservation_back() -> None:
    """A 4xx that cost nothing does not use up the budget, once the balance shows it."""
    plan = Plan(name="x", tier="R1", steps=(post("image", {"model": "z-image-turbo"}),))
    budget = Budget(Decimal(1), MODELS)
    with InProcessTarget().open_session(plan) as inner:
        PlanRun(Paid(inner, budget, [], keys=inner.keys), plan, MODELS).run()
        assert budget.spent == budget.record.today > 0
        budget.settle()
    assert budget.spent == budget.record.today == 0


def test_a_plan_that_is_free_is_never_too_dear() -> None:
    """What others have spent today says nothing about a plan that cannot cost."""
    record = SpendRecord()
    record.add(Decimal("5.946"))
    budget = Budget(Decimal(0), MODELS, record)
    assert budget.find_obstacle(Plan(name="x", steps=(get_balance(),))) == ""
    assert "could cost" in budget.find_obstacle(
        Plan(name="x", tier="R2", steps=(post("image", {}),))
    )
    assert budget.compute_daily_spend() == ()
