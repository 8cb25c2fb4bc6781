"""What a client borrowed from `time` obeys the case, and who waits elsewhere is called back."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time  # noqa: TID251 - what a case has replaced is looked at
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.clients.cases.case_rules import Case, balance, image, models, video
from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.python_driver import (
    PythonDriver,
    build_untried_history,
)
from getimg_mock.contract.clients.run_validity import explain_nothing_judged, find_gaps
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.world.clock import stopwatch
from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient, faulty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory

BORROWER = """
from time import monotonic, perf_counter_ns as ticks, sleep as rest

from tests.contract.clients.reference import ReferenceClient

class Borrower(ReferenceClient):
    def generate_image(self, **fields):
        began, ticked = monotonic(), ticks()
        rest(1800)
        assert monotonic() - began == ticks() // 10**9 - ticked // 10**9 == 1800
        return super().generate_image(**fields)
"""


@pytest.fixture
def borrower() -> Iterator[ModuleType]:
    """Return a module that has borrowed from `time` before any case."""
    module = ModuleType("borrower_of_time")
    sys.modules[module.__name__] = module
    exec(BORROWER, vars(module))  # noqa: S102 - a module of a client's
    yield module
    del sys.modules[module.__name__]


def test_what_was_borrowed_before_obeys_the_case(borrower: ModuleType) -> None:
    """`from time import sleep` before the run is how half of all clients are written."""
    before = borrower.rest
    started = stopwatch()
    history = PythonDriver(borrower.Borrower).run(Case(name="held", calls=(image(),)))
    assert history.outcomes[0].kind == "value", history.outcomes[0].shown
    assert history.outcomes[0].seconds >= 1800
    assert stopwatch() - started < 5
    assert borrower.rest is before is time.sleep


def test_what_is_borrowed_during_a_case_is_real_afterwards() -> None:
    """A module that is imported by a call does not keep the time of that case."""
    name = "lazily_borrowing"

    class Lazy(ReferenceClient):
        def balance(self) -> Any:
            module = sys.modules.setdefault(name, ModuleType(name))
            exec("from time import sleep, monotonic", vars(module))  # noqa: S102 - as an import does
            return super().balance()

    try:
        PythonDriver(Lazy).run(Case(name="held", calls=(balance(),)))
        assert sys.modules[name].sleep is time.sleep
        assert sys.modules[name].monotonic is time.monotonic
    finally:
        del sys.modules[name]


class Waiting(ReferenceClient):
    """Waits for what never comes, where no clock of ours reaches."""

    def generate_video(self, **fields: Any) -> Any:
        """Wait."""
        del fields
        never = threading.Lock()
        never.acquire()
        never.acquire()


class Working(ReferenceClient):
    """Never ends working."""

    def generate_video(self, **fields: Any) -> Any:
        """Work."""
        while fields:
            pass


class AsyncWorking(AsyncReferenceClient):
    """Never lets its loop go on."""

    async def generate_video(self, **fields: Any) -> Any:
        """Work."""
        while fields:
            pass


@pytest.mark.parametrize("client", [Waiting, Working, AsyncWorking])
def test_a_case_has_a_cap_of_real_seconds(client: type) -> None:
    """Nothing hangs: the case ends, says why, and blames nobody."""
    driver = PythonDriver(client, real_seconds=0.3)
    started = stopwatch()
    history = driver.run(Case(name="polled", calls=(video(), balance())))
    assert stopwatch() - started < 10
    assert [each.kind for each in history.outcomes] == ["abandoned"]
    assert "real time" in history.outcomes[0].text
    assert history.missed == ("an end within 0.3 s of real time",)


def test_another_thread_than_the_main_one_is_called_back_too() -> None:
    """Some test runners have their tests in threads, which no signal reaches."""
    found: list[str] = []

    def work() -> None:
        driver = PythonDriver(Working, real_seconds=0.3)
        history = driver.run(Case(name="polled", calls=(video(),)))
        found.extend(each.kind for each in history.outcomes)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert found == ["abandoned"]


class AsyncWaiting(AsyncReferenceClient):
    """Waits for what nobody sets."""

    async def generate_video(self, **fields: Any) -> Any:
        """Wait."""
        del fields
        await asyncio.Event().wait()


@pytest.mark.parametrize("client", [Waiting, AsyncWaiting])
def test_a_client_that_waits_for_what_never_comes_is_given_up_and_blamed(client: type) -> None:
    """Nobody at work, and nothing due: that is seen in seconds, and is a fault of the client's."""
    driver = PythonDriver(client, stuck=1)
    started = stopwatch()
    history = driver.run(Case(name="after-failed", calls=(video(), video())))
    assert stopwatch() - started < 10
    assert [each.kind for each in history.outcomes] == ["abandoned"] * 2
    assert "never happen" in history.outcomes[0].text
    assert history.stuck
    assert not history.missed


def test_a_call_that_was_never_made_has_sent_nothing() -> None:
    """The requests of earlier calls are theirs: an order among them is no order of a read."""

    class Locked(AsyncReferenceClient):
        async def balance(self) -> Any:
            await asyncio.Event().wait()

    calls = (image(), balance(), models())
    history = PythonDriver(Locked, stuck=1).run(Case(name="withdrawn-image", calls=calls))
    assert [each.kind for each in history.outcomes] == ["value", "abandoned", "abandoned"]
    assert [len(history.during(each)) for each in history.outcomes] == [1, 0, 0]
    assert compute_verdict(choose_checks(["GC421"])[0], [history]).status == "PASS"


def test_a_run_ends_when_a_client_is_stuck_in_case_after_case() -> None:
    """What was judged so far is told, and the rest would show the same."""

    class Stuck(PythonDriver):
        """Drives a client that is stuck in each case."""

        def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
            return replace(build_untried_history("stuck", case, seed, ()), stuck=True)

    result = verify(Stuck(ReferenceClient))
    assert result.interrupted
    assert "never comes" in result.remark


def test_a_run_ends_with_the_reason_when_case_after_case_hangs() -> None:
    """Two hundred cases of 30 s each are nothing to wait for, and nothing was judged."""
    driver = PythonDriver(Waiting, "waiting", real_seconds=0.2)
    result = verify(driver, checks=choose_checks(["GC5"]))
    assert len(result.histories) < 10
    said = explain_nothing_judged(result)
    assert re.search(r"waiting.*real time.*--case-seconds", said)


def test_what_a_run_saw_before_it_hung_is_judged() -> None:
    """A client that polls too fast, and so hangs later, has failed: the verdict is not lost."""

    class Hanging(PythonDriver):
        """Drives a client through one case, and hangs in all others."""

        def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
            history = super().run(case, seed=seed)
            late = replace(history, overdue=30.0, missed=("an end",))
            return history if case.name == "polled" else late

    among = ["get-wait-503", "get-wait-reset", "polled", "slower-please", "held", "held-slow"]
    result = verify(
        Hanging(faulty("polls-early")), checks=choose_checks(["GC409", "GC50"]), among=among
    )
    assert [each.check.id for each in result.of("FAIL")] == ["GC501"]
    assert result.interrupted
    assert any("no further case was tried" in each for each in find_gaps(result))


def test_threads_of_a_loop_end_with_the_case() -> None:
    """One that is left behind would slow down every case that follows."""

    class Threaded(AsyncReferenceClient):
        async def balance(self) -> Any:
            await asyncio.to_thread(stopwatch)
            return await super().balance()

    before = set(threading.enumerate())
    history = PythonDriver(Threaded).run(Case(name="held", calls=(balance(),)))
    assert history.outcomes[0].kind == "value"
    assert not set(threading.enumerate()) - before
