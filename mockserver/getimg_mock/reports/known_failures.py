"""Known failures: a list of checks that are expected to fail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import UnknownNameError
from getimg_mock.user_files import read_user_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from getimg_mock.reports.run_events import Outcome

FAILING_STATUSES: Final = frozenset({"FAIL", "XPASS"})
"""The statuses that fail a run."""


def load_known_failures(
    given: Path | str | Mapping[str, str] | None, ids: Sequence[str]
) -> dict[str, str]:
    """Return known failures, by id with the reason, of a file, of a mapping, or none.

    Raises `UnknownNameError` for an id that is not in `ids`, and `SettingsError` for a file that
    cannot be read.
    """
    if given is None:
        return {}
    if not isinstance(given, (str, Path)):
        return {_require_id(name, ids): reason for name, reason in given.items()}
    return read_known_failures(Path(given), ids)


def read_known_failures(path: Path, ids: Sequence[str]) -> dict[str, str]:
    """Return the checks that a file lists, by id, with the reason: `GP407  a reason` a line.

    `#` begins a comment. Raises `UnknownNameError` for an id that is not in `ids`, and
    `SettingsError` for a file that cannot be read.
    """
    found = {}
    for line in read_user_file(path).splitlines():
        name, _, reason = line.partition("#")[0].strip().partition(" ")
        if not name:
            continue
        found[_require_id(name, ids)] = reason.strip()
    return found


def _require_id(name: str, ids: Sequence[str]) -> str:
    if name.upper() not in ids:
        raise UnknownNameError("check in the list of known failures", name.upper(), ids)
    return name.upper()


def render_known_failures(outcomes: Iterable[Outcome]) -> str:
    """Return the list of what fails in these runs, in the form that `read_known_failures` reads.

    A known failure that still fails keeps its reason; another has its statement for one. Of the
    fake that a target is compared with, nothing is listed.
    """
    found: dict[str, str] = {}
    for outcome in outcomes:
        for verdict in () if outcome.twin else outcome.verdicts:
            if verdict["status"] in {"FAIL", "XFAIL"}:
                reason = verdict["reason"] if verdict["status"] == "XFAIL" else ""
                said = " ".join((reason or verdict["statement"]).replace("#", "").split())
                found.setdefault(verdict["id"], said)
    head = "# Checks that are known to fail, for --known-failures: id and reason.\n"
    return head + "".join(f"{name}  {reason}\n" for name, reason in sorted(found.items()))


def resolve_known_status(status: str, *, broken: bool) -> str:
    """Return the status of a check that is listed as a known failure.

    A broken check becomes XFAIL and one that passes XPASS. VOID, SKIP and STALE stay: they say
    nothing about the failure.
    """
    if status in {"FAIL", "WARN", "INFO"} and broken:
        return "XFAIL"
    return "XPASS" if status in {"PASS", "INFO"} else status


def apply_known_failures(
    events: Iterable[dict[str, Any]], known: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the events of runs, with the statuses of `known` failures and ends that count anew.

    Known failures apply to the target under test, not to the fake that runs as its twin.
    """
    counts: dict[str, int] = {}
    listed = known
    for event in events:
        told = event
        if event["event"] == "start":
            counts, listed = {}, {} if event.get("twin") else known
        elif event["event"] == "verdict":
            if event["id"] in listed:
                status = resolve_known_status(event["status"], broken=bool(event["failures"]))
                if status != event["status"]:
                    told = event | {"status": status, "reason": listed[event["id"]]}
            counts[told["status"]] = counts.get(told["status"], 0) + 1
        elif event["event"] == "end":
            told = event | {"verdicts": counts, "ok": not counts.keys() & FAILING_STATUSES}
        yield told
