"""The table of checks at the end of docs/fidelity.md: `python -m tests.docs.fidelity_table`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.checks import PROVIDER
from getimg_mock.contract.evidence import shipped_evidence

if TYPE_CHECKING:
    from getimg_mock.contract.evidence import Evidence
    from getimg_mock.contract.verdicts import Check

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
HEAD: Final = "| check | what it claims | level | evidence now |\n| --- | --- | --- | --- |\n"
_MARKS: Final = {"documented": "documented", "seed": "inferred", "assumption": "our choice"}


def mark_of(check: Check, evidence: Evidence) -> str:
    """Return how well a claim is known: what was seen last, else where it comes from."""
    if check.id in evidence.contradicted:
        return f"contradicted on {evidence.contradicted[check.id][0]:%Y-%m-%d}"
    mark = _MARKS[check.evidence]
    if check.id not in evidence.confirmed:
        return mark
    seen = f"observed on {evidence.confirmed[check.id]:%Y-%m-%d}"
    return f"documented, {seen}" if mark == "documented" else seen


def table(evidence: Evidence) -> str:
    """Return the table, a row for each check of a provider."""
    rows = (
        f"| {check.id} | {check.statement} | {check.level} | {mark_of(check, evidence)} |\n"
        for check in PROVIDER
    )
    return HEAD + "".join(rows)


def main() -> None:
    """Write the table anew."""
    before, found, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    if not found:
        raise SystemExit(f"{PAGE} has no table to replace.")
    PAGE.write_text(before + table(shipped_evidence()), encoding="utf-8")


if __name__ == "__main__":
    main()
