"""Runs the contract over the variants, one at a time, and writes what it said of each.

`python -m tests.contract.written_by_others.batch RESULTS --batch 1` appends a line of JSON for each
variant to RESULTS and passes over those that it has already. `table` makes the table of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.contract.written_by_others import variants
from tests.contract.written_by_others.accounts import Accounts
from tests.contract.written_by_others.rows import ROWS, Row, list_sets

OWN: Final = Accounts().workspaces
SEEN: Final = ("FAIL", "WARN", "INFO", "VOID")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a run may take, and how long the videos of a variant take."""

    seconds: float = 420
    video_seconds: float = 0


def start_server(name: str, video_seconds: float) -> tuple[subprocess.Popen[str], str]:
    """Start a variant in a process of its own, and return its address."""
    module = "tests.contract.written_by_others.serve"
    command = [sys.executable, "-m", module, name, "--video-seconds", str(video_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def verify(url: str, folder: Path, seconds: float) -> int | None:
    """Verify a URL, and return the exit status; None if the time was over."""
    command = [
        *(sys.executable, "-m", "getimg_mock", "verify", "api", "--target", url),
        *("--key", OWN[0].keys[0], "--second-key", OWN[1].keys[0]),
        *("--tier", "R3", "--budget", "200", "--wait", "61"),
        *("--record", str(folder / "spend"), "--events", str(folder / "events.ndjson")),
    ]
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        environment = {**os.environ, "NO_COLOR": "1"}
        try:
            done = subprocess.run(
                command, stdout=out, stderr=err, timeout=seconds, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    return done.returncode


def read_verdicts(events: Path) -> dict[str, list[str]]:
    """Return the ids of the checks by their verdict; what was said of the fake is left out."""
    said: dict[str, str] = {}
    if events.exists():
        for line in events.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event.get("event") == "verdict":
                judges_target = event["id"].startswith("GP")
                if not (judges_target and event["id"] in said):
                    said[event["id"]] = event["status"]
    return {kind: sorted(each for each, status in said.items() if status == kind) for kind in SEEN}


def run_one(name: str, folder: Path, limits: Limits) -> dict[str, Any]:
    """Serve a variant, verify it, and return what was found."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    began = time.monotonic()
    server, url = start_server(name, limits.video_seconds)
    try:
        status = verify(url, folder, limits.seconds)
    finally:
        server.terminate()
        server.wait(timeout=10)
    verdicts = read_verdicts(folder / "events.ndjson")
    return {
        "variant": name,
        "status": status,
        "verdicts": verdicts,
        "video_seconds": limits.video_seconds,
        "seconds": round(time.monotonic() - began),
    }


def list_names(batch: int) -> list[str]:
    """Return the names of a batch in turns of subjects, with two legal ones in each turn."""
    groups: dict[str, list[Row]] = {}
    for row in ROWS.values():
        if row.batch == batch:
            legal_turn = len(groups.get("legal 1", [])) > len(groups.get("legal 2", []))
            subject = f"legal {1 + legal_turn}" if row.severity is None else row.subject
            groups.setdefault(subject, []).append(row)
    longest = max(map(len, groups.values()), default=0)
    turns = (rows[i] for i in range(longest) for rows in groups.values() if i < len(rows))
    return [row.name for row in turns]


def main() -> None:
    """Read the command line and run the variants that have no result yet."""
    variants.load()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="*", help="variants; all of the batch if there are none")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--together", type=int, default=1, help="variants in a run, at most")
    parser.add_argument("--video-seconds", type=float, default=0)
    parser.add_argument("--until", help="begin no run after this time of day, HH:MM in UTC")
    chosen = parser.parse_args()
    done: set[str] = set()
    if chosen.results.exists():
        lines = chosen.results.read_text(encoding="utf-8").splitlines()
        done = {each for line in lines for each in json.loads(line)["variant"].split("+")}
    names = chosen.names or [each for each in list_names(chosen.batch) if each not in done]
    for name in list_sets(names, chosen.together):
        if chosen.until and time.strftime("%H:%M", time.gmtime()) >= chosen.until:
            break
        limits = Limits(video_seconds=chosen.video_seconds)
        found = run_one(name, chosen.results.parent / name[:200], limits)
        with chosen.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(name, found["status"], found["seconds"], found["verdicts"]["FAIL"], flush=True)


if __name__ == "__main__":
    main()
