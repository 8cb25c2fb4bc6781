"""The first results of a run are looked at once more at its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.history import History
from getimg_mock.contract.provider.final_looks import build_final_plan
from getimg_mock.contract.steps import Send
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan

if TYPE_CHECKING:
    from getimg_mock.contract.exchanges import HttpExchange

LIFE = "a video from 202 to its file"


def look_again(**changes: Any) -> tuple[History, History]:
    """Return a run's history, and that of its end with each response changed."""
    before = replace(run_plan(LIFE), own=False)
    plan = build_final_plan([before])
    assert plan is not None
    known = {(each.method, each.path): each for each in before if each.status == 200}
    after = []
    for step in plan.steps:
        assert isinstance(step, Send)
        earlier: HttpExchange = known[step.method, step.path]
        after.append(replace(earlier, step=step, **changes))
    return before, History(plan=plan, exchanges=tuple(after), own=False)


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({}, ("PASS", "PASS")),
        ({"status": 404}, ("FAIL", "FAIL")),
        ({"status": 429}, ("PASS", "VOID")),
        ({"body": b'{"id": "req-1", "status": "pending"}'}, ("FAIL", "PASS")),
    ],
)
def test_a_result_that_is_gone_or_another_fails(
    changes: dict[str, Any], statuses: tuple[str, str]
) -> None:
    """GP309 and GP315, where nothing within a plan shows it."""
    found = [
        judge_check(find_check(name), look_again(**changes), own=False).status
        for name in ("GP309", "GP315")
    ]
    assert tuple(found) == statuses


def test_a_file_may_go_when_its_time_is_over() -> None:
    """What has a short life is no fault."""
    (before, after) = look_again(status=404)
    late = tuple(replace(each, at=each.at + timedelta(days=2)) for each in after)
    found = judge_check(find_check("GP315"), [before, replace(after, exchanges=late)], own=False)
    assert found.status != "FAIL"
