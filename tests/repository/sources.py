"""The package as syntax trees: its modules, functions and public types."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE_ROOT = ROOT / "mockserver"
PACKAGE = SOURCE_ROOT / "getimg_mock"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """One module: its dotted name, its file and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether it is the `__init__` of a folder."""
        return self.path.name == "__init__.py"

    @property
    def place(self) -> str:
        """The file's path within the package, such as `world/clock.py`."""
        return str(self.path.relative_to(PACKAGE))


@cache
def read_modules() -> dict[str, Module]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE_ROOT).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def list_functions() -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of each function, methods and inner ones included."""
    for module in read_modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                assert node.end_lineno is not None
                yield f"{module.place}:{node.name}", node.end_lineno - node.lineno + 1


def list_public_types() -> Iterator[tuple[str, str]]:
    """Yield each public type, class or alias, with the place of its module."""
    for module in read_modules().values():
        for node in _iterate_top_level(module.tree.body):
            name = _name_of_type(node)
            if name is not None and not name.startswith("_"):
                yield name, module.place


def _iterate_top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If):  # aliases for types only
            yield from _iterate_top_level(node.body)


def _name_of_type(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        # Constants are all capitals; what else begins with one is an alias of a type.
        return name if name[0].isupper() and not name.isupper() else None
    return None
