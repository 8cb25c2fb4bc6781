"""Where in the code of a project a finding belongs: the adapter or the test, and its line."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.reports.run_events import list_call_sites, list_senders

if TYPE_CHECKING:
    from getimg_mock.reports.run_events import Outcome, RunEvent

_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A file, by its path from the working directory with `/`, and a line from 1 on."""

    path: str
    line: int = 1


def find_adapter(outcome: Outcome, failure: dict[str, Any]) -> SourceLocation | None:
    """Return where the adapter of a failed client is defined; None for what has none.

    A module is looked for below the working directory and below `src`, and is not imported. Where
    there is no such file, its path is that which the name of the module has.
    """
    if outcome.kind != "client":
        return None
    adapter = str(failure.get("client", {}).get("adapter", ""))
    module, colon, name = adapter.partition(":")
    if module == "program":
        return _find_program(name)
    if not colon:
        return None
    path = module.replace(".", "/")
    for place in (f"{path}.py", f"src/{path}.py", f"{path}/__init__.py", f"src/{path}/__init__.py"):
        line = _find_definition(Path(place), name.partition(".")[0])
        if line:
            return SourceLocation(place, line)
    return SourceLocation(f"{path}.py")


def find_test(failure: RunEvent) -> SourceLocation | None:
    """Return where the first test is defined that sent requests of a failure; None without any.

    The names of tests are those of pytest, such as `tests/test_shop.py::TestCart::test_buys[1]`.
    """
    for sender in list_senders(failure):
        path, *names = sender.partition("[")[0].split("::")
        file = Path(path)
        if not names or file.is_absolute() or ".." in file.parts:
            continue
        line = _find_definition(file, names[-1], within=r"[ \t]*")
        if line:
            return SourceLocation(file.as_posix(), line)
    return None


def find_call(failure: RunEvent) -> SourceLocation | None:
    """Return the first line of the project whose call sent requests of a failure, or None."""
    for place in list_call_sites(failure):
        file, _, line = place.rpartition(":")
        path = Path(file)
        if line.isdecimal() and not path.is_absolute() and ".." not in path.parts:
            return SourceLocation(path.as_posix(), max(int(line), 1))
    return None


def find_source(outcome: Outcome, failure: RunEvent) -> SourceLocation | None:
    """Return the adapter, the call or the test that a failure belongs to, or None."""
    return find_adapter(outcome, failure) or find_call(failure) or find_test(failure)


def locate(outcome: Outcome, failure: dict[str, Any]) -> SourceLocation:
    """Return where to show a failure: in the project's code, else in the events of the run."""
    return find_source(outcome, failure) or SourceLocation(_shorten(outcome.source))


def _find_program(command: str) -> SourceLocation | None:
    """Return the last word of a command that is a file here, else its last word."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    files = [word for word in words if Path(word).is_file()]
    shown = (files or words)[-1:]
    return SourceLocation(_shorten(shown[0])) if shown else None


def _find_definition(path: Path, name: str, within: str = "") -> int:
    """Return the line that defines a name in a Python file, 1 without any, 0 without a file.

    `within` is a pattern of what may be before the definition in its line.
    """
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return 0
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    word = re.escape(name)
    found = re.search(
        rf"^{within}(?:(?:async )?def|class) {word}\b|^{word}\b *[:=]", text, re.MULTILINE
    )
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _shorten(path: str) -> str:
    """Return a path from the working directory, where it is below it, else its last part."""
    here = Path(path)
    if not here.is_absolute():
        return here.as_posix() if path else "getimg-mock-events.ndjson"
    try:
        return here.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return here.name
