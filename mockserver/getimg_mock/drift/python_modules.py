"""The modules of a Python package as syntax trees, and where their names lead."""

from __future__ import annotations

import ast
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ModuleSet:
    """Parses modules when they are first needed."""

    def __init__(self, files: Mapping[str, str], label: str) -> None:
        self._files = files
        self._label = label
        self._trees: dict[str, ast.Module] = {}

    def find_below(self, folder: str) -> Iterator[str]:
        """Yield the paths of the modules in a folder."""
        found = (each for each in self._files if each.startswith(folder) and each.endswith(".py"))
        yield from sorted(found)

    def parse(self, path: str) -> ast.Module:
        """Return the tree of a module, empty for one that is missing."""
        if path not in self._trees:
            try:
                with warnings.catch_warnings():  # invalid escapes in their texts
                    warnings.simplefilter("ignore")
                    self._trees[path] = ast.parse(self._files.get(path, ""))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                raise SettingsError(
                    f"{self._label}: {path} is not Python: it is damaged."
                ) from None
        return self._trees[path]

    @cached_property
    def _names(self) -> dict[str, dict[str, ast.stmt]]:
        return {}

    def list_names(self, path: str) -> Mapping[str, ast.stmt]:
        """Return what the top level of a module defines, by name."""
        if path not in self._names:
            self._names[path] = dict(_list_definitions(self.parse(path)))
        return self._names[path]

    def follow_import(self, path: str, node: ast.ImportFrom, name: str) -> tuple[str, str]:
        """Return the module and name that an imported name stands for; '' is the module itself."""
        folder = path.split("/")[:-1]
        folder = folder[: len(folder) - node.level + 1] if node.level else []
        target = "/".join([*folder, *(node.module or "").split(".")]).strip("/")
        original = next(
            (each.name for each in node.names if (each.asname or each.name) == name), name
        )
        submodule = f"{target}/{original}.py".lstrip("/")
        if submodule in self._files:
            return submodule, ""
        file = f"{target}.py"
        return (file if file in self._files else f"{target}/__init__.py".lstrip("/")), original


def _list_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield each.asname or each.name, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node
