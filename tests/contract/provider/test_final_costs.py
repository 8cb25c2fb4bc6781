"""At the end of a run the balance and the costs have all that was delivered long before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from getimg_mock.contract.history import History
from getimg_mock.contract.provider.final_costs import find_missing_charges, find_missing_costs
from getimg_mock.contract.provider.final_looks import build_final_plan
from getimg_mock.contract.steps import Send
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan

LIFE = "a video from 202 to its file"


def end_run(*, shown: int, minutes: float) -> tuple[History, History]:
    """Return the history of a service, and a last one with the first or the last of its reads.

    Where the first is shown again, the balance has never fallen.
    """
    ran = run_plan(LIFE)
    first = next(each for each in ran if each.operation == "billing.balance")
    flat = [
        replace(each, body=first.body) if each.path == first.path and not shown else each
        for each in ran
    ]
    before = replace(ran, exchanges=tuple(flat), own=False)
    plan = build_final_plan([before])
    assert plan is not None
    after = []
    for step in plan.steps:
        assert isinstance(step, Send)
        reads = [each for each in before if each.path == step.path and each.status == 200]
        late = before.exchanges[-1].at + timedelta(minutes=minutes)
        after.append(replace(reads[shown], step=step, at=late))
    return before, History(plan=plan, exchanges=tuple(after), own=False)


@pytest.mark.parametrize(
    ("shown", "minutes", "status"), [(-1, 2, "PASS"), (0, 2, "FAIL"), (0, 1, "PASS")]
)
def test_what_was_delivered_must_show_after_a_minute(
    shown: int, minutes: float, status: str
) -> None:
    """GP504 and GP509: a service may charge and book late, but not never."""
    histories = end_run(shown=shown, minutes=minutes)
    for find in (find_missing_charges, find_missing_costs):
        assert any(observation.failed for _, observation in find(histories)) == (status == "FAIL")


def test_costs_of_another_date_do_not_grow() -> None:
    """GP509: a charge is booked on the UTC date on which it was made."""
    before, after = end_run(shown=-1, minutes=2)
    moved = []
    for each in after:
        if each.operation == "billing.costs":
            body = each.plain
            costs = [bucket["cost"] for bucket in body["data"]]
            for bucket, cost in zip(body["data"], [*costs[1:], costs[0]], strict=True):
                bucket["cost"] = cost
            each = replace(each, body=json.dumps(body).encode())  # noqa: PLW2901 - the same read
        moved.append(each)
    histories = (before, replace(after, exchanges=tuple(moved)))
    verdict = judge_check(find_check("GP509"), histories, own=False)
    assert verdict.status == "FAIL"
    assert "growth of" in verdict.findings[0].observation.actual
