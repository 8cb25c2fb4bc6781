"""One row of the table: what changed, how severe it is, which claim it touches, what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.drift.touched_claims import find_claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DriftSeverity = Literal["info", "warning", "breaking"]
Change = Literal[
    "added",
    "removed",
    "type changed",
    "values changed",
    "price changed",
    "model added",
    "model gone",
    "default changed",
    "limit changed",
    "invalid response",
    "check failed",
]

SEVERITIES: Final[tuple[DriftSeverity, ...]] = ("breaking", "warning", "info")
"""The severities, the gravest first."""

_ACTIONS: Final[dict[str, str]] = {
    "added": "Add it to the schema and the fake, where clients may use it.",
    "removed": "Remove it from programs, then from the schema and the fake.",
    "type changed": "Change the schema, and programs that read or send it.",
    "values changed": "Change the enumeration in the schema, and programs that branch on it.",
    "price changed": "Run with --update, and check budgets.",
    "model added": "Run with --update.",
    "model gone": "Choose another model in programs, then run with --update.",
    "default changed": "State the value in requests that rely on the old default.",
    "limit changed": "Check the limit in the fake and in programs.",
    "invalid response": "Change the schema, and programs that read it.",
    "check failed": "Read getimg-mock explain with its id; record again where the API has moved.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One change. `source` is what was compared, `subject` what changed there."""

    source: str
    subject: str
    change: Change
    severity: DriftSeverity
    before: str = ""
    after: str = ""
    claim: str = ""
    action: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the row as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The table, the sources that were compared, and notes on those that could not be."""

    rows: tuple[DriftRow, ...]
    compared: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each severity."""
        found = Counter(each.severity for each in self.rows)
        return {each: found.get(each, 0) for each in SEVERITIES}

    @property
    def status(self) -> int:
        """The exit status: 1 when a change is breaking, else 0."""
        return int(any(each.severity == "breaking" for each in self.rows))


def build_row(
    source: str,
    subject: str,
    change: Change,
    severity: DriftSeverity,
    *,
    before: str = "",
    after: str = "",
    claim: str = "",
) -> DriftRow:
    """Return a row with what to do; without a `claim`, with the one that `subject` touches."""
    return DriftRow(
        source=source,
        subject=subject,
        change=change,
        severity=severity,
        before=before[:_LONGEST],
        after=after[:_LONGEST],
        claim=claim or find_claim(subject),
        action=_ACTIONS[change],
    )


_LONGEST: Final = 200
"""The most characters of a value that a row shows."""


def sort_rows(rows: Iterable[DriftRow]) -> Sequence[DriftRow]:
    """Return rows by source and severity, the gravest first."""
    return sorted(
        rows, key=lambda row: (row.source, SEVERITIES.index(row.severity), row.subject, row.change)
    )
