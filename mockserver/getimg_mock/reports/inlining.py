"""Inlining: a script that imports modules of this package, as one that carries their source."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Final

from getimg_mock._shipped import read_source

_PACKAGE: Final = "getimg_mock"


@dataclass(slots=True)
class _Bundle:
    """The source of modules, each after those that it imports, and their other imports."""

    sources: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)

    def take(self, text: str) -> str:
        """Take the imports of a module, and what it imports of this package; returns the rest."""
        tree = ast.parse(text)
        imports = [node for node in tree.body if _is_import(node)]
        for node in imports:
            for each in node.body if isinstance(node, ast.If) else [node]:
                self._take_import(each, only_for_types=isinstance(node, ast.If))
        last = max((node.end_lineno or 0 for node in imports), default=0)
        return "".join(text.splitlines(keepends=True)[last:]).strip("\n") + "\n"

    def _take_import(self, node: ast.stmt, *, only_for_types: bool) -> None:
        if isinstance(node, ast.Import):
            self.modules.update(ast.unparse(each) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            module = node.module or ""
            if module.partition(".")[0] != _PACKAGE:
                self.names.setdefault(module, set()).update(map(ast.unparse, node.names))
            elif not only_for_types and module not in self.sources:
                self.sources[module] = ""  # first, so that a circle ends
                rest = self.take(read_source(module))
                del self.sources[module]
                self.sources[module] = rest

    def format_imports(self) -> str:
        """Return all imports of other packages, as the top of one module."""
        self.names.get("typing", set()).discard("TYPE_CHECKING")
        lines = ["from __future__ import annotations\n"]
        lines += [f"import {name}" for name in sorted(self.modules)]
        for module, names in sorted(self.names.items()):
            if names:
                lines.append(f"from {module} import {', '.join(sorted(names))}")
        return "\n".join(lines)

    def format_sources(self) -> str:
        """Return the source of all modules, each under its name."""
        return "\n".join(
            f"\n# {module}, as getimg-mock itself runs it\n\n{source}"
            for module, source in self.sources.items()
        )


def inline_package(script: str, *, above: str) -> str:
    """Return a script with the source of the modules of this package that it imports.

    The source stands below the line `above`, and the imports of all of it on top. Raises
    `ValueError` where two modules define one name.
    """
    bundle = _Bundle()
    head = ast.get_docstring(ast.parse(script), clean=False)
    rest = bundle.take(script)
    start, _, end = rest.partition(above)
    top = f'"""{head}"""\n\n{bundle.format_imports()}\n\n{start}{above}'
    text = f"{top}\n{bundle.format_sources()}\n{end}"
    _reject_repeated_names(text)
    return text


def _is_import(node: ast.stmt) -> bool:
    guarded = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return guarded or isinstance(node, ast.Import | ast.ImportFrom)


def _reject_repeated_names(script: str) -> None:
    found: set[str] = set()
    for node in ast.parse(script).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name in found:
                raise ValueError(f"Two modules of one script define {node.name}.")
            found.add(node.name)
