"""The engine: the time of this process becomes the time of a clock, as a policy decides.

Replaced are the functions of `time`, also where modules have imported them by name; the timers of
event loops; `datetime.now()` where time-machine is installed; and `threading.Event.wait` on demand.
Threads that are declared as outsiders keep real time. After `stop()`, everything that was replaced
is restored or passes calls on to the original function for ever.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final, Protocol

from getimg_mock.patches import Patches, find_original, restore_late
from getimg_mock.virtual_time.datetime_patch import DatetimePatch
from getimg_mock.virtual_time.event_loops import AsyncioLoops, TrioLoops
from getimg_mock.virtual_time.time_aliases import (
    FUNCTIONS,
    find_aliases,
    find_held,
    list_new_modules,
    list_searched_modules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from types import ModuleType

    from getimg_mock.virtual_time.policy import DeadlinePolicy, TimePolicy


_read_real_clock: Final[Any] = getattr(time, "clock_gettime", None)  # Windows has none
_WALL_CLOCKS: Final = {getattr(time, name, None) for name in ("CLOCK_REALTIME", "CLOCK_TAI")}
_STEADY_CLOCKS: Final = {
    getattr(time, name, None)
    for name in ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_UPTIME")
}


class PatchNotes(Protocol):
    """Makes patches that last as long as the binding."""

    def start(self, patches: Patches) -> None:
        """Make the patches."""

    def stop(self) -> None:
        """Undo what is not restored with the patches."""


class TimeBinding:
    """Binds the time of this process to a policy, from `start()` to `stop()`, once.

    Threads in `outsiders` keep real time; all others are bound. `trio` decides for loops of trio,
    which keep real time without it. `event_wait` waits for a `threading.Event` with a timeout: it
    takes the seconds, and a function that waits so many real seconds. `real_callers` tells which
    modules, by name, get real time in bound threads, too.
    `notes` makes patches of its own.
    Bindings may be nested: the innermost decides.
    """

    def __init__(
        self,
        policy: TimePolicy,
        *,
        outsiders: Container[threading.Thread] = (),
        trio: DeadlinePolicy | None = None,
        event_wait: Callable[[float, Callable[[float], bool]], bool] | None = None,
        real_callers: Mapping[object, bool] | None = None,
        notes: PatchNotes | None = None,
    ) -> None:
        self._notes = notes
        self._real_callers = real_callers
        self._policy = policy
        self._outsiders = outsiders
        self._event_wait = event_wait
        self._patches = Patches()
        self._threads = _BoundThreads(outsiders)
        self._datetime = DatetimePatch(policy.time)
        self._asyncio = AsyncioLoops(policy, self.is_bound)
        self._trio = TrioLoops(trio, self.is_bound) if trio is not None else None
        self._modules: dict[str, ModuleType] = {}
        self._functions: frozenset[Any] = frozenset()

    def is_bound(self) -> bool:
        """Return whether the calling thread has the time of the clock."""
        return self._patches.active and self._threads.is_bound

    def start(self) -> None:
        """Replace everything."""
        restore_late()
        try:
            self._datetime.start()
            self._asyncio.start(self._patches)
            if self._trio is not None:
                self._trio.start(self._patches)
            if self._notes is not None:
                self._notes.start(self._patches)
            self._patch_time()
            if self._event_wait is not None:
                self._patches.replace(threading.Event, "wait", self._make_event_wait)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Restore everything that is still replaced by this binding."""
        if not self._patches.active:
            return
        self._patches.restore()
        if self._trio is not None:
            self._trio.stop()
        if self._notes is not None:
            self._notes.stop()
        self._datetime.stop()
        self._restore_new_modules()

    def shift_dates(self, microseconds: int) -> None:
        """Move the dates of another library that has frozen them, as far as the clock was moved."""
        self._datetime.shift(microseconds)

    def _patch_time(self) -> None:
        aliases = list(find_aliases())
        self._modules = list_searched_modules()
        made: dict[str, _TimeFunction] = {}
        for name, bound in self._bound_functions().items():
            made[name] = self._patches.replace(time, name, self._make_function(bound))
        for module, attribute, name in aliases:
            held, original = getattr(module, attribute, None), made[name].original
            if held is original or find_original(held) is original:
                self._patches.reuse(module, attribute, made[name])
        self._functions = frozenset(made.values())

    def _make_function(self, bound: Callable[..., Any]) -> Callable[[Any], _TimeFunction]:
        return lambda original: _TimeFunction(
            original, bound, (self._patches, self._threads), self._real_callers
        )

    def _bound_functions(self) -> dict[str, Callable[..., Any]]:
        policy = self._policy
        found: dict[str, Callable[..., Any]] = {
            "sleep": self._sleep,
            "time": policy.time,
            "time_ns": lambda: to_nanoseconds(policy.time()),
            "monotonic": policy.monotonic,
            "monotonic_ns": lambda: to_nanoseconds(policy.monotonic()),
            "perf_counter": policy.perf_counter,
            "perf_counter_ns": lambda: to_nanoseconds(policy.perf_counter()),
            "clock_gettime": self._read_clock,
            "clock_gettime_ns": lambda clock: to_nanoseconds(self._read_clock(clock)),
        }
        return {name: each for name, each in found.items() if name in FUNCTIONS}

    def _read_clock(self, clock: int) -> float:
        """Return the time of a clock of the system; those of processors are real."""
        if clock in _WALL_CLOCKS:
            return self._policy.time()
        if clock in _STEADY_CLOCKS:
            return self._policy.monotonic()
        return float(_read_real_clock(clock))

    def _sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._policy.sleep(seconds)

    def _make_event_wait(self, original: Callable[..., bool]) -> Callable[..., bool]:
        def wait(event: threading.Event, timeout: float | None = None) -> bool:
            waiting = self._event_wait
            if timeout is None or event.is_set() or waiting is None or not self.is_bound():
                return original(event, timeout)
            return waiting(max(timeout, 0.0), lambda seconds: original(event, seconds))

        return wait

    def _restore_new_modules(self) -> None:
        """Restore what modules that were imported meanwhile have taken from `time` by name."""
        for name in list_new_modules(self._modules):
            for attribute, function in find_held(name, self._functions):
                setattr(sys.modules[name], attribute, find_original(function))


