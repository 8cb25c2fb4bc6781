"""Cases of a program run side by side, within a limit, and what was done is judged."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from getimg_mock._shipped import open_folder
from getimg_mock.contract.clients import run_validity, suite
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.python_driver import build_untried_history
from getimg_mock.contract.clients.drivers.side_by_side import run_cases
from getimg_mock.contract.clients.suite import choose_checks, verify

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory

_CASES = ["happy", "lost-close-image", "refusal-402"]


@dataclass
class Meeting:
    """A driver of which two must run a case at the same time, or neither ends."""

    processes: int = 2
    name: str = "meeting"
    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=20))
    closed: list[str] = field(default_factory=list)
    starting: threading.Lock = field(default_factory=threading.Lock)

    def create_sibling(self) -> Meeting:
        """Return another one, at the same barrier."""
        return Meeting(1, "sibling", self.barrier, self.closed, self.starting)

    def start(self) -> None:
        """Be ready at once, unless another one is still starting."""
        assert self.starting.acquire(blocking=False)
        self.starting.release()

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Lack nothing."""
        del case
        return ()

    def find_obstacle(self, case: Case) -> str:
        """Meet none."""
        del case
        return ""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Wait for the other one."""
        self.barrier.wait()
        return build_untried_history(self.name, case, seed, ("nothing",))

    def close(self) -> None:
        """Record the name."""
        self.closed.append(self.name)


def test_cases_run_at_the_same_time_and_their_histories_are_in_order() -> None:
    """Waiting for one case does not hold up another; reports do not depend on what ended first."""
    driver = Meeting()
    among = ["unicode", "large-body"]
    result = verify(driver, checks=choose_checks(["GC104"]), among=among)
    assert [each.case for each in result.histories] == among
    assert set(driver.closed) == {"sibling"}


def test_what_was_done_before_an_interrupt_is_judged() -> None:
    """Ctrl-C ends a run and not its result: the verdicts so far, and that there are more cases."""
    driver = ProcessDriver([sys.executable, str(open_folder("fixtures") / "drivers" / "driver.py")])

    done: list[str] = []

    def interrupt(history: ClientHistory) -> None:
        done.append(history.case)
        if len(done) == 2:
            raise KeyboardInterrupt

    checks = choose_checks(["GC103", "GC410", "GC603"])
    try:
        result = verify(driver, checks=checks, among=[*_CASES, "refused-403"], each=interrupt)
    finally:
        driver.close()
    assert [each.case for each in result.histories] == done
    assert sorted(each.status for each in result.verdicts) == ["PASS", "PASS", "VOID"]
    assert result.remark == "interrupted after 2 of 3 cases"
    assert result.remark in "".join(run_validity.find_gaps(result))


def test_a_program_whose_time_is_over_is_not_judged_by_what_is_left() -> None:
    """A run of a program ends in time; cases that did not begin say so and judge nothing."""
    command = [sys.executable, str(open_folder("fixtures") / "drivers" / "driver.py")]
    driver = ProcessDriver(command, case_seconds=1e-9)
    try:
        result = verify(driver, checks=choose_checks(["GC103"]), among=["happy"])
    finally:
        driver.close()
    assert [each.status for each in result.verdicts] == ["SKIP"]
    assert "--case-seconds" in result.verdicts[0].reason
    assert "happy" in "".join(run_validity.find_gaps(result))


def test_cases_of_blockers_come_first() -> None:
    """Where time runs out, what loses money, data or secrets has been tried."""
    checks = choose_checks(["GC103", "GC402"])
    chosen = suite.select_cases(checks, among=_CASES)
    ordered = suite._sort_by_weight(chosen, checks)
    assert [each.name for each in ordered] == ["lost-close-image", "happy"]


def test_what_takes_half_a_minute_begins_before_all_others() -> None:
    """All other cases run beside it, so that the run becomes no longer."""
    checks = choose_checks(["GC415", "GC422"])
    ordered = suite._sort_by_weight(suite.select_cases(checks), checks)
    assert [each.name for each in ordered if (each.patience or 0) > 30] == [ordered[0].name]


def test_cases_begin_in_their_order() -> None:
    """One that takes long comes first, and no other thread that asks sooner takes its place."""
    began: list[str] = []

    class Noting(Meeting):
        def create_sibling(self) -> Meeting:
            return Noting(1, "sibling", self.barrier, self.closed, self.starting)

        def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
            began.append(case.name)
            return build_untried_history(self.name, case, seed, ("nothing",))

    cases = suite.select_cases(choose_checks(["GC4"]))
    list(run_cases(Noting(), cases, "0"))
    places = {case.name: place for place, case in enumerate(cases)}
    assert all(abs(places[name] - place) <= 1 for place, name in enumerate(began))


@dataclass
class Hesitant(Meeting):
    """A driver whose sibling starts at last when it was closed already."""

    ended: threading.Event = field(default_factory=threading.Event)

    def create_sibling(self) -> Hesitant:
        """Return one that tells what happens to it in the same list."""
        return Hesitant(1, "sibling", self.barrier, self.closed, self.starting, self.ended)

    def start(self) -> None:
        """Start when the run is over."""
        assert self.ended.wait(20)
        self.closed.append("started")

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Do nothing."""
        return build_untried_history(self.name, case, seed, ("nothing",))

    def close(self) -> None:
        """Let it start."""
        super().close()
        self.ended.set()


def test_who_starts_while_the_run_ends_is_closed_nevertheless() -> None:
    """A program that was begun behind the back of the end would stay."""
    driver = Hesitant()
    cases = suite.select_cases(choose_checks(["GC104"]))[:2]
    assert len(list(run_cases(driver, cases, "0"))) == 2
    assert driver.closed == ["sibling", "started", "sibling"]
