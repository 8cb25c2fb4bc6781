"""The ceiling on money holds, whatever the service does."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.budget.spend_file import BudgetError, SpendRecord
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    load_shipped_models,
)
from getimg_mock.contract.plans import Plan, encode_body, get_balance, post
from getimg_mock.contract.prices import (
    compute_plan_price,
    compute_price,
    compute_worst_price,
    could_cost,
    select_affordable,
)
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.strategies import plans, submissions
from getimg_mock.contract.targets.execution import (
    PlanRun,
    PreparedRequest,
    ReceivedResponse,
    RefusedError,
)
from getimg_mock.contract.targets.fake_targets import InProcessSession, InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.serving.server import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from getimg_mock.contract.plans import Send

MODELS = load_shipped_models()
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


@dataclass(slots=True)
class Paid:
    """The priced fake in the place of the real API, its answers at the mercy of `faults`."""

    inner: InProcessSession
    budget: Budget
    faults: list[str]
    base: str = "https://api.getimg.ai"
    own: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    patience: float = 60
    night: list[int] = field(default_factory=lambda: [1])
    mute: bool = False

    def __post_init__(self) -> None:
        """Let the budget see the balance, and the days pass."""
        self.budget.keys = self.keys
        self.budget.statements = self
        self.budget.record.clock = lambda: datetime(2026, 9, self.night[0], tzinfo=UTC)

    def count_hits(self) -> dict[str, int]:
        """Return nothing: these faults are no rules of a plan."""
        return {}

    def now(self) -> datetime:
        """Return the fake's time."""
        return self.inner.now()

    def wait(self, seconds: float) -> bool:
        """Wait on the fake's time."""
        return self.inner.wait(seconds)

    def balance(self, key: str) -> Decimal | None:
        """Return what the fake shows of a key's balance, or nothing where it fails."""
        if self.mute:
            return None
        return self.inner.fake.store.workspace(self.keys[key]).ledger.available

    def costs(self, key: str) -> Decimal | None:
        """Return nothing: the balance alone has to keep the ceiling."""
        del key
        return None

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Look at nothing."""

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Pass the gate, then be answered, or not."""
        self.budget.before_request(sent, step)
        return self.answered(sent, step)

    def answered(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Be answered, or not, and tell the gate."""
        fault = self.faults.pop() if self.faults else "none"
        self.mute = fault == "no balance"
        self.night[0] = min(28, self.night[0] + (fault == "midnight"))
        received: ReceivedResponse | None = None
        try:
            if fault != "429":  # the one fault that comes before the effect
                received = self.inner.exchange(sent, step)
            received = _broken(received or REFUSALS["429"], fault)
        finally:
            self.budget.after_request(sent, step, received)
        return received if received is not None else ReceivedResponse(0, (), b"")

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Let all that fit pass before the first is answered."""
        refused: RefusedError | None = None
        passed = []
        for sent, step in batch:
            try:
                self.budget.before_request(sent, step)
            except RefusedError as error:
                refused = error
                break
            passed.append((sent, step))
        yield from [self.answered(sent, step) for sent, step in passed]
        if refused is not None:
            raise refused

    def charged(self) -> Decimal:
        """Return what the fake took, or still holds, from all keys."""
        return sum(
            (each.ledger.charged + each.ledger.held for each in self.inner.fake.store), Decimal(0)
        )


REFUSALS = {
    "429": ReceivedResponse(429, (), b'{"error":{"code":"rate_limit","message":"x"}}'),
    "400 after": ReceivedResponse(400, (), b'{"error":{"code":"invalid_parameter","message":"x"}}'),
    "500 after": ReceivedResponse(500, (), b'{"error":{"code":"server_error","message":"x"}}'),
    "html": ReceivedResponse(502, (("content-type", "text/html"),), b"<h1>Bad Gateway</h1>"),
}


def _broken(received: ReceivedResponse, fault: str) -> ReceivedResponse | None:
    if fault in {"lost", "hang"}:
        return None
    if fault == "cut off":
        return ReceivedResponse(
            received.status, received.headers, received.body[: len(received.body) // 2]
        )
    if fault == "free, it says":
        free = re.sub(rb'"total_cost":[^,}]*', b'"total_cost":0', received.body)
        return ReceivedResponse(received.status, received.headers, free)
    return REFUSALS.get(fault, received)


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


@dataclass(slots=True)
class Till:
    """A service that does with a request's money whatever the example says."""

    taken: dict[str, Decimal] = field(default_factory=dict)

    def balance(self, key: str) -> Decimal:
        """Return what is left of ten dollars."""
        return Decimal(10) - self.taken.get(key, Decimal(0))

    def costs(self, key: str) -> Decimal:
        """Return what was taken."""
        return self.taken.get(key, Decimal(0))

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Look at nothing."""

    def take(self, key: str, amount: Decimal) -> None:
        """Take money."""
        self.taken[key] = self.taken.get(key, Decimal(0)) + amount


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
        sent = _image(keys[key])
        day = f"{today():%Y-%m-%d}"
        try:
            gates[which].before(sent, post("image", {}))
        except RefusedError:
            continue
        night[0] += then == "midnight"
        claims |= Decimal(said) > PRICE * charges
        if charges:
            till.take(key, PRICE)
            by_day[day] = by_day.get(day, Decimal(0)) + PRICE
        usage = {"id": f"x{len(by_day)}", "usage": {"total_cost": Decimal(said)}}
        body = json.dumps(usage, default=str).encode()
        gates[which].after(
            sent, post("image", {}), ReceivedResponse(status, (), body) if status else None
        )
        if then == "settle":
            gates[which].settle()
    assert claims or all(taken <= ceiling for taken in by_day.values()), by_day
    assert sum(by_day.values(), Decimal(0)) <= ceiling * night[0]
    for gate in gates:
        gate.close()
    assert sum(till.taken.values(), Decimal(0)) <= SpendRecord(path, clock=today).total


PRICE = Decimal("0.012")


def _image(secret: str) -> PreparedRequest:
    """Return a request that costs `PRICE`."""
    body = encode_body({"model": "z-image-turbo", "prompt": "a"})
    return PreparedRequest(
        "POST", "/v2/images/generations", (("authorization", f"Bearer {secret}"),), body
    )


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
        assert server.app.fake.store.workspace("sk_first_key").ledger.charged <= each * 2


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


def test_the_record_counts_over_runs_and_by_day(tmp_path: Path) -> None:
    """What an earlier run of the same day spent leaves less for this one; a new day begins anew."""
    now = [datetime(2026, 9, 1, 23, 59, tzinfo=UTC)]
    first = SpendRecord(tmp_path / "spend.json", clock=lambda: now[0])
    first.add(Decimal("0.30"))
    second = SpendRecord(tmp_path / "spend.json", clock=lambda: now[0])
    assert second.today == Decimal("0.30")
    now[0] = datetime(2026, 9, 2, tzinfo=UTC)
    assert second.today == 0


def test_a_damaged_record_stops_everything(tmp_path: Path) -> None:
    """Without knowing what was spent there is no ceiling."""
    (tmp_path / "spend.json").write_text("{", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be read"):
        SpendRecord(tmp_path / "spend.json")


def test_what_the_balance_lost_beyond_the_books_is_booked_and_stops_the_run() -> None:
    """If the service took more than its answers said, that counts against the day at once."""
    till = Till()
    budget = Budget(Decimal("0.1"), MODELS, statements=till, keys={"a": "sk_a", "b": "sk_b"})
    sent = _image("sk_b")
    budget.before_request(sent, post("image", {}))
    till.take("b", Decimal("0.25"))
    budget.after_request(sent, post("image", {}), ReceivedResponse(400, (), b"{}"))
    budget.settle()
    assert budget.compute_overruns() == {"b": Decimal("0.238")}
    assert budget.record.today == budget.spent == Decimal("0.25")
    with pytest.raises(RefusedError):
        budget.before_request(_image("sk_a"), post("image", {}))
    assert [added <= left for added, left in budget.compute_daily_spend()] == [False]


def test_costs_tell_what_a_balance_that_was_filled_up_hides() -> None:
    """Balance and costs are both compared at the end, for each key."""
    till = Till()
    budget = Budget(Decimal(1), MODELS, statements=till, keys={"a": "sk_a"})
    budget.open()
    till.take("a", Decimal("0.25"))
    budget.statements = FilledUp(till.taken)
    budget.close()
    assert budget.beyond == Decimal("0.25")
    assert budget.as_event()["keys"]["a"] == {
        "opening": "10",
        "closing": "100",
        "booked": "0.25",
        "costs": "0.25",
        "beyond": "0.25",
    }


class FilledUp(Till):
    """Somebody paid in meanwhile."""

    def balance(self, key: str) -> Decimal:
        """Return more than ever."""
        del key
        return Decimal(100)


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


def test_what_is_given_back_after_midnight_is_given_back_to_its_day() -> None:
    """Else a refusal of yesterday would make room for more than the ceiling today."""
    now = [datetime(2026, 9, 1, 23, 59, tzinfo=UTC)]
    budget = Budget(PRICE, MODELS, SpendRecord(clock=lambda: now[0]), Till(), {"a": "sk_a"})
    sent = _image("sk_a")
    budget.before_request(sent, post("image", {}))
    now[0] = datetime(2026, 9, 2, tzinfo=UTC)
    budget.after_request(sent, post("image", {}), ReceivedResponse(400, (), b"{}"))
    budget.settle()
    assert budget.record.days == {"2026-09-01": Decimal("0.000")}


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


def test_what_another_run_spends_with_the_same_key_is_not_taken_for_ours() -> None:
    """It stands in the record that both share."""
    record, till = SpendRecord(), Till()
    ours, theirs = (Budget(Decimal(1), MODELS, record, till, {"a": "sk_a"}) for _ in range(2))
    ours.open()
    sent = _image("sk_a")
    theirs.before_request(sent, post("image", {}))
    till.take("a", PRICE)
    theirs.after_request(sent, post("image", {}), None)
    for each in (ours, theirs):
        each.close()
        assert each.beyond == 0
    assert record.total == PRICE


def test_a_lost_answer_is_never_given_back() -> None:
    """A balance that has not fallen yet says nothing about what may still be at work."""
    budget = Budget(Decimal(1), MODELS, statements=Till(), keys={"a": "sk_a"})
    for received in (
        None,
        ReceivedResponse(0, (), b""),
        REFUSALS["500 after"],
        ReceivedResponse(200, (), b"{"),
    ):
        sent = _image("sk_a")
        budget.before_request(sent, post("image", {}))
        budget.after_request(sent, post("image", {}), received)
    budget.close()
    assert budget.spent == PRICE * 4


def test_many_at_once_reserve_no_more_than_there_is(tmp_path: Path) -> None:
    """Each run has the file for itself while it looks and books."""
    records = [SpendRecord(tmp_path / "spend.json") for _ in range(6)]

    def reserved(record: SpendRecord) -> int:
        return sum(record.reserve(Decimal("0.01"), Decimal("0.5")) is not None for _ in range(20))

    with ThreadPoolExecutor(len(records)) as pool:
        assert sum(pool.map(reserved, records)) == 50
    assert SpendRecord(tmp_path / "spend.json").total == Decimal("0.5")


def test_a_record_that_cannot_be_written_stops_everything(tmp_path: Path) -> None:
    """Before anything is sent, not when it is spent."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be written"):
        SpendRecord(tmp_path / "file" / "spend.json")


def test_what_a_refusal_left_is_spent_again_in_the_same_plan() -> None:
    """The balance is asked when the ceiling is reached; and again when the plan has ended."""
    till = Till()
    budget = Budget(PRICE, MODELS, statements=till, keys={"a": "sk_a"})
    for charges in (False, True):
        sent = _image("sk_a")
        budget.before_request(sent, post("image", {}))
        till.take("a", PRICE * charges)
        budget.after_request(sent, post("image", {}), REFUSALS["400 after"])
    with pytest.raises(RefusedError):
        budget.before_request(_image("sk_a"), post("image", {}))
    till.taken["a"] = Decimal(0)  # the service gives it back
    budget.settle()
    assert budget.spent == 0
