"""Reports that other programs read: JSON, JUnit, SARIF; and Markdown for a pull request."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from getimg_mock.reports.console import table
from getimg_mock.reports.events import ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.reports.events import Outcome

# XML 1.0 has no way to write these.
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SARIF_LEVELS: Final = {"FAIL": "error", "XPASS": "error", "WARN": "warning", "STALE": "warning"}
_MARKS: Final = {
    "PASS": "\N{WHITE HEAVY CHECK MARK}", "FAIL": "\N{CROSS MARK}", "XPASS": "\N{CROSS MARK}",
    "WARN": "\N{WARNING SIGN}", "INFO": "\N{INFORMATION SOURCE}",
}  # fmt: skip


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as one JSON document."""
    runs = [
        {
            "target": outcome.target,
            "ok": outcome.ok,
            "counts": outcome.counts(),
            "start": outcome.start,
            "end": outcome.end,
            "budget": outcome.budget,
            "verdicts": [_bare(verdict) for verdict in outcome.verdicts],
            "skipped": outcome.skipped,
        }
        for outcome in outcomes
    ]
    return json.dumps({"runs": runs}, indent=1, ensure_ascii=False) + "\n"


def _bare(verdict: dict[str, Any]) -> dict[str, Any]:
    failures = [{k: v for k, v in f.items() if k != "verdict"} for f in verdict["failures"]]
    return verdict | {"failures": failures}


def as_junit(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as JUnit XML, one suite for each target."""
    root = ET.Element("testsuites", name="getimg-mock verify api")
    for outcome in outcomes:
        counts = outcome.counts()
        suite = ET.SubElement(
            root, "testsuite", name=_xml(outcome.target), tests=str(len(outcome.verdicts)),
            failures=str(len(outcome.failures)), errors="0",
            skipped=str(counts.get("SKIP", 0) + counts.get("VOID", 0) + counts.get("XFAIL", 0)),
        )  # fmt: skip
        for verdict in outcome.verdicts:
            case = ET.SubElement(
                suite, "testcase", classname=f"{_xml(outcome.target)}.{verdict['id'][:3]}",
                name=_xml(f"{verdict['id']} {verdict['statement']}"),
            )  # fmt: skip
            _result(case, verdict)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _result(case: ET.Element, verdict: dict[str, Any]) -> None:
    if verdict["status"] in {"FAIL", "XPASS"}:
        failure = verdict["failures"][0] if verdict["failures"] else None
        text = f"expected {failure['expected']}, actual {failure['actual']}" if failure else "XPASS"
        element = ET.SubElement(case, "failure", type=verdict["severity"], message=_xml(text))
        if failure:
            element.text = _xml("\n".join(table(failure["exchanges"])))
    elif verdict["status"] in {"SKIP", "VOID", "XFAIL", "STALE"}:
        ET.SubElement(case, "skipped", message=_xml(f"{verdict['status']} {verdict['reason']}"))
    elif verdict["status"] in {"WARN", "INFO"} and verdict["failures"]:
        failure = verdict["failures"][0]
        ET.SubElement(case, "system-out").text = _xml(
            f"{verdict['status']}: expected {failure['expected']}, actual {failure['actual']}"
        )


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def as_sarif(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as SARIF 2.1.0, which code hosts show beside the code."""
    runs = []
    for outcome in outcomes:
        rules = [
            {
                "id": verdict["id"],
                "shortDescription": {"text": verdict["statement"]},
                "fullDescription": {"text": verdict["why"]},
                "properties": {"level": verdict["level"], "severity": verdict["severity"]},
            }
            for verdict in outcome.verdicts
        ]
        results = [
            {
                "ruleId": verdict["id"],
                "level": _SARIF_LEVELS[verdict["status"]],
                "message": {"text": _sentence(failure)},
                "locations": [_place(outcome, failure)],
            }
            for verdict in outcome.verdicts
            if verdict["status"] in _SARIF_LEVELS
            for failure in verdict["failures"][:1]
        ]
        tool = {"driver": {"name": "getimg-mock", "rules": rules}}
        runs.append({"tool": tool, "results": results})
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": runs,
    }  # fmt: skip
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _sentence(failure: dict[str, Any]) -> str:
    return f"Expected {failure['expected']}; actual: {failure['actual']}."


def _place(outcome: Outcome, failure: dict[str, Any]) -> dict[str, Any]:
    operations = [each["operation"] for each in failure["exchanges"] if each["operation"]]
    return {
        "physicalLocation": {"artifactLocation": {"uri": "schemas/openapi.json"}},
        "logicalLocations": [
            {"name": operations[-1] if operations else "api", "fullyQualifiedName": outcome.target}
        ],
    }


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as Markdown, short enough for a pull request."""
    lines = ["## Provider contract", "", "| target | " + " | ".join(ORDER) + " |",
             "| --- |" + " ---: |" * len(ORDER)]  # fmt: skip
    for outcome in outcomes:
        counts = outcome.counts()
        cells = " | ".join(str(counts.get(status, "")) for status in ORDER)
        lines.append(f"| {_cell(outcome.target)} | {cells} |")
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            if verdict["status"] in {"FAIL", "WARN", "XPASS"}:
                lines += _section(outcome, verdict)
    return "\n".join(lines) + "\n"


def _section(outcome: Outcome, verdict: dict[str, Any]) -> list[str]:
    mark = _MARKS[verdict["status"]]
    lines = ["", f"### {mark} {verdict['id']} {verdict['statement']}", "",
             (f"{_cell(outcome.target)}, {verdict['level']} ({verdict['severity']}). "
             f"{verdict['why']}")]  # fmt: skip
    for failure in verdict["failures"][:1]:
        lines += ["", f"- expected: {_cell(failure['expected'])}",
                  f"- actual: {_cell(failure['actual'])}", "", "```",
                  *[line.replace("```", "'''") for line in table(failure["exchanges"][:8])],
                  "```"]  # fmt: skip
    return lines


def _cell(text: str) -> str:
    return re.sub(r"[|<>`\r\n]", lambda found: f"&#{ord(found[0])};", text)[:300]
