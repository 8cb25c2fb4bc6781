"""Work for the time in which a run waits: what must be computed anyway costs no time there."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_LEAST: Final = timedelta(milliseconds=50)
"""What must be left of a wait for a job to begin: most jobs take less."""


@dataclass(slots=True)
class IdleWork:
    """Jobs that the thread of a run does while it waits, in the order in which they came.

    Plans that run at the same time wait in threads of their own: there, the others use the time.
    """

    clock: Callable[[], datetime]
    _jobs: deque[Callable[[], object]] = field(default_factory=deque)
    _thread: int = field(default_factory=threading.get_ident)

    def add(self, job: Callable[[], object]) -> None:
        """Add a job; it may never be done, where the run waits for nothing more."""
        self._jobs.append(job)

    def work(self, seconds: float) -> None:
        """Do jobs for as long as a wait of `seconds` allows."""
        end = self.clock() + timedelta(seconds=seconds) - _LEAST
        while self._jobs and threading.get_ident() == self._thread and self.clock() < end:
            self._jobs.popleft()()
