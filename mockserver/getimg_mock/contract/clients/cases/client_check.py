"""Checks of clients: each lists the cases that it is judged by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from getimg_mock.contract.verdicts import Check, Verdict, attach_check, judge_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Cost, EvidenceKind, Observation, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCheck(Check):
    """A rule for clients. `cases` are globs over names of cases.

    `source` names the standard that demands it, if any. An `observable` breach shows in requests
    alone, so that no driver is needed. `caveat` is what getimg.ai's documentation says to the
    contrary, if anything: scorecards name it.
    """

    cases: tuple[str, ...]
    source: str = ""
    observable: bool = False
    caveat: str = ""

    def wants(self, case: str) -> bool:
        """Return whether the check is judged by a case."""
        return matches_any(self.cases, case)


def matches_any(globs: tuple[str, ...], case: str) -> bool:
    """Return whether the name of a case is that of one of the globs."""
    return _compile_globs(globs)(case) is not None


# A run asks this for each check and case: one glob after the other took a tenth of a second.
@cache
def _compile_globs(globs: tuple[str, ...]) -> Callable[[str], object]:
    """Return what matches a name with all globs at once."""
    return re.compile("|".join(map(translate, globs))).match


_Judge = TypeVar("_Judge", bound="Callable[..., Iterable[Observation]]")


def client_check(
    name: str,
    statement: str,
    *,
    severity: Severity,
    evidence: EvidenceKind,
    cost: Cost = "0",
    why: str,
    cases: tuple[str, ...],
    fix: str = "",
    source: str = "",
    observable: bool = False,
    caveat: str = "",
) -> Callable[[_Judge], _Judge]:
    """Declare the decorated function as the judge of client check `name` (`GC401`).

    The suite finds a check by this declaration. One judge may carry several.
    """

    def declare(judge: _Judge) -> _Judge:
        return attach_check(
            judge,
            ClientCheck(
                id=name,
                statement=statement,
                severity=severity,
                evidence=evidence,
                cost=cost,
                why=why,
                fix=fix,
                cases=cases,
                source=source,
                observable=observable,
                caveat=caveat,
                judge=judge,
            ),
        )

    return declare


def compute_verdict(check: ClientCheck, histories: Sequence[ClientHistory]) -> Verdict:
    """Return the verdict over the histories of a check's cases.

    Cases whose fault no request met, or that could not be run with the client, are left out. When
    no other is left, the verdict is VOID or SKIP.
    """
    own = [each for each in histories if check.wants(each.case)]
    tried = [each for each in own if not (each.missing or each.untried or each.missed)]
    if tried:
        verdict = judge_check(check, tried)
        if verdict.status != "VOID":
            return verdict
    missing = _join_unique(name for each in own for name in each.missing)
    missed = _join_unique(name for each in own for name in each.missed)
    if missing and not tried:
        return Verdict(check=check, status="SKIP", reason=f"the client has no {missing}")
    untried = [each.untried.partition(": needs ") for each in own if each.untried]
    if untried and not missed:
        needs = _join_unique(each for *_, each in untried)
        reason = f"cannot be tried {untried[0][0]}: needs {needs}"
        return Verdict(check=check, status="SKIP", reason=reason)
    if missed and not tried:
        return Verdict(check=check, status="VOID", reason=f"not met: {missed}")
    without = _join_unique(name for each in tried for name in each.without)
    if without:
        return Verdict(check=check, status="SKIP", reason=f"the client has no {without}")
    return Verdict(check=check, status="VOID", reason="nothing to judge was seen")


def _join_unique(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
