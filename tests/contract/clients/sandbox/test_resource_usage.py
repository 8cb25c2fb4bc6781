"""What a client takes of its process: connections, files, threads, memory and disk."""

from __future__ import annotations

import asyncio
import gc
import sys
import time  # noqa: TID251 - a client waits on its own clock
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.sandbox.resource_usage import (
    ResourceUsage,
    measure_new_objects,
    measure_own_usage,
)
from getimg_mock.contract.clients.suite import cases, choose_checks, verify
from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient, faulty

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.case_rules import Case

pytestmark = pytest.mark.slow

LEAKING = """
import http.client, json, sys
from urllib.parse import urlsplit
about = {"name": "leaking", "ops": ["balance"], "lacking": LACKING}
kept = []
for line in sys.stdin:
    asked = json.loads(line)
    said = {"case": asked["case"], "outcome": "value", "value": about}
    if asked["op"] == "balance":
        try:
            made = http.client.HTTPConnection(urlsplit(asked["base_url"]).netloc)
            made.request("GET", "/v2/billing/balance",
                         headers={"Authorization": f"Bearer {asked['key']}"})
            kept.append(made)
            said["value"] = json.load(made.getresponse())
        except Exception as error:
            said |= {"outcome": "error", "error": {"type": "Leaking", "message": str(error)}}
    print(json.dumps(said), flush=True)
"""


class Fleeting:
    """Makes a client for each call, and leaves it to the garbage collector."""

    lacking = ("retries",)

    def __init__(self, *, base_url: str, key: str, timeout: float = 60.0) -> None:
        self._url = f"{base_url}/v2/billing/balance"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._timeout = timeout

    def balance(self) -> Any:
        """Return the balance."""
        client = httpx.Client(timeout=self._timeout)
        return client.get(self._url, headers=self._headers).raise_for_status().json()


class Watching(AsyncReferenceClient):
    """Starts a task for each wait, and ends it only where the wait ends well."""

    async def generate_video(self, **fields: Any) -> Any:
        """Make a video."""
        watch = asyncio.ensure_future(asyncio.sleep(10**6))  # noqa: TID251 - on the clock of the case
        value = await super().generate_video(**fields)
        watch.cancel()
        return value


def case(name: str) -> Case:
    """Return a case."""
    return next(each for each in cases() if each.name == name)


def test_hundreds_of_calls_are_made_and_four_in_ten_fail() -> None:
    """The check says hundreds of calls, errors included, and means it."""
    history = PythonDriver(ReferenceClient).run(case("hundreds"))
    errors = {each.error["type"] for each in history.calls() if each.kind == "error"}
    assert len(history.calls()) == 264
    assert errors == {"UnavailableError", "BrokenConnectionError", "AnswerError"}
    assert sum(each.kind == "error" for each in history.calls()) == 110
    assert history.holdings[1].compute_excess(history.holdings[0]) == {
        "connections": 1,  # that of the last call, which went well
        "files": 0,
        "threads": 0,
        "processes": 0,
    }


def test_who_leaks_is_stopped_before_the_process_has_nothing_left() -> None:
    """A client under test must not take its tests down with it, nor leave anything to them."""
    before = measure_own_usage(lambda: 0)
    history = PythonDriver(faulty("files-left")).run(case("hundreds"))
    early, late = history.holdings
    assert 200 < late.compute_excess(early)["files"] < 300
    assert len(history.calls()) < 400
    assert measure_own_usage(lambda: 0).compute_excess(before)["files"] <= 2


def test_what_the_garbage_collector_closes_is_no_leak() -> None:
    """A socket that nobody refers to is closed: on the virtual network as on a real one."""
    (check,) = choose_checks(["GC809"])
    history = PythonDriver(Fleeting).run(case("hundreds"))
    assert compute_verdict(check, [history]).status == "PASS"


@pytest.mark.parametrize("ending", ["failed", "late", "refused"])
def test_tasks_of_waits_in_vain_are_counted(ending: str) -> None:
    """A task that waits for ever is neither a thread nor a connection, and piles up as they do."""
    (check,) = choose_checks(["GC809"])
    in_vain = PythonDriver(Watching).run(case(f"waited-often-in-vain-{ending}"))
    assert compute_verdict(check, [in_vain]).status == "FAIL"
    assert in_vain.holdings[1].compute_excess(in_vain.holdings[0])["tasks"] == 8
    well = PythonDriver(Watching).run(case("waited-often"))
    assert compute_verdict(check, [well]).status == "PASS"


