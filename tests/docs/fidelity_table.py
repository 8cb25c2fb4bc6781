"""The rows of docs/fidelity.md, and fixtures/behaviours.json, which is written from them.

The package finds the claims of the fake there (GE907).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "fidelity.md"
BEHAVIOURS: Final = ROOT / "fixtures" / "behaviours.json"


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
