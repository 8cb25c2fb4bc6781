"""Reports for other programs: JSON, JUnit XML and SARIF; and Markdown for pull requests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from getimg_mock.control.package_version import find_version
from getimg_mock.reports.locations import locate
from getimg_mock.reports.printable_text import LINE_BREAKS, escape_json, replace_unprintable
from getimg_mock.reports.replays import build_replay_command
from getimg_mock.reports.run_events import (
    ORDER,
    compose_title,
    label_outcomes,
    list_call_sites,
    list_senders,
)
from getimg_mock.reports.tables import render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.reports.run_events import Outcome

# XML 1.0 cannot represent these.
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_RUN: Final = ("SKIP", "VOID", "XFAIL", "STALE")
_SARIF_LEVELS: Final = {"FAIL": "error", "XPASS": "error", "WARN": "warning", "STALE": "warning"}
_MARKS: Final = {
    "PASS": "\N{WHITE HEAVY CHECK MARK}",
    "FAIL": "\N{CROSS MARK}",
    "XPASS": "\N{CROSS MARK}",
    "WARN": "\N{WARNING SIGN}",
    "INFO": "\N{INFORMATION SOURCE}",
}
# What the checks of both contracts are about; this package has no address of its own.
_INFORMATION: Final = "https://docs.getimg.ai/"
_COMMANDS: Final = {"provider": "getimg-mock verify api", "client": "getimg-mock verify client"}


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as one JSON document."""
    runs = [
        {
            "target": outcome.target,
            "kind": outcome.kind,
            "ok": outcome.ok,
            "counts": outcome.count_statuses(),
            "start": outcome.start,
            "end": outcome.end,
            "budget": outcome.budget,
            "verdicts": outcome.verdicts,
            "skipped": outcome.skipped,
        }
        for outcome in outcomes
    ]
    return _format_json({"runs": runs}) + "\n"


def _format_json(value: Any) -> str:
    return escape_json(json.dumps(value, indent=1, ensure_ascii=False))


