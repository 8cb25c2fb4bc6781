"""The fake keeps the contract over seeds: here over a few, in `make scorecard` over a hundred."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.provider import seeds
from tests.contract.provider.faulty_costs import costs_that_lag
from tests.contract.provider.scoring import plans

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1729, 20260901])
def test_the_fake_keeps_every_check_with_any_seed(seed: int) -> None:
    """Neither the fake's chance nor what is drawn of it makes it break a check of any level."""
    found = seeds.outcome(seed, drawn=25)
    assert found.broken == ()
    assert found.exchanges > 1500


def test_a_broken_check_is_named_with_its_plan() -> None:
    """What breaks over seeds is found, and says where."""
    fixed = [plan for plan in plans() if plan.name in {"money of a working day", "the catalogue"}]
    found = seeds.outcome(11, drawn=5, wrap=costs_that_lag(timedelta(hours=1)), fixed=fixed)
    assert len(fixed) == 2
    assert any(line.startswith("GP509 in 'money of a working day'") for line in found.broken)


def test_the_result_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m tests.contract.provider.seeds` ends with the seeds, exchanges and breaches.

    It is the third seed of this module, 0, and as many plans are drawn of it as of the others.
    """
    assert seeds.main(["--seeds", "1", "--drawn", "25", "--workers", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("1 seeds, ")
    assert ", none with a broken check, " in line
    exchanges = line.split(", ")[1].removesuffix(" exchanges").replace(",", "")
    assert int(exchanges) > 1500
