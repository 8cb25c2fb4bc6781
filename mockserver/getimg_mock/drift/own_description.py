"""The API as the fake has it: its operations, schemas, and what is known of the SDKs' defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock._shipped import read_text
from getimg_mock.api.openapi_document import build_openapi
from getimg_mock.drift.api_shapes import MAX_DEPTH, ApiDescription, OperationShape, flatten_schema
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.drift.api_shapes import FieldShape
    from getimg_mock.world.operations import Operation

OWN_SOURCE: Final = "getimg-mock"
"""The source of a description of the fake."""


def describe_own(language: str) -> ApiDescription:
    """Return what the fake has, without what no SDK has: see fixtures/sdk-baseline.json."""
    baseline = read_baseline()
    documented = build_openapi()["paths"]
    operations = {}
    for each in OPERATIONS.values():
        if each.name not in baseline["not_in_sdk"]:
            parameters = documented[each.path][each.method.lower()].get("parameters", [])
            shape = _describe_operation(each, parameters, baseline["not_in_sdk"])
            operations[shape.key] = shape
    return ApiDescription(
        source=OWN_SOURCE,
        language="json",
        operations=operations,
        client=baseline["client"].get(language, {}),
    )


def read_baseline() -> Any:
    """Return what is known of the SDKs, and what they leave out, each with its reason."""
    return json.loads(read_text("fixtures", "sdk-baseline.json"))


def _describe_operation(
    operation: Operation, parameters: list[dict[str, Any]], left_out: Mapping[str, str]
) -> OperationShape:
    query = {
        "type": "object",
        "required": [each["name"] for each in parameters if each.get("required")],
        "properties": {
            each["name"]: {**each["schema"], "description": each.get("description", "")}
            for each in parameters
            if each["in"] == "query"
        },
    }
    answer = next(iter(operation.answers.values()), None)
    return OperationShape(
        name=operation.name,
        method=operation.method,
        path=operation.path,
        query=_drop_message(flatten_schema(query)),
        request={
            path: shape
            for path, shape in _describe_message(operation.request).items()
            if path and f"{operation.name} request {path}" not in left_out
        },
        response=_describe_message(answer),
    )


def _drop_message(fields: Mapping[str, FieldShape]) -> dict[str, FieldShape]:
    return {path: shape for path, shape in fields.items() if path}


def _describe_message(name: str | None) -> dict[str, FieldShape]:
    return flatten_schema(_inline(schemas.schema(name), 0)) if name is not None else {}


def _inline(value: Any, depth: int) -> Any:
    """Return a schema with the shipped files in place of references to them."""
    if depth > 4 * MAX_DEPTH:
        return {}
    if isinstance(value, list):
        return [_inline(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.endswith(".json"):
        referred = _inline(schemas.schema(reference.removesuffix(".json")), depth + 1)
        return {**referred, **{name: each for name, each in value.items() if name != "$ref"}}
    return {name: _inline(each, depth + 1) for name, each in value.items()}
