"""The shape of the package: no circle of imports, of any kind; short modules and functions."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from tests.repository.sources import list_functions, read_modules

ROOT: Final = Path(__file__).parents[2] / "mockserver"


def read_imports(root: Path) -> dict[str, set[str]]:
    """Return the modules below a folder, and those that each imports: for types and lazily, too."""
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in root.rglob("*.py")
    }
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    graph[name].add(inner if inner in files else node.module)
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
        # A package that names its own modules lazily imports none of them.
        own = f"{name}." if path.name == "__init__.py" else None
        graph[name] = {
            each
            for each in graph[name] & files.keys() - {name}
            if own is None or not each.startswith(own)
        }
    return graph


@pytest.mark.slow
def test_no_modules_import_each_other() -> None:
    """A circle cannot be read, tested or moved in parts."""
    TopologicalSorter(read_imports(ROOT)).prepare()


def test_a_circle_by_a_lazy_import_is_found(tmp_path: Path) -> None:
    """An import within a function or for types alone ties modules as any other does."""
    (tmp_path / "one.py").write_text("def f():\n    from two import g\n", encoding="utf-8")
    (tmp_path / "two.py").write_text("if TYPE_CHECKING:\n    import one\n", encoding="utf-8")
    with pytest.raises(CycleError):
        TopologicalSorter(read_imports(tmp_path)).prepare()


LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 30


def test_no_module_is_longer_than_400_lines() -> None:
    """A longer module has more than one subject: split it by subject."""
    lengths = {
        module.place: module.path.read_text(encoding="utf-8").count("\n")
        for module in read_modules().values()
    }
    assert {place: lines for place, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_one_function_in_a_hundred_may_be_longer_than_30_lines() -> None:
    """Such a function is a table of data; any other is split."""
    functions = list(list_functions())
    longer = {name: lines for name, lines in functions if lines > LONGEST_FUNCTION}
    assert len(longer) <= len(functions) / 100, longer


def test_the_formatter_has_no_exceptions() -> None:
    """Rows of data have one field a line, so that the formatter needs no exception."""
    marker = "# fmt: " + "skip"
    folders = ("mockserver", "tests", "contract_tests", "fixtures", "benchmarks")
    files = (path for folder in folders for path in (ROOT.parent / folder).rglob("*.py"))
    assert [str(path) for path in files if marker in path.read_text(encoding="utf-8")] == []
