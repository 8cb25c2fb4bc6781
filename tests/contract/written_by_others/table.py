"""Writes the table of first sights: `python -m tests.contract.written_by_others.table`.

`first_sight_providers_N.jsonl` has a line for each run, as `batch` wrote it, with two fields more:
`judged` and `why`, by a reader of what the contract printed. A fault is `right`, `other`, `warned`
or `missed`, a legal variant is `let go`, a `false failure`, or `rightly failed`, where its author
was mistaken. A run of several variants has a line for each of them, with the others in `together`
and the ids of the checks that are about this one.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.contract.written_by_others import variants
from tests.contract.written_by_others.rows import ROWS

HERE: Final = Path(__file__).parent
MARK: Final = "Runs follow.\n"
ALWAYS: Final = {"GE909", "GP707", "GP808"}
FOUND: Final = ("right", "other", "warned", "missed")
HEAD: Final = (
    "| variant | what is different | class, severity | expected | exit | failed | warned, INFO "
    "| judged | seconds |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def read_runs(file: Path) -> list[dict[str, Any]]:
    """Return the runs of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def write_row(run: dict[str, Any]) -> str:
    """Return the line of a run."""
    row = ROWS[run["variant"]]
    said = run["verdicts"]
    quiet = [each for each in said["WARN"] + said["INFO"] if each not in ALWAYS]
    status = "time over" if run["status"] is None else str(run["status"])
    if others := len(run.get("together", [])):
        status += f", with {others} more"
    cells = (
        row.name,
        f"{row.says} *{row.because}*",
        f"{row.subject}, {row.severity}" if row.severity else row.subject,
        row.expected,
        status,
        " ".join(said["FAIL"]),
        " ".join(quiet),
        f"**{run['judged']}**: {run['why']}" if run.get("why") else f"**{run['judged']}**",
        run["seconds"],
    )
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


def write_totals(runs: list[dict[str, Any]]) -> str:
    """Return the table of totals by class."""
    counted: dict[str, Counter[str]] = {}
    for run in runs:
        counted.setdefault(ROWS[run["variant"]].subject, Counter())[run["judged"]] += 1
    false = counted.pop("legal", Counter())
    lines = ["| class | right check | other check | warned or INFO | not found | runs |\n"]
    lines.append("| --- | --- | --- | --- | --- | --- |\n")
    counted["all"] = sum(counted.values(), Counter())
    for subject in sorted(counted, key=lambda each: (each == "all", each)):
        counts = counted[subject]
        cells = " | ".join(str(counts[each]) for each in FOUND)
        lines.append(f"| {subject} | {cells} | {counts.total()} |\n")
    failed, legal = false["false failure"], false.total() - false["rightly failed"]
    lines.append(f"\nLegal variants that failed: {failed} of {legal}.\n")
    return "".join(lines)


def write_page(page: Path, runs: list[dict[str, Any]]) -> None:
    """Replace what follows the mark of a page."""
    judged = [run for run in runs if run.get("judged") and run["variant"] in ROWS]
    text = page.read_text(encoding="utf-8")
    head = text.partition(MARK)[0] + MARK
    rows = "".join(write_row(run) for run in judged)
    page.write_text(f"{head}\n{write_totals(judged)}\n{HEAD}{rows}", encoding="utf-8")


def main() -> None:
    """Write the tables of all batches."""
    variants.load()
    for file in sorted(HERE.glob("first_sight_providers_*.jsonl")):
        write_page(file.with_suffix(".md"), read_runs(file))


if __name__ == "__main__":
    main()
