"""`getimg-mock replay FILE`: run the plans of recorded failures again and judge them again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.addresses import Address
from getimg_mock.contract.checks import check_of
from getimg_mock.contract.plans import plan_of
from getimg_mock.contract.targets import InProcess, Target
from getimg_mock.contract.verdicts import judged
from getimg_mock.errors import SettingsError
from getimg_mock.reports import events

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `replay`."""
    parser = commands.add_parser(
        "replay",
        help="run the plans of recorded failures again",
        description="Run the plans of the failures in an event stream again, and judge them again.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an event stream of verify")
    parser.add_argument("--check", metavar="ID", help="only the failures of this check")
    parser.add_argument("--target", default="fake", metavar="WHERE", help="fake, or a URL")
    parser.add_argument("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="how often (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Replay; returns 1 when a failure shows again, 0 when none does."""
    try:
        text = arguments.file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{arguments.file} cannot be read: {error.strerror}.") from None
    target = _target(arguments)
    again = 0
    for verdict in (each for each in events.parsed(text) if each["event"] == "verdict"):
        if not verdict["failures"] or arguments.check not in {None, verdict["id"]}:
            continue
        if "client" in verdict["failures"][0]:
            from getimg_mock.cli import verify_client  # noqa: PLC0415 - for failures of clients

            again += verify_client.replayed(verdict, arguments.times)
        else:
            again += _replayed(verdict, target, arguments.times)
    sys.stdout.write("No failure shows again.\n" if not again else f"{again} show again.\n")
    return 1 if again else 0


def _replayed(verdict: dict[str, Any], target: Target, times: int) -> int:
    check, failure = check_of(verdict["id"]), verdict["failures"][0]
    if "steps" not in failure["plan"]:
        sys.stdout.write(f"{check.id}  its plan is too large to be kept; run verify api again\n")
        return 0
    plan = plan_of(failure["plan"])
    seen = sum(judged(check, [target.run(plan)], own=target.own).broken for _ in range(times))
    label = "" if seen in {0, times} else "  flaky"
    sys.stdout.write(f"{check.id}  {seen} of {times}  {plan.name}{label}\n")
    return 1 if seen else 0


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.target == "fake":
        return InProcess()
    if not arguments.target.startswith(("http://127.", "http://localhost", "http://[::1]")):
        raise SettingsError(
            "A replay is sent without a budget, so it goes to this machine only: "
            "use verify api --only for another."
        )
    key = arguments.key or os.environ.get("GETIMG_API_KEY") or "sk_replay_key"
    return Address(arguments.target, {"a": key})
