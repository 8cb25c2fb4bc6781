"""One run of the client contract: each client put through its cases, and each event recorded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.clients import fault_schedules, observed_traffic, scorecard, suite
from getimg_mock.contract.clients.drivers.upstream_driver import FAULT_FREE_CASES
from getimg_mock.contract.clients.observed_traffic import ObservedCommand, ObservedFake
from getimg_mock.reports.replays import OBSERVED
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.contract.clients.drivers.driver_lookup import AdapterSource, ProgramSource
    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.contract.targets.http_target import HttpTarget
    from getimg_mock.reports.recorder import RunRecorder
    from getimg_mock.reports.run_events import RunEvent


@dataclass(slots=True, kw_only=True)
class ClientRun:
    """What is common to the clients of one verification, and what came of each so far.

    `origin` are the fields of start events that say how to repeat the run.
    """

    recorder: RunRecorder
    checks: Sequence[ClientCheck]
    seed: str
    random: int
    case_seconds: float
    processes: int
    origin: Mapping[str, Any]
    results: list[Result] = field(default_factory=list)
    command_status: int = 0
    """The status that an observed command ended with."""

    def verify(self, source: AdapterSource | ProgramSource) -> None:
        """Put a client through the cases of the checks, against the fault server."""
        driver = source.create_driver(case_seconds=self.case_seconds, shares=self.processes)
        self._drive(driver, source.adapter, self.checks)

    def compare(
        self, source: AdapterSource | ProgramSource, target: HttpTarget, budget: Budget
    ) -> None:
        """Put a client through the cases without faults, on the fake and on another service."""
        checks = [
            each for each in self.checks if any(each.wants(name) for name in FAULT_FREE_CASES)
        ]
        here = source.create_driver(case_seconds=self.case_seconds, suffix=" on the fake")
        self._drive(here, source.adapter, checks, among=FAULT_FREE_CASES)
        there = source.create_upstream_driver(target, suffix=f" on {target.name}")
        self._drive(there, source.adapter, checks, among=FAULT_FREE_CASES, where=target.url)
        budget.settle()
        self.recorder.record([budget.as_event()])

    def observe(self, observed: ObservedCommand | ObservedFake) -> None:
        """Judge the requests of a client, which is not driven."""
        began, started = wall_time().isoformat(timespec="seconds"), stopwatch()
        if isinstance(observed, ObservedFake):
            result = observed_traffic.judge_traffic(
                observed.fake,
                name=observed.name,
                key=observed.key,
                checks=self.checks,
                since=observed.since,
            )
        else:
            result, self.command_status = observed_traffic.run_command(observed, self.checks)
        result = replace(result, seconds=stopwatch() - started)
        self.results.append(result)
        stream = scorecard.events(result, adapter=OBSERVED, known=self.recorder.known)
        told = self._add_origin(stream, len(result.verdicts), "can be judged by requests alone")
        self.recorder.record(
            {**each, "at": began} if each["event"] == "start" else each for each in told
        )

    def _drive(
        self,
        driver: Driver,
        adapter: str,
        checks: Sequence[ClientCheck],
        *,
        among: frozenset[str] | None = None,
        where: str | None = None,
    ) -> None:
        """Put one client through its cases and record each as it ends, then close its driver."""
        start = scorecard.start_event(
            driver.name,
            adapter=adapter,
            seed=self.seed,
            cases=len(suite.select_cases(checks, self.seed, among)),
            checks=len(checks),
            where=where,
        )
        self.recorder.record(self._add_origin([start], len(checks), "have cases without faults"))
        try:
            result = suite.verify(
                driver,
                checks=checks,
                seed=self.seed,
                among=among,
                each=lambda history: self.recorder.record([scorecard.case_event(history)]),
            )
            if self.random and where is None:  # elsewhere nothing can be made to fail
                result = self._search_schedule(driver, result)
        finally:
            driver.close()
        self.results.append(result)
        known = self.recorder.known
        self.recorder.record(
            scorecard.generate_verdict_events(result, adapter=adapter, known=known)
        )

    def _search_schedule(self, driver: Driver, result: Result) -> Result:
        """Return the result with the shortest schedule of faults that costs twice, if any."""
        once = suite.choose_checks(["GC401"])  # they differ in the fault alone: a schedule names it
        shortest = fault_schedules.find_shortest_schedule(
            driver, once, examples=self.random, seed=result.seed
        )
        if shortest is None:
            return result
        schedule, history = shortest
        (check,) = suite.choose_checks([fault_schedules.find_check(schedule)])
        return fault_schedules.add_schedule_verdict(result, check, history)

    def _add_origin(
        self, stream: Iterable[RunEvent], judged: int, reason: str
    ) -> Iterator[RunEvent]:
        """Yield events; a start says how to repeat the run, and which checks it leaves out.

        `judged` counts the checks that are judged, and `reason` says what those that are left have.
        """
        total, chosen = len(suite.CHECKS), len(self.checks)
        left_out = [f"{chosen} of {total} checks were chosen."] if chosen < total else []
        if judged < chosen:
            left_out.append(f"{judged} of {chosen} checks {reason}.")
        more = {"left_out": left_out} if left_out else {}
        for event in stream:
            yield {**event, **self.origin, **more} if event["event"] == "start" else event