def as_junit(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as JUnit XML, one suite for each target."""
    kinds = {outcome.kind for outcome in outcomes}
    name = _COMMANDS[min(kinds)] if len(kinds) == 1 else "getimg-mock"
    root = ET.Element("testsuites", name=name)
    for outcome, label in zip(outcomes, label_outcomes(outcomes), strict=True):
        counts = outcome.count_statuses()
        skipped = sum(counts.get(status, 0) for status in _NOT_RUN)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_clean_xml(label),
            tests=str(len(outcome.verdicts)),
            failures=str(len(outcome.failures)),
            errors="0",
            skipped=str(skipped),
        )
        suite.attrib |= _describe_time(outcome)
        _add_properties(suite, outcome)
        for verdict in outcome.verdicts:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"{_clean_xml(label)}.{verdict['id'][:3]}",
                name=_clean_xml(f"{verdict['id']} {verdict['statement']}"),
            )
            _add_result(case, outcome, verdict)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _describe_time(outcome: Outcome) -> dict[str, str]:
    """Return when a run began and how long it took, as attributes of a suite."""
    found = {"timestamp": outcome.start.get("at"), "time": outcome.end.get("seconds")}
    return {name: str(value) for name, value in found.items() if value is not None}


def _add_properties(suite: ET.Element, outcome: Outcome) -> None:
    found = {
        "scorecard": outcome.scorecard,
        "run": outcome.circumstances,
        "left out": " ".join(outcome.left_out),
    }
    properties = ET.SubElement(suite, "properties") if any(found.values()) else None
    for name, value in found.items():
        if value and properties is not None:
            ET.SubElement(properties, "property", name=name, value=_clean_xml(value))


def _add_result(case: ET.Element, outcome: Outcome, verdict: dict[str, Any]) -> None:
    if verdict["status"] in {"FAIL", "XPASS"}:
        failure = verdict["failures"][0] if verdict["failures"] else None
        text = f"expected {failure['expected']}, actual {failure['actual']}" if failure else "XPASS"
        element = ET.SubElement(case, "failure", type=verdict["severity"], message=_clean_xml(text))
        if failure:
            lines = [*render_table(failure["exchanges"]), *_list_advice(outcome, verdict)]
            element.text = _clean_xml("\n".join(lines))
    elif verdict["status"] in _NOT_RUN:
        ET.SubElement(
            case, "skipped", message=_clean_xml(f"{verdict['status']} {verdict['reason']}")
        )
    elif verdict["failures"] or verdict["notes"]:
        said = _clean_xml(f"{verdict['status']}: {_describe_passing(verdict)}")
        ET.SubElement(case, "system-out").text = said


def _describe_passing(verdict: dict[str, Any]) -> str:
    """Return the note of a verdict that fails nothing."""
    if verdict["failures"]:
        failure = verdict["failures"][0]
        return f"expected {failure['expected']}, actual {failure['actual']}"
    return "; ".join(dict.fromkeys(verdict["notes"]))


def _list_advice(outcome: Outcome, verdict: dict[str, Any]) -> list[str]:
    """Return the lines that say how to fix a failure, and how to see it again."""
    fix = [f"Fix: {verdict['fix']}"] if verdict.get("fix") else []
    senders = list_senders(verdict["failures"][0])
    fix += [f"Sent by: {', '.join(senders)}"] if senders else []
    places = list_call_sites(verdict["failures"][0])
    fix += [f"Called at: {', '.join(places)}"] if places else []
    return [*fix, f"Replay: {build_replay_command(outcome, verdict['failures'][0])}"]


def _clean_xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def as_sarif(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as SARIF 2.1.0, which code hosts show with the code."""
    runs = []
    for outcome, label in zip(outcomes, label_outcomes(outcomes), strict=True):
        rules = [
            {
                "id": verdict["id"],
                "shortDescription": {"text": verdict["statement"]},
                "fullDescription": {"text": verdict["why"]},
                "help": {"text": verdict.get("fix") or verdict["why"]},
                "properties": {"level": verdict["level"], "severity": verdict["severity"]},
            }
            for verdict in outcome.verdicts
        ]
        results = [
            {
                "ruleId": verdict["id"],
                "level": _SARIF_LEVELS[verdict["status"]],
                "message": {"text": _describe_failure(outcome, verdict)},
                "locations": [_build_location(outcome, failure)],
                "partialFingerprints": {"target/v1": f"{outcome.target} {verdict['id']}"},
            }
            for verdict in outcome.verdicts
            if verdict["status"] in _SARIF_LEVELS and not outcome.twin
            for failure in verdict["failures"][:1]
        ]
        driver = {
            "name": "getimg-mock",
            "version": find_version(),
            "informationUri": _INFORMATION,
            "rules": rules,
        }
        # GitHub refuses a file in which two runs have the same category.
        category = {"id": f"getimg-mock/{label}/"}
        runs.append(
            {
                "tool": {"driver": driver},
                "automationDetails": category,
                "results": results,
                "properties": {"run": outcome.circumstances, "left_out": [*outcome.left_out]},
            }
        )
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    }
    return _format_json(document) + "\n"


def _describe_failure(outcome: Outcome, verdict: dict[str, Any]) -> str:
    failure = verdict["failures"][0]
    said = f"Expected {failure['expected']}; actual: {failure['actual']}."
    return " ".join([said, *_list_advice(outcome, verdict)])


