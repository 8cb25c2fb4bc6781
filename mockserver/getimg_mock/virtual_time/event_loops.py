"""Event loops on a bound clock: asyncio's and trio's, also those that run already.

A loop that has nothing to do before its next timer does not wait for it in real time: the policy
moves the clock. Loops that keep their timers outside of Python, such as uvloop's, cannot be bound.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import sys
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from getimg_mock.errors import GetimgMockError
from getimg_mock.virtual_time.import_hooks import ImportHook
from getimg_mock.virtual_time.policy import IdleLoop
from getimg_mock.virtual_time.sleepers import POLL
from getimg_mock.virtual_time.thread_activity import NO_INPUT_SECONDS
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from getimg_mock.patches import Patches
    from getimg_mock.virtual_time.policy import DeadlinePolicy, TimePolicy

_SELECTORS: Final = (
    "SelectSelector",
    "PollSelector",
    "EpollSelector",
    "DevpollSelector",
    "KqueueSelector",
)


_END_OF_SLEEP: Final = getattr(asyncio.futures, "_set_result_unless_cancelled", object())


class LoopError(GetimgMockError):
    """An event loop whose timers cannot be bound to a clock."""


def require_linkable_loop() -> None:
    """Raise `LoopError` when the running event loop keeps its timers outside of Python."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise LoopError(
            f"The timers of {type(loop).__module__}.{type(loop).__qualname__} cannot be bound to "
            "a clock: run this test on asyncio's own event loop."
        )


