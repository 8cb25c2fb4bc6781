"""Describes the API as a Python SDK of Stainless's form has it, from its syntax trees alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.drift.api_shapes import (
    ApiDescription,
    OperationShape,
    collect_operations,
    flatten_schema,
)
from getimg_mock.drift.python_client import describe_client
from getimg_mock.drift.python_modules import ModuleSet
from getimg_mock.drift.python_types import TypeReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.drift.sdk_packages import SdkPackage

_METHODS: Final = {f"_{name}": name.upper() for name in ("get", "post", "put", "patch", "delete")}


def describe_python_sdk(package: SdkPackage) -> ApiDescription:
    """Return what the SDK says; raises `SettingsError` where it has no operation."""
    modules = ModuleSet(package.files, package.label)
    types = TypeReader(modules)
    paths = modules.find_below("resources/")
    operations = collect_operations(
        package.label,
        (operation for path in paths for operation in _read_resource(modules, types, path)),
    )
    return ApiDescription(
        source=package.label,
        language="python",
        operations=operations,
        client=describe_client(modules),
    )


def _read_resource(modules: ModuleSet, types: TypeReader, path: str) -> Iterator[OperationShape]:
    """Yield the operations of a module: methods that return a call of _get, _post and so on."""
    prefix = path.removeprefix("resources/").removesuffix(".py").replace("/", ".")
    for node in modules.parse(path).body:
        if not isinstance(node, ast.ClassDef) or not _is_synchronous(node):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef):
                call = _find_request(method)
                if call is not None:
                    yield _build_operation(types, path, f"{prefix}.{method.name}", call)


def _is_synchronous(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "SyncAPIResource" for base in node.bases)


def _find_request(method: ast.FunctionDef) -> ast.Call | None:
    for each in ast.walk(method):
        if (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and each.func.attr in _METHODS
            and each.args
        ):
            return each
    return None


def _build_operation(types: TypeReader, path: str, name: str, call: ast.Call) -> OperationShape:
    function = call.func
    keywords = {each.arg: each.value for each in call.keywords if each.arg}
    nested = {
        each.arg: each.value
        for option in keywords.values()
        if isinstance(option, ast.Call)
        for each in option.keywords
        if each.arg
    }
    return OperationShape(
        name=name,
        method=_METHODS[function.attr] if isinstance(function, ast.Attribute) else "",
        path=_read_path(call.args[0]),
        query=_flatten_params(types, path, nested.get("query", keywords.get("query"))),
        request=_flatten_params(types, path, keywords.get("body", nested.get("body"))),
        response=flatten_schema(types.read(path, keywords.get("cast_to"))),
    )


def _read_path(node: ast.expr) -> str:
    """Return the template of a path: a text, an f-string, or a call of path_template."""
    if isinstance(node, ast.Call) and node.args:
        return _read_path(node.args[0])
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values
        )
    return str(node.value) if isinstance(node, ast.Constant) else "?"


def _flatten_params(types: TypeReader, path: str, node: ast.expr | None) -> dict[str, Any]:
    """Return the fields of a body or query: the type in `maybe_transform({...}, Type)`."""
    while isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return {}
    fields = flatten_schema(types.read(path, node.args[1]))
    return {name: shape for name, shape in fields.items() if name}