def _build_location(outcome: Outcome, failure: dict[str, Any]) -> dict[str, Any]:
    operations = [each["operation"] for each in failure["exchanges"] if each["operation"]]
    name = operations[-1] if operations else "api"
    place = locate(outcome, failure)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path)},
            "region": {"startLine": place.line},
        },
        "logicalLocations": [{"name": name, "fullyQualifiedName": outcome.target}],
    }


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the runs as Markdown, short enough for a pull request."""
    named = list(zip(label_outcomes(outcomes), outcomes, strict=True))
    used = [status for status in ORDER if any(status in each.count_statuses() for each in outcomes)]
    first = "client" if {each.kind for each in outcomes} == {"client"} else "target"
    lines = [
        f"## {compose_title(outcomes)}",
        "",
        f"| {first} | " + " | ".join(used) + " |",
        "| --- |" + " ---: |" * len(used),
    ]
    for label, outcome in named:
        counts = outcome.count_statuses()
        cells = " | ".join(str(counts.get(status, "")) for status in used)
        lines.append(f"| {_escape_cell(label)} | {cells} |")
    scores = [
        f"- {_escape_cell(label)}: `{replace_unprintable(each.scorecard)}`"
        for label, each in named
        if each.scorecard
    ]
    lines += ["", *scores] if scores else []
    lines += ["", *_render_circumstances(named)]
    for label, outcome in named:
        for verdict in outcome.broken:
            lines += _render_section(outcome, label, verdict)
    gaps = [line for label, outcome in named for line in _render_gaps(outcome, label)]
    lines += ["", "### Not judged", "", *gaps] if gaps else []
    remarks = [line for label, outcome in named for line in _render_remarks(outcome, label)]
    lines += ["", "### Worth knowing", "", *remarks] if remarks else []
    return "\n".join(lines) + "\n"


def _render_circumstances(named: Sequence[tuple[str, Outcome]]) -> list[str]:
    """Return when, how long and by which version each run was made, as list items."""
    return [
        f"- {_escape_cell(label)}: {_escape_cell(outcome.circumstances)}"
        for label, outcome in named
        if outcome.circumstances
    ]


def _render_gaps(outcome: Outcome, label: str) -> list[str]:
    """Return what of a run was not judged, with the reasons, as list items; none of a twin."""
    if outcome.twin:
        return []
    sentences = [*outcome.left_out, *outcome.unjudged, *outcome.untried]
    sentences += [f"{', '.join(ids)}: {why}" for why, ids in outcome.unjudged_checks.items()]
    return [f"- {_escape_cell(label)}: {_escape_cell(each)}" for each in sentences]


def _render_remarks(outcome: Outcome, label: str) -> list[str]:
    """Return the remarks of a run as list items; none of a twin, which repeats its run's."""
    return [
        f"- {status if status != 'PASS' else 'note'} {name}, {_escape_cell(label)}: "
        f"{_escape_cell(sentence)}"
        for status, name, sentence in (() if outcome.twin else outcome.remarks)
    ]


def _render_section(outcome: Outcome, label: str, verdict: dict[str, Any]) -> list[str]:
    mark = _MARKS[verdict["status"]]
    lines = [
        "",
        f"### {mark} {verdict['id']} {_escape_cell(verdict['statement'])}",
        "",
        (
            f"{_escape_cell(label)}, {verdict['level']} ({verdict['severity']}). "
            f"{_escape_cell(verdict['why'])}"
        ),
    ]
    for failure in verdict["failures"][:1]:
        lines += [
            "",
            f"- expected: {_escape_cell(failure['expected'])}",
            f"- actual: {_escape_cell(failure['actual'])}",
            *[f"- sent by: {_escape_cell(each)}" for each in list_senders(failure)],
            *[f"- called at: {_escape_cell(each)}" for each in list_call_sites(failure)],
            *([f"- fix: {_escape_cell(verdict['fix'])}"] if verdict.get("fix") else []),
            f"- replay: `{replace_unprintable(build_replay_command(outcome, failure))}`",
            "",
            "```",
            *[line.replace("```", "'''") for line in render_table(failure["exchanges"])],
            "```",
        ]
    return lines


def _escape_cell(text: str) -> str:
    shown = replace_unprintable(text, keep=LINE_BREAKS)
    return re.sub(r"[|<>`\r\n]", lambda found: f"&#{ord(found[0])};", shown)[:300]
