"""`getimg-mock cassette`: look at recordings of the API, check them, and convert them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.cassette import RecordedJob
from getimg_mock.cassettes.cassette_files import format_entry_name
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.encoded_entries import encode_entry, encode_manifest
from getimg_mock.cassettes.har_export import build_cassette_har
from getimg_mock.cassettes.inspection import inspect_cassette
from getimg_mock.cassettes.pruning import PruneOptions, prune_cassette
from getimg_mock.control.package_version import find_version
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.printable_text import replace_unprintable
from getimg_mock.user_files import require_writable, write_user_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from getimg_mock.cassettes.cassette import Cassette, RecordedExchange

_DATE: Final = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)
_LONGEST_PROMPT: Final = 40
_FAILED: Final = 1


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `cassette` and its actions."""
    summary = "list, check, prune or convert recordings of the API"
    parser = commands.add_parser(
        "cassette",
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, about: str) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = actions.add_parser(
            name, help=about, description=about, allow_abbrev=False
        )
        action.add_argument("folder", type=Path, metavar="DIR", help="the folder of the cassette")
        return action

    _add_readers(add)
    _add_writers(add)


def _add_readers(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    _add_json(add("ls", "list the exchanges and jobs"))
    shown = add("show", "print one exchange as JSON")
    shown.add_argument("name", metavar="NAME", help="its file, as ls prints it, or how that begins")
    _add_json(add("check", "find secrets, faults and missing media; status 1 if there are any"))
    given = add("export", "write a cassette with its media as one HAR file")
    given.add_argument("file", type=Path, metavar="FILE.har", help="the file to write")


def _add_writers(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    pruned = add("prune", "delete unused media, unfinished files and what the options name")
    pruned.add_argument("--before", metavar="DATE", help="also exchanges recorded before this day")
    pruned.add_argument(
        "--entry",
        action="append",
        default=[],
        metavar="GLOB",
        help="also exchanges whose files are named so; may be given again",
    )
    pruned.add_argument("--dry-run", action="store_true", help="list it, and delete nothing")
    taken = add("import", "add the exchanges of a HAR file, or of NDJSON, to a cassette")
    taken.add_argument("file", type=Path, metavar="FILE", help="a .har file, or .ndjson")


def _add_json(action: argparse.ArgumentParser) -> None:
    action.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run the action; returns 1 when `check` found something, else 0."""
    return _ACTIONS[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    cassette = read_cassette(arguments.folder)
    if arguments.json:
        entries = [_describe(each) for each in cassette.entries]
        _write_json({"manifest": encode_manifest(cassette.manifest), "entries": entries})
        return 0
    _write_lines([_render_manifest(cassette), *map(_render_entry, cassette.entries)])
    return 0


def _describe(entry: RecordedExchange) -> dict[str, Any]:
    found = encode_entry(entry)
    body = found["request"].get("json")
    return {
        "name": format_entry_name(entry),
        "operation": entry.operation,
        "recorded": entry.recorded,
        "status": _find_status(entry),
        "seconds": _find_seconds(entry),
        "cost": found["cost"],
        "files": len(entry.files),
        "prompt": body.get("prompt") if isinstance(body, dict) else None,
    }


def _render_manifest(cassette: Cassette) -> str:
    told = cassette.manifest
    days = " to ".join(dict.fromkeys([*told.recorded[:1], *told.recorded[-1:]])) or "never"
    return (
        f"{len(cassette.exchanges)} exchanges, {len(cassette.jobs)} jobs, "
        f"{len(cassette.media)} files of {told.upstream}, recorded {days}, {told.spend:f} USD"
    )


def _render_entry(entry: RecordedExchange) -> str:
    found = _describe(entry)
    prompt = str(found["prompt"] or "")
    short = prompt if len(prompt) <= _LONGEST_PROMPT else f"{prompt[:_LONGEST_PROMPT]}..."
    files = f"  {found['files']} files" if found["files"] > 1 else ""
    tail = f"  {short}" if short else ""
    return (
        f"{found['name']}  {found['status']}  {found['seconds']} s  {found['cost']} USD"
        f"{files}{tail}"
    )


def _find_status(entry: RecordedExchange) -> str:
    if not isinstance(entry, RecordedJob):
        return str(entry.response.status)
    return entry.changes[-1].status if entry.changes else "not polled"


def _find_seconds(entry: RecordedExchange) -> float:
    if isinstance(entry, RecordedJob) and entry.changes:
        return entry.changes[-1].after
    return entry.seconds


def _show(arguments: argparse.Namespace) -> int:
    known = {format_entry_name(each): each for each in read_cassette(arguments.folder).entries}
    found = [each for name, each in known.items() if name.startswith(arguments.name)]
    if not found:
        raise UnknownNameError("exchange", arguments.name, known)
    if len(found) > 1 and arguments.name not in known:
        raise SettingsError(
            f"{len(found)} names begin with {arguments.name[:80]!r}: write more of one."
        )
    _write_json(encode_entry(known.get(arguments.name, found[0])), indent=2)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    problems = inspect_cassette(arguments.folder)
    if arguments.json:
        _write_json({"problems": [asdict(each) for each in problems]})
    else:
        _write_lines(f"{each.severity}  {each.place}: {each.text}" for each in problems)
        if not problems:
            _write_lines(["No problems."])
    return _FAILED if any(each.severity != "note" for each in problems) else 0


def _prune(arguments: argparse.Namespace) -> int:
    if arguments.before is not None and not _DATE.fullmatch(arguments.before):
        raise SettingsError(f"--before {arguments.before!r}: write a day such as 2026-11-29.")
    options = PruneOptions(arguments.before, arguments.entry, arguments.dry_run)
    gone = prune_cassette(arguments.folder, options)
    done = "Would delete" if arguments.dry_run else "Deleted"
    _write_lines([*(f"{done} {name}" for name in gone), *([] if gone else ["Nothing to delete."])])
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from getimg_mock.contract.cassette_recording.traffic_import import import_traffic  # noqa: PLC0415 - the contract takes longer to import than the other actions

    summary = import_traffic(arguments.file, arguments.folder)
    told = summary.manifest
    lines = [
        f"{arguments.folder}: {told.exchanges} exchanges, {told.jobs} jobs, {told.media} files"
    ]
    if summary.missing:
        lines.append(f"{summary.missing} files are not in {arguments.file}: replays draw them.")
    _write_lines(lines)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    require_writable(arguments.file)
    document = build_cassette_har(read_cassette(arguments.folder), find_version())
    write_user_file(arguments.file, json.dumps(document))
    return 0


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "ls": _list,
    "show": _show,
    "check": _check,
    "prune": _prune,
    "import": _import,
    "export": _export,
}


def _write_json(value: Any, indent: int | None = None) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=indent)}\n")


def _write_lines(lines: Iterable[str]) -> None:
    """Print lines that a terminal shows as they are: a cassette may hold anything."""
    sys.stdout.write("".join(f"{replace_unprintable(each)}\n" for each in lines))
