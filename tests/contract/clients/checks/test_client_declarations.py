"""A check of clients is complete where it has a docstring, a fix, a case, faults and a docs row.

That its cases give it something to judge, and that it finds its faults, is run by
`test_good_clients` and `test_faulty_clients`; that it finds one alone, by the scorecard.
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
from getimg_mock.contract.clients.cases.client_check import ClientCheck, compute_verdict
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, cases, choose_checks
from getimg_mock.contract.discovery import discover_checks, import_modules
from tests.contract.clients.mutants import MUTANTS
from tests.contract.clients.reference import ReferenceClient
from tests.contract.clients.sole_killers import NO_SOLE_KILLER, SOLE_KILLERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE: Final = Path(__file__).parents[4].joinpath("docs", "client-contract.md")
ROWS: Final = frozenset(re.findall(r"^\| (GC\d{3}) \|", PAGE.read_text("utf-8"), re.MULTILINE))
CASES: Final = frozenset(case.name for case in cases())
FAULTS: Final = {each.fault: each.breaks for each in MUTANTS}
_IDS: Final = re.compile(r"GC\d{3}|\b\d{3}\b")
_SHORTEST_DOCSTRING: Final = 40


def list_missing(check: ClientCheck) -> list[str]:
    """Return what a declared check lacks."""
    alone = SOLE_KILLERS.get(check.id)
    has = {
        "a docstring of its judge": _is_explained(check.judge),
        "a fix": check.fix.endswith("."),
        "a case": any(check.wants(name) for name in CASES),
        "a fault": check.id in FAULTS.values(),
        "a fault that it alone finds": FAULTS.get(alone or "") == check.id
        or bool(NO_SOLE_KILLER.get(check.id)),
        "a row in docs/client-contract.md": check.id in ROWS,
    }
    return [name for name, there in has.items() if not there]


def _is_explained(judge: Callable[..., Any]) -> bool:
    """Return whether a docstring says more than ids, in whole sentences."""
    text = " ".join((judge.__doc__ or "").split())
    return len(_IDS.sub("", text)) >= _SHORTEST_DOCSTRING and text.endswith(".")


def test_every_check_is_complete() -> None:
    """A check that lacks one of these cannot fail, or a reader cannot act on its failure."""
    missing = {check.id: list_missing(check) for check in CHECKS}
    assert {name: found for name, found in missing.items() if found} == {}


def test_tables_name_no_other_checks() -> None:
    """A fault, a reason or a row of a check that was removed is removed with it."""
    named = {*FAULTS.values(), *SOLE_KILLERS, *NO_SOLE_KILLER, *ROWS}
    assert named <= {check.id for check in CHECKS}
    assert not SOLE_KILLERS.keys() & NO_SOLE_KILLER.keys()


def _judge_nothing(_: object) -> Iterator[Any]:
    """GC999."""
    yield from ()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"judge": _judge_nothing}, ["a docstring of its judge"]),
        ({"judge": lambda _: ()}, ["a docstring of its judge"]),
        ({"fix": ""}, ["a fix"]),
        ({"cases": ("no-such-case-*",)}, ["a case"]),
        (
            {"id": "GC999"},
            ["a fault", "a fault that it alone finds", "a row in docs/client-contract.md"],
        ),
    ],
)
def test_what_a_check_lacks_is_found(changes: dict[str, Any], missing: list[str]) -> None:
    """Each requirement fails for a check that is made without it."""
    (complete,) = choose_checks(["GC401"])
    assert list_missing(complete) == []
    assert list_missing(replace(complete, **changes)) == missing


def test_a_sole_killer_has_to_be_a_fault_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that was written from another statement does not show that this check is needed."""
    (check,) = choose_checks(["GC401"])
    monkeypatch.setitem(SOLE_KILLERS, "GC401", SOLE_KILLERS["GC402"])
    assert list_missing(check) == ["a fault that it alone finds"]
    monkeypatch.setitem(NO_SOLE_KILLER, "GC401", "each of its faults breaks GC402, too")
    assert list_missing(check) == []


def test_a_check_without_anything_to_judge_does_not_pass() -> None:
    """A judge that yields nothing for the reference client is VOID: `test_good_clients` fails."""
    (check,) = choose_checks(["GC401"])
    case = next(each for each in cases() if check.wants(each.name))
    history = PythonDriver(ReferenceClient).run(case)
    assert compute_verdict(check, [history]).status == "PASS"
    silent = replace(check, judge=_judge_nothing)
    assert compute_verdict(silent, [history]).status == "VOID"


def test_a_declared_check_is_found_with_its_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new module of checks needs no entry in a list."""
    folder = tmp_path / "found_by_declaration"
    folder.mkdir()
    folder.joinpath("__init__.py").write_text("", encoding="utf-8")
    folder.joinpath("new_checks.py").write_text(
        "from getimg_mock.contract.clients.cases.case_rules import Case, balance\n"
        "from getimg_mock.contract.clients.cases.client_check import client_check\n"
        "def cases(stream):\n"
        "    yield Case(name='new', calls=(balance(),))\n"
        "@client_check('GC999', 'New', severity='minor', evidence='choice', why='It is new.',\n"
        "              fix='Do it.', cases=('new',))\n"
        "def judge(history):\n"
        "    yield from ()\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    package = import_module(folder.name)
    assert [check.id for check in discover_checks(package)] == ["GC999"]
    (module,) = import_modules(package)
    assert [case.name for case in module.cases(None)] == ["new"]
    for name in (folder.name, f"{folder.name}.new_checks"):
        monkeypatch.delitem(sys.modules, name)


def test_an_explanation_says_how_to_fix_a_client() -> None:
    """`explain` ends in what to change, for every check of clients."""
    for check in CHECKS:
        assert f"To fix it: {check.fix}"[:60] in " ".join(explain_check(check).split())
