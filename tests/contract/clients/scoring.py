"""How the client contract is measured: what kills a faulty client, and what a good one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, choose_checks, verify
from tests.contract.clients.benign import BENIGN
from tests.contract.clients.mutants import MUTANTS
from tests.contract.clients.reference import faulty

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import ClientHistory

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


def mutant(number: int) -> Score:
    """Return the score of a faulty client under every case."""
    each = MUTANTS[number]
    result = verify(PythonDriver(faulty(each.fault), each.fault))
    return Score(each.fault, each.breaks, frozenset(result.failed), result.seconds)


def is_found(number: int) -> bool:
    """Return whether a faulty client breaks the rule that it was written from.

    It is put to case after case of that rule until one shows the breach: what one case has shown,
    no other takes back.
    """
    each = MUTANTS[number]
    checks = choose_checks([each.breaks])
    seen: list[ClientHistory] = []

    def stop_when_found(history: ClientHistory) -> None:
        seen.append(history)
        if any(compute_verdict(check, seen).status == "FAIL" for check in checks):
            raise KeyboardInterrupt

    driver = PythonDriver(faulty(each.fault), each.fault)
    result = verify(driver, checks=checks, each=stop_when_found)
    return each.breaks in result.failed


def benign(name: str, seed: str = "0") -> Score:
    """Return the score of a good client: only what breaks a MUST counts."""
    result = verify(PythonDriver(BENIGN[name], name), seed=seed)
    failed = frozenset(each.check.id for each in result.of("FAIL"))
    return Score(name, "", failed, result.seconds)
