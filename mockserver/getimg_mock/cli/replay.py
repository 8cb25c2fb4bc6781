"""`getimg-mock replay FILE`: run the plans and cases of recorded failures again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.colour import is_coloured
from getimg_mock.contract.verdict_events import build_verdict_event
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.contract.verification.replay import ReplayOptions, replay_failure
from getimg_mock.errors import SettingsError
from getimg_mock.reports import console, replays, scripts
from getimg_mock.reports.formats import read_events
from getimg_mock.user_files import write_user_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from getimg_mock.contract.verdicts import Verdict
    from getimg_mock.reports.run_events import Outcome, RunEvent


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `replay`."""
    parser = commands.add_parser(
        "replay",
        help="run the plans of recorded failures again",
        description="Run what the failures in an event stream need again, and judge it again: "
        "with the target, the seed and the client that the stream names.",
        epilog="The status is 1 when a failure shows again, 2 when one could not be tried, else 0.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="an event stream of verify")
    add("--check", metavar="ID", help="only the failures of this check (default: FAIL and WARN)")
    add("--target", metavar="WHERE", help="fake, socket, or a URL (default: as in the stream)")
    add("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    add("--second-key", metavar="KEY", help="a key of another workspace")
    add("--budget", metavar="USD", help="needed for a target that is not on this machine")
    add("--times", type=int, default=1, metavar="N", help="how often (default: 1)")
    add(
        "--script",
        type=Path,
        metavar="FILE.py",
        help="write a script that shows the failure, and run nothing",
    )


def run(arguments: argparse.Namespace) -> int:
    """Replay; returns 1 when a failure shows again, 2 when one could not be tried, else 0."""
    if arguments.times < 1:
        raise SettingsError(f"--times {arguments.times}: write how often, 1 or more.")
    if arguments.check:
        arguments.check = find_check(arguments.check).id
    found = _select_verdicts(read_events(arguments.file), arguments)
    if arguments.script:
        return _write_script(arguments, found)
    statuses = [_replay_verdict(outcome, verdict, arguments) for outcome, verdict in found]
    again, void = statuses.count(1), statuses.count(2)
    last = f"{again} of {len(found)} failures show again." if again else "No failure shows again."
    tail = f" {void} could not be tried." if void else ""
    sys.stdout.write(f"{last if again or void < len(found) or not found else ''}{tail}".strip())
    sys.stdout.write("\n")
    return 1 if again else 2 if void else 0


def _select_verdicts(
    outcomes: Sequence[Outcome], arguments: argparse.Namespace
) -> list[tuple[Outcome, RunEvent]]:
    """Return the verdicts to replay; raises `SettingsError` when there is none of `--check`."""
    failed = [
        (outcome, verdict)
        for outcome in outcomes
        for verdict in outcome.verdicts
        if verdict["failures"] and not outcome.twin
    ]
    if arguments.check is None:
        return [(o, v) for o, v in failed if v["status"] in {"FAIL", "WARN"}]
    found = [(o, v) for o, v in failed if v["id"] == arguments.check]
    if not found:
        listed = ", ".join(dict.fromkeys(v["id"] for _, v in failed)) or "none"
        raise SettingsError(
            f"{arguments.file} holds no failure of {arguments.check}; those it holds: {listed}."
        )
    return found


def _write_script(arguments: argparse.Namespace, found: list[tuple[Outcome, RunEvent]]) -> int:
    """Write the script of one failure; raises `SettingsError` when there are several."""
    if len({verdict["id"] for _, verdict in found}) != 1:
        raise SettingsError("A script shows one failure: say which with --check.")
    outcome, verdict = found[0]
    why = replays.explain_unrepeatable(outcome, verdict["failures"][0])
    if why:
        raise SettingsError(f"{verdict['id']} cannot be written as a script: {why}.")
    text = scripts.build_script(outcome, verdict)
    write_user_file(arguments.script, text)
    sys.stdout.write(f"python {replays.quote_path(str(arguments.script))}\n")
    return 0


def _replay_verdict(outcome: Outcome, verdict: RunEvent, arguments: argparse.Namespace) -> int:
    """Replay a failure; returns 1 when it shows again, 2 when it cannot be tried, else 0."""
    failure = verdict["failures"][0]
    options = ReplayOptions(
        times=arguments.times,
        target=arguments.target,
        key=arguments.key,
        second_key=arguments.second_key,
        budget=arguments.budget,
    )
    replay = replay_failure(outcome, failure, options)
    head = f"{verdict['id']}  {outcome.target}"
    if not replay.tried:
        sys.stdout.write(f"VOID  {head}: {replay.reason}\n\n")
        return 2
    seen = f"{replay.again} of {replay.tried} times"
    flaky = "" if replay.again in {0, replay.tried} else ", flaky"
    if replay.verdict is not None:
        _show_verdict(replay.verdict, verdict, failure)
    sys.stdout.write(f"{head}: {seen}{flaky}\n\n")
    return 1 if replay.again else 0


def _show_verdict(seen: Verdict, verdict: RunEvent, failure: RunEvent) -> None:
    event = build_verdict_event(seen, failure["seed"])
    event["fix"] = verdict.get("fix", "")
    again = event["failures"][0] | {"verdict": event, "contract": failure["contract"]}
    if "client" in failure:
        again["client"] = failure["client"]
    sys.stdout.write(console.render_failure(again, colour=is_coloured(sys.stdout)) + "\n")
