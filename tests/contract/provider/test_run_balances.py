"""GP504 over a run: a service is judged by all plans together."""

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
    from getimg_mock.contract.history import History


def shift(history: History, amount: Decimal) -> History:
    """Return the history of a service in which all balances are lower by an amount."""
    found = []
    for each in history:
        shown = read_balance(each)
        if shown is not None:
            body = json.dumps(each.plain | {"balance": str(shown - amount)}).encode()
            each = replace(each, body=body)  # noqa: PLW2901 - the same exchange, read otherwise
        found.append(each)
    return replace(history, exchanges=tuple(found), own=False)


@pytest.mark.parametrize(("more", "status"), [("0", "PASS"), ("0.05", "FAIL")])
def test_a_charge_in_a_plan_without_balances_is_found(more: str, status: str) -> None:
    """No plan alone shows it: between two plans that read balances, more was taken than sold."""
    before, between = run_plan("an image and its file"), run_plan("images in every format")
    sold = sum(Decimal(str(each.plain["usage"]["total_cost"])) for each in between if each.accepted)
    spent = Decimal(str(before.exchanges[1].plain["usage"]["total_cost"])) * 2
    histories = (
        shift(before, Decimal(0)),
        shift(between, Decimal(0)),
        shift(before, spent + sold + Decimal(more)),
    )
    verdict = judge_check(find_check("GP504"), histories, own=False)
    assert verdict.status == status
