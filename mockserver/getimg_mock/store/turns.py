"""Waiting for what another process holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.world.clock import pause, stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator


def take_turns(seconds: float, first: float, longest: float) -> Iterator[None]:
    """Yield for each try: at once, and then after pauses that double from `first` to `longest`.

    Ends with the try that is over after `seconds`. All are in real seconds.
    """
    until, wait = stopwatch() + seconds, first
    while True:
        yield
        if stopwatch() > until:
            return
        pause(wait)
        wait = min(2 * wait, longest)
