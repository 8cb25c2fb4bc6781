"""Plans that run at the same time: while one waits for its videos, others send their requests.

How many videos a service runs at once is known only when it has run them, so no more are begun
than were seen at the same time.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.steps import Poll, Send

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.http_target import HttpTarget

_MOST_PLANS: Final = 8
"""How many plans run at the same time."""


def can_run_concurrently(target: HttpTarget, plans: Sequence[Plan]) -> bool:
    """Return whether a service has the limits, and the budget the money, for all of some plans."""
    if len(plans) < 2 or not all(plan.concurrent for plan in plans):
        return False
    steps = tuple(step for plan in plans for step in plan.steps)
    if target.gate is not None and target.gate.find_obstacle(replace(plans[0], steps=steps)):
        return False  # some of them may fit
    wanted = Counter("".join(step.path.split("/")[2:3]) for p in plans for step in p.submissions)
    return all(window.limit >= wanted[kind] for (_, kind), window in target.windows.items())


def run_concurrently(target: HttpTarget, plans: Sequence[Plan]) -> Iterator[History]:
    """Run plans at the same time, and yield their histories in the order of the plans.

    The gate of the target settles its books once, when all have ended.
    Raises what running one of them has raised. Where the caller stops, no more requests go out.
    """
    yield from _ConcurrentRun(target, plans).run()
    if target.gate is not None:
        target.gate.settle()


def count_slots(plan: Plan) -> int:
    """Return how many generations of a plan run at once at most, as far as the plan knows."""
    running: set[str] = set()
    most = 1
    for step in plan.steps:
        if isinstance(step, Poll):
            running.discard(step.of)
        elif isinstance(step, Send) and step.submits and "/videos/" in step.path:
            running.add(step.name or f"unnamed {len(running)}")
            most = max(most, len(running))
    return most


@dataclass(slots=True)
class _ConcurrentRun:
    """One run of plans at the same time."""

    target: HttpTarget
    plans: Sequence[Plan]
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _taken: int = 0
    _running: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)
    _found: dict[int, History | BaseException] = field(default_factory=dict)
    _left: list[tuple[int, int]] = field(default_factory=list)
    """The slots and the place of each plan that has not begun; those that need most come first."""

    def __post_init__(self) -> None:
        slots = [(count_slots(plan), place) for place, plan in enumerate(self.plans)]
        self._left = sorted(slots, key=lambda each: (-each[0], each[1]))

    def run(self) -> Iterator[History]:
        """Run all plans, and yield each history once those before it are there."""
        try:
            for place in range(len(self.plans)):
                result = self._await(place)
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            self.target.queue.dismiss(each for each in self._threads if each.is_alive())

    def _await(self, place: int) -> History | BaseException:
        with self._changed:
            while place not in self._found:
                self._begin_what_fits()
                self._changed.wait()
            return self._found.pop(place)

    def _begin_what_fits(self) -> None:
        """Begin plans for which there are slots; one that needs more than there are runs alone."""
        for slots, place in tuple(self._left):
            fits = self._taken + slots <= self.target.most_at_once or not self._taken
            if fits and self._running < _MOST_PLANS:
                self._left.remove((slots, place))
                self._taken, self._running = self._taken + slots, self._running + 1
                # A thread that sleeps when the run is interrupted must not keep the program.
                thread = threading.Thread(target=self._work, args=(place, slots), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self, place: int, slots: int) -> None:
        found: History | BaseException
        try:
            found = self.target.run(self.plans[place], concurrent=True)
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            found = error
        with self._changed:
            self._taken, self._running = self._taken - slots, self._running - 1
            self._found[place] = found
            self._changed.notify_all()
