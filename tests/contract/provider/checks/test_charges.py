"""GP5 on services: what was taken too much fails at once, what is booked late fails nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.exchanges import read_balance
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History

DAY = "money of a working day"
LIFE = "a video from 202 to its file"
MONEY = ("GP216", "GP313", "GP504", "GP505", "GP506", "GP507", "GP605", "GP706")


def shift_balances(history: History, change: Callable[[int, Decimal], Decimal]) -> History:
    """Return the history of a service whose n-th balance read shows another amount."""
    count, found = 0, []
    for each in history:
        amount = read_balance(each) if each.operation == "billing.balance" else None
        if amount is not None:
            body = each.plain | {"balance": str(change(count, amount))}
            found.append(replace(each, body=json.dumps(body).encode()))
            count += 1
        else:
            found.append(each)
    return replace(history, exchanges=tuple(found), own=False)


def judge(name: str, history: History) -> str:
    """Return how a money check comes out on a service."""
    return judge_check(find_check(name), [history], own=False).status


@pytest.mark.parametrize("name", MONEY)
@pytest.mark.parametrize("plan", [DAY, LIFE, "an image and its file"])
def test_a_balance_may_follow_one_read_late(plan: str, name: str) -> None:
    """When a generation is charged is not documented: a late charge is no second one."""
    honest = run_plan(plan)
    reads = [amount for each in honest if (amount := read_balance(each)) is not None]
    late = shift_balances(honest, lambda n, _: reads[max(0, n - 1)])
    assert judge(name, late) in {"PASS", "INFO", "VOID"}


@pytest.mark.parametrize("plan", [DAY, LIFE, "an image and its file"])
def test_money_taken_for_nothing_fails_on_services(plan: str) -> None:
    """GP504, GP507: an amount that no delivery explains is lost, documented or not."""
    taken = shift_balances(run_plan(plan), lambda n, amount: amount - (n > 0) * Decimal("0.01"))
    assert "FAIL" in {judge(name, taken) for name in ("GP504", "GP507")}


@pytest.mark.parametrize(("times", "status"), [(0, "INFO"), (1, "PASS"), (2, "FAIL")])
def test_costs_may_be_late_and_never_too_high(times: int, status: str) -> None:
    """GP509: costs that lack a delivery inform; costs beyond all deliveries fail."""
    history = run_plan(LIFE)
    (end,) = history.ended.values()
    cost = Decimal(str(end.object["usage"]["total_cost"]))
    found = []
    for each in history:
        if each.operation == "billing.costs" and each.number > end.number:
            body = each.plain | {"total_cost": float(cost * times)}
            found.append(replace(each, body=json.dumps(body).encode()))
        else:
            found.append(each)
    assert judge("GP509", replace(history, exchanges=tuple(found), own=False)) == status


@pytest.mark.parametrize(("quantity", "status"), [(1, "PASS"), (2, "PASS"), (3, "FAIL")])
def test_an_image_of_two_files_is_one_image_or_two(quantity: int, status: str) -> None:
    """GP502: the quantity of an image is documented as 1, and a result may have several files."""
    plan = run_plan("an image and its file")

    def double(each: HttpExchange) -> HttpExchange:
        if each.operation != "images.generate" or each.status != 200:
            return each
        body = each.plain
        usage = body["usage"] | {"quantity": quantity}
        changed = body | {"data": body["data"] * 2, "usage": usage}
        return replace(each, body=json.dumps(changed).encode())

    assert judge("GP502", replace(plan, exchanges=tuple(map(double, plan)))) == status
