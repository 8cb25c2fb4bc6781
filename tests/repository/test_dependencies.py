"""Each package that this one imports is declared, and each that is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest

from tests.repository.extras_check import USES
from tests.repository.sources import ROOT, read_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# The distributions whose import name is another.
IMPORT_NAMES: Final = {
    "google-re2": "re2",
    "pillow": "PIL",
    "time-machine": "time_machine",
    "jsonschema-rs": "jsonschema_rs",
    "cvttf-notosanscjk-regular": "cvttf_NotoSansCJK_Regular",
}

# Imported only where the user has installed them: the package adapts to them, and needs none.
PEERS: Final = {
    "getimg": "the official SDK as a client under test",
    "httpx": "the transport that the plugin answers, and a client under test",
    "httpx2": "the transport that the plugin answers",
    "jsonschema": "a second opinion in a self check, and the registry of schemas",
    "respx": "the router that the fake is mounted on",
    "schemathesis": "its hooks call our checks",
    "time-machine": "its frozen dates move with a linked clock",
    "trio": "waits under trio",
}

# Comes with another distribution.
BROUGHT: Final = {"referencing": "jsonschema", "_pytest": "pytest"}

# Loaded by name: uvicorn chooses the one, and the file of the other is read.
LOADED_BY_NAME: Final = {"httptools", "cvttf_NotoSansCJK_Regular"}


def read_names(requirements: Iterable[str | dict[str, str]]) -> set[str]:
    """Return the names of distributions in requirements, without extras and versions."""
    return {re.split(r"[\[<>=;!~ ]", each)[0] for each in requirements if isinstance(each, str)}


# The extra `all` names the other extras, not packages.
SELF: Final = "getimg-mock"

DEPENDENCIES: Final = read_names(PROJECT["project"]["dependencies"])
EXTRAS: Final = read_names(
    each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra
) - {SELF}


def list_imports(tree: ast.AST) -> Iterator[str]:
    """Yield the top names that a module imports, for types and lazily, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def read_third_party() -> set[str]:
    """Return the import names of other packages in the package."""
    tops = {top for module in read_modules().values() for top in list_imports(module.tree)}
    return tops - sys.stdlib_module_names - {"getimg_mock"}


@pytest.mark.slow
def test_what_is_imported_is_declared() -> None:
    """A package that only another one brings is gone when that one no longer needs it."""
    declared = {IMPORT_NAMES.get(name, name) for name in DEPENDENCIES | EXTRAS | PEERS.keys()}
    assert read_third_party() - declared - BROUGHT.keys() == set()
    assert {IMPORT_NAMES.get(name, name) for name in BROUGHT.values()} <= declared


@pytest.mark.slow
def test_what_is_declared_is_imported() -> None:
    """A dependency that nothing uses costs each installation."""
    imported = read_third_party() | LOADED_BY_NAME
    named = {name: IMPORT_NAMES.get(name, name) for name in DEPENDENCIES | EXTRAS | PEERS.keys()}
    assert {name for name, module in named.items() if module not in imported} == set()


def test_peers_are_installed_where_the_tests_run() -> None:
    """What adapts to a package is tested with it."""
    assert PEERS.keys() <= read_names(PROJECT["dependency-groups"]["test"])


def test_each_dependency_has_a_lower_bound_and_a_reason() -> None:
    """A resolver may otherwise choose a version that does not work."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    start, end = text.index("\ndependencies = ["), text.index("[project.scripts]")
    lines = [line.strip() for line in text[start:end].splitlines()]
    rows = [line for line in lines if line.startswith('"') and f'"{SELF}[' not in line]
    assert [row for row in rows if ">=" not in row] == []
    bare = [
        row
        for before, row in pairwise(lines)
        if row.startswith('"') and not before.startswith(("#", '"'))
    ]
    assert bare == []


def test_the_extra_all_names_every_other_extra() -> None:
    """An extra that `all` leaves out is missing where everything was asked for."""
    extras = PROJECT["project"]["optional-dependencies"]
    others = ",".join(name for name in extras if name != "all")
    assert extras["all"] == [f"{SELF}[{others}]"]


def test_the_release_check_uses_each_extra_alone() -> None:
    """An extra that was never installed by itself may lack what it needs."""
    assert USES.keys() == {"", *PROJECT["project"]["optional-dependencies"]}
    for name, use in USES.items():
        compile(use.program, name or "bare", "exec")


def test_every_group_of_tests_has_the_packages_of_the_extras() -> None:
    """The oldest versions that the extras declare are tested with the test group's bounds."""
    names = read_names(PROJECT["dependency-groups"]["test"])
    assert names >= EXTRAS
