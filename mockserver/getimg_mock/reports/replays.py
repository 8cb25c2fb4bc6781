"""How to see a failure again: the command, and a script that needs no event stream."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from getimg_mock.control.request_guard import is_loopback

if TYPE_CHECKING:
    from getimg_mock.reports.run_events import Outcome, RunEvent

OBSERVED: Final = "--observe"
"""The adapter of a client that was observed, not driven."""

NAMELESS: Final = "--factory"
"""The adapter of a client whose factory cannot be imported by a name."""

_PLAIN: Final = re.compile(r"~?[\w@%+=:,./-]+", re.ASCII)


def is_loopback_url(url: str) -> bool:
    """Return whether a URL is on this machine, where nothing can cost."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def explain_unrepeatable(outcome: Outcome, failure: RunEvent) -> str:
    """Return why a failure cannot be replayed from its events alone, or an empty text."""
    adapter = failure.get("client", {}).get("adapter")
    if adapter == OBSERVED:
        return "it was observed, so run the observed command again"
    if adapter == NAMELESS:
        return "the client has no name to import it by, so verify it again"
    if outcome.target == "traffic" and outcome.kind == "provider":
        return "it is in recorded traffic, and nothing was sent"
    if "client" in failure or failure["plan"].get("steps"):
        return ""
    if not failure["plan"]:
        return "it is about the run as a whole, so make the run again"
    return "its plan is too large to be kept, so make the run again"


def build_replay_command(outcome: Outcome, failure: RunEvent) -> str:
    """Return the command that shows a failure again, or says why there is none."""
    again = str(outcome.start.get("again", ""))
    why = explain_unrepeatable(outcome, failure)
    if why:
        return f"{again}   ({why})" if again else why
    if not outcome.source:
        return again or "add --events FILE to keep what can be replayed"
    budget = outcome.start.get("budget")
    money = f" --budget {budget}" if budget and not is_loopback_url(find_url(outcome)) else ""
    return f"getimg-mock replay {quote_path(outcome.source)} --check {failure['id']}{money}"


def describe_script(outcome: Outcome, failure: RunEvent) -> str:
    """Return how to get a script that shows a failure again, or an empty text."""
    if explain_unrepeatable(outcome, failure) or not outcome.source:
        return ""
    return f"the same with --script {failure['id'].lower()}.py writes it as a program"


def find_url(outcome: Outcome) -> str:
    """Return the URL of the target of a run; an empty text for the fake."""
    return str(outcome.start.get("url") or "")


def quote_path(path: str) -> str:
    """Return a path quoted for a shell, with `~` for the home folder."""
    try:
        short = f"~/{Path(path).relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):
        short = path
    return short if _PLAIN.fullmatch(short) else shlex.quote(path)
