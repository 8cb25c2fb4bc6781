"""Claims of the fake about getimg.ai, by place, each with a mark of its evidence.

The marks are `documented`, `inferred`, `our choice`, and `observed`. An observed claim names the
day or month and its source: an exchange of recorded traffic (`traffic.har#3`), or a report (`O1`)
on a public client. Both are listed in fixtures/evidence.json.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from getimg_mock.contract.evidence.evidence_file import Evidence
    from getimg_mock.contract.verdicts import Check

MARKS: Final = ("documented", "observed", "inferred", "our choice")

_SCHEMAS: Final = (
    "balance",
    "costs",
    "error",
    "image-generation",
    "image-request",
    "model",
    "model-list",
    "rate-limit-headers",
    "usage",
    "video-accepted",
    "video-completed",
    "video-failed",
    "video-generation",
    "video-pending",
    "video-request",
)
_SOURCES: Final = {
    "documented": "documented",
    "seed": "inferred",
    "standard": "inferred",
    "assumption": "our choice",
    "common-sense": "our choice",
}
_OBSERVED_MARK: Final = re.compile(
    r"\bobserved\b"
    r"(?:,? (?P<when>undated|[A-Z][a-z]{2} \d{4}|on \d{4}-\d\d-\d\d) \((?P<id>[^)]+)\))?"
)


def collect_claims(evidence: Evidence, checks: Iterable[Check]) -> dict[str, str]:
    """Return the mark of every claim: of schemas, behaviours, the models' values, and `checks`."""
    found: dict[str, str] = {}
    for name in _SCHEMAS:
        _collect_marks(json.loads(read_text("schemas", f"{name}.json")), f"{name}.json", found)
    for section, rows in read_behaviours().items():
        found |= {f"{section}: {row['claim']}": row["evidence"] for row in rows}
    found |= dict(_collect_model_marks())
    return found | {f"check {check.id}": compute_mark(check, evidence) for check in checks}


def read_behaviours() -> dict[str, list[dict[str, str]]]:
    """Return the rows of docs/fidelity.md by section: `claim`, `evidence` and `setting`."""
    found: dict[str, list[dict[str, str]]] = json.loads(read_text("fixtures", "behaviours.json"))
    return found


def compute_mark(check: Check, evidence: Evidence) -> str:
    """Return the mark of a check: what was observed last, else the source of its claim."""
    if check.id in evidence.contradicted:
        return f"contradicted on {evidence.contradicted[check.id][0]:%Y-%m-%d}"
    mark = _SOURCES[check.evidence]
    if check.id not in evidence.confirmed:
        return mark
    seen = f"observed on {evidence.confirmed[check.id]:%Y-%m-%d}"
    seen += f" ({evidence.exchanges[check.id]})" if check.id in evidence.exchanges else ""
    return f"documented, {seen}" if mark == "documented" else seen


def find_flaw(mark: str, seen: Mapping[str, str]) -> str:
    """Return what is wrong with a mark, or an empty text; `seen` has the days of each source."""
    if mark.startswith("contradicted on "):
        return ""
    if not mark.startswith(MARKS):
        return f"no mark of evidence but {mark or 'nothing'!r}"
    for found in _OBSERVED_MARK.finditer(mark):
        if found["id"] is None:
            return f"{mark!r} cites nothing that was seen"
        days = seen.get(found["id"], "nobody")
        if found["when"].removeprefix("on ") not in days.split(", "):
            return f"{mark!r} cites {found['id']}, which is of {days}"
    return ""


def _collect_marks(value: Any, where: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        if value.get("description") and "properties" not in value.get("description", ""):
            found[where] = str(value.get("x-evidence", ""))
        for name, inner in value.items():
            if isinstance(inner, (dict, list)) and name not in {"examples", "default"}:
                _collect_marks(inner, f"{where}/{name}", found)


def _collect_model_marks() -> Iterator[tuple[str, str]]:
    """Yield the marks of the catalogue's values; those that are observed cite one report."""
    record = json.loads(read_text("fixtures", "models.evidence.json"))
    for model, fields in record["models"].items():
        for name, mark in fields.items():
            if name == "note":
                continue
            for value, each in mark.items() if isinstance(mark, dict) else [("", mark)]:
                cited = record["reports"].get(each, each)
                yield f"model {model} {name} {value}".rstrip(), cited
