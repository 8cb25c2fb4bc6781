"""Checks and verdicts: what is held, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from getimg_mock.contract.exchanges import HttpExchange

Level = Literal["MUST", "SHOULD", "MAY"]
Severity = Literal["blocker", "major", "minor", "info"]
EvidenceKind = Literal["documented", "seed", "assumption", "standard", "choice"]
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
    """One thing that a check looked at: `fail` says what was wrong, `note` what is worth knowing.

    Without either, it was as it should be. `status` is how a breach is reported where not every
    breach of the check matters as much.
    """

    exchanges: tuple[int, ...] = ()
    expected: str = ""
    actual: str = ""
    note: str = ""
    status: VerdictStatus | None = None
    seen: tuple[HttpExchange, ...] = field(default=(), compare=False, repr=False)
    """The exchanges themselves: where there are two histories, numbers alone do not say which."""

    @property
    def failed(self) -> bool:
        """Whether this breaks the check's rule."""
        return bool(self.expected)


OK: Final = Observation()

Judge = "Callable[[History], Iterable[Observation]]"


def fail(expected: str, actual: object, *exchanges: HttpExchange) -> Observation:
    """Return the observation that something was not as it should be."""
    shown = actual if isinstance(actual, str) else repr(actual)
    numbers = tuple(each.number for each in exchanges)
    return Observation(numbers, expected, shown[:300], seen=exchanges)


def expect(
    condition: object, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return that all is well if `condition` holds, else what was expected and what came."""
    if condition:
        return Observation(tuple(each.number for each in exchanges)) if exchanges else OK
    return fail(expected, actual, *exchanges)


def fail_as(
    status: VerdictStatus, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return that something was not as it should be, and how that is reported."""
    return replace(fail(expected, actual, *exchanges), status=status)


def warn_unless(
    condition: object, expected: str, actual: object, *exchanges: HttpExchange
) -> Observation:
    """Return that all is well if `condition` holds, else a warning."""
    seen = expect(condition, expected, actual, *exchanges)
    return replace(seen, status="WARN") if seen.failed else seen


def note(text: str, *exchanges: HttpExchange) -> Observation:
    """Return something worth knowing that breaks no rule."""
    return Observation(tuple(each.number for each in exchanges), note=text[:300])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule: its statement, how much it matters, how well it is known, and its judge.

    `judge` is a pure function of a history. It yields an observation for each place where the rule
    applies; when it yields none, the history says nothing about the rule.
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
    """How a breach is reported where its level does not say it."""
    judge: Callable[[Any], Iterable[Observation]]
    across: Callable[[Sequence[Any]], Iterable[tuple[Any, Observation]]] | None = None
    """What no single history shows: it sees all of a run, and names the one of each observation."""

    @property
    def level(self) -> Level:
        """MUST for what blocks or breaks correct use, SHOULD for what is minor, else MAY."""
        return LEVELS[self.severity]

    @property
    def topic(self) -> str:
        """The letters and the hundreds of the id: GP407 is of GP4."""
        return self.id[:3]

    def observe(self, history: Any) -> Iterator[Observation]:
        """Yield what the judge sees; a judge that stumbles over an answer is a breach too.

        A judge may meet anything at all in an answer. What it cannot even read breaks its rule.
        """
        try:
            yield from self.judge(history)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError) as e:
            yield Observation((), "an answer of the documented form", f"{type(e).__name__}: {e}")

    def observe_all(self, histories: Sequence[Any]) -> Iterator[tuple[Any, Observation]]:
        """Yield what is seen in each history, and then what only all of them show."""
        for history in histories:
            for seen in self.observe(history):
                yield history, seen
        if self.across is not None:
            yield from self.across(histories)


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
    """How one check came out on one target."""

    check: Check
    status: VerdictStatus
    applied: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def broken(self) -> bool:
        """Whether the rule was seen broken, however that is reported."""
        return bool(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach, with the history in which it was seen."""

    history: Any
    """The history, or what else the check was given to judge."""
    observation: Observation


def find_breach_status(check: Check, *, own: bool, confirmed: bool = False) -> VerdictStatus:
    """Return how a breach of `check` is reported.

    An assumption about a service that is not ours is INFO until evidence confirms it; on our own
    fake it is our own promise.
    """
    if check.breach is not None:
        return check.breach
    if check.evidence == "assumption" and not own and not confirmed:
        return "INFO"
    return {"MUST": "FAIL", "SHOULD": "WARN", "MAY": "INFO"}[check.level]  # type: ignore[return-value]


def judge_check(
    check: Check,
    histories: Iterable[Any],
    *,
    own: bool = True,
    confirmed: bool = False,
    most: int = 3,
) -> Verdict:
    """Return the verdict of one check over histories; at most `most` findings, the worst, are kept.

    The status is that of the worst finding. A history whose faults were not met is left out: where
    there is no other, nothing was tried, and the verdict is VOID.
    """
    applied = 0
    findings: list[Finding] = []
    notes: list[str] = []
    breach = find_breach_status(check, own=own, confirmed=confirmed)

    def rank(finding: Finding) -> int:
        return _WORST_FIRST.index(finding.observation.status or breach)

    given = tuple(histories)
    unmet = [each for each in given if getattr(each, "unmet", ())]
    for history, seen in check.observe_all(tuple(each for each in given if each not in unmet)):
        applied += 1
        if seen.failed:
            findings.append(Finding(history=history, observation=seen))
            findings = sorted(findings, key=rank)[:most]
        elif seen.note and len(notes) < most:
            notes.append(seen.note)
    status: VerdictStatus
    if findings:
        status = findings[0].observation.status or breach
    elif not applied:
        status = "VOID"
    else:
        status = "INFO" if notes and check.severity == "info" else "PASS"
    names = ", ".join(each.plan.name for each in unmet[:3])
    return Verdict(
        check=check,
        status=status,
        applied=applied,
        findings=tuple(findings),
        notes=tuple(notes),
        reason=f"not met: the faults of {names}" if unmet else "",
    )
