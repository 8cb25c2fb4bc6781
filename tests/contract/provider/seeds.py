"""`python -m tests.contract.provider.seeds`: the fake keeps every check, for any seed.

A seed is that of the fake's chance and of the drawn plans. The fixed plans are run for each, too.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.contract.provider.plan_drawing import draw_plans
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.world.clock import stopwatch
from tests.contract.provider.scoring import plans, tuple_models, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.plans import Plan
    from tests.contract.provider.wrapping import Wrap


class Outcome(NamedTuple):
    """What came of one seed: how many exchanges, and which checks were broken in which plans."""

    seed: int
    exchanges: int
    broken: tuple[str, ...]


def outcome(
    seed: int, *, drawn: int, wrap: Wrap | None = None, fixed: Sequence[Plan] | None = None
) -> Outcome:
    """Run all fixed plans, and as many drawn ones, in the world of a seed, and judge them."""
    target = InProcessTarget(wrap=wrap, seed=str(seed), models=tuple_models())
    chosen = (
        *(plans() if fixed is None else fixed),
        *draw_plans(target.models, seed=seed, count=drawn),
    )
    histories = [target.run(plan) for plan in chosen]
    broken = tuple(
        f"{verdict.check.id} in {finding.history.plan.name!r}: expected "
        f"{finding.observation.expected}, came {finding.observation.actual}"
        for verdict in verdicts(histories)
        for finding in verdict.findings
    )
    return Outcome(seed, sum(len(history.exchanges) for history in histories), broken)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what came of the seeds; returns 1 when a check was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--drawn", type=int, default=100, help="drawn plans for each of them")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = stopwatch()
    # Not by a fork: threads of the parent's libraries, which a child lacks, may be waited for.
    spawning = get_context("spawn")
    with ProcessPoolExecutor(chosen.workers, mp_context=spawning) as pool:
        found = list(pool.map(partial(outcome, drawn=chosen.drawn), range(chosen.seeds)))
    for each in found:
        for line in each.broken:
            _write(f"seed {each.seed}: {line}")
    broken = sum(bool(each.broken) for each in found)
    _write(
        f"{len(found)} seeds, {sum(each.exchanges for each in found):,} exchanges, "
        f"{broken or 'none'} with a broken check, {stopwatch() - started:.0f} s"
    )
    return 1 if broken else 0


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
