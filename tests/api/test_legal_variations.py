"""Legal oddities: every answer is odd, every answer is right."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import schemas
from getimg_mock.world.behaviours import ODDITIES
from getimg_mock.world.operations import ANSWER_SCHEMAS, find_answer_schema
from tests.api.driver import Driver
from tests.repository.test_schemas import is_valid_for_both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.api.driver import Reply

COSTS = "/v2/billing/costs?start=2026-09-01T00:00:00Z&end=2026-09-02T00:00:00Z"


def polled(ending: str) -> Callable[[Driver], Reply]:
    """Return how to poll a video that ends like this."""

    def poll(api: Driver) -> Reply:
        header = [("x-mock-behaviour", ending)]
        body = {"model": "seedance-v1-pro", "prompt": ending, "duration": 5}
        return api.poll(api.post("/v2/videos/generations", body, headers=header).json["id"])

    return poll


# Every operation and status of an answer, and how to get it.
ANSWERS: dict[str, tuple[str, Callable[[Driver], Reply]]] = {
    "image": ("images.generate", lambda api: api.image()),
    "accepted": ("videos.create", lambda api: api.video()),
    "pending": ("videos.retrieve", polled("hold")),
    "completed": ("videos.retrieve", polled("seconds=0")),
    "failed": ("videos.retrieve", polled("seconds=0 fail=content_policy_violation")),
    "models": ("models.list", lambda api: api.get("/v2/models")),
    "image models": ("models.list", lambda api: api.get("/v2/models?type=image")),
    "model": ("models.retrieve", lambda api: api.get("/v2/models/seedance-v1-5-pro")),
    "silent model": ("models.retrieve", lambda api: api.get("/v2/models/z-image-turbo")),
    "balance": ("billing.balance", lambda api: api.get("/v2/billing/balance")),
    "costs": ("billing.costs", lambda api: api.get(COSTS)),
    "bad request": ("images.generate", lambda api: api.image(resolution="4K")),
    "no prompt": ("videos.create", lambda api: api.video(prompt="")),
    "no model": ("models.retrieve", lambda api: api.get("/v2/models/none")),
    "no video": ("videos.retrieve", lambda api: api.poll("req-none")),
    "no range": ("billing.costs", lambda api: api.get("/v2/billing/costs")),
}
every_answer = pytest.mark.parametrize("name", ANSWERS)


def odd(name: str, *oddities: str) -> tuple[Reply, Any]:
    """Return an answer with these oddities, and the same one without them."""
    _, ask = ANSWERS[name]
    right, api = Driver.of(), Driver.of()
    api.workspace().scenarios.add({"oddity": list(oddities)}, api.workspace().clock.now())
    return ask(api), ask(right).json


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON value, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


@every_answer
@pytest.mark.parametrize("oddities", [*((each,) for each in ODDITIES), ODDITIES], ids="+".join)
def test_an_odd_answer_is_right(name: str, oddities: tuple[str, ...]) -> None:
    """It matches the schema of its message, whichever library judges it."""
    reply, right = odd(name, *oddities)
    operation, _ = ANSWERS[name]
    schema = find_answer_schema(operation, reply.status)
    assert schema is not None
    assert is_valid_for_both(schema, right)
    assert schemas.violations(schema, reply.json) == []
    assert is_valid_for_both(schema, reply.json)
    assert reply.header("content-length") == str(len(reply.body))


@pytest.mark.parametrize("name", ["image", "completed", "models", "costs", "bad request"])
def test_unknown_fields_are_at_every_level(name: str) -> None:
    """But for maps, in which another entry would mean something."""
    reply, _ = odd(name, "unknown_fields")
    for each in objects(reply.json):
        is_map = all(isinstance(value, int) for value in each.values())
        assert is_map or "x_new_field" in each or each.keys() == {"of", "n"}, each


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("image", {"width", "height"}),
        ("completed", {"width", "height", "duration", "fps"}),
    ],
)
def test_every_optional_field_is_null(name: str, fields: set[str]) -> None:
    """Those that are documented as nullable, and no others."""
    reply, right = odd(name, "nulls")
    (item,) = reply.json["data"]
    assert {key for key, value in item.items() if value is None} == fields
    (whole,) = right["data"]
    assert {key for key in item if item[key] != whole[key]} == fields


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image", "image/x-future"),
        ("completed", "video/x-future"),
    ],
)
def test_a_media_type_is_one_that_nobody_knows_yet(name: str, kind: str) -> None:
    """It still says whether it is a picture or a video."""
    reply, _ = odd(name, "unknown_mime_type")
    assert reply.json["data"][0]["mime_type"] == kind


@pytest.mark.parametrize("name", ["bad request", "no model", "failed"])
def test_an_error_code_is_one_that_nobody_knows_yet(name: str) -> None:
    """Of refusals and of failed videos; status and message still tell what is wrong."""
    reply, right = odd(name, "unknown_error_code")
    assert reply.error["code"] == "a_code_of_a_later_version"
    assert reply.error["message"] == right["error"]["message"]


@every_answer
def test_reordered_keys_change_nothing_else(name: str) -> None:
    """The same value, and the keys the other way round, at every level."""
    reply, right = odd(name, "reordered_keys")
    assert reply.json == right
    assert [list(each) for each in outer_first(reply.json)] == [
        list(reversed(each)) for each in outer_first(right)
    ]


def outer_first(value: Any) -> list[dict[str, Any]]:
    """Return every object in a value, in an order that does not depend on that of their keys."""
    return sorted(objects(value), key=lambda each: json.dumps(each, sort_keys=True))


@every_answer
def test_somewhere_there_is_a_very_long_string(name: str) -> None:
    """In every answer: 64 KiB where a name or a sentence was expected, or in a new field."""
    reply, right = odd(name, "long_strings")
    assert len(reply.body) > 65536
    assert len(json.dumps(right)) < 20_000


def test_bytes_are_left_alone() -> None:
    """A download is no JSON, and is not marked as odd."""
    api = Driver.of()
    url = api.image(model="z-image-turbo").json["data"][0]["url"]
    right = api.download(url)
    api.workspace().scenarios.add({"oddity": list(ODDITIES)}, api.workspace().clock.now())
    assert api.download(url).body == right.body
    assert list(api.workspace().journal)[-1].fault is None


def test_an_oddity_is_marked_in_the_journal() -> None:
    """By its name, where it shows."""
    api = Driver.of()
    api.workspace().scenarios.add({"oddity": "nulls"}, api.workspace().clock.now())
    api.image()
    api.get("/v2/models")
    assert [each.fault for each in api.workspace().journal] == ["nulls", None]


def test_odd_answers_are_checked_as_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check-responses` has nothing to say about what is legal."""
    api = Driver.of(check_responses=True)
    for (_, ask), oddity in product(ANSWERS.values(), ODDITIES):
        api.workspace().scenarios.add({"oddity": oddity}, api.workspace().clock.now())
        ask(api)
    assert capsys.readouterr().err == ""


def test_the_answers_here_are_of_every_operation_that_answers_json() -> None:
    """A new operation is added to this page."""
    assert {operation for operation, _ in ANSWERS.values()} == {
        operation for operation, _ in ANSWER_SCHEMAS
    }
