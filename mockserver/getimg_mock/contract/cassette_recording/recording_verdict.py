"""What a recording says: of the service by the contract, of our claims, and of the fake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.cassette_recording.fake_counterpart import run_counterpart
from getimg_mock.contract.evidence.claims import read_behaviours
from getimg_mock.contract.evidence.evidence_file import (
    Evidence,
    judge_evidence,
    read_evidence,
    write_evidence,
)
from getimg_mock.contract.targets.http_target import REAL_API_URL
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import EQUIVALENCE, PROVIDER_CHECKS
from getimg_mock.setting_values import Span
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from getimg_mock.cassettes.learned_settings import LearnedSettings
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict

_COMPARED: Final = frozenset({"GE901", "GE902", "GE903", "GE904", "GE905", "GE910"})
"""Checks of equivalence that compare answers. GE906 is left out: in the fake's history time jumps,
so its verdicts say nothing of the fake."""

_BROKEN: Final = frozenset({"FAIL", "WARN"})
_MAX_SHOWN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """A claim of docs/fidelity.md with a setting, and what was recorded."""

    claim: str
    setting: str
    recorded: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingVerdict:
    """Verdicts of provider checks, evidence of claims, and differences from the fake (GE)."""

    verdicts: tuple[Verdict, ...]
    evidence: Evidence
    differences: tuple[Verdict, ...] = ()
    claims: tuple[ClaimVerdict, ...] = ()


def judge_recording(
    history: History, learned: LearnedSettings, settings: Mapping[str, Any] | None = None
) -> RecordingVerdict:
    """Judge what was recorded; `settings` are those of the fake that it is compared with."""
    verdicts = [judge_check(check, [history], own=False) for check in PROVIDER_CHECKS]
    other, fake = run_counterpart(history, settings)
    comparison = Comparison(fake=(fake,), other=(other,))
    compared = [judge_check(c, [comparison]) for c in EQUIVALENCE if c.id in _COMPARED]
    return RecordingVerdict(
        verdicts=tuple(verdicts),
        evidence=judge_evidence(PROVIDER_CHECKS, history) if history.exchanges else Evidence(),
        differences=tuple(each for each in compared if each.broken),
        claims=tuple(compare_claims(learned)),
    )


def compare_claims(learned: LearnedSettings) -> Iterator[ClaimVerdict]:
    """Yield the claims whose setting was observed, and whether the default agrees with it."""
    defaults = Settings.of()
    rows = [row for section in read_behaviours().values() for row in section]
    for name, value in sorted(learned.settings.items()):
        option = f"--{name.replace('_', '-')}"
        for row in rows:
            if f"`{option}`" in row["setting"]:
                yield ClaimVerdict(
                    claim=row["claim"],
                    setting=option,
                    recorded=_shorten_recorded(value),
                    confirmed=_agrees(getattr(defaults, name), value),
                )


def _agrees(default: Any, value: str) -> bool:
    if default is None:
        return False
    if isinstance(default, Span):
        told = Span.parse(value)
        return default.low <= told.low and told.high <= default.high
    return float(default) == float(value)


def _shorten_recorded(value: str) -> str:
    if not value.startswith("quantiles"):
        return value
    told = Span.parse(value)
    return f"{told.low:g} to {told.high:g} s"


def add_evidence(path: Path, evidence: Evidence, base: str) -> None:
    """Write evidence to a file, merged with what it has; evidence of another service says so.

    Raises `SettingsError` for a file that is not evidence, or is about another service.
    """
    upstream = "" if base == REAL_API_URL else base
    if path.exists():
        evidence = read_evidence(path, PROVIDER_CHECKS, upstream=upstream).merge(evidence)
    write_evidence(path, evidence, upstream=upstream)


def render_verdict(verdict: RecordingVerdict) -> str:
    """Return the verdict in a few lines: counts, what is refuted, and where the fake differs."""
    applied = [each for each in verdict.verdicts if each.applied]
    broken = [each for each in applied if each.status in _BROKEN]
    told = verdict.evidence
    counts = f"{len(told.confirmed)} confirmed, {len(told.contradicted)} refuted"
    lines = [f"contract: {len(applied)} checks applied, {len(broken)} with findings, {counts}"]
    for each in applied:
        if each.check.id in told.contradicted:
            lines += _render_finding("refuted", each)
    for claim in verdict.claims:
        word = "confirmed" if claim.confirmed else "refuted"
        lines.append(f"  {word} ({claim.setting}): {claim.claim}; recorded: {claim.recorded}")
    lines.append(f"the fake would have answered differently by {len(verdict.differences)} checks")
    for each in verdict.differences:
        lines += _render_finding(each.status, each)
    return "\n".join(lines) + "\n"


def _render_finding(word: str, verdict: Verdict) -> list[str]:
    seen = verdict.findings[0].observation
    return [
        f"  {word} {verdict.check.id} {verdict.check.statement}",
        f"       {seen.expected[:_MAX_SHOWN]}; {_clean(seen.actual)}",
    ]


def _clean(text: str) -> str:
    """Return what a service has sent for a terminal: without control characters."""
    return "".join(each if each.isprintable() else "?" for each in text[:_MAX_SHOWN])
