"""`getimg-mock replay FILE`: run what recorded failures need again, and judge it again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import reporting
from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record, parse_amount
from getimg_mock.contract.plans import parse_plan
from getimg_mock.contract.targets.fake_targets import InProcessTarget, SocketTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdict_events import build_verdict_event
from getimg_mock.contract.verdicts import Verdict, judge_check
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.errors import SettingsError
from getimg_mock.reports import console, replays, scripts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.reports.events import Event, Outcome

_KEY: Final = "sk_replay_key"
_SECOND_KEY: Final = "sk_replay_second_key"


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


@dataclass(frozen=True, slots=True)
class Shown:
    """How one failure came out: how often it showed again, and how often it could be tried."""

    again: int = 0
    tried: int = 0
    verdict: Verdict | None = None
    why: str = ""
    """Why it could not be tried."""


def run(arguments: argparse.Namespace) -> int:
    """Replay; returns 1 when a failure shows again, 2 when one could not be tried, else 0."""
    if arguments.times < 1:
        raise SettingsError(f"--times {arguments.times}: write how often, 1 or more.")
    if arguments.check:
        arguments.check = find_check(arguments.check).id
    found = _chosen(reporting.read_events(arguments.file), arguments)
    if arguments.script:
        return _scripted(arguments, found)
    statuses = [_told(outcome, verdict, arguments) for outcome, verdict in found]
    again, void = statuses.count(1), statuses.count(2)
    last = f"{again} of {len(found)} failures show again." if again else "No failure shows again."
    tail = f" {void} could not be tried." if void else ""
    sys.stdout.write(f"{last if again or void < len(found) or not found else ''}{tail}".strip())
    sys.stdout.write("\n")
    return 1 if again else 2 if void else 0


def _chosen(
    outcomes: Sequence[Outcome], arguments: argparse.Namespace
) -> list[tuple[Outcome, Event]]:
    """Return the verdicts to try again; raises `SettingsError` when the one asked for is none."""
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


def _scripted(arguments: argparse.Namespace, found: list[tuple[Outcome, Event]]) -> int:
    """Write the script of the one failure that is meant."""
    if len({verdict["id"] for _, verdict in found}) != 1:
        raise SettingsError("A script shows one failure: say which with --check.")
    outcome, verdict = found[0]
    why = replays.unrepeatable(outcome, verdict["failures"][0])
    if why:
        raise SettingsError(f"{verdict['id']} cannot be written as a script: {why}.")
    text = scripts.build_script(outcome, verdict)
    try:
        arguments.script.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{arguments.script} cannot be written: {error.strerror}.") from None
    sys.stdout.write(f"python {replays.shown(str(arguments.script))}\n")
    return 0


def _told(outcome: Outcome, verdict: Event, arguments: argparse.Namespace) -> int:
    """Try a failure again and tell; returns 1 when it shows, 2 when it cannot be tried, else 0."""
    failure = verdict["failures"][0]
    why = replays.unrepeatable(outcome, failure)
    shown = Shown(why=why) if why else _tried(outcome, failure, arguments)
    head = f"{verdict['id']}  {outcome.target}"
    if not shown.tried:
        sys.stdout.write(f"VOID  {head}: {shown.why}\n\n")
        return 2
    seen = f"{shown.again} of {shown.tried} times"
    flaky = "" if shown.again in {0, shown.tried} else ", flaky"
    if shown.verdict is not None:
        told = build_verdict_event(shown.verdict, failure["seed"])
        told["fix"] = verdict.get("fix", "")
        again = told["failures"][0] | {"verdict": told, "contract": failure["contract"]}
        if "client" in failure:
            again["client"] = failure["client"]
        sys.stdout.write(console.block(again, colour=sys.stdout.isatty()) + "\n")
    sys.stdout.write(f"{head}: {seen}{flaky}\n\n")
    return 1 if shown.again else 0


def _tried(outcome: Outcome, failure: Event, arguments: argparse.Namespace) -> Shown:
    if "client" in failure:
        from getimg_mock.cli import verify_client  # noqa: PLC0415 - for failures of clients

        upstream = replays.url_of(outcome)
        address = _address(upstream, outcome, arguments) if upstream else None
        verdicts = verify_client.replayed(failure, arguments.times, address)
    else:
        target = _target(outcome, arguments)
        plan = parse_plan(failure["plan"])
        lacks = target.find_obstacle(plan)
        if lacks:
            return Shown(why=lacks)
        verdicts = _judged(plan, failure["id"], target, arguments.times)
    return _summed(verdicts)


def _summed(verdicts: Iterator[Verdict]) -> Shown:
    again = tried = 0
    first: Verdict | None = None
    why = ""
    for verdict in verdicts:
        if verdict.status in {"VOID", "SKIP"}:
            why = verdict.reason or "nothing that was exchanged says anything about it"
            continue
        tried += 1
        again += verdict.broken
        first = first or (verdict if verdict.broken else None)
    return Shown(again, tried, first, why)


def _judged(plan: Plan, name: str, target: Target, times: int) -> Iterator[Verdict]:
    check = find_check(name)
    for _ in range(times):
        history = target.run(plan)
        if history.exchanges and all(each.status == 0 for each in history):
            yield Verdict(check=check, status="VOID", reason=f"{target.name} does not answer")
            continue
        yield judge_check(check, [history], own=target.own)


def _target(outcome: Outcome, arguments: argparse.Namespace) -> Target:
    """Return what a failure is tried on: what the caller names, else what it was seen on."""
    seed = str(outcome.start["seed"])
    where = arguments.target or replays.url_of(outcome) or outcome.target
    if "://" in where:
        return _address(where, outcome, arguments)
    if where == "socket":
        return SocketTarget(seed=seed)
    if where == "fake" or (arguments.target is None and outcome.start["own"]):
        return InProcessTarget(seed=seed)
    raise SettingsError(f"{where!r} is no target: give --target fake, socket, or a URL.")


def _address(url: str, outcome: Outcome, arguments: argparse.Namespace) -> HttpTarget:
    """Return an address to send to: on this machine freely, elsewhere under a budget."""
    own = replays.loopback(url)
    key = arguments.key or os.environ.get("GETIMG_API_KEY") or (_KEY if own else None)
    if key is None:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    second = arguments.second_key or (_SECOND_KEY if own else None)
    keys = {"a": key} | ({"b": second} if second else {})
    address = HttpTarget(url, keys, name=url)
    if arguments.budget is not None:
        install_budget(address, parse_amount(arguments.budget), SpendRecord(find_default_record()))
    elif not own:
        raise SettingsError(
            f"{url} is not on this machine: say how much a replay of {outcome.target} may cost "
            "with --budget."
        )
    return address
