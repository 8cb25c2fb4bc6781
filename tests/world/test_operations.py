"""The table of the operations, which routes, rules, plans and the OpenAPI document share."""

from __future__ import annotations

import pytest

from getimg_mock import schemas
from getimg_mock.api.openapi_descriptions import DESCRIPTIONS
from getimg_mock.api.routes import HANDLERS
from getimg_mock.world.operations import (
    ANSWER_SCHEMAS,
    OPERATIONS,
    SUBMISSIONS,
    find_answer_schema,
    find_operation,
)

DOCUMENTED = {
    "images.generate": "POST /v2/images/generations",
    "videos.create": "POST /v2/videos/generations",
    "videos.retrieve": "GET /v2/videos/generations/{id}",
    "models.list": "GET /v2/models",
    "models.retrieve": "GET /v2/models/{model}",
    "billing.balance": "GET /v2/billing/balance",
    "billing.costs": "GET /v2/billing/costs",
    "downloads.retrieve": "GET /v2/downloads/{id}/{index}",
}


def test_the_table_holds_the_operations_of_the_api() -> None:
    """Names, methods and paths are those that getimg.ai documents; downloads are ours."""
    assert {n: f"{each.method} {each.path}" for n, each in OPERATIONS.items()} == DOCUMENTED


def test_only_posts_submit_and_only_downloads_need_no_key() -> None:
    """A read never makes a generation, and a link carries its own signature."""
    assert SUBMISSIONS == ("images.generate", "videos.create")
    assert {n for n, each in OPERATIONS.items() if each.method == "POST"} == set(SUBMISSIONS)
    assert {n for n, each in OPERATIONS.items() if not each.keyed} == {"downloads.retrieve"}


def test_every_schema_of_the_table_exists() -> None:
    """A message is validated against a shipped file."""
    used = {each.request for each in OPERATIONS.values() if each.request}
    used |= {schema for each in OPERATIONS.values() for schema in each.answers.values()}
    assert used <= set(schemas.names())


def test_every_operation_is_answered_and_described() -> None:
    """An operation that is added to the table gets a handler and a description, or this fails."""
    assert HANDLERS.keys() == DESCRIPTIONS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v2/images/generations", "images.generate"),
        ("GET", "/v2/videos/generations/req-1", "videos.retrieve"),
        ("HEAD", "/v2/videos/generations/req-1", "videos.retrieve"),
        ("POST", "/v2/videos/generations/req-1", ""),
        ("GET", "/v2/videos/generations/", ""),
        ("GET", "/v2/videos/generations/req-1/0", ""),
        ("HEAD", "/v2/downloads/req-1/0", "downloads.retrieve"),
        ("GET", "/v2/videos/generations", ""),
        ("HEAD", "/v2/models", "models.list"),
        ("DELETE", "/v2/models", ""),
    ],
)
def test_operations_are_known_by_method_and_path(method: str, path: str, operation: str) -> None:
    """Recorded traffic and plans find operations by the same rules."""
    assert find_operation(method, path) == operation
    assert operation in {"", *OPERATIONS}


def test_every_answer_has_a_schema_and_every_refusal_the_one_for_errors() -> None:
    """The fake's answers and the contract's checks look the schema up by operation and status."""
    assert find_answer_schema("images.generate", 200) == "image-generation"
    assert find_answer_schema("videos.retrieve", 404) == "error"
    assert find_answer_schema("anything", 500) == "error"
    assert find_answer_schema("downloads.retrieve", 200) is None
    assert find_answer_schema("downloads.retrieve", 304) is None
    assert set(ANSWER_SCHEMAS.values()) <= set(schemas.names())
