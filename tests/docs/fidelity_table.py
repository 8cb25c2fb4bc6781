"""What docs/fidelity.md shares with the package: `python -m tests.docs.fidelity_table`.

The table of checks at the end of the page is written anew, and the page's rows are written to
fixtures/behaviours.json, where the package finds them (GE907).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.evidence.claims import compute_mark
from getimg_mock.contract.evidence.evidence_file import load_shipped_evidence
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS

if TYPE_CHECKING:
    from getimg_mock.contract.evidence.evidence_file import Evidence

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "fidelity.md"
BEHAVIOURS: Final = ROOT / "fixtures" / "behaviours.json"
HEAD: Final = "| check | what it claims | level | evidence now |\n| --- | --- | --- | --- |\n"


def table(evidence: Evidence) -> str:
    """Return the table, a row for each check of a provider."""
    rows = (
        f"| {check.id} | {check.statement} | {check.level} | {compute_mark(check, evidence)} |\n"
        for check in PROVIDER_CHECKS
    )
    return HEAD + "".join(rows)


def rows(page: str) -> dict[str, list[dict[str, str]]]:
    """Return claim, evidence and setting of each row of the page's tables, by section."""
    found: dict[str, list[dict[str, str]]] = {}
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:].partition(": `")[0]
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] not in {"claim", "---"}:
            row = dict(zip(("claim", "evidence", "setting"), cells, strict=True))
            found.setdefault(section, []).append(row)
    return found


def behaviours(page: str) -> str:
    """Return the rows as JSON, but for the one whose evidence stands with each value."""
    kept = {
        section: [row for row in found if row["evidence"] != "by value"]
        for section, found in rows(page).items()
    }
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write both anew."""
    page = PAGE.read_text(encoding="utf-8")
    before, found, _ = page.partition(HEAD)
    if not found:
        raise SystemExit(f"{PAGE} has no table to replace.")
    PAGE.write_text(before + table(load_shipped_evidence()), encoding="utf-8")
    BEHAVIOURS.write_text(behaviours(page), encoding="utf-8")


if __name__ == "__main__":
    main()
