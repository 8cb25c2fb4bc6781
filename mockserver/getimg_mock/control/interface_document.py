"""Describes the control interface as an OpenAPI 3.1 document, generated from its commands."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from getimg_mock.control.client_requests import FIELDS
from getimg_mock.control.command_table import COMMANDS, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.control.command import Command
    from getimg_mock.control.fields import Field
    from getimg_mock.schemas import Json

_PREFIX: Final = "/__mock__"
_ERROR: Final[Json] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "the error's code, for programs"},
                "message": {"type": "string", "description": "the error's message, for people"},
                "nearest": {"type": ["string", "null"], "description": "the nearest known name"},
            },
        }
    },
}
_SCHEMES: Final[Json] = {
    "key": {"type": "http", "scheme": "bearer", "description": "the key of the workspace"},
    "workspace": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Mock-Workspace",
        "description": "in place of a key: the id of a workspace, as /workspaces lists it",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Mock-Token",
        "description": "required unless the server listens on loopback only",
    },
}


@cache
def build_document() -> Json:
    """Return the document."""
    paths: Json = {}
    for command in COMMANDS:
        paths.setdefault(_PREFIX + command.path, {})[command.method.lower()] = _build_operation(
            command
        )
    paths[_PREFIX + "/journal/tail"] = {"get": _build_tail()}
    paths[_PREFIX + "/changes"] = {"get": _build_changes()}
    paths[_PREFIX + "/verdict"] = {"get": _build_verdict()}
    paths[_PREFIX + "/requests"] = {"post": _build_request()}
    paths[_PREFIX + "/session"] = {"post": _build_session()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "getimg-mock control",
            "version": VERSION,
            "description": "Controls and queries getimg-mock: each key has its own workspace.",
        },
        "security": [
            {"key": []},
            {"workspace": []},
            {"key": [], "token": []},
            {"workspace": [], "token": []},
        ],
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES, "schemas": {"Error": _ERROR}},
    }


def _build_operation(command: Command) -> Json:
    in_path = [each for each in command.fields if f"{{{each.name}}}" in command.path]
    rest = [each for each in command.fields if each not in in_path]
    operation: Json = {
        "operationId": command.name,
        "summary": command.summary,
        "tags": [command.name.partition(".")[0]],
        "responses": _build_responses(command.answer, command.media_type),
    }
    if command.run_keyless is not None:
        operation["security"] = [{}, {"token": []}]
    parameters = [_build_parameter(each, "path") for each in in_path]
    if command.method == "GET":
        parameters += [_build_parameter(each, "query") for each in rest]
    elif rest or command.free:
        operation["requestBody"] = {
            "required": any(each.required for each in rest),
            "content": {"application/json": {"schema": _build_body(command, rest)}},
        }
    if parameters:
        operation["parameters"] = parameters
    return operation


def _build_tail() -> Json:
    command = next(each for each in COMMANDS if each.name == "journal.count")
    operation = _build_operation(command) | {
        "operationId": "journal.tail",
        "summary": "Follow the exchanges as server-sent events",
    }
    operation["responses"] = {
        "200": {
            "description": "one event `exchange` per exchange, with its number as id",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "default": operation["responses"]["default"],
    }
    return operation


def _build_changes() -> Json:
    responses = _build_responses("one event `change` at once, and after each change")
    responses["200"]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "operationId": "changes",
        "summary": "Follow the changes of a workspace as server-sent events",
        "tags": ["changes"],
        "security": [{}, {"token": []}],
        "parameters": [
            {
                "name": "workspace",
                "in": "query",
                "required": False,
                "description": "the id of a workspace, as /workspaces lists it",
                "schema": {"type": "string"},
            }
        ],
        "responses": responses,
    }


def _build_verdict() -> Json:
    return {
        "operationId": "verdict",
        "summary": "Judge the client of the workspace by the client contract",
        "tags": ["verdict"],
        "responses": _build_responses("findings, each with its check and its exchanges"),
    }


def _build_request() -> Json:
    return {
        "operationId": "requests.send",
        "summary": "Send one request to the API as the client of the workspace",
        "tags": ["requests"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _build_schema(FIELDS, free=False)}},
        },
        "responses": _build_responses("status, headers, and json or text of the answer"),
    }


def _build_session() -> Json:
    schema = {
        "type": "object",
        "properties": {"token": {"type": "string", "description": "the control token"}},
        "required": ["token"],
    }
    return {
        "operationId": "session",
        "summary": "Exchange the control token for a cookie, for the page",
        "tags": ["session"],
        "security": [{}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _build_responses("a Set-Cookie header"),
    }


def _build_body(command: Command, fields: list[Field]) -> Json:
    return _build_schema(fields, free=command.free)


def _build_schema(fields: Iterable[Field], *, free: bool) -> Json:
    fields = tuple(fields)
    schema: Json = {
        "type": "object",
        "properties": {each.name: {**each.schema, "description": each.about} for each in fields},
        "additionalProperties": free,
    }
    required = [each.name for each in fields if each.required]
    return schema | ({"required": required} if required else {})


def _build_parameter(field: Field, where: str) -> Json:
    return {
        "name": field.name,
        "in": where,
        "required": where == "path" or field.required,
        "description": field.about,
        "schema": dict(field.schema),
    }


def _build_responses(answer: str, media_type: str = "application/json") -> Json:
    schema = {"type": "object"} if media_type == "application/json" else {}
    return {
        "200": {"description": answer, "content": {media_type: {"schema": schema}}},
        "default": {
            "description": "an error",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        },
    }
