"""What decides about time while the time of the process is bound to a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class IdleLoop(NamedTuple):
    """An event loop of asyncio that has nothing to do before its next timer.

    `timeout` is the number of seconds until that timer, None without one. `poll` waits so many real
    seconds for input (None: without limit) and returns the events. `has_sockets` tells whether
    input can come from elsewhere than this process, `jobs` how many jobs of executors are under
    way for the loop. `silent_since` is the real moment of the last input, and `is_deadline` tells
    whether the timer only ends a wait for something else. `list_descriptors` returns what the loop
    watches, but for what wakes it itself.
    """

    timeout: float | None
    poll: Callable[[float | None], Any]
    has_sockets: bool
    jobs: int
    silent_since: float
    is_deadline: bool
    list_descriptors: Callable[[], list[int]]


class TimePolicy(Protocol):
    """Decides what a bound thread reads, and what happens when it sleeps or its loop is idle."""

    def time(self) -> float:
        """Return the time of day in Unix seconds."""

    def monotonic(self) -> float:
        """Return what `time.monotonic` returns."""

    def perf_counter(self) -> float:
        """Return what `time.perf_counter` returns."""

    def sleep(self, seconds: float) -> None:
        """Return when `seconds`, which are not negative, have passed on the clock."""

    def wait_for_events(self, loop: IdleLoop) -> Any:
        """Return the events that come before the timeout has passed on the clock."""


class DeadlinePolicy(Protocol):
    """Decides what happens when a loop of trio is idle. Trio asks again and again."""

    def note_activity(self) -> None:
        """Note that the loop of this thread has something to do."""

    def try_advance(self, seconds: float, waited: float, descriptors: list[int]) -> bool:
        """Move the clock by `seconds`, if it is the turn of this thread; return whether it was.

        `waited` is for how many real seconds the loop has been idle, and `descriptors` are what its
        tasks wait for.
        """

    def perf_counter(self) -> float:
        """Return what `time.perf_counter` returns."""
