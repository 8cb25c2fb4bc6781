"""The engine with a policy of its own: what is replaced, for which threads, and until when."""

from __future__ import annotations

import asyncio
import copy
import pickle
import selectors
import sys
import threading
import time
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.virtual_time.binding import TimeBinding
from getimg_mock.virtual_time.time_aliases import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.virtual_time.policy import IdleLoop

REAL = {name: getattr(time, name) for name in FUNCTIONS}


class Recorder:
    """A policy whose clock moves by what is slept, and which keeps what it was asked."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.loops: list[IdleLoop] = []

    def time(self) -> float:
        """Return the time of day."""
        return self.seconds + 1e9

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    def perf_counter(self) -> float:
        """Return the seconds."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.seconds += seconds

    def wait_for_events(self, loop: IdleLoop) -> Any:
        """Move the clock, or wait for the jobs."""
        self.loops.append(loop)
        if loop.timeout is None or loop.jobs:
            return loop.poll(None)
        self.seconds += loop.timeout + 1e-6
        return []


@pytest.fixture
def policy() -> Recorder:
    """Return a policy."""
    return Recorder()


@pytest.fixture
def binding(policy: Recorder) -> Iterator[TimeBinding]:
    """Bind time to the policy."""
    bound = TimeBinding(policy)
    bound.start()
    yield bound
    bound.stop()


def test_every_function_of_time_asks_the_policy(policy: Recorder, binding: TimeBinding) -> None:
    """Each of them, in seconds or nanoseconds."""
    del binding
    time.sleep(5)
    assert policy.seconds == time.monotonic() == time.perf_counter() == 1005
    assert time.monotonic_ns() == time.perf_counter_ns() == 1005 * 10**9
    assert time.time() == 1e9 + 1005
    assert time.time_ns() == (10**9 + 1005) * 10**9
    assert datetime.now(UTC).timestamp() == 1e9 + 1005


def test_a_negative_sleep_is_refused_for_every_policy(
    policy: Recorder, binding: TimeBinding
) -> None:
    """The real function raises the same error."""
    del binding
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(-1)
    assert policy.seconds == 1000


def test_functions_of_time_stay_no_methods(policy: Recorder, binding: TimeBinding) -> None:
    """`class Client: pause = time.sleep` is legal, since those of `time` are no methods."""
    del binding

    class Client:
        pause = time.sleep

    Client().pause(3)  # type: ignore[misc, call-arg]  # typeshed has it as a function
    assert policy.seconds == 1003


def test_functions_of_time_are_copied_and_pickled_by_name(binding: TimeBinding) -> None:
    """Settings that hold `sleep=time.sleep` are copied by many clients."""
    del binding
    assert copy.deepcopy({"sleep": time.sleep})["sleep"] is time.sleep
    assert copy.copy(time.sleep) is time.sleep
    assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep  # noqa: S301 - our own


def test_outsiders_keep_real_time(policy: Recorder) -> None:
    """Threads that are declared as outsiders see nothing of the clock."""
    seen: list[float] = []
    go = threading.Event()

    def work() -> None:
        go.wait()
        seen.append(time.monotonic())

    outside = threading.Thread(target=work)
    outside.start()
    binding = TimeBinding(policy, outsiders={outside})
    binding.start()
    go.set()
    outside.join()
    assert time.monotonic() == 1000
    binding.stop()
    assert seen[0] != 1000


def test_a_loop_shows_its_timeout_its_sockets_and_its_jobs(
    policy: Recorder, binding: TimeBinding
) -> None:
    """What a policy has to know of an idle loop."""
    del binding

    async def main() -> None:
        await asyncio.sleep(7)
        await asyncio.to_thread(REAL["sleep"], 0.02)
        await asyncio.sleep(1)

    # Newer versions of asyncio.run bound their wait for the executor, and this policy skips it.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert policy.seconds == pytest.approx(1008, abs=0.001)
    assert [each.jobs for each in policy.loops][:2] == [0, 1]
    assert policy.loops[0].timeout == pytest.approx(7)
    assert not policy.loops[0].has_sockets
    assert policy.loops[-1].jobs == 0


