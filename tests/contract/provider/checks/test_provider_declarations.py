"""A check of providers or runs is complete with docstring, fix, plan, faults and a docs row.

That each GP check finds its faulty provider is run by `test_mutants` and the scorecard; that the
fixed plans give each something to judge, by `test_benign`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from getimg_mock.cli.explain import explain_check
from getimg_mock.contract.discovery import discover_checks
from getimg_mock.contract.verdict_events import build_verdict_event
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    EQUIVALENCE,
    HARNESS,
    PROVIDER_CHECKS,
    find_check,
)
from tests.contract.provider.everyone import BY_NAME, MUTANTS
from tests.contract.provider.fixed_plans import find_broken, run_plan
from tests.contract.provider.sole_killers import SOLE_KILLERS, WITHOUT
from tests.contract.verification.faulty_runs import CATALOGUE, NOT_ALONE, build_faulty_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.verdicts import Check

PAGE: Final = Path(__file__).parents[4].joinpath("docs", "contract.md")
ROWS: Final = frozenset(re.findall(r"^\| (G[PEH]\d{3}) \|", PAGE.read_text("utf-8"), re.MULTILINE))
_IDS: Final = re.compile(r"G[PEH]\d{3}|\b\d{3}\b")
_SHORTEST_DOCSTRING: Final = 40
_MARK: Final = re.compile(r"Source: (documented|observed|inferred|our choice)\.$")
FAULTS: Final = frozenset(each.breaks for each in MUTANTS)


def list_missing(check: Check) -> list[str]:
    """Return what a declared check lacks."""
    provider = check.id.startswith("GP")
    has = {
        "a docstring of its judge": _is_explained(check.judge),
        "a fix": check.fix.endswith("."),
        "a fault": check.id in FAULTS | WITHOUT.keys() if provider else _finds_its_run(check.id),
        "a fault that it alone finds": _finds_alone(check.id)
        or bool((WITHOUT if provider else NOT_ALONE).get(check.id)),
        "a row in docs/contract.md": check.id in ROWS,
    }
    return [name for name, there in has.items() if not there]


def _is_explained(judge: Callable[..., Any]) -> bool:
    """Return whether a docstring says more than ids, in whole sentences."""
    text = " ".join((judge.__doc__ or "").split())
    return len(_IDS.sub("", text)) >= _SHORTEST_DOCSTRING and text.endswith(".")


def _find_run_breaches(name: str) -> set[str]:
    try:
        return find_broken(build_faulty_run(name))
    except KeyError:
        return set()


def _finds_its_run(name: str) -> bool:
    return name in _find_run_breaches(name)


def _finds_alone(name: str) -> bool:
    """Return whether a check has a fault of its own; the scorecard measures that of GP checks."""
    if name.startswith("GP"):
        fault = SOLE_KILLERS.get(name, "")
        return fault in BY_NAME and BY_NAME[fault].breaks == name
    return _find_run_breaches(name) == {name}


def test_every_check_is_complete() -> None:
    """A check that lacks one of these cannot fail, or a reader cannot act on its failure."""
    missing = {check.id: list_missing(check) for check in ALL_BUT_CLIENT_CHECKS}
    assert {name: found for name, found in missing.items() if found} == {}


def test_tables_name_no_other_checks() -> None:
    """A fault, a reason or a row of a check that was removed is removed with it."""
    named = {*FAULTS, *SOLE_KILLERS, *WITHOUT, *NOT_ALONE, *ROWS}
    assert named <= {check.id for check in ALL_BUT_CLIENT_CHECKS}
    assert not SOLE_KILLERS.keys() & WITHOUT.keys()
    assert not [name for name in NOT_ALONE if _finds_alone(name)]


def test_docstrings_of_provider_checks_mark_their_source() -> None:
    """A claim about getimg.ai says whether it is documented, observed, inferred or our choice."""
    unmarked = [
        check.id
        for check in PROVIDER_CHECKS
        if not _MARK.search(" ".join((check.judge.__doc__ or "").split()))
    ]
    assert unmarked == ["GP115"]  # it reports differences, and claims nothing


def _judge_nothing(_: object) -> Iterator[Any]:
    """GP999."""
    yield from ()


@pytest.mark.parametrize("name", ["GP407", "GE905", "GH009"])
def test_what_a_check_lacks_is_found(name: str) -> None:
    """Each requirement fails for a check that is made without it."""
    complete = find_check(name)
    assert list_missing(complete) == []
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"judge": _judge_nothing}, ["a docstring of its judge"]),
        ({"judge": lambda _: ()}, ["a docstring of its judge"]),
        ({"fix": ""}, ["a fix"]),
        (
            {"id": f"{name[:2]}999"},
            ["a fault", "a fault that it alone finds", "a row in docs/contract.md"],
        ),
    ]
    for changes, missing in cases:
        assert list_missing(replace(complete, **changes)) == missing


def test_a_sole_killer_has_to_be_a_fault_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that was written from another statement does not show that this check is needed."""
    check = find_check("GP407")
    monkeypatch.setitem(SOLE_KILLERS, "GP407", SOLE_KILLERS["GP408"])
    assert list_missing(check) == ["a fault that it alone finds"]
    monkeypatch.setitem(WITHOUT, "GP407", "Each of its faults breaks GP408, too.")
    assert list_missing(check) == []


def test_a_check_without_a_plan_does_not_pass() -> None:
    """A judge that the plans give nothing to is VOID, for which `test_benign` fails."""
    history = run_plan(CATALOGUE)
    check = find_check("GP801")
    assert judge_check(check, [history]).status == "PASS"
    assert judge_check(replace(check, judge=_judge_nothing), [history]).status == "VOID"


@pytest.mark.parametrize("check", [*EQUIVALENCE, *HARNESS], ids=lambda check: check.id)
def test_a_check_of_runs_has_something_to_judge(check: Check) -> None:
    """GE and GH judge whole runs: each is applied to a run that breaks it."""
    assert judge_check(check, [build_faulty_run(check.id)]).applied


def test_a_declared_check_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new module of checks needs no entry in a list."""
    folder = tmp_path / "found_by_provider_declaration"
    folder.mkdir()
    folder.joinpath("__init__.py").write_text("", encoding="utf-8")
    folder.joinpath("new_checks.py").write_text(
        "from getimg_mock.contract.verdicts import check\n"
        "@check('GP999', 'New', severity='minor', evidence='choice', cost='0',\n"
        "       why='It is new.', fix='Do it.')\n"
        "def judge(history):\n"
        "    yield from ()\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [each.id for each in discover_checks(import_module(folder.name))] == ["GP999"]
    for name in (folder.name, f"{folder.name}.new_checks"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("check", ALL_BUT_CLIENT_CHECKS, ids=lambda check: check.id)
def test_explanations_and_reports_say_how_to_fix_a_failure(check: Check) -> None:
    """A failure that does not say what to change is only half of a report."""
    shown = "".join(explain_check(check).split())  # lines are wrapped at hyphens, too
    assert "".join(f"To fix it: {check.fix}".split()) in shown
    assert build_verdict_event(judge_check(check, []))["fix"] == check.fix
