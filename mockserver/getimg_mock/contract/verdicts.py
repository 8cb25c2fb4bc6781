"""Checks and verdicts: the rules, and how each came out on a target."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from getimg_mock.contract.exchanges import HttpExchange

Level = Literal["MUST", "SHOULD", "MAY"]
Severity = Literal["blocker", "major", "minor", "info"]
EvidenceKind = Literal["documented", "seed", "assumption", "standard", "choice", "common-sense"]
Cost = Literal["0", "T", "1", "R", "fake"]
VerdictStatus = Literal["PASS", "FAIL", "WARN", "INFO", "SKIP", "VOID", "STALE", "XFAIL", "XPASS"]

STATUSES: Final[tuple[VerdictStatus, ...]] = (
    "PASS",
    "FAIL",
    "WARN",
    "INFO",
    "SKIP",
    "VOID",
    "STALE",
    "XFAIL",
    "XPASS",
)
_WORST_FIRST: Final[tuple[VerdictStatus, ...]] = ("FAIL", "STALE", "WARN", "INFO", "VOID")
LEVELS: Final[dict[Severity, Level]] = {
    "blocker": "MUST",
    "major": "MUST",
    "minor": "SHOULD",
    "info": "MAY",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One place where a check applied.

    With `expected` it is a breach of the rule, with `note` a remark, and with neither the rule was
    kept. `status` overrides how this breach is reported.
    """

    exchanges: tuple[int, ...] = ()
    expected: str = ""
    actual: str = ""
    note: str = ""
    status: VerdictStatus | None = None
    seen: tuple[HttpExchange, ...] = field(default=(), compare=False, repr=False)
    """The exchanges themselves: with two histories, numbers alone are ambiguous."""

    @property
    def failed(self) -> bool:
        """Whether this is a breach of the rule."""
        return bool(self.expected)


OK: Final = Observation()

_UNREADABLE: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What judges raise on answers that have not the form that they read."""


def _describe_unreadable(error: Exception) -> Observation:
    return Observation((), "an answer of the documented form", f"{type(error).__name__}: {error}")


@lru_cache(maxsize=4096)  # a hundred checks look at the same exchanges, and most find no breach
def _keep_rule(*exchanges: int) -> Observation:
    return Observation(exchanges)


def keep_rule(*exchanges: HttpExchange) -> Observation:
    """Return that the rule was kept."""
    return _keep_rule(*[each.number for each in exchanges])


def fail(expected: str, actual: object, *exchanges: HttpExchange) -> Observation:
    """Return a breach: what was expected, and what came."""
    shown = actual if isinstance(actual, str) else repr(actual)
    numbers = tuple(each.number for each in exchanges)
    return Observation(numbers, expected, shown[:300], seen=exchanges)


def expect(
    condition: object, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return that the rule was kept if `condition` is true, else a breach."""
    if condition:
        if len(exchanges) == 1:
            return _keep_rule(exchanges[0].number)
        return _keep_rule(*[each.number for each in exchanges]) if exchanges else OK
    return fail(expected, actual, *exchanges)