def test_selectors_without_a_loop_wait_in_real_time(binding: TimeBinding) -> None:
    """A selector of a server or of a child process is not a loop of asyncio."""
    del binding
    with selectors.DefaultSelector() as selector:
        began = REAL["monotonic"]()
        assert not selector.select(0.02)
        assert REAL["monotonic"]() - began >= 0.015


def test_an_event_waits_on_the_clock_on_demand(policy: Recorder) -> None:
    """And otherwise in real time."""

    def wait_for_event(seconds: float, rest: Callable[[float], bool]) -> bool:
        policy.sleep(seconds)
        return rest(0)

    for bound in (None, wait_for_event):
        binding = TimeBinding(policy, event_wait=bound)
        binding.start()
        assert not threading.Event().wait(0.01)
        binding.stop()
    assert policy.seconds == 1000.01
    assert threading.Event().wait(0) is False


def test_modules_that_are_imported_meanwhile_are_restored(binding: TimeBinding) -> None:
    """Later tests must not find the time of this one in a module that it has loaded."""
    module = ModuleType("imported_while_bound")
    sys.modules[module.__name__] = module
    try:
        exec("from time import sleep, monotonic_ns as ticks", vars(module))  # noqa: S102 - as an import does
        assert module.sleep is not REAL["sleep"]
        binding.stop()
        assert module.sleep is REAL["sleep"]
        assert module.ticks is REAL["monotonic_ns"]
    finally:
        del sys.modules[module.__name__]


def test_what_was_handed_out_is_real_afterwards(policy: Recorder) -> None:
    """Other code may keep every replacement, and put it back at any time."""
    binding = TimeBinding(policy, event_wait=lambda _, rest: rest(0))
    binding.start()
    kept = {name: getattr(time, name) for name in FUNCTIONS}
    select, wait = selectors.DefaultSelector.select, threading.Event.wait
    run_in_executor = asyncio.BaseEventLoop.run_in_executor
    binding.stop()
    assert {name: getattr(time, name) for name in FUNCTIONS} == REAL
    began = REAL["monotonic"]()
    kept["sleep"](0.02)
    assert kept["monotonic"]() - began >= 0.02
    assert not wait(threading.Event(), 0.02)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(selectors.DefaultSelector, "select", select)
        patched.setattr(asyncio.BaseEventLoop, "run_in_executor", run_in_executor)
        asyncio.run(asyncio.sleep(0.02))
        asyncio.run(_sleep_in_thread())
    assert REAL["monotonic"]() - began >= 0.06
    assert (policy.seconds, policy.loops) == (1000, [])


async def _sleep_in_thread() -> None:
    await asyncio.to_thread(time.sleep, 0.001)


def test_an_alias_that_was_put_back_late_is_bound_again(policy: Recorder) -> None:
    """A mocking library may leave a replacement that has ended in a module for ever."""
    module = ModuleType("holds_an_ended_replacement")
    module.sleep = time.sleep  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        for _ in range(3):
            binding = TimeBinding(policy)
            binding.start()
            kept = module.sleep
            kept(1)
            binding.stop()
            module.sleep = kept  # type: ignore[attr-defined]
        assert policy.seconds == 1003
    finally:
        del sys.modules[module.__name__]


def test_bindings_may_be_nested(policy: Recorder, binding: TimeBinding) -> None:
    """A client case within linked time: the innermost decides, and restores the outer one."""
    del binding
    inner = Recorder()
    nested = TimeBinding(inner)
    nested.start()
    time.sleep(5)
    nested.stop()
    time.sleep(2)
    assert (inner.seconds, policy.seconds) == (1005, 1002)
