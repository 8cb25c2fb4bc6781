"""Serves from several processes, which share a port and a durable store."""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock.errors import SettingsError
from getimg_mock.serving.connection_handout import ConnectionHandout
from getimg_mock.setting_values import MEMORY_STORE
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from getimg_mock.settings import Settings

# A worker that ends sooner than this after its start is not started again at once.
_SHORTEST_LIFE: Final = 1.0
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_MOST_SIGNALS: Final = 4_096
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


class WorkerEnds(NamedTuple):
    """What a worker has of its parent.

    Connections come over `channel`; `parent` is the end of a pipe that closes when the parent ends.
    """

    channel: socket.socket
    parent: int


@dataclass
class Workers:
    """Processes that each run `work`; one that dies is started again.

    One process accepts the connections of the `listeners`, and hands them on in turn. The workers
    end when it does, however it ends.
    """

    count: int
    work: Callable[[WorkerEnds], None]
    listeners: Sequence[socket.socket]
    _numbers: dict[int, int] = field(default_factory=dict)
    _started: dict[int, float] = field(default_factory=dict)
    # When workers are started again, by the stopwatch.
    _due: dict[int, float] = field(default_factory=dict)
    _is_over: bool = False

    def run(self) -> None:
        """Run until SIGINT or SIGTERM, which end all processes."""
        self._reading, self._writing = os.pipe()
        self._watch_workers()
        self._handout = ConnectionHandout(self.listeners, self._ended)
        for each in _ENDING:
            signal.signal(each, self._end)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._pass_on)
            release_hangups()
        for number in range(self.count):
            self._start(number)
        while self._numbers or self._due:
            if self._handout.wait(self._find_pause()):
                self._ended.recv(_MOST_SIGNALS)
                self._take_ended()
            self._start_due()

    def _find_pause(self) -> float | None:
        """Return after how long a worker is to be started."""
        return max(0.0, min(self._due.values()) - stopwatch()) if self._due else None

    def _start_due(self) -> None:
        for number in [each for each, due in self._due.items() if due <= stopwatch()]:
            del self._due[number]
            self._start(number)

    def _watch_workers(self) -> None:
        """Have the end of a worker, as every signal, end the wait for connections."""
        self._ended, self._signalled = socket.socketpair()
        for each in (self._ended, self._signalled):
            each.settimeout(0)
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        # One without a handler would not be noticed.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _take_ended(self) -> None:
        """Note which workers have ended, to be started again."""
        while self._numbers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            number = self._numbers.pop(process)
            self._handout.close_channel(number)
            if not self._is_over:
                sys.stderr.write(f"Worker {number} ended with status {status}: started again.\n")
                now = stopwatch()
                is_early = now - self._started[number] < _SHORTEST_LIFE
                self._due[number] = now + _SHORTEST_LIFE if is_early else now

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True
        self._due.clear()
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
        channel = self._handout.open_channel(number)
        # A signal that came to the worker before it has undone the handlers would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        process = os.fork()
        if process:
            channel.close()
            self._numbers[process] = number
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            return
        status = 1
        try:
            self._leave_parent()
            self.work(WorkerEnds(channel, self._reading))
            status = 0
        except BaseException as error:  # noqa: BLE001 - the process must end here, whatever it was
            sys.stderr.write(f"Worker {number}: {error!r}\n")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _leave_parent(self) -> None:
        """Close and undo in a worker what belongs to the process that has started it."""
        signal.set_wakeup_fd(-1)
        os.close(self._writing)
        for each in (*_ENDING, signal.SIGCHLD):
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        for connection in (self._ended, self._signalled):
            connection.close()
        self._handout.leave()
        hold_hangups()