def fail_as(
    status: VerdictStatus, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return a breach that is reported as `status`."""
    return replace(fail(expected, actual, *exchanges), status=status)


def warn_unless(
    condition: object, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return that the rule was kept if `condition` is true, else a warning."""
    seen = expect(condition, expected, actual, *exchanges)
    return replace(seen, status="WARN") if seen.failed else seen


def note(text: str, *exchanges: HttpExchange) -> Observation:
    """Return a remark that is not a breach."""
    return Observation(tuple(each.number for each in exchanges), note=text[:300])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule: its statement, severity, evidence, and judge.

    `judge` is a pure function of a history. It yields an observation for each place where the rule
    applies. When it yields none, the rule was not tried.
    """

    id: str
    statement: str
    severity: Severity
    evidence: EvidenceKind
    cost: Cost
    why: str
    fix: str = ""
    """What to change where the check fails."""
    breach: VerdictStatus | None = None
    """How a breach is reported, where not by its level."""
    judge: Callable[[Any], Iterable[Observation]]
    across: Callable[[Sequence[Any]], Iterable[tuple[Any, Observation]]] | None = None
    """Judges all histories of a run together; yields each observation with its history."""

    @property
    def level(self) -> Level:
        """MUST for a blocker or a major rule, SHOULD for a minor one, else MAY."""
        return LEVELS[self.severity]

    @property
    def topic(self) -> str:
        """The first three characters of the id: `GP4` for GP407."""
        return self.id[:3]

    def observe(self, history: Any) -> list[Observation]:
        """Return the observations of the judge; an answer that it cannot read is a breach."""
        found: list[Observation] = []
        try:
            for seen in self.judge(history):
                found.append(seen)  # noqa: PERF402 - what it saw before it gave up counts
        except _UNREADABLE as error:
            found.append(_describe_unreadable(error))
        return found

    def observe_together(self, histories: Sequence[Any]) -> Iterator[tuple[Any, Observation]]:
        """Yield the observations of all histories together, each with its history."""
        if self.across is not None and histories:
            try:
                yield from self.across(histories)
            except _UNREADABLE as error:
                yield histories[0], _describe_unreadable(error)


_Judge = TypeVar("_Judge", bound="Callable[..., Iterable[Observation]]")
_DECLARED: Final = "declared_checks"


def check(
    name: str,
    statement: str,
    *,
    severity: Severity,
    evidence: EvidenceKind,
    cost: Cost,
    why: str,
    fix: str = "",
    breach: VerdictStatus | None = None,
    across: Callable[[Sequence[Any]], Iterable[tuple[Any, Observation]]] | None = None,
) -> Callable[[_Judge], _Judge]:
    """Declare the decorated function as the judge of check `name` (`GP407`).

    The registry finds a check by this declaration. One judge may carry several.
    """

    def declare(judge: _Judge) -> _Judge:
        return attach_check(
            judge,
            Check(
                id=name,
                statement=statement,
                severity=severity,
                evidence=evidence,
                cost=cost,
                why=why,
                fix=fix,
                breach=breach,
                across=across,
                judge=judge,
            ),
        )

    return declare


def attach_check(judge: _Judge, declared: Check) -> _Judge:
    """Attach a check to its judge, where `find_declared` finds it; returns the judge."""
    vars(judge).setdefault(_DECLARED, []).append(declared)
    return judge


def find_declared(module: ModuleType) -> tuple[Check, ...]:
    """Return the checks that the functions of a module are declared to judge, by id."""
    found = [
        each
        for value in vars(module).values()
        if getattr(value, "__module__", "") == module.__name__
        for each in getattr(value, _DECLARED, ())
    ]
    return tuple(sorted(found, key=lambda each: each.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of one check on one target."""

    check: Check
    status: VerdictStatus
    applied: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def broken(self) -> bool:
        """Whether there was a breach, however it is reported."""
        return bool(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach, with the history that shows it."""

    history: Any
    """The history, or another subject of the check."""
    observation: Observation


def find_breach_status(check: Check, *, own: bool, confirmed: bool = False) -> VerdictStatus:
    """Return how a breach of `check` is reported.

    Unless `own`, that is on a target other than this package's fake, a breach of an assumption is
    INFO until evidence confirms the assumption. What is common sense fails everywhere.
    """
    if check.breach is not None:
        return check.breach
    if check.evidence == "assumption" and not own and not confirmed:
        return "INFO"
    return {"MUST": "FAIL", "SHOULD": "WARN", "MAY": "INFO"}[check.level]  # type: ignore[return-value]


@dataclass(slots=True)
class _Tally:
    """Counts the observations of one check, and keeps the worst findings and the first notes."""

    breach: VerdictStatus
    most: int
    applied: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, history: Any, observations: Sequence[Observation]) -> None:
        """Count the observations of a history."""
        self.applied += len(observations)
        for seen in observations:
            if seen.expected:
                self.findings.append(Finding(history=history, observation=seen))
                self.findings = sorted(self.findings, key=self._rank)[: self.most]
            elif seen.note and len(self.notes) < self.most:
                self.notes.append(seen.note)

    def _rank(self, finding: Finding) -> int:
        return _WORST_FIRST.index(finding.observation.status or self.breach)

    def find_status(self, check: Check) -> VerdictStatus:
        """Return the status of the worst finding, or that of a check without findings."""
        if self.findings:
            return self.findings[0].observation.status or self.breach
        if not self.applied:
            return "VOID"
        return "INFO" if self.notes and check.severity == "info" else "PASS"

    def build_verdict(self, check: Check, reason: str) -> Verdict:
        """Return the verdict of a check; `reason` says what could not be judged."""
        return Verdict(
            check=check,
            status=self.find_status(check),
            applied=self.applied,
            findings=tuple(self.findings),
            notes=tuple(self.notes),
            reason=reason,
        )


def judge_check(
    check: Check,
    histories: Iterable[Any],
    *,
    own: bool = True,
    confirmed: bool = False,
    most: int = 3,
    observe: Callable[[Check, Any], Sequence[Observation]] = Check.observe,
) -> Verdict:
    """Return the verdict of one check over histories, with at most `most` of the worst findings.

    The status is that of the worst finding. Histories in which a fault never acted are left out;
    where nothing else applied, the verdict is VOID. `observe` may know what the check sees in one.
    """
    given = tuple(histories)
    unmet = [each for each in given if getattr(each, "unmet", ())]
    met = [each for each in given if not getattr(each, "unmet", ())] if unmet else given
    tally = _Tally(find_breach_status(check, own=own, confirmed=confirmed), most)
    for history in met:
        # Most rules apply to few of the histories.
        if observations := observe(check, history):
            tally.add(history, observations)
    for history, seen in check.observe_together(met):
        tally.add(history, (seen,))
    names = ", ".join(each.plan.name for each in unmet[:3])
    return tally.build_verdict(check, f"not met: the faults of {names}" if unmet else "")
