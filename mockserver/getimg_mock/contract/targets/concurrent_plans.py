"""Plans that run at the same time: while one waits for its videos, others send their requests.

How many videos a service runs at once is known only when it has run them, so no more are begun
than were seen at the same time.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.plans import begins_video
from getimg_mock.contract.steps import Poll, Send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.http_target import HttpTarget

_MOST_PLANS: Final = 24
"""How many plans run at the same time: most of them wait."""

_FILES_MEANWHILE: Final = 1
"""How many files are loaded at once beside other plans, which wait for files as well."""

_LOOK_AGAIN: Final = 0.2
"""After how many seconds it is looked again whether videos of earlier plans have ended."""


def can_run_concurrently(target: HttpTarget, plans: Sequence[Plan]) -> bool:
    """Return whether a service has the limits, and the budget the money, for all of some plans."""
    if len(plans) < 2 or not all(plan.concurrent for plan in plans):
        return False
    steps = tuple(step for plan in plans for step in plan.steps)
    if target.gate is not None and target.gate.find_obstacle(replace(plans[0], steps=steps)):
        return False  # some of them may fit
    wanted = Counter("".join(step.path.split("/")[2:3]) for p in plans for step in p.submissions)
    return all(window.limit >= wanted[kind] for (_, kind), window in target.windows.items())


def run_concurrently(
    target: HttpTarget, plans: Sequence[Plan], then: Callable[[History], object] = id
) -> Iterator[History]:
    """Run plans at the same time, and yield their histories in the order of the plans.

    The gate of the target settles its books once, when all have ended. `then` is called with each
    history at once, in the thread of its plan.
    Raises what running one of them has raised. Where the caller stops, no more requests go out.
    """
    yield from _ConcurrentRun(target, plans, then).run()
    if target.gate is not None:
        target.gate.settle()


def begin_and_leave(
    target: HttpTarget, plans: Sequence[Plan], then: Callable[[History], object] = id
) -> Iterator[History]:
    """Run plans that end with files until they load nothing else, and leave them to it.

    The books are settled then, as for `run_concurrently`. Returns what yields the histories, and
    waits for them; other plans may run meanwhile.
    """
    run = _ConcurrentRun(target, plans, then, files=threading.Semaphore(_FILES_MEANWHILE))
    run.await_orders()
    if target.gate is not None:
        target.gate.settle()
    return run.run()


def count_videos(plan: Plan) -> int:
    """Return how many videos of a plan run at once at most, as far as the plan knows."""
    running: set[str] = set()
    most = 0
    for step in plan.steps:
        if isinstance(step, Poll):
            running.discard(step.of)
        elif isinstance(step, Send) and begins_video(step):
            running.add(step.name or f"unnamed {len(running)}")
            most = max(most, len(running))
    return most


def count_waits(plan: Plan) -> int:
    """Return how many times a plan waits for videos that it has begun since the last time."""
    following = zip(plan.steps, (*plan.steps[1:], None), strict=True)
    return sum(isinstance(one, Poll) and not isinstance(two, Poll) for one, two in following)


@dataclass(slots=True)
class _ConcurrentRun:
    """One run of plans at the same time."""

    target: HttpTarget
    plans: Sequence[Plan]
    then: Callable[[History], object]
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _videos: int = 0
    """How many videos the plans that run may have at once."""
    _running: int = 0
    _ordering: set[int] = field(default_factory=set)
    """The places of the plans that run and have not come to their files."""
    files: threading.Semaphore = field(default_factory=partial(threading.Semaphore, _MOST_PLANS))
    """Is held while a file is loaded."""
    _threads: list[threading.Thread] = field(default_factory=list)
    _found: dict[int, History | BaseException] = field(default_factory=dict)
    _left: list[tuple[int, int]] = field(default_factory=list)
    """The videos and the place of each plan that has not begun; what takes longest comes first."""
    _image: int = 0
    """1 where plans have images: as one request goes at a time, these take one slot together."""

    def __post_init__(self) -> None:
        videos = [count_videos(plan) for plan in self.plans]
        waits = [count_waits(plan) for plan in self.plans]
        order = sorted(range(len(self.plans)), key=lambda place: (-waits[place], -videos[place]))
        self._left = [(videos[place], place) for place in order]
        self._image = int(any(not count for count, _ in self._left))

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

    def await_orders(self) -> None:
        """Run all plans until each has come to its files, or has ended."""
        with self._changed:
            while self._left or self._ordering:
                self._changed.wait(_LOOK_AGAIN if self._begin_what_fits() else None)

    def _await(self, place: int) -> History | BaseException:
        with self._changed:
            while place not in self._found:
                # Videos of earlier plans end without a word.
                self._changed.wait(_LOOK_AGAIN if self._begin_what_fits() else None)
            return self._found.pop(place)

    def _begin_what_fits(self) -> int:
        """Begin plans for which there are slots; one that needs more than there are runs alone.

        Returns how many slots videos of earlier plans may take now.
        """
        earlier = self.target.videos.count_open(self.target.clock()) if self._left else 0
        for videos, place in tuple(self._left):
            slots = self._videos + earlier + videos + self._image
            fits = slots <= self.target.videos.most
            if (fits or not self._running + earlier) and self._running < _MOST_PLANS:
                self._left.remove((videos, place))
                self._videos, self._running = self._videos + videos, self._running + 1
                self._ordering.add(place)
                # A thread that sleeps when the run is interrupted must not keep the program.
                thread = threading.Thread(target=self._work, args=(place, videos), daemon=True)
                self._threads.append(thread)
                thread.start()
        return earlier

    def _work(self, place: int, videos: int) -> None:
        found: History | BaseException
        loading = _Loading(self, place)
        try:
            found = self.target.run(self.plans[place], concurrent=True, loading=loading)
            self.then(found)
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            found = error
        self.note_ordered(place)
        with self._changed:
            self._videos, self._running = self._videos - videos, self._running - 1
            self._found[place] = found
            self._changed.notify_all()

    def note_ordered(self, place: int) -> None:
        """Learn that a plan has come to its files, or has ended."""
        with self._changed:
            self._ordering.discard(place)
            self._changed.notify_all()


@dataclass(slots=True)
class _Loading:
    """The loading of a file by a plan of a run: a few at once, as each may have to be made."""

    run: _ConcurrentRun
    place: int

    def __enter__(self) -> None:
        self.run.note_ordered(self.place)
        self.run.files.acquire()

    def __exit__(self, *_: object) -> None:
        self.run.files.release()