class _BoundThreads(threading.local):
    """Whether the calling thread is bound: a thread never changes sides.

    Asked at every reading of a clock, so it is found out once in each thread.
    """

    def __init__(self, outsiders: Container[threading.Thread]) -> None:
        self.is_bound = threading.current_thread() not in outsiders


class _TimeFunction:
    """A function of `time` that passes calls on to the original where time is not bound.

    An object and not a function, so that it does not become a method as an attribute of a class;
    those of `time` do not, either. Copied and pickled by its name, as they are.
    """

    def __init__(
        self,
        original: Callable[..., Any],
        bound: Callable[..., Any],
        scope: tuple[Patches, _BoundThreads],
        real_callers: Mapping[object, bool] | None,
    ) -> None:
        update_wrapper(self, original)
        self._real_callers = real_callers
        self.original = original
        self._bound = bound
        self._patches, self._threads = scope

    def __call__(self, *arguments: Any) -> Any:
        if self._patches.active and self._threads.is_bound:
            real = self._real_callers
            if real is None or not real[_get_frame(1).f_globals.get("__name__")]:
                return self._bound(*arguments)
        return self.original(*arguments)

    def __reduce__(self) -> str:
        return self.__name__  # type: ignore[attr-defined, no-any-return]


_get_frame: Final = sys._getframe  # noqa: SLF001 - nothing else shows who calls


def to_nanoseconds(seconds: float) -> int:
    """Return whole microseconds, which is as fine as clocks are, in nanoseconds."""
    return round(seconds * 1e6) * 1000
