"""`make scorecard`: kill rate by kind, false positives, what a kill costs, Schemathesis beside."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check
from getimg_mock.contract.verification.self_check import SelfCheck
from getimg_mock.world.clock import stopwatch
from tests.contract.provider.benign import BENIGN
from tests.contract.provider.everyone import BY_NAME, MUTANTS
from tests.contract.provider.scoring import Score, score, scored
from tests.contract.provider.sole_killers import SOLE_KILLERS, WITHOUT

if TYPE_CHECKING:
    from collections.abc import Sequence


def _mutant(name: str) -> Score:
    return scored(BY_NAME[name])


def _variant(number: int) -> Score:
    variant = BENIGN[number]
    return score(variant.name, variant.wrap, variant.settings)


def _foreign(name: str) -> tuple[str, bool]:
    from tests.contract.provider.foreign import found_by_schemathesis  # noqa: PLC0415 - slow to import

    return name, found_by_schemathesis(BY_NAME[name])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scorecard; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemathesis", action="store_true", help="run Schemathesis, too")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = stopwatch()
    with ProcessPoolExecutor(chosen.workers) as pool:
        scores = {each.name: each for each in pool.map(_mutant, BY_NAME, chunksize=8)}
        benign = list(pool.map(_variant, range(len(BENIGN)), chunksize=4))
    taken = stopwatch() - started
    foreign: dict[str, bool] = {}
    if chosen.schemathesis:
        with ProcessPoolExecutor(chosen.workers) as pool:
            foreign = dict(pool.map(_foreign, BY_NAME, chunksize=8))
    missed = _table(scores, foreign)
    false = [each for each in benign if each.must]
    _write(
        f"\n{len(BENIGN)} benign variants, {len(false)} false positives "
        f"{[(each.name, each.must) for each in false] or ''}"
    )
    _write(f"the whole matrix in {taken:.0f} s with {chosen.workers} processes")
    blunt = _sharpness(scores, benign)
    return 1 if missed or false or blunt else 0


def _table(scores: dict[str, Score], foreign: dict[str, bool]) -> list[str]:
    kinds: dict[str, list[str]] = defaultdict(list)
    for mutant in MUTANTS:
        kinds[mutant.kind].append(mutant.name)
    _write(
        f"{'kind':<12}{'faults':>7}{'killed':>8}{'rate':>8}{'requests':>10}{'dollars':>9}"
        f"{'Schemathesis':>14}"
    )
    for kind, names in kinds.items():
        _row(kind, [scores[name] for name in names], foreign)
    blockers = [scores[mutant.name] for mutant in MUTANTS if mutant.blocker]
    _row("blockers", blockers, foreign)
    _row("all", list(scores.values()), foreign)
    missed = [name for name, each in scores.items() if BY_NAME[name].breaks not in each.broken]
    if missed:
        _write(f"missed, or found by other checks only: {', '.join(missed)}")
    return missed


def _row(kind: str, found: list[Score], foreign: dict[str, bool]) -> None:
    killed = [each for each in found if each.broken]
    requests = [each.requests for each in killed if each.requests is not None]
    dollars = [float(each.dollars) for each in killed if each.dollars is not None]
    other = sum(foreign.get(each.name, False) for each in found)
    _write(
        f"{kind:<12}{len(found):>7}{len(killed):>8}{len(killed) / len(found):>8.1%}"
        f"{statistics.median(requests or [0]):>10.0f}{statistics.median(dollars or [0]):>9.2f}"
        f"{(f'{other / len(found):.1%}' if foreign else '-'):>14}"
    )


def _sharpness(scores: dict[str, Score], benign: Sequence[Score]) -> list[str]:
    """Hold what was measured against the table of sole killers (GH007), and return what is wrong.

    The fake itself is no variant: that a check holds for it says nothing about others.
    """
    legal = {each.name for each in BENIGN if each.wrap is not None or each.settings}
    examination = SelfCheck(
        kills={name: frozenset(each.broken) for name, each in scores.items()},
        sole=SOLE_KILLERS,
        kept={each.name: each.kept for each in benign if each.name in legal},
        checks=tuple(check.id for check in PROVIDER_CHECKS),
    )
    wrong = [seen for seen in find_check("GH007").observe(examination) if seen.failed]
    alone = {each.broken[0] for each in scores.values() if len(each.broken) == 1}
    _write(f"checks that find a faulty provider alone: {len(alone)} of {len(PROVIDER_CHECKS)}")
    for name, reason in WITHOUT.items():
        _write(f"  {name} cannot: {reason}")
    for seen in wrong:
        _write(f"expected {seen.expected}, but {seen.actual}")
    return [seen.expected for seen in wrong]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
