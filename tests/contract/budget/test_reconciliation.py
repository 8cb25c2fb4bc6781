"""The books of each key are held to what the service says of its money."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.plans import post
from getimg_mock.contract.targets.execution import ReceivedResponse, RefusedError
from tests.contract.budget.paying_services import (
    MODELS,
    PRICE,
    REFUSALS,
    FilledUp,
    Till,
    order_image,
)


def test_what_the_balance_lost_beyond_the_books_is_booked_and_stops_the_run() -> None:
    """If the service took more than its answers said, that counts against the day at once."""
    till = Till()
    budget = Budget(Decimal("0.1"), MODELS, statements=till, keys={"a": "sk_a", "b": "sk_b"})
    sent = order_image("sk_b")
    budget.before_request(sent, post("image", {}))
    till.take("b", Decimal("0.25"))
    budget.after_request(sent, post("image", {}), ReceivedResponse(400, (), b"{}"))
    budget.settle()
    assert budget.compute_overruns() == {"b": Decimal("0.238")}
    assert budget.record.today == budget.spent == Decimal("0.25")
    with pytest.raises(RefusedError):
        budget.before_request(order_image("sk_a"), post("image", {}))
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


def test_what_is_given_back_after_midnight_is_given_back_to_its_day() -> None:
    """Else a refusal of yesterday would make room for more than the ceiling today."""
    now = [datetime(2026, 9, 1, 23, 59, tzinfo=UTC)]
    budget = Budget(PRICE, MODELS, SpendRecord(clock=lambda: now[0]), Till(), {"a": "sk_a"})
    sent = order_image("sk_a")
    budget.before_request(sent, post("image", {}))
    now[0] = datetime(2026, 9, 2, tzinfo=UTC)
    budget.after_request(sent, post("image", {}), ReceivedResponse(400, (), b"{}"))
    budget.settle()
    assert budget.record.days == {"2026-09-01": Decimal("0.000")}


def test_what_another_run_spends_with_the_same_key_is_not_taken_for_ours() -> None:
    """It stands in the record that both share."""
    record, till = SpendRecord(), Till()
    ours, theirs = (Budget(Decimal(1), MODELS, record, till, {"a": "sk_a"}) for _ in range(2))
    ours.open()
    sent = order_image("sk_a")
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
        sent = order_image("sk_a")
        budget.before_request(sent, post("image", {}))
        budget.after_request(sent, post("image", {}), received)
    budget.close()
    assert budget.spent == PRICE * 4


def test_what_a_refusal_left_is_spent_again_in_the_same_plan() -> None:
    """The balance is asked when the ceiling is reached; and again when the plan has ended."""
    till = Till()
    budget = Budget(PRICE, MODELS, statements=till, keys={"a": "sk_a"})
    for charges in (False, True):
        sent = order_image("sk_a")
        budget.before_request(sent, post("image", {}))
        till.take("a", PRICE * charges)
        budget.after_request(sent, post("image", {}), REFUSALS["400 after"])
    with pytest.raises(RefusedError):
        budget.before_request(order_image("sk_a"), post("image", {}))
    till.taken["a"] = Decimal(0)  # the service gives it back
    budget.settle()
    assert budget.spent == 0


def test_what_results_cost_is_owed_until_the_balance_shows_it() -> None:
    """A replica of the books may be late: what it shows later is no charge of what follows."""
    till = Till()
    budget = Budget(Decimal(1), MODELS, statements=till, keys={"a": "sk_a"})
    sent = order_image("sk_a")
    budget.before_request(sent, post("image", {}))
    body = b'{"id": "req-1", "status": "completed", "usage": {"total_cost": 0.012}}'
    budget.after_request(sent, post("image", {}), ReceivedResponse(200, (), body))
    assert budget.is_owed()
    till.take("a", Decimal("0.012"))
    assert not budget.is_owed()


def test_what_another_key_bought_is_not_owed_by_ours() -> None:
    """A service that takes any key has a balance for each: a run would wait for ours in vain."""
    budget = Budget(Decimal(1), MODELS, statements=Till(), keys={"a": "sk_a"})
    sent = order_image("sk_ax")
    budget.before_request(sent, post("image", {}))
    body = b'{"id": "req-1", "status": "completed", "usage": {"total_cost": 0.012}}'
    budget.after_request(sent, post("image", {}), ReceivedResponse(200, (), body))
    assert not budget.is_owed()
    assert budget.spent == PRICE
