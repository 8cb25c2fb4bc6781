"""The defaults and retry rules of a Python SDK, from its constants and its base client."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.drift.python_modules import ModuleSet

_CONSTANTS: Final = {
    "DEFAULT_MAX_RETRIES": "max_retries",
    "INITIAL_RETRY_DELAY": "initial_retry_delay",
    "MAX_RETRY_DELAY": "max_retry_delay",
}
_SIGNS: Final = {ast.Eq: "", ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<"}


def describe_client(modules: ModuleSet) -> dict[str, str]:
    """Return defaults by name; what the package does not have is left out."""
    found = dict(_read_constants(modules.parse("_constants.py")))
    client = modules.parse("_client.py")
    found |= dict(_read_base_url(client))
    environment = sorted(set(_read_environment(client)))
    if environment:
        found["environment"] = ", ".join(environment)
    for node in ast.walk(modules.parse("_base_client.py")):
        if isinstance(node, ast.FunctionDef):
            found |= dict(_read_retry_rules(node))
    return found


def _read_constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name, value = node.targets[0].id, node.value
        if name in _CONSTANTS and isinstance(value, ast.Constant):
            yield _CONSTANTS[name], _format(value.value)
        elif name == "DEFAULT_TIMEOUT" and isinstance(value, ast.Call):
            for each in value.keywords:
                if each.arg and isinstance(each.value, ast.Constant):
                    prefix = "" if each.arg == "timeout" else f"{each.arg}_"
                    yield f"{prefix}timeout", _format(each.value.value)


def _format(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _read_base_url(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.JoinedStr) and len(value.values) == 1:
                value = value.values[0]  # an f-string without anything to insert
            if node.targets[0].id == "base_url" and isinstance(value, ast.Constant):
                yield "base_url", str(value.value)


def _read_environment(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.get" and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value)


def _read_retry_rules(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    if function.name == "_should_retry":
        yield "retried_statuses", ", ".join(_list_statuses(function))
    headers = [
        each.args[0].value
        for each in ast.walk(function)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "get"
        and each.args
        and isinstance(each.args[0], ast.Constant)
    ]
    if function.name == "_should_retry":
        yield "retry_override", ", ".join(sorted(map(str, headers)))
    if function.name == "_parse_retry_after_header":
        yield "retry_headers", ", ".join(sorted(map(str, headers)))
    if function.name == "_calculate_retry_timeout":
        for each in ast.walk(function):
            if isinstance(each, ast.Compare) and len(each.ops) == 2:
                last = each.comparators[-1]
                if isinstance(last, ast.Constant):
                    yield "longest_retry_after", _format(last.value)


def _list_statuses(function: ast.FunctionDef) -> list[str]:
    """Return what is retried, numbers before ranges, in whatever order the code asks."""
    found = [
        f"{_SIGNS.get(type(each.ops[0]), '?')}{each.comparators[0].value!r}"
        for each in ast.walk(function)
        if isinstance(each, ast.Compare)
        and ast.unparse(each.left).endswith("status_code")
        and isinstance(each.comparators[0], ast.Constant)
    ]
    return sorted(found, key=lambda each: (not each[0].isdigit(), each))
