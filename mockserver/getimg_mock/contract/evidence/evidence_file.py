"""Evidence: what recorded traffic of the real service confirms and contradicts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import read_text
from getimg_mock.contract.evidence.recorded_traffic import EPOCH
from getimg_mock.contract.targets.http_target import REAL_API_URL
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.user_files import read_user_file, write_user_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Check, Verdict

STALE_AFTER: Final = timedelta(days=180)
"""How long an observation of the real service counts by default."""

_NEVER_BROKEN: Final = ("GP115", "GP310")
"""Checks that recorded traffic cannot break: drift breaks nothing, and a video that was not polled
to its end may still have ended."""

_ABOUT_KEYS: Final = ("GP106", "GP411", "GP705")
"""Checks that are broken by a key in a response: they need traffic whose keys are known."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Observations of the real service: when each check held, or was broken, by its id.

    `exchanges` has the source of each (`traffic.har#3`). `reports` are observations of public
    clients, by id: the month (`Jul 2026`) or `undated`, and what was observed.
    """

    confirmed: Mapping[str, datetime] = field(default_factory=dict)
    contradicted: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)
    exchanges: Mapping[str, str] = field(default_factory=dict)
    reports: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def seen(self) -> dict[str, str]:
        """The sources that a claim may cite, each with its days or month."""
        days = {**self.confirmed, **{name: day for name, (day, _) in self.contradicted.items()}}
        found = {name: when for name, (when, _) in self.reports.items()}
        for name, where in sorted(self.exchanges.items()):
            day = f"{days[name]:%Y-%m-%d}"
            if day not in found.get(where, ""):
                found[where] = ", ".join(each for each in (found.get(where), day) if each)
        return found

    def merge(self, other: Evidence) -> Evidence:
        """Return both, with the latest observation of each check; of one day, the contradiction."""
        confirmed = {**self.confirmed}
        for name, seen in other.confirmed.items():
            confirmed[name] = max(seen, confirmed.get(name, seen))
        contradicted = {**self.contradicted}
        for name, (seen, actual) in other.contradicted.items():
            if name not in contradicted or seen >= contradicted[name][0]:
                contradicted[name] = (seen, actual)
        for name in confirmed.keys() & contradicted.keys():
            if contradicted[name][0] >= confirmed[name]:
                del confirmed[name]
            else:
                del contradicted[name]
        return Evidence(
            confirmed,
            contradicted,
            self._merge_places(other, confirmed, contradicted),
            {**self.reports, **other.reports},
        )

    def _merge_places(
        self,
        other: Evidence,
        confirmed: Mapping[str, datetime],
        contradicted: Mapping[str, tuple[datetime, str]],
    ) -> dict[str, str]:
        """Return the sources of the observations that were kept."""
        found = {}
        for each in (self, other):
            for name, where in each.exchanges.items():
                same = confirmed.get(name, name) == each.confirmed.get(name)
                if same or contradicted.get(name, name) == each.contradicted.get(name):
                    found[name] = where
        return found

    def select_fresh(self, now: datetime, stale_after: timedelta = STALE_AFTER) -> frozenset[str]:
        """Return the ids of the checks that are confirmed by recent observations."""
        return frozenset(n for n, seen in self.confirmed.items() if now - seen <= stale_after)


def collect_evidence(checks: Iterable[Check], histories: Iterable[History]) -> Evidence:
    """Return which checks recorded traffic of the real service confirms or contradicts.

    The day is that of the first exchange, so that evidence is never dated too late. A check that
    the traffic could not have broken is not confirmed: without a known key, no leak can be found.
    Raises `SettingsError` for traffic of any other service, and for traffic without times.
    """
    listed, found = tuple(checks), Evidence()
    for history in histories:
        if history.base != REAL_API_URL:
            raise SettingsError(
                f"{history.plan.name} is traffic of {history.base}: "
                f"only {REAL_API_URL} is evidence."
            )
        found = found.merge(judge_evidence(listed, history))
    return found


def judge_evidence(checks: Iterable[Check], history: History) -> Evidence:
    """Return which checks a history of any service confirms or contradicts.

    Raises `SettingsError` for traffic without times.
    """
    first = min((each.at for each in history), default=EPOCH)
    if first == EPOCH:
        raise SettingsError(f"{history.plan.name} does not say when it was recorded.")
    day = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _judge_history(checks, history, day)


def _judge_history(checks: Iterable[Check], history: History, day: datetime) -> Evidence:
    """Return what one history confirms or contradicts, dated by `day`."""
    verdicts = [judge_check(check, [history], own=False) for check in checks]
    confirmed = [
        v for v in verdicts if v.applied and not v.broken and _is_breakable(v.check, history)
    ]
    broken = [v for v in verdicts if v.broken]
    return Evidence(
        {v.check.id: day for v in confirmed},
        {v.check.id: (day, v.findings[0].observation.actual) for v in broken},
        {v.check.id: f"{history.plan.name}#{_find_first(v, history)}" for v in confirmed + broken},
    )


def _find_first(verdict: Verdict, history: History) -> int:
    """Return the number of the first exchange that a verdict is based on."""
    seen = [each.observation for each in verdict.findings] or verdict.check.observe(history)
    return next((each.exchanges[0] for each in seen if each.exchanges), 1)


def _is_breakable(check: Check, history: History) -> bool:
    """Whether a history could have broken a check."""
    return check.id not in _NEVER_BROKEN and bool(history.secrets or check.id not in _ABOUT_KEYS)


def write_evidence(path: Path, evidence: Evidence, *, upstream: str = "") -> None:
    """Write evidence to a file that `read_evidence` reads; raises `SettingsError`.

    `upstream` is the address of the service that was observed, where it is not getimg.ai.
    """

    def entry(name: str, seen: datetime, **more: str) -> dict[str, str]:
        where = {"exchange": evidence.exchanges[name]} if name in evidence.exchanges else {}
        return {"check": name, "observed": f"{seen:%Y-%m-%d}"} | where | more

    record: dict[str, Any] = {
        **({"upstream": upstream} if upstream else {}),
        "confirmations": [entry(*each) for each in sorted(evidence.confirmed.items())],
        "contradictions": [
            entry(name, seen, actual=actual)
            for name, (seen, actual) in sorted(evidence.contradicted.items())
        ],
    }
    if evidence.reports:
        record["reports"] = [
            {"id": name, "observed": when, "says": what}
            for name, (when, what) in evidence.reports.items()
        ]
    write_user_file(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def read_evidence(path: Path, checks: Iterable[Check], *, upstream: str = "") -> Evidence:
    """Read the evidence that `write_evidence` wrote.

    Raises `SettingsError` when it cannot be read, is about a check that is not in `checks`, or
    about another service than `upstream`, by default getimg.ai.
    """
    known = [check.id for check in checks]
    try:
        record = json.loads(read_user_file(path))
        evidence = _parse_evidence(record)
        observed = str(record.get("upstream") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path} is not an evidence file: {error}.") from None
    if observed != upstream:
        raise SettingsError(
            f"{path} is evidence about {observed or REAL_API_URL}, not about "
            f"{upstream or REAL_API_URL}. Use another file."
        )
    for name in (*evidence.confirmed, *evidence.contradicted):
        if name not in known:
            raise SettingsError(f"{path}: {UnknownNameError('check', name, known)}")
    return evidence


def load_shipped_evidence() -> Evidence:
    """Return the evidence that ships with the package."""
    return _parse_evidence(json.loads(read_text("fixtures", "evidence.json")))


def _parse_evidence(record: Mapping[str, Any]) -> Evidence:
    both = [*record["confirmations"], *record["contradictions"]]
    return Evidence(
        {each["check"]: _parse_day(each) for each in record["confirmations"]},
        {
            each["check"]: (_parse_day(each), str(each["actual"]))
            for each in record["contradictions"]
        },
        {each["check"]: str(each["exchange"]) for each in both if "exchange" in each},
        {
            each["id"]: (str(each["observed"]), str(each["says"]))
            for each in record.get("reports", ())
        },
    )


def _parse_day(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["observed"]).replace(tzinfo=UTC)
