"""The TypeScript types of the control surface's requests, from its OpenAPI document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.interface_document import build_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE: Final = Path(__file__).parents[2] / "clients" / "node" / "src" / "control.d.ts"
"""The file that has them."""

_HEAD: Final = """\
/** What each command of the control surface takes, by its name. `make docs` writes this file. */
export interface ControlRequests {
"""
_SIMPLE: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "Record<string, unknown>",
}


def render_types() -> str:
    """Return the text of `FILE`."""
    operations = [
        operation
        for _, methods in sorted(build_document()["paths"].items())
        for operation in methods.values()
    ]
    return _HEAD + "".join(line for each in operations for line in _render(each)) + "}\n"


def _render(operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"  /** {operation['summary']}. */\n"
    name, fields = json.dumps(operation["operationId"]), list(_fields(operation))
    if not fields:
        yield f"  {name}: Record<string, never>;\n"
        return
    yield f"  {name}: {{\n"
    for field, schema, required in fields:
        if "description" in schema:
            text = schema["description"].replace("*/", "* /")
            yield f"    /** {text} */\n"
        yield f"    {field}{'' if required else '?'}: {_type(schema)};\n"
    yield "  };\n"


def _fields(operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    for parameter in operation.get("parameters", ()):
        yield parameter["name"], parameter["schema"], parameter.get("required", False)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = body.get("schema", {})
    for name, each in schema.get("properties", {}).items():
        yield name, each, name in schema.get("required", ())
    if schema.get("additionalProperties"):
        yield "[name: string]", {}, True


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    kinds = schema.get("type", "unknown")
    if kinds == "array":
        inner = _type(schema.get("items", {}))
        return f"Array<{inner}>"
    names = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(_SIMPLE.get(each, "unknown") for each in names)
