"""Running the cases of an adapter in forked processes, each of which takes a share of them.

A client that is driven in virtual time computes and never waits: one process uses one processor.
The shares follow from the cases alone, so that a client that keeps something in its process from
one case to the next is judged alike on every machine.
"""

from __future__ import annotations

import gc
import heapq
import os
import pickle
import select
import signal
import sys
import traceback
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.drivers import forks
from getimg_mock.contract.clients.fault_serving.httpcore_network import CORE_LIBRARIES
from getimg_mock.contract.clients.sandbox.case_folders import create_roots
from getimg_mock.contract.clients.sandbox.resource_usage import count_threads
from getimg_mock.errors import SettingsError
from getimg_mock.world.clock import pause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.clients.sandbox.case_folders import Roots

    _Share = Sequence[tuple[int, Case]]
    _Work = Callable[[_Share, int], None]

LEAST_CASES: Final = 60
"""With fewer cases, forking takes longer than what it saves."""

_USED_BY_ALL: Final = (*CORE_LIBRARIES, "time_machine")
"""What each case changes where it is installed: imported once, and not by each process."""
_LENGTH_SIZE: Final = 8
_READ_SIZE: Final = 2**20
_CASE_WEIGHT: Final = 8
"""How many calls take as long as what a case takes besides its calls."""
_WAIT_WEIGHT: Final = 10
"""How many calls take as long as one that waits for a video."""
_MEMORY_WEIGHT: Final = 300
"""How many calls take as long as measuring the memory of a case."""
_ROOM_WEIGHT: Final = 1e-6
"""How many calls take as long as writing one byte of a large file."""
_END_PAUSES: Final = 100
"""How many hundredths of a second a process gets to clean up after an interrupt."""


def can_fork() -> bool:
    """Return whether forked processes can go on with a client, and nothing watches this one.

    A debugger, a profiler or a measurement of coverage would see none of it.
    """
    return (
        forks.SUPPORTED
        and count_threads() == 1
        and sys.gettrace() is None
        and sys.getprofile() is None
        and not _is_monitored()
    )


def divide_cases(cases: Sequence[Case], shares: int) -> list[list[int]]:
    """Return the places of cases in so many shares that should take equally long."""
    weights = list(map(_estimate_weight, cases))
    heaviest_first = sorted(range(len(cases)), key=lambda place: (-weights[place], place))
    heap: list[tuple[float, int, list[int]]] = [(0.0, number, []) for number in range(shares)]
    for place in heaviest_first:
        weight, number, places = heap[0]
        places.append(place)
        heapq.heapreplace(heap, (weight + weights[place], number, places))
    return [sorted(places) for _, _, places in sorted(heap)]


def _estimate_weight(case: Case) -> float:
    """Return how long a case takes, counted in calls that wait for nothing."""
    calls = sum(_WAIT_WEIGHT if each.op == "generate_video" else 1 for each in case.calls)
    memory = _MEMORY_WEIGHT if case.memory else 0
    return _CASE_WEIGHT + calls + memory + case.room * _ROOM_WEIGHT


def run_in_forks(
    driver: Driver, cases: Sequence[Case], seed: str, shares: int
) -> Iterator[ClientHistory]:
    """Run the client through cases in as many processes; yields the histories in order.

    Their temporary files are in folders of this process: one that is killed leaves none.
    Raises what a case raised, and `SettingsError` where a process ends before its cases.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what is not written yet would be written by each process
    with _close_uninterrupted() as stack:
        for name in _USED_BY_ALL:
            with suppress(ImportError):
                import_module(name)
        work = partial(_work, driver, seed, stack.enter_context(create_roots()))
        workers: list[_Worker] = []
        for places in divide_cases(cases, shares):
            share = [(place, cases[place]) for place in places]
            workers.append(_fork_worker(work, share, workers))
            stack.callback(workers[-1].end)
        yield from _collect(workers, cases, driver.name)


@contextmanager
def _close_uninterrupted() -> Iterator[ExitStack]:
    """Close a stack without being interrupted: a second Ctrl-C may come while the first ends it."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            stack.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _collect(
    workers: Sequence[_Worker], cases: Sequence[Case], name: str
) -> Iterator[ClientHistory]:
    """Yield the histories of all cases in order, as they come from the processes."""
    came: dict[int, Any] = {}
    owner = {place: each for each in workers for place in each.places}
    for place, case in enumerate(cases):
        while place not in came:
            if owner[place].over:
                raise SettingsError(
                    f"{name}: its process ended by itself in the case {case.name!r}. "
                    "A client returns or raises; it does not end the process."
                )
            _receive(workers, came)
        result = came.pop(place)
        if isinstance(result, BaseException):
            raise result
        yield result


def _is_monitored() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return monitoring is not None and any(map(monitoring.get_tool, range(6)))


@dataclass(eq=False)
class _Worker:
    """A forked process, the places of its cases, and the pipe that it writes results to."""

    process: int
    pipe: int
    places: Sequence[int]
    over: bool = False
    _bytes: bytearray = field(default_factory=bytearray)

    def read(self) -> Iterator[tuple[int, Any]]:
        """Read what is there, and yield the results that are whole, each with its place."""
        data = os.read(self.pipe, _READ_SIZE)
        self.over = not data
        self._bytes += data
        while len(self._bytes) >= _LENGTH_SIZE:
            end = _LENGTH_SIZE + int.from_bytes(self._bytes[:_LENGTH_SIZE], "big")
            if len(self._bytes) < end:
                return
            found: tuple[int, Any] = pickle.loads(self._bytes[_LENGTH_SIZE:end])  # noqa: S301 - our own process wrote it
            del self._bytes[:end]
            yield found

    def end(self) -> None:
        """Interrupt the process, so that it removes its files, and kill it if it goes on."""
        os.close(self.pipe)
        os.kill(self.process, signal.SIGINT)
        for _ in range(_END_PAUSES):
            if os.waitpid(self.process, os.WNOHANG)[0]:
                return
            pause(0.01)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def _receive(workers: Sequence[_Worker], came: dict[int, Any]) -> None:
    """Wait for results, and add them by their places."""
    by_pipe = {each.pipe: each for each in workers if not each.over}
    for pipe in select.select(list(by_pipe), [], [])[0]:
        came.update(by_pipe[pipe].read())


def _fork_worker(work: _Work, share: _Share, others: Sequence[_Worker]) -> _Worker:
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return _Worker(process, reader, [place for place, _ in share])
    for inherited in (reader, *(each.pipe for each in others)):
        os.close(inherited)
    try:
        work(share, writer)
    finally:
        os._exit(0)  # without finalizing what the parent has begun


def _work(driver: Driver, seed: str, roots: Roots, share: _Share, writer: int) -> None:
    """Run cases in the forked process, until one raises, and write what comes of each."""
    roots.use()
    with suppress(KeyboardInterrupt, OSError):  # the parent wants, or takes, no more
        for place, case in share:
            # What was there before the case is no garbage that it could leave behind.
            if case.holdings:
                gc.freeze()
            result: ClientHistory | BaseException
            try:
                result = driver.run(case, seed=seed)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - the parent raises it
                result = _make_portable(error)
            _write(writer, (place, result))
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _make_portable(error: BaseException) -> BaseException:
    """Return an error that can be pickled: this one, or one with its traceback as text."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - see above
    except Exception:  # noqa: BLE001 - whatever a class of errors does there
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def _write(writer: int, result: tuple[int, Any]) -> None:
    pickled = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    data = memoryview(len(pickled).to_bytes(_LENGTH_SIZE, "big") + pickled)
    while data:
        data = data[os.write(writer, data) :]
