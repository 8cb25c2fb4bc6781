"""The ceiling on money holds, whatever the service does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.contract.addresses import Address, AddressSession
from getimg_mock.contract.budget import (
    Budget,
    BudgetError,
    Record,
    affordable,
    could_cost,
    price_of_plan,
    worst_price,
)
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.corpus.choices import price_of, shipped_models, small
from getimg_mock.contract.execution import Received, Run, Sent
from getimg_mock.contract.plans import Plan, encoded, post
from getimg_mock.contract.strategies import plans, submissions
from getimg_mock.contract.targets import InProcess, InProcessSession
from getimg_mock.server import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from getimg_mock.contract.plans import Send

MODELS = shipped_models()
FAULTS = st.sampled_from(["none", "none", "lost", "500 after", "429", "cut off", "html", "hang"])


@dataclass(slots=True)
class Paid:
    """The priced fake in the place of the real API, its answers at the mercy of `faults`."""

    inner: InProcessSession
    budget: Budget
    faults: list[str]
    base: str = "https://api.getimg.ai"
    own: bool = False
    keys: dict[str, str] = field(default_factory=dict)

    def hits(self) -> dict[str, int]:
        """Return nothing: these faults are no rules of a plan."""
        return {}

    def now(self) -> datetime:
        """Return the fake's time."""
        return self.inner.now()

    def wait(self, seconds: float) -> bool:
        """Wait on the fake's time."""
        return self.inner.wait(seconds)

    def exchange(self, sent: Sent, step: Send) -> Received:
        """Pass the gate, then be answered, or not."""
        self.budget.before(sent, step)
        fault = self.faults.pop() if self.faults else "none"
        received: Received | None = None
        try:
            if fault == "429":
                received = Received(429, (), b'{"error":{"code":"rate_limit","message":"x"}}')
            else:
                received = self.inner.exchange(sent, step)
            received = _broken(received, fault)
        finally:
            self.budget.after(sent, step, received)
        return received if received is not None else Received(0, (), b"")

    def exchange_all(self, batch: Sequence[tuple[Sent, Send]]) -> Iterator[Received]:
        """Let one after the other pass."""
        for sent, step in batch:
            yield self.exchange(sent, step)

    def charged(self) -> Decimal:
        """Return what the fake took, or still holds, from all keys."""
        return sum(
            (each.ledger.charged + each.ledger.held for each in self.inner.fake.store), Decimal(0)
        )


