"""How the client contract is measured: what kills a faulty client, and what a good one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, choose_checks, verify
from tests.contract.clients.benign import BENIGN
from tests.contract.clients.mutants import MUTANTS
from tests.contract.clients.reference import faulty

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCKERS = frozenset(check.id for check in CHECKS if check.severity == "blocker")


@dataclass(frozen=True, slots=True)
class Score:
    """What a run showed: the rules that were seen broken, and in how many seconds."""

    name: str
    expected: str
    failed: frozenset[str]
    seconds: float

    @property
    def attributed(self) -> bool:
        """Whether the rule that it was written from is among those."""
        return self.expected in self.failed


def mutant(number: int, only: Iterable[str] = ()) -> Score:
    """Return the score of a faulty client."""
    each = MUTANTS[number]
    driver = PythonDriver(faulty(each.fault), each.fault)
    result = verify(driver, checks=choose_checks(only))
    return Score(each.fault, each.breaks, frozenset(result.failed), result.seconds)


def benign(name: str, seed: str = "0") -> Score:
    """Return the score of a good client: only what breaks a MUST counts."""
    result = verify(PythonDriver(BENIGN[name], name), seed=seed)
    failed = frozenset(each.check.id for each in result.of("FAIL"))
    return Score(name, "", failed, result.seconds)
