"""The suite: all checks of clients and all cases, put to one client."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients import checks
from getimg_mock.contract.clients.cases.client_check import (
    ClientCheck,
    compute_verdict,
    matches_any,
)
from getimg_mock.contract.clients.drivers.side_by_side import run_cases
from getimg_mock.contract.discovery import discover_checks, import_modules
from getimg_mock.errors import UnknownNameError
from getimg_mock.world.clock import stopwatch
from getimg_mock.world.randomness import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.verdicts import Verdict

_MAX_OVERDUE_CASES: Final = 3
_MAX_STUCK_CASES: Final = 40

CHECKS: Final = tuple(check for check in discover_checks(checks) if isinstance(check, ClientCheck))
"""GC: what a client must hold to."""


@cache
def cases(seed: str = "0") -> tuple[Case, ...]:
    """Return every case of every module of checks; words in them are drawn from `seed`.

    A module of checks lists its cases by a function `cases`, which takes a stream of random values.
    """
    return tuple(
        case
        for module in import_modules(checks)
        if hasattr(module, "cases")
        for case in module.cases(Stream(seed, "client", module.__name__))
    )


def choose_checks(only: Iterable[str] = ()) -> tuple[ClientCheck, ...]:
    """Return the checks whose id begins with one of `only`; all, without any.

    Raises `UnknownNameError` for a beginning that no check has.
    """
    wanted = tuple(only)
    for each in wanted:
        if not any(check.id.startswith(each) for check in CHECKS):
            raise UnknownNameError("check", each, [check.id for check in CHECKS])
    return tuple(check for check in CHECKS if not wanted or check.id.startswith(wanted))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: the verdicts in the order of the checks, and what they are based on."""

    client: str
    seed: str
    verdicts: tuple[Verdict, ...]
    histories: tuple[ClientHistory, ...] = field(repr=False)
    seconds: float = 0.0
    remark: str = ""
    """What the scorecard adds, such as how many requests were refused."""
    interrupted: bool = False
    """Whether the run ended before all cases: `remark` says why."""

    @property
    def exchanges(self) -> int:
        """How many requests the client sent; histories of one observation share theirs."""
        whole = [each for each in self.histories if each.case == "observed"]
        return sum(len(each.exchanges) for each in whole or self.histories)

    def of(self, status: str) -> list[Verdict]:
        """Return the verdicts with that status."""
        return [each for each in self.verdicts if each.status == status]

    @property
    def failed(self) -> set[str]:
        """The ids of the rules that were seen broken."""
        return {each.check.id for each in self.verdicts if each.broken}

    @property
    def blockers(self) -> list[str]:
        """The ids of the blockers among the failures."""
        return [each.check.id for each in self.of("FAIL") if each.check.severity == "blocker"]


def select_cases(
    checks: Sequence[ClientCheck], seed: str = "0", among: Iterable[str] | None = None
) -> list[Case]:
    """Return the cases that `checks` are judged by; `among` are those that may be run, if any."""
    globs = tuple(dict.fromkeys(glob for check in checks for glob in check.cases))
    return list(_select_cases(globs, seed, None if among is None else frozenset(among)))


# A run asks twice, and each time matches hundreds of names with hundreds of globs.
@cache
def _select_cases(
    globs: tuple[str, ...], seed: str, among: frozenset[str] | None
) -> tuple[Case, ...]:
    return tuple(
        case
        for case in cases(seed)
        if (among is None or case.name in among) and matches_any(globs, case.name)
    )


def verify(
    driver: Driver,
    *,
    checks: Sequence[ClientCheck] = CHECKS,
    seed: str = "0",
    among: Iterable[str] | None = None,
    each: Callable[[ClientHistory], object] = lambda _: None,
) -> Result:
    """Put a client through every case that `checks` need and judge what it did.

    `among` are the names of cases that may be run; all, without. `each` is called with every
    history as soon as there is one. A KeyboardInterrupt ends the run, and what was done so far is
    judged. So does a client that takes all of its real time in case after case.
    """
    started = stopwatch()
    chosen = select_cases(checks, seed, among)
    histories, remark = _run_all(driver, chosen, checks, seed, each)
    order = {case.name: place for place, case in enumerate(chosen)}
    histories.sort(key=lambda history: order[history.case])
    verdicts = tuple(compute_verdict(check, histories) for check in checks)
    return Result(
        driver.name,
        seed,
        verdicts,
        tuple(histories),
        stopwatch() - started,
        remark=remark,
        interrupted=bool(remark),
    )


def _run_all(
    driver: Driver,
    chosen: Sequence[Case],
    checks: Sequence[ClientCheck],
    seed: str,
    each: Callable[[ClientHistory], object],
) -> tuple[list[ClientHistory], str]:
    """Return the histories of cases, and why there are no more of them where the run ends early."""
    histories: list[ClientHistory] = []
    remark = ""
    try:
        several = getattr(driver, "processes", 1) > 1
        ordered = _sort_by_weight(chosen, checks) if several else chosen
        for history in run_cases(driver, ordered, seed):
            histories.append(history)
            each(history)
            if history.stuck or history.overdue:
                remark = _describe_hanging(histories)
            if remark:
                break
    except KeyboardInterrupt:
        remark = f"interrupted after {len(histories)} of {len(chosen)} cases"
    return histories, remark


def _sort_by_weight(chosen: Sequence[Case], checks: Sequence[ClientCheck]) -> list[Case]:
    """Return early cases first, then those of blockers, and of these those that may take longest.

    Among the others, the only case that a check has in real time comes first. So a run that ends
    early has done what matters most.
    """
    real = [case for case in chosen if case.patience is not None]
    wanted = {each.id: [case.name for case in real if each.wants(case.name)] for each in checks}
    only = {names[0] for names in wanted.values() if len(names) == 1}

    def weigh(case: Case) -> tuple[bool, bool, bool, bool, float]:
        blocks = any(each.severity == "blocker" and each.wants(case.name) for each in checks)
        patience = case.patience or 0.0
        return case.begins_first, case.early, blocks, case.name in only, patience * len(case.calls)

    return sorted(chosen, key=weigh, reverse=True)


def _describe_hanging(histories: Sequence[ClientHistory]) -> str:
    """Return why a run ends here: case after case took all of its real time. Else nothing."""
    if sum(each.stuck for each in histories) >= _MAX_STUCK_CASES:
        return (
            f"it waited for what never comes in {_MAX_STUCK_CASES} cases, and no further case was "
            "tried: see what was judged"
        )
    hanging = [each for each in histories if each.overdue and each.virtual]
    if len(hanging) < _MAX_OVERDUE_CASES:
        return ""
    listed = ", ".join(each.case for each in hanging)
    return (
        f"it did not come back within {hanging[0].overdue:g} s of real time in {len(hanging)} "
        f"cases ({listed}), and no further case was tried. It sends too many requests, or waits "
        "for something that virtual time does not reach: a library in C, or datetime.now() where "
        "time-machine is not installed. Drive it as a program, --program COMMAND, or allow more "
        "with --case-seconds"
    )
