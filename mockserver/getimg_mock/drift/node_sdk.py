"""Describes the API as a Node SDK of Stainless's form has it: declarations, and calls in its code.

Types are read from `resources/**/*.d.ts`, methods and paths from the `.js` of the same name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock.drift.api_shapes import (
    ApiDescription,
    OperationShape,
    collect_operations,
    flatten_schema,
)
from getimg_mock.drift.typescript_declarations import split_tokens
from getimg_mock.drift.typescript_types import DeclarationReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.drift.api_shapes import FieldShape
    from getimg_mock.drift.sdk_packages import SdkPackage

_SOURCE: Final = re.compile(r"resources/(?:[\w-]+/)*[\w-]+\.d\.ts")
_CALL: Final = re.compile(
    r"_client\.(get|post|put|patch|delete)\(\s*(?:\(0,\s*[\w.]+\)\s*|[\w.]+)?(['\"`])([^'\"`\n]*)\2"
)
_METHOD: Final = re.compile(r"^ {2,8}(?:async )?(\w+)\(([^\n]*)\) \{$", re.MULTILINE)
_SIGNATURE: Final = re.compile(r"^ +(\w+)\((.*)\): APIPromise<(.*)>;$", re.MULTILINE)
_PARAMETER: Final = re.compile(r"\b(body|query|params)\??: ([\w.]+)")
_INSERTED: Final = re.compile(r"\$\{[^}]*\}")
_ENVIRONMENT: Final = re.compile(r"readEnv\)?\(['\"](\w{1,80})['\"]\)")
_DEFAULTS: Final = {
    "base_url": re.compile(r"baseURL \|\| [`'\"]([^`'\"\n]{1,200})[`'\"]"),
    "max_retries": re.compile(r"this\.maxRetries = options\.maxRetries \?\? (\d{1,9})"),
    "timeout": re.compile(r"DEFAULT_TIMEOUT = (\d{1,12})"),
}
_MILLISECONDS: Final = 1000


class _Signature(NamedTuple):
    """What a declaration says of a method: the type of what it sends, and of what it returns."""

    sent: str
    returned: str


def describe_node_sdk(package: SdkPackage) -> ApiDescription:
    """Return what the SDK says; raises `SettingsError` where it has no operation."""
    reader = DeclarationReader(package.files)
    paths = sorted(filter(_SOURCE.fullmatch, package.files))
    operations = collect_operations(
        package.label,
        (operation for path in paths for operation in _read_resource(package, reader, path)),
    )
    return ApiDescription(
        source=package.label,
        language="node",
        operations=operations,
        client=_describe_client(package.files.get("client.js", "")),
    )


def _read_resource(
    package: SdkPackage, reader: DeclarationReader, path: str
) -> Iterator[OperationShape]:
    stem = path.removesuffix(".d.ts")
    code, declared = package.files.get(f"{stem}.js", ""), package.files[path]
    signatures: dict[str, _Signature] = {}
    for name, parameters, returned in _SIGNATURE.findall(declared):
        sent = _PARAMETER.search(parameters)
        signatures.setdefault(name, _Signature(sent[2] if sent else "", returned))
    methods = [(each.start(), each[1]) for each in _METHOD.finditer(code)]
    for call in _CALL.finditer(code):
        name = next((n for start, n in reversed(methods) if start < call.start()), "")
        signature = signatures.get(name)
        if signature is not None:
            yield _build_operation(reader, path, f"{_name_resource(stem)}.{name}", call, signature)


def _name_resource(stem: str) -> str:
    return stem.removeprefix("resources/").replace("/", ".")


def _build_operation(
    reader: DeclarationReader,
    path: str,
    name: str,
    call: re.Match[str],
    signature: _Signature,
) -> OperationShape:
    method = call[1].upper()
    sent = _flatten(reader, path, signature.sent) if signature.sent else {}
    sent.pop("", None)
    is_query = method == "GET"
    return OperationShape(
        name=name,
        method=method,
        path=_INSERTED.sub("{id}", call[3]),
        query=sent if is_query else {},
        request={} if is_query else sent,
        response=_flatten(reader, path, signature.returned),
    )


def _flatten(reader: DeclarationReader, path: str, written: str) -> dict[str, FieldShape]:
    return flatten_schema(reader.read(path, split_tokens(written)))


def _describe_client(code: str) -> dict[str, str]:
    found = {}
    for name, pattern in _DEFAULTS.items():
        match = pattern.search(code)
        if match:
            found[name] = match[1]
    if "timeout" in found:
        found["timeout"] = f"{int(found['timeout']) / _MILLISECONDS:g}"
    environment = sorted(set(_ENVIRONMENT.findall(code)))
    return found | ({"environment": ", ".join(environment)} if environment else {})
