"""`getimg-mock explain GP407`: what a check demands, and why."""

from __future__ import annotations

import sys
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.checks.message_variants import coverage_table
from getimg_mock.contract.verification.registry import find_check, list_checks

if TYPE_CHECKING:
    import argparse

    from getimg_mock.contract.verdicts import Check

_EVIDENCE: Final = {
    "documented": "documented by getimg.ai",
    "seed": "from the page that this project was made from",
    "choice": "our choice: it follows from what HTTP asks for, or from what a mistake would cost",
    "standard": "a standard",
    "common-sense": "common sense: no service may do this, so a breach fails everywhere",
    "assumption": "an assumption: on services other than the fake, a breach fails nothing",
}
_COSTS: Final = {
    "0": "free to try",
    "T": "free: judged on all that was exchanged",
    "1": "needs a paid generation",
    "R": "uses up a rate limit",
    "fake": "can be tried on a fake only",
}


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `explain`."""
    parser = commands.add_parser(
        "explain",
        help="say what a check demands, and why",
        description="Say what a check demands, and why. Without an id, list all.",
        allow_abbrev=False,
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="such as GP407")
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="say which keywords of schemas clients are tried with",
    )


def run(arguments: argparse.Namespace) -> int:
    """Explain one check, list all, or print the coverage of responses to clients; returns 0."""
    if arguments.coverage:
        sys.stdout.write(coverage_table())
    elif arguments.id is None:
        for check in list_checks():
            sys.stdout.write(f"{check.id}  {check.level:<6}  {check.statement}\n")
    else:
        sys.stdout.write(explain_check(find_check(arguments.id)))
    return 0


def explain_check(check: Check) -> str:
    """Return the explanation of a check."""
    fix = getattr(check, "fix", "")
    return (
        f"{check.id}  {check.statement}\n\n"
        f"{fill(check.why, 78)}\n\n"
        + (f"{fill('To fix it: ' + fix, 78)}\n\n" if fix else "")
        + f"level     {check.level} ({check.severity})\n"
        f"evidence  {getattr(check, 'source', '') or _EVIDENCE[check.evidence]}\n"
        f"cost      {_COSTS[check.cost]}\n"
        f"try it    getimg-mock verify {_build_trial_command(check)}\n"
    )


def _build_trial_command(check: Check) -> str:
    """Return the arguments of `verify` that judge a check."""
    if check.id.startswith("GC"):
        return f"client CLIENT --only {check.id}"
    if check.id.startswith("GE"):
        return f"api --target URL --only {check.id}"
    return f"api --only {check.id}"