def _broken(received: Received, fault: str) -> Received | None:
    if fault in {"lost", "hang"}:
        return None
    if fault == "500 after":
        return Received(500, (), b'{"error":{"code":"server_error","message":"x"}}')
    if fault == "cut off":
        return Received(received.status, received.headers, received.body[: len(received.body) // 2])
    if fault == "html":
        return Received(502, (("content-type", "text/html"),), b"<h1>Bad Gateway</h1>")
    return received


@settings(max_examples=60)
@given(
    plan=plans(MODELS),
    faults=st.lists(FAULTS, max_size=30),
    ceiling=st.decimals("0", "2", places=3),
)
def test_no_fault_makes_spending_exceed_the_ceiling(
    plan: Plan, faults: list[str], ceiling: Decimal
) -> None:
    """What the service takes is never more than what is booked, and that never above the ceiling.

    Lost answers, 5xx after the effect, cut-off bodies: all count as spent.
    """
    budget = Budget(ceiling, MODELS)
    with InProcess().opened(plan) as inner:
        session = Paid(inner, budget, faults, keys=inner.keys)
        Run(session, plan, MODELS).run()
        assert session.charged() <= budget.spent <= ceiling


def test_requests_at_the_same_time_stay_under_the_ceiling() -> None:
    """Each is reserved before any of them leaves; what does not fit is not sent."""
    cheap = min((m for m in MODELS if m["type"] == "image"), key=price_of_default)
    send = post("image", small(cheap), group="equal", together=True)
    plan = Plan(name="x", tier="R2", steps=(send,) * 3)
    each = price_of_default(cheap)
    with MockServer() as server:
        target = Address(server.url, {"a": "sk_first_key"}, gate=Budget(each * 2, MODELS))
        session = AddressSession(target)
        history = Run(session, plan, MODELS).run()
        assert [e.status for e in history] == [200, 200]
        assert history.unresolved
        assert server.app.fake.store.workspace("sk_first_key").ledger.charged <= each * 2


def price_of_default(model: dict[str, Any]) -> Decimal:
    """Return the worst price of the smallest request for a model."""
    price = worst_price(encoded(small(model)), MODELS)
    assert price is not None
    return price


def test_a_refused_request_gives_its_reservation_back() -> None:
    """A 4xx costs nothing, so it must not use up the budget."""
    plan = Plan(name="x", tier="R1", steps=(post("image", {"model": "z-image-turbo"}),))
    budget = Budget(Decimal(1), MODELS)
    with InProcess().opened(plan) as inner:
        Run(Paid(inner, budget, [], keys=inner.keys), plan, MODELS).run()
    assert budget.spent == 0
    assert budget.sent == 1


def test_an_unknown_price_is_refused() -> None:
    """Documented: empty rates do not mean free; what has no price is not sent."""
    unpriced = [MODELS[0] | {"pricing": {"currency": "USD", "rates": []}}]
    assert worst_price(encoded({"model": MODELS[0]["id"]}), unpriced) is None
    plan = Plan(name="x", tier="R2", steps=(post("image", {"model": MODELS[0]["id"]}),))
    chosen, left = affordable([plan], unpriced, Decimal(100))
    assert chosen == []
    assert "unknown" in left[0][1]


@settings(max_examples=200)
@given(step=submissions(MODELS))
def test_the_worst_price_is_no_less_than_the_price(step: Send) -> None:
    """A reservation covers what the catalogue says the request costs."""
    body: dict[str, Any] = json.loads(step.body or b"{}")
    model = next(each for each in MODELS if each["id"] == body["model"])
    price, worst = price_of(model, body), worst_price(step.body, MODELS)
    assert price is not None
    assert worst is not None
    assert price <= worst


def test_the_price_of_a_plan_is_the_sum_of_its_worst_cases() -> None:
    """A plan is priced whole before any of it is sent."""
    plan = Plan(name="x", tier="R2", steps=(post("image", {"model": "z-image-turbo"}),) * 3)
    assert price_of_plan(plan, MODELS).worst == "0.036"
    assert price_of_plan(plan, MODELS).submissions == 3


def test_plans_that_only_read_can_spend_nothing() -> None:
    """R0 holds no request that a provider could charge for, not even by mistake."""
    for plan in corpus(MODELS):
        if plan.tier == "R0":
            assert plan.submissions == (), plan.name


def test_only_a_post_with_a_key_could_cost() -> None:
    """Whatever is not a GET and carries a key is taken for something that costs."""
    key = (("authorization", "Bearer sk_x"),)
    assert could_cost(Sent("POST", "/v2/images/generations", key, b"{}"))
    assert could_cost(Sent("PUT", "/v2/images/generations", key, b"{}"))
    assert not could_cost(Sent("GET", "/v2/models", key, None))
    assert not could_cost(Sent("POST", "/v2/images/generations", (), b"{}"))


def test_the_record_counts_over_runs_and_by_day(tmp_path: Path) -> None:
    """What an earlier run of the same day spent leaves less for this one; a new day begins anew."""
    now = [datetime(2026, 9, 1, 23, 59, tzinfo=UTC)]
    first = Record(tmp_path / "spend.json", clock=lambda: now[0])
    first.add(Decimal("0.30"))
    second = Record(tmp_path / "spend.json", clock=lambda: now[0])
    assert second.today == Decimal("0.30")
    now[0] = datetime(2026, 9, 2, tzinfo=UTC)
    assert second.today == 0


def test_a_damaged_record_stops_everything(tmp_path: Path) -> None:
    """Without knowing what was spent there is no ceiling."""
    (tmp_path / "spend.json").write_text("{", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be read"):
        Record(tmp_path / "spend.json")


def test_reconciling_books_what_the_balance_lost_beyond_the_books() -> None:
    """If the service took more than its answers said, that counts against the day."""
    budget = Budget(Decimal(1), MODELS)
    assert budget.reconcile(Decimal(10), Decimal("9.75")) == Decimal("0.25")
    assert budget.record.today == Decimal("0.25")