def test_a_program_that_leaks_is_found() -> None:
    """In real time some hundred calls, and what the system knows of the program, are enough."""
    driver = ProcessDriver([sys.executable, "-ISc", LEAKING.replace("LACKING", '["retries"]')])
    try:
        result = verify(driver, checks=choose_checks(["GC809"]))
    finally:
        driver.close()
    (verdict,) = result.verdicts
    assert verdict.status == "FAIL"
    early, late = next(each.holdings for each in result.histories if each.holdings)
    assert late.compute_excess(early)["connections"] > 20
    if early.files is not None:
        assert late.compute_excess(early)["files"] > 20


def test_a_program_that_retries_for_long_is_not_tried() -> None:
    """Hundreds of failures, each waited for, would take minutes of real time."""
    driver = ProcessDriver([sys.executable, "-ISc", LEAKING.replace("LACKING", "[]")])
    driver.close()
    assert driver.lacks(case("hundreds-real")) == ("max_retries",)


def test_different_processes_are_not_compared() -> None:
    """A program that was started again begins anew; its connections are counted all the same."""
    early = ResourceUsage(connections=1, files=9, threads=1, process=7)
    late = ResourceUsage(connections=3, files=90, threads=10, process=8)
    assert late.compute_excess(early) == {"connections": 2}


def test_a_large_file_is_downloaded_whole_and_goes_with_its_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """80 MB are 80 MB, of which neither memory nor disk keeps anything."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sizes = []

    class Weighing(ReferenceClient):
        def download(self, **given: Any) -> str:
            """Save a file and weigh it."""
            path = str(super().download(**given))
            sizes.append(Path(path).stat().st_size)
            return path

    history = PythonDriver(Weighing).run(case("large"))
    assert sizes == [80_000_000]
    assert history.outcomes[1].peak < 16 * 1024 * 1024
    assert list(tmp_path.iterdir()) == []


def test_who_keeps_a_large_file_in_memory_is_stopped() -> None:
    """64 MiB show it: a client's fault must not cost its tests a gigabyte."""
    history = PythonDriver(faulty("read-whole")).run(case("large"))
    (_, download) = history.outcomes
    assert download.kind == "abandoned"
    assert "64 MiB" in download.text
    assert download.peak < 80 * 1024 * 1024


def test_a_large_file_is_not_begun_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is no fault of the client's."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=150_000_000))
    assert PythonDriver(ReferenceClient).find_obstacle(case("large")) == (
        "here: needs 160 MB of free space for temporary files"
    )


class Cycle:
    """An object that only a collection of garbage ends."""

    def __init__(self) -> None:
        self.me = self


def test_garbage_of_a_case_is_found_and_what_was_before_is_not_looked_at() -> None:
    """A collection among all objects of a process takes longer than the calls of a case."""
    kept = gc.get_freeze_count()
    gc.unfreeze()
    try:
        earlier = weakref.ref(Cycle())
        with measure_new_objects(on=True):
            ended = weakref.ref(Cycle())
            measure_own_usage(lambda: 0)
            assert ended() is None
            assert earlier() is not None
        assert not gc.get_freeze_count()
        measure_own_usage(lambda: 0)
        assert earlier() is None
    finally:
        if kept:
            gc.freeze()


class Patient(ReferenceClient):
    """Waits for a video as long as it takes, and asks every second."""

    def generate_video(self, **fields: Any) -> Any:
        """Make a video."""
        made = self.submit_video(**fields)
        while (video := self.retrieve_video(made["id"]))["status"] == "pending":
            time.sleep(1)
        return video


def test_who_waits_for_ever_is_stopped_in_the_first_wait() -> None:
    """Its other waits would be as long, and what it holds is counted nevertheless."""
    history = PythonDriver(Patient).run(case("waited-often-in-vain-late"))
    assert len(history.exchanges) == 500
    assert [each.kind for each in history.calls()] == ["abandoned"] * 12
    assert len(history.holdings) == 2
