"""`make scorecard`, for clients: kill rate, attribution, false positives, and who kills alone."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from getimg_mock.contract.clients.suite import CHECKS
from getimg_mock.world.clock import stopwatch
from tests.contract.clients.benign import BENIGN
from tests.contract.clients.mutants import MUTANTS
from tests.contract.clients.scoring import BLOCKERS, Score, benign, mutant
from tests.contract.clients.sole_killers import SOLE_KILLERS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scorecard; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3, help="seeds for the reference client")
    chosen = parser.parse_args(arguments)
    started = stopwatch()
    with ProcessPoolExecutor(chosen.workers) as pool:
        scores = list(pool.map(mutant, range(len(MUTANTS))))
        good = list(pool.map(benign, BENIGN))
        seeds = map(str, range(1, chosen.seeds + 1))
        good += pool.map(partial(benign, "the reference"), seeds)
    return _shown(scores, good, stopwatch() - started)


def _shown(scores: list[Score], good: list[Score], seconds: float) -> int:
    killed = [each for each in scores if each.failed]
    serious = [each for each in scores if each.expected in BLOCKERS]
    stopped = [each for each in serious if each.failed & BLOCKERS]
    right = [each for each in killed if each.attributed]
    false = [each for each in good if each.failed]
    blunt = _blunt(scores)
    for each in scores:
        if not each.attributed:
            _write(f"  {each.name}: {each.expected} expected, {sorted(each.failed)} seen")
    _write(f"faulty clients    {len(killed)} of {len(scores)} killed")
    _write(f"blockers          {len(stopped)} of {len(serious)} stopped")
    _write(f"attribution       {len(right)} of {len(killed)} to the rule they break")
    _write(
        f"good clients      {len(false)} of {len(good)} failed "
        f"{[(each.name, sorted(each.failed)) for each in false] or ''}"
    )
    _write(f"sole killers      {len(CHECKS) - len(blunt)} of {len(CHECKS)} checks")
    for line in blunt:
        _write(f"  {line}")
    _write(f"slowest run       {max(each.seconds for each in good):.1f} s; all in {seconds:.0f} s")
    enough = len(killed) >= 0.95 * len(scores) and len(right) >= 0.95 * len(killed)
    return 0 if enough and len(stopped) == len(serious) and not false and not blunt else 1


def _blunt(scores: list[Score]) -> list[str]:
    """Return the checks that do not find alone what the table says that they do."""
    failed = {each.name: sorted(each.failed) for each in scores}
    return [
        f"{check} finds {fault} alone? {failed.get(fault)} seen"
        for check, fault in SOLE_KILLERS.items()
        if failed.get(fault) != [check]
    ]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
