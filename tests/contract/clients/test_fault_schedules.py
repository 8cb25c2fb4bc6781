"""Schedules of faults are drawn, and shrink to the one that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.fault_schedules import find_shortest_schedule
from getimg_mock.contract.clients.suite import choose_checks
from tests.contract.clients.reference import ReferenceClient, faulty

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

MONEY = choose_checks(["GC401", "GC408", "GC418"])


def test_the_shortest_schedule_that_costs_twice_is_one_fault() -> None:
    """A counterexample is as small as it can be, and is judged again as it is."""
    found = find_shortest_schedule(PythonDriver(faulty("reposts-truncated")), MONEY[:1])
    assert found is not None
    schedule, history = found
    assert schedule == ("done, cut off",)
    assert any(seen.failed for seen in MONEY[0].observe(history))


def test_no_schedule_makes_the_reference_client_pay_twice() -> None:
    """Whatever happens in whatever order, one call makes one generation at most."""
    assert find_shortest_schedule(PythonDriver(ReferenceClient), MONEY[:1], examples=60) is None


def test_the_command_line_draws_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    """The shortest schedule is told with what it costs, and fails the run."""
    client = "tests.contract.clients.test_fault_schedules:make_faulty"
    assert main(["verify", "client", client, "--only", "GC103", "--random", "60"]) == 1
    told = capsys.readouterr().out
    assert "FAIL  GC404" in told
    assert "case lost-schedule: done, cut off" in told
    assert "0.04 USD charged twice (0.08)" in told
    assert "1 blocker: GC404" in told


def test_a_drawn_schedule_is_replayed_from_the_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What chance found stands in the events like any failure, and shows again."""
    client, path = "tests.contract.clients.test_fault_schedules:make_faulty", tmp_path / "e.ndjson"
    words = ["--only", "GC103", "--random", "60", "--events", str(path)]
    assert main(["verify", "client", client, *words]) == 1
    capsys.readouterr()
    assert main(["replay", str(path), "--check", "GC404"]) == 1
    assert "1 of 1 times" in capsys.readouterr().out


make_faulty = faulty("reposts-truncated")