class AsyncioLoops:
    """Asks a policy when a loop of asyncio is idle, in threads for which `is_bound` is true."""

    def __init__(self, policy: TimePolicy, is_bound: Callable[[], bool]) -> None:
        self._policy = policy
        self._is_bound = is_bound
        self._jobs: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._silent_since: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def start(self, patches: Patches) -> None:
        """Bind the loops that run and those to come."""
        for name in _SELECTORS:
            if hasattr(selectors, name):
                _replace_method(patches, getattr(selectors, name), "select", self._make_select)
        if sys.platform == "win32":
            _replace_method(patches, asyncio.IocpProactor, "select", self._make_select)
        patches.replace(asyncio.BaseEventLoop, "run_in_executor", self._make_run_in_executor)

    def _make_select(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def select(selector: Any, timeout: float | None = None) -> Any:
            loop = asyncio._get_running_loop()  # noqa: SLF001 - documented for such uses
            if getattr(loop, "_selector", None) is not selector or not self._is_bound():
                return original(selector, timeout)
            events = original(selector, 0)
            if not events and (timeout is None or timeout > 0):
                events = self._policy.wait_for_events(
                    IdleLoop(
                        timeout=timeout,
                        poll=lambda seconds: original(selector, seconds),
                        has_sockets=len(getattr(selector, "get_map", dict)()) > 1,
                        jobs=self._jobs.get(loop, 0),
                        silent_since=self._silent_since.setdefault(loop, stopwatch()),
                        is_deadline=_is_next_timer_deadline(loop),
                        list_descriptors=lambda: _list_descriptors(loop, selector),
                    )
                )
            if events:
                self._silent_since[loop] = stopwatch()
            return events

        return select

    def _make_run_in_executor(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def run_in_executor(loop: Any, executor: Any, func: Any, *args: Any) -> Any:
            job = original(loop, executor, func, *args)
            if self._is_bound():
                self._jobs[loop] = self._jobs.get(loop, 0) + 1
                job.add_done_callback(lambda _: self._finish_job(loop))
            return job

        return run_in_executor

    def _finish_job(self, loop: Any) -> None:
        self._jobs[loop] -= 1


def _is_next_timer_deadline(loop: Any) -> bool:
    """Return whether the next timer of a loop ends a wait, rather than a sleep."""
    timers = getattr(loop, "_scheduled", None)
    callback = getattr(timers[0], "_callback", None) if timers else None
    # What ends a sleep, which most timers do.
    if callback is _END_OF_SLEEP:
        return False
    name = getattr(callback, "__qualname__", "").lower()
    return "timeout" in name or name == "_release_waiter"


def _list_descriptors(loop: Any, selector: Any) -> list[int]:
    own = getattr(loop, "_ssock", None)
    wakes = own.fileno() if own is not None else -1
    found: Iterable[int] = getattr(selector, "get_map", dict)()
    return [each for each in tuple(found) if each != wakes]


class TrioLoops:
    """Asks a policy when a loop of trio is idle, in threads for which `is_bound` is true."""

    def __init__(self, policy: DeadlinePolicy, is_bound: Callable[[], bool]) -> None:
        self._policy = policy
        self._is_bound = is_bound
        # For each clock: the deadline, how often trio has asked, and since when.
        self._asked: WeakKeyDictionary[Any, tuple[float, int, float]] = WeakKeyDictionary()
        self._imports: ImportHook | None = None

    def start(self, patches: Patches) -> None:
        """Bind the loops that run and those to come."""

        def bind(_trio: ModuleType) -> None:
            from trio._core._run import SystemClock  # noqa: PLC0415 - it has no public name

            _replace_method(patches, SystemClock, "current_time", self._make_current_time)
            _replace_method(patches, SystemClock, "deadline_to_sleep_time", self._make_sleep_time)

        self._imports = ImportHook({"trio": bind})
        self._imports.start()

    def stop(self) -> None:
        """Bind no module that is imported from now on; the patches restore the others."""
        if self._imports is not None:
            self._imports.stop()

    def _make_current_time(self, original: Callable[..., float]) -> Callable[..., float]:
        def current_time(clock: Any) -> float:
            if not self._is_bound():
                return original(clock)
            self._policy.note_activity()
            return float(clock.offset + self._policy.perf_counter())

        return current_time

    def _make_sleep_time(self, original: Callable[..., float]) -> Callable[..., float]:
        def deadline_to_sleep_time(clock: Any, deadline: float) -> float:
            if not self._is_bound():
                return original(clock, deadline)
            left = deadline - clock.current_time()
            if left <= 0 or math.isinf(left):
                return float(left)
            return self._wait_step(clock, deadline, left)

        return deadline_to_sleep_time

    def _wait_step(self, clock: Any, deadline: float, left: float) -> float:
        """Return for how many real seconds trio may wait for input; move the clock if it may.

        Trio asks whenever all its tasks are blocked. The first answer makes it look for input
        once; when it asks again with the same deadline, nothing has come.
        """
        known, asked, since = self._asked.get(clock, (math.nan, 0, 0.0))
        asked = asked + 1 if known == deadline else 0
        since = since if asked else stopwatch()
        self._asked[clock] = (deadline, asked, since)
        if asked == 0:
            return 0.0
        waiting = _list_waiting()
        if asked == 1 and waiting:
            return NO_INPUT_SECONDS
        if not self._policy.try_advance(left, stopwatch() - since, waiting):
            return POLL
        self._asked.pop(clock, None)
        return 0.0


def _list_waiting() -> list[int]:
    """Return what the tasks of the running trio loop wait for, but for what wakes the loop."""
    from trio._core._run import GLOBAL_RUN_CONTEXT  # noqa: PLC0415 - only ever called by trio

    runner = GLOBAL_RUN_CONTEXT.runner
    own = getattr(getattr(runner.entry_queue, "wakeup", None), "wakeup_sock", None)
    wakes = own.fileno() if own is not None else -1
    found = getattr(runner.io_manager, "_registered", ())
    return [each for each in tuple(found) if isinstance(each, int) and each != wakes]


def _replace_method(
    patches: Patches, owner: type, name: str, make: Callable[[Any], Callable[..., Any]]
) -> None:
    """Replace a method in the class that defines it."""
    patches.replace(next(each for each in owner.__mro__ if name in each.__dict__), name, make)
