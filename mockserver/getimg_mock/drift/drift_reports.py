"""Renders the table: for a terminal, as Markdown for an issue, as JSON, and as SARIF."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from getimg_mock.control.package_version import find_version
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.formats import STDOUT
from getimg_mock.reports.printable_text import escape_json, replace_unprintable
from getimg_mock.user_files import write_user_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.drift.drift_rows import DriftReport, DriftRow

_LEVELS: Final = {"breaking": "error", "warning": "warning", "info": "note"}
_CLAIMS_PAGE: Final = "docs/fidelity.md"


def render_text(report: DriftReport) -> str:
    """Return the table as text."""
    lines = []
    source = ""
    for row in report.rows:
        if row.source != source:
            source = row.source
            lines += [source, ""]
        lines += [f"  {row.severity:<8} {row.change:<16} {row.subject}"]
        lines += [f"           {_describe_values(row)}"] if row.before or row.after else []
        lines += [f"           claim: {row.claim}", f"           to do: {row.action}", ""]
    lines += [f"note: {each}" for each in report.notes]
    lines += [_summarise(report)]
    return "".join(f"{replace_unprintable(line)}\n" for line in lines)


def _describe_values(row: DriftRow) -> str:
    return f"{row.before or '-'} -> {row.after or '-'}"


def _summarise(report: DriftReport) -> str:
    counted = ", ".join(f"{number} {name}" for name, number in report.counts.items())
    return f"Compared {', '.join(report.compared)}: {counted}."


def render_markdown(report: DriftReport) -> str:
    """Return the table as Markdown, for an issue or a pull request."""
    lines = [f"## Drift of the getimg.ai API: {_escape(_summarise(report))}", ""]
    if report.rows:
        lines += [
            "| severity | source | what | change | before | after | claim | to do |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
    for row in report.rows:
        cells = (
            row.severity,
            row.source,
            row.subject,
            row.change,
            row.before,
            row.after,
            row.claim,
            row.action,
        )
        lines.append(f"| {' | '.join(map(_escape, cells))} |")
    lines += ["", *(f"- {_escape(each)}" for each in report.notes)] if report.notes else []
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Return a text that cannot leave its cell, nor mention people, nor be markup."""
    shown = replace_unprintable(text)
    return re.sub(r"[|<>`\[\]@*_\\]", lambda found: f"&#{ord(found[0])};", shown)


def render_json(report: DriftReport) -> str:
    """Return the table as JSON."""
    document = {
        "compared": list(report.compared),
        "counts": report.counts,
        "rows": [row.as_json() for row in report.rows],
        "notes": list(report.notes),
    }
    return _write(document)


def render_sarif(report: DriftReport, *, location: str = _CLAIMS_PAGE) -> str:
    """Return the table as SARIF 2.1.0; `location` is the file at which it is shown."""
    changes = sorted({row.change for row in report.rows})
    actions = {row.change: row.action for row in report.rows}
    driver = {
        "name": "getimg-mock drift",
        "version": find_version(),
        "informationUri": "https://docs.getimg.ai/",
        "rules": [
            {
                "id": change.replace(" ", "-"),
                "shortDescription": {"text": f"The API has changed: {change}."},
                "help": {"text": actions[change]},
            }
            for change in changes
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "getimg-mock/drift/"},
        "results": [_build_result(row, location) for row in report.rows],
    }
    return _write(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _build_result(row: DriftRow, location: str) -> dict[str, Any]:
    said = f"{row.subject}: {row.change}, {_describe_values(row)}. {row.action}"
    return {
        "ruleId": row.change.replace(" ", "-"),
        "level": _LEVELS[row.severity],
        "message": {"text": f"{said} Claim: {row.claim}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(location)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"name": row.subject, "fullyQualifiedName": row.source}],
            }
        ],
        "partialFingerprints": {"drift/v1": f"{row.source} {row.subject} {row.change}"},
    }


def _write(document: Any) -> str:
    return escape_json(json.dumps(document, indent=1, ensure_ascii=False)) + "\n"


DRIFT_FORMATS: Final[dict[str, Callable[[DriftReport], str]]] = {
    ".txt": render_text,
    ".md": render_markdown,
    ".json": render_json,
    ".sarif": render_sarif,
}
"""The renderer of each format, by the ending of its file."""


def find_format(path: Path, named: str | None) -> Callable[[DriftReport], str]:
    """Return the renderer of a file by its ending, else by `named`; raises `UnknownNameError`."""
    ending = path.suffix or f".{named or ('txt' if path == STDOUT else '')}"
    if ending not in DRIFT_FORMATS:
        known = [each.removeprefix(".") for each in DRIFT_FORMATS]
        raise UnknownNameError("report format", ending.removeprefix(".") or str(path), known)
    return DRIFT_FORMATS[ending]


def write_drift_report(path: Path, report: DriftReport, named: str | None) -> None:
    """Write a report; raises `SettingsError`."""
    if path.is_dir():
        raise SettingsError(f"{path} is a folder: name a file in it.")
    write_user_file(path, find_format(path, named)(report))
