"""The OpenAPI document says what the fake does, and where each claim comes from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from getimg_mock import schemas
from getimg_mock.api.openapi_document import build_openapi
from getimg_mock.world import operations
from getimg_mock.world.error_codes import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

DOCUMENT = build_openapi()
OPERATIONS: dict[str, Json] = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
}
EVIDENCE = {"documented", "observed", "inferred", "our choice"}

every_operation = pytest.mark.parametrize("name", OPERATIONS)


def references(part: Any) -> Iterator[str]:
    """Yield every reference in the document, those of discriminators included."""
    if isinstance(part, list):
        for each in part:
            yield from references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            elif key == "mapping":
                yield from value.values()
            else:
                yield from references(value)


def resolved(reference: str) -> Any:
    """Return what a reference within the document leads to."""
    part: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        part = part[key.replace("~1", "/").replace("~0", "~")]
    return part


def bodies() -> Iterator[tuple[str, Json]]:
    """Yield every JSON body of the document with its place."""
    for name, operation in OPERATIONS.items():
        messages = {"request": operation["requestBody"]} if "requestBody" in operation else {}
        for place, message in (messages | operation["responses"]).items():
            if "application/json" in message.get("content", {}):
                yield f"{name} {place}", message["content"]["application/json"]


def test_the_document_has_the_operations_and_paths_of_the_api() -> None:
    """The document and the routes hold the same eight operations."""
    described = {
        path: [(method.upper(), each["operationId"]) for method, each in methods.items()]
        for path, methods in DOCUMENT["paths"].items()
    }
    assert described == {
        each.path: [(each.method, name)] for name, each in operations.OPERATIONS.items()
    }


@every_operation
def test_an_operation_declares_its_path_parameters(name: str) -> None:
    """Each name in the path's braces is a required parameter."""
    path = operations.OPERATIONS[name].path
    declared = [
        each["name"]
        for each in OPERATIONS[name].get("parameters", [])
        if each["in"] == "path" and each["required"]
    ]
    assert declared == re.findall(r"{(\w+)}", path)


@every_operation
def test_whoever_needs_a_key_can_answer_401(name: str) -> None:
    """Only a download goes without a key, and only it cannot be refused for one."""
    keyed = operations.OPERATIONS[name].keyed
    assert ("401" in OPERATIONS[name]["responses"]) is keyed
    assert (OPERATIONS[name].get("security", DOCUMENT["security"]) != []) is keyed


@every_operation
def test_every_claim_names_its_evidence(name: str) -> None:
    """What nobody knows about getimg.ai is not told as what it does."""
    operation = OPERATIONS[name]
    claims = [operation, *operation.get("parameters", []), *operation["responses"].values()]
    assert all(claim["x-evidence"] in EVIDENCE for claim in claims)


@every_operation
def test_the_rate_limit_headers_stand_on_the_answers_of_limited_operations(name: str) -> None:
    """All three on every answer but a 401, which belongs to no workspace."""
    limited = operations.OPERATIONS[name].limited
    names = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    for status, response in OPERATIONS[name]["responses"].items():
        expected = names if limited and status != "401" else set()
        found = response.get("headers", {}).keys() & names
        assert found == expected, status


def test_a_429_may_say_when_to_come_back() -> None:
    """Retry-After is there for a per-minute limit only, so it is not required."""
    assert "Retry-After" in OPERATIONS["images.generate"]["responses"]["429"]["headers"]
    assert DOCUMENT["components"]["headers"]["Retry-After"]["required"] is False


def test_every_status_of_an_error_is_an_answer_of_some_operation() -> None:
    """A code that the fake knows has a place in the document; 405 belongs to no operation."""
    described = {int(status) for each in OPERATIONS.values() for status in each["responses"]}
    assert set(STATUSES.values()) - {405} <= described


def test_every_reference_leads_somewhere_within_the_document() -> None:
    """The document stands alone: it names no other file and no address."""
    for reference in references(DOCUMENT):
        assert reference.startswith("#/")
        assert resolved(reference)
    text = json.dumps(DOCUMENT["components"])
    assert '"$id"' not in text
    assert '.json"' not in text


def test_every_schema_is_in_the_document_and_used() -> None:
    """No message is forgotten: each file is a component, and each component is referred to."""
    components = DOCUMENT["components"]["schemas"]
    assert components.keys() == {schemas.schema(name)["title"] for name in schemas.names()}
    used = {reference.split("/")[3] for reference in references(DOCUMENT)}
    assert components.keys() <= used


@pytest.mark.parametrize("place", dict(bodies()))
def test_the_examples_of_a_body_are_valid_for_its_schema(place: str) -> None:
    """The document is a schema of its own after its references were turned: it must still hold."""
    body = dict(bodies())[place]
    validator = jsonschema_rs.Draft202012Validator(
        {**body["schema"], "components": DOCUMENT["components"]}, validate_formats=True
    )
    for example in body.get("examples", {}).values():
        validator.validate(example["value"])


@every_operation
def test_every_refusal_is_the_error_envelope(name: str) -> None:
    """Whatever the status, a client reads the same shape; a failed precondition has no body."""
    for status, response in OPERATIONS[name]["responses"].items():
        if int(status) >= 400 and status != "412":
            content = response["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}, status


def test_the_document_is_new_at_each_call() -> None:
    """Whoever changes what they got changes nothing for the next one."""
    build_openapi()["components"]["schemas"]["Model"]["properties"].clear()
    build_openapi()["paths"].clear()
    assert build_openapi() == DOCUMENT
