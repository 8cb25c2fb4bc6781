"""Runs clients through the contract: `python -m tests.contract.clients_by_others.run [NAMES]`.

Without names the good ones come first, then the faulty ones. The table is Markdown.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.catalogue import CLIENTS, Entry

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BOUND = 150  # seconds for one client


@dataclass
class Outcome:
    """What one run said."""

    entry: Entry
    seconds: float
    status: int | None
    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    void: list[str] = field(default_factory=list)
    note: str = ""


def find_command(entry: Entry) -> list[str]:
    """Return the command that drives a client as a program."""
    if entry.command is not None:
        return shlex.split(entry.command.format(here=HERE))
    drive = "tests.contract.clients_by_others.drive"
    return [sys.executable, "-m", drive, entry.maker.__module__, entry.name]


def command(entry: Entry) -> list[str]:
    if not entry.program:
        return [f"{entry.maker.__module__}:{entry.name}"]
    return ["--program", shlex.join(find_command(entry))]


def run(entry: Entry, folder: Path, only: str | None = None) -> Outcome:
    report = folder / f"{entry.name}.json"
    words = [
        str(ROOT / ".venv/bin/getimg-mock"),
        "verify",
        "client",
        *command(entry),
        "--report",
        str(report),
        "--events",
        str(folder / f"{entry.name}.ndjson"),
        *(("--only", only) if only else ()),
    ]
    began = time.monotonic()
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=surroundings, timeout=BOUND, capture_output=True, check=False
        )
        status, said = done.returncode, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        status, said = None, f"ended after {BOUND} s"
    outcome = Outcome(entry, time.monotonic() - began, status)
    if status not in {0, 1}:
        outcome.note = " ".join(said.split())[-300:]
    if report.exists():
        read(json.loads(report.read_text()), outcome)
    return outcome


def read(report: dict[str, Any], outcome: Outcome) -> None:
    lists = {"FAIL": outcome.failed, "WARN": outcome.warned, "VOID": outcome.void}
    for verdict in report["runs"][0]["verdicts"]:
        if verdict["status"] in lists:
            lists[verdict["status"]].append(f"{verdict['id']} {verdict['statement']}")


def row(outcome: Outcome) -> str:
    entry = outcome.entry
    cells = (
        entry.name + (" (blocker)" if entry.blocker else ""),
        f"{entry.subject or 'good'}, {entry.style}",
        entry.says,
        f"{outcome.seconds:.1f}",
        "ended" if outcome.status is None else str(outcome.status),
        "<br>".join(outcome.failed) or "-",
        ", ".join(text.split()[0] for text in outcome.warned) or "-",
        " ".join([*(text.split()[0] for text in outcome.void), outcome.note]).strip() or "-",
    )
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


HEAD = """\
| client | class, style | what it is, or wrong | s | status | failed | warned | void, note |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def chosen(names: list[str], *, good: bool) -> list[Entry]:
    unknown = [name for name in names if name not in CLIENTS]
    if unknown:
        sys.exit(f"There is no client {', '.join(unknown)}; there are {', '.join(CLIENTS)}.")
    listed = [CLIENTS[name] for name in names] if names else list(CLIENTS.values())
    if good:
        listed = [entry for entry in listed if entry.subject is None]
    return sorted(listed, key=lambda entry: (entry.subject is not None, entry.program))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--good", action="store_true", help="only the good ones")
    parser.add_argument("--only", metavar="IDS", help="checks to judge, as of verify client")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", metavar="DIRECTORY", help="where reports and events are kept")
    asked = parser.parse_args()
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="clients-by-others-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(HEAD, flush=True)
    with ThreadPoolExecutor(asked.jobs) as pool:
        listed = chosen(asked.names, good=asked.good)
        for outcome in pool.map(lambda entry: run(entry, folder, asked.only), listed):
            print(row(outcome), flush=True)


if __name__ == "__main__":
    main()
