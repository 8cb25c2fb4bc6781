"""The API as one OpenAPI 3.1 document, assembled from the schema files and the example exchanges.

It describes the answers of the fake. `x-evidence` gives the evidence for each part, in the same
words as in the schemas.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock._shipped import open_folder, read_text
from getimg_mock.api.openapi_descriptions import DESCRIPTIONS
from getimg_mock.settings import Settings
from getimg_mock.world.operations import OPERATIONS, find_answer_schema

if TYPE_CHECKING:
    from getimg_mock.schemas import Json
    from getimg_mock.world.operations import Operation

_TITLE: Final = "The getimg.ai v2 API, as getimg-mock answers it"
_DESCRIPTION: Final = """\
Not an official document. `x-evidence` gives the evidence for each part: `documented` (by
getimg.ai's documentation or its Python SDK), `observed` (of the live API, by a client),
`inferred`, or `our choice` (nothing is known).

Beyond the operations: an unknown path is a 404, a method that a path does not have is a 405 with
`Allow`, and a GET can be a HEAD, all three by our choice and in the same error envelope."""

# What each status means, for every operation.
_MEANINGS: Final = {
    200: "Done.",
    202: "Accepted: poll with the id.",
    206: "The requested range of the file.",
    304: "The file has not changed since If-None-Match or If-Modified-Since.",
    400: "A parameter is missing or has an unsupported value.",
    401: "The API key is missing, malformed, revoked or wrong.",
    402: "The balance is too low. Nothing was generated or charged.",
    403: "The signature of this link is invalid.",
    404: "Not found, or it belongs to another workspace.",
    410: "The link has expired, and the file is deleted.",
    412: "The file does not match If-Match or If-Unmodified-Since.",
    413: f"The body is larger than {Settings().max_body_mib} MiB.",
    415: "The Content-Type is not application/json.",
    416: "The requested range lies outside the file.",
    422: "The prompt or a reference image failed the safety checks.",
    429: "Too many requests per minute, or too many concurrent generations.",
    500: "An error at getimg.ai. Retry with back-off.",
}
_LIMIT_HEADERS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_RETRY_AFTER: Final = "Retry-After"
_MEDIA_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "video/mp4")
_FILE_HEADERS: Final = {
    "Accept-Ranges": "Always bytes.",
    "Content-Disposition": "The file name.",
    "Content-Length": "The length of the body in bytes.",
    "ETag": "Identifies the content: equal bytes have equal tags.",
    "Last-Modified": "When the file was created.",
}
_RANGE_HEADERS: Final = {"Content-Range": "The range and the length of the file."}
_WITHOUT_BODY: Final = frozenset({304, 412})


def build_openapi() -> Json:
    """Return a new copy of the document."""
    paths: defaultdict[str, Json] = defaultdict(dict)
    for operation in OPERATIONS.values():
        paths[operation.path][operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": "v2", "description": _DESCRIPTION},
        "servers": [
            {"url": "http://127.0.0.1:4010", "description": "getimg-mock serve"},
            {"url": "https://api.getimg.ai", "description": "getimg.ai itself: costs money"},
        ],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in _list_tags()],
        "paths": dict(paths),
        "components": {
            "schemas": {
                _find_component_name(name): _inline_schema(name) for name in schemas.names()
            },
            "headers": {
                name: _build_limit_header(name) for name in (*_LIMIT_HEADERS, _RETRY_AFTER)
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: sk_ and a secret. Each key belongs to a workspace.",
                    "x-evidence": "documented",
                }
            },
        },
    }


def render_openapi() -> str:
    """Return the document as the text of `schemas/openapi.json`."""
    return json.dumps(build_openapi(), indent=2, ensure_ascii=False) + "\n"


def _list_tags() -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in OPERATIONS))


def _describe(operation: Operation) -> Json:
    about = DESCRIPTIONS[operation.name]
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.name.partition(".")[0]],
        "summary": about.summary,
        "x-evidence": "documented",
    }
    if not operation.keyed:
        described["security"] = []
    if about.parameters:
        described["parameters"] = list(about.parameters)
    if operation.request is not None:
        described["requestBody"] = _build_request_body(operation.name, operation.request)
    described["responses"] = {
        str(status): _build_response(operation, status) for status in sorted(about.statuses)
    }
    return described


def _build_request_body(operation: str, schema: str) -> Json:
    shown = {
        name: _build_example(exchange, exchange["request"]["body"])
        for name, exchange in _select_exchanges(operation).items()
        if exchange["response"]["status"] < 400
    }
    return {
        "required": True,
        "content": {"application/json": {"schema": _refer_to_schema(schema), "examples": shown}},
    }


def _build_response(operation: Operation, status: int) -> Json:
    about = DESCRIPTIONS[operation.name]
    response: Json = {"description": _MEANINGS[status], "x-evidence": about.statuses[status]}
    headers = _build_headers(operation, status)
    if headers:
        response["headers"] = headers
    if status not in _WITHOUT_BODY:
        response["content"] = _build_content(operation, status)
    if status < 300 and about.links:
        response["links"] = about.links
    return response


def _build_headers(operation: Operation, status: int) -> Json:
    headers: Json = {}
    if operation.limited and status != 401:
        headers |= {name: _refer_to_header(name) for name in _LIMIT_HEADERS}
    if status == 429:
        headers[_RETRY_AFTER] = _refer_to_header(_RETRY_AFTER)
    if operation.name == "downloads.retrieve" and status in {200, 206}:
        headers |= {name: _build_file_header(text) for name, text in _FILE_HEADERS.items()}
    if status in {206, 416}:
        headers |= {name: _build_file_header(text) for name, text in _RANGE_HEADERS.items()}
    return headers


def _build_content(operation: Operation, status: int) -> Json:
    name = find_answer_schema(operation.name, status)
    if name is None:
        ranges = ("multipart/byteranges",) if status == 206 else ()
        return {media_type: {} for media_type in (*_MEDIA_TYPES, *ranges)}
    shown = {
        file: _build_example(exchange, exchange["response"]["body"])
        for file, exchange in _select_exchanges(operation.name).items()
        if exchange["response"]["status"] == status
    }
    examples = {"examples": shown} if shown else {}
    return {"application/json": {"schema": _refer_to_schema(name), **examples}}


def _build_example(exchange: Json, value: object) -> Json:
    return {"summary": exchange["title"], "value": value, "x-evidence": exchange["evidence"]}


@cache
def _load_exchanges() -> dict[str, Json]:
    files = sorted(
        open_folder("fixtures").joinpath("examples").iterdir(), key=lambda file: file.name
    )
    return {
        file.name.removesuffix(".json"): json.loads(read_text("fixtures", f"examples/{file.name}"))
        for file in files
        if file.name.endswith(".json")
    }


def _select_exchanges(operation: str) -> dict[str, Json]:
    return {
        name: exchange
        for name, exchange in _load_exchanges().items()
        if exchange["operation"] == operation
    }


def _build_limit_header(name: str) -> Json:
    key = name.lower()
    described: Json = schemas.schema("rate-limit-headers")["properties"][key]
    pointer = f"{_refer_to_schema('rate-limit-headers')['$ref']}/properties/{key}"
    return {
        "description": described["description"],
        "required": name != _RETRY_AFTER,
        "schema": {"$ref": pointer},
        "x-evidence": described["x-evidence"],
    }


def _refer_to_header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _build_file_header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}, "x-evidence": "our choice"}


def _refer_to_schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_find_component_name(name)}"}


def _find_component_name(name: str) -> str:
    title: str = schemas.schema(name)["title"]
    return title


def _inline_schema(name: str) -> Json:
    """Return the schema without its id, with references into this document."""
    kept = {
        key: value for key, value in schemas.schema(name).items() if key not in {"$schema", "$id"}
    }
    turned: Json = _rewrite_references(kept)
    return turned


def _rewrite_references(part: Any) -> Any:
    if isinstance(part, list):
        return [_rewrite_references(each) for each in part]
    if not isinstance(part, dict):
        return part
    turned: Json = {}
    for key, value in part.items():
        if key == "$ref":
            turned[key] = _refer_to_schema(value.removesuffix(".json"))["$ref"]
        elif key == "mapping":
            turned[key] = {
                word: _refer_to_schema(file.removesuffix(".json"))["$ref"]
                for word, file in value.items()
            }
        else:
            turned[key] = value if key == "examples" else _rewrite_references(value)
    return turned
