"""Schedules of faults are drawn, and shrink to the one that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.cli import main
from getimg_mock.contract.clients.drivers import PythonDriver
from getimg_mock.contract.clients.schedules import shortest
from getimg_mock.contract.clients.suite import chosen
from tests.contract.clients.reference import ReferenceClient, faulty

if TYPE_CHECKING:
    import pytest

MONEY = chosen(["GC401", "GC408", "GC418"])


def test_the_shortest_schedule_that_costs_twice_is_one_fault() -> None:
    """A counterexample is as small as it can be, and is judged again as it is."""
    found = shortest(PythonDriver(faulty("reposts-truncated")), MONEY[:1])
    assert found is not None
    schedule, history = found
    assert schedule == ("done, cut off",)
    assert any(seen.wrong for seen in MONEY[0].observe(history))


def test_no_schedule_makes_the_reference_client_pay_twice() -> None:
    """Whatever happens in whatever order, one call makes one generation at most."""
    assert shortest(PythonDriver(ReferenceClient), MONEY[:1], examples=60) is None


def test_the_command_line_draws_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    """The shortest schedule is told with what it costs, and fails the run."""
    client = "tests.contract.clients.test_schedules:make_faulty"
    assert main(["verify", "client", client, "--only", "GC103", "--random", "60"]) == 1
    assert "one call, met by [done, cut off]: 2 generations, 0.08 USD" in capsys.readouterr().out


make_faulty = faulty("reposts-truncated")
