"""Serves from several processes, which share a port and a durable store."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.setting_values import MEMORY_STORE
from getimg_mock.world.clock import pause, stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from getimg_mock.settings import Settings

# A worker that ends sooner than this after its start is not started again at once.
_SHORTEST_LIFE: Final = 1.0
_REFUSED: Final = "--workers needs a store that processes can share: add --store sqlite:///fake.db."


def check_workers(settings: Settings) -> None:
    """Raise `SettingsError` for several workers where one process must have the workspaces."""
    if settings.workers == 1:
        return
    if settings.store == MEMORY_STORE:
        raise SettingsError(_REFUSED)
    if not hasattr(os, "fork"):
        raise SettingsError("--workers needs a system that can fork; this one serves from one.")


def hold_hangups() -> None:
    """Keep SIGHUP, which would end the process by default, until `release_hangups`."""
    if hasattr(signal, "SIGHUP"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def release_hangups() -> None:
    """Let SIGHUP arrive: what was kept arrives now."""
    if hasattr(signal, "SIGHUP"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


@dataclass
class Workers:
    """Processes that each run `work` with their number; one that dies is started again.

    The processes end when this one does, however it ends: `work` gets the read end of a pipe that
    closes then.
    """

    count: int
    work: Callable[[int, int], None]
    _numbers: dict[int, int] = field(default_factory=dict)
    _started: dict[int, float] = field(default_factory=dict)
    _is_over: bool = False

    def run(self) -> None:
        """Run until SIGINT or SIGTERM, which end all processes."""
        self._reading, self._writing = os.pipe()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._end)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._pass_on)
            release_hangups()
        for number in range(self.count):
            self._start(number)
        while self._numbers:
            process, status = os.wait()
            number = self._numbers.pop(process)
            if not self._is_over:
                sys.stderr.write(f"Worker {number} ended with status {status}: started again.\n")
                if stopwatch() - self._started[number] < _SHORTEST_LIFE:
                    pause(_SHORTEST_LIFE)
                self._start(number)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True
        for process in self._numbers:
            os.kill(process, signal.SIGTERM)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for process in self._numbers:
            os.kill(process, number)

    def _start(self, number: int) -> None:
        if self._is_over:
            return
        self._started[number] = stopwatch()
        sys.stdout.flush()
        process = os.fork()
        if process:
            self._numbers[process] = number
            return
        status = 1
        try:
            os.close(self._writing)
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_DFL)
            hold_hangups()
            self.work(number, self._reading)
            status = 0
        except BaseException as error:  # noqa: BLE001 - the process must end here, whatever it was
            sys.stderr.write(f"Worker {number}: {error!r}\n")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
