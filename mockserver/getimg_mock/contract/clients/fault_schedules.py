"""Schedules of faults: drawn by Hypothesis, which finds the shortest one that breaks a rule.

A schedule is pure data: what happens to the first, second, third ... request for a generation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, image
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import judge_check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.clients.suite import Result

CHECKS: Final = {
    "done, reset": "GC401",
    "done, closed": "GC402",
    "done, silence": "GC403",
    "done, cut off": "GC404",
    "done, 500": "GC405",
}
"""What one call has cost, by how the answer of work that was done got lost."""

NAME_PREFIX: Final = "lost-schedule: "

_NO_FAULT: Final = "as usual"
FAULTS: Final[dict[str, FaultAction]] = {
    _NO_FAULT: lambda turn: turn.proceed(),
    "429": fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "3"),)),
    "503, not done": fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "2"),)),
    "400": fault_actions.answer_instead(build_error(400, "invalid_parameter", "No.")),
    "done, reset": fault_actions.lose_answer("reset"),
    "done, closed": fault_actions.lose_answer("close"),
    "done, silence": fault_actions.lose_answer("hang"),
    "done, cut off": fault_actions.truncate,
    "done, 500": fault_actions.answer_after_work(
        build_error(500, "server_error", "Something went wrong on our end")
    ),
}


def format_name(schedule: Sequence[str]) -> str:
    """Return the name of the case: the schedule can be read from it again."""
    return NAME_PREFIX + " | ".join(schedule)


def parse_name(case: str) -> Case | None:
    """Return the case of a schedule by its name; None for another name."""
    words = case.removeprefix(NAME_PREFIX).split(" | ")
    known = case.startswith(NAME_PREFIX) and all(word in FAULTS for word in words)
    return build_case(words) if known else None


def find_check(schedule: Sequence[str]) -> str:
    """Return the id of the check that a schedule which costs twice breaks: the last loss says."""
    lost = [CHECKS[name] for name in schedule if name in CHECKS]
    return lost[-1] if lost else "GC401"


def add_schedule_verdict(result: Result, check: ClientCheck, history: ClientHistory) -> Result:
    """Return a result with what a schedule has shown, before what fixed cases have."""
    shown = judge_check(check, [history])
    verdicts = tuple(
        replace(
            shown,
            applied=shown.applied + each.applied,
            findings=(shown.findings + each.findings)[:3],
        )
        if each.check.id == check.id and shown.broken
        else each
        for each in result.verdicts
    )
    if check.id not in {each.check.id for each in result.verdicts}:
        verdicts += (shown,)
    return replace(result, verdicts=verdicts, histories=(*result.histories, history))


def build_case(schedule: Sequence[str]) -> Case:
    """Return the case in which the nth submission meets the nth fault of a schedule."""
    rules = tuple(
        FaultRule(on="images.generate", do=FAULTS[name], label=name, nth=(place,), must=False)
        for place, name in enumerate(schedule, 1)
    )
    return Case(
        name=format_name(schedule),
        calls=(image(),),
        rules=rules,
        options={"timeout": 2},
        limit=3600,
    )


def find_shortest_schedule(
    driver: Driver, checks: Sequence[ClientCheck], *, examples: int = 100, seed: str = "0"
) -> tuple[tuple[str, ...], ClientHistory] | None:
    """Return the shortest schedule that breaks one of the checks, and what the client did there.

    None when no schedule does. Needs hypothesis. The history is that of the shortest one itself.
    """
    from hypothesis import HealthCheck, Phase, find, settings  # noqa: PLC0415 - optional
    from hypothesis import strategies as st  # noqa: PLC0415 - optional
    from hypothesis.errors import NoSuchExample  # noqa: PLC0415 - optional

    def breaks(schedule: list[str]) -> bool:
        history = driver.run(build_case(schedule), seed=seed)
        return any(seen.failed for check in checks for seen in check.observe(history))

    drawn = st.lists(st.sampled_from(list(FAULTS)), max_size=5)
    how = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        found = find(drawn, breaks, settings=how)
    except NoSuchExample:
        return None
    return tuple(found), driver.run(build_case(found), seed=seed)
