"""GET /v2/models and GET /v2/models/{model}."""

from __future__ import annotations

import json

import pytest

from getimg_mock import schemas
from getimg_mock._shipped import read_text
from tests.api.driver import Driver

SHIPPED = json.loads(read_text("fixtures", "models.json"))


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of()


def test_the_models_are_a_bare_array(api: Driver) -> None:
    """Documented; in the catalogue's order, without our own key."""
    reply = api.get("/v2/models")
    assert schemas.violations("model-list", reply.json) == []
    assert [model["id"] for model in reply.json] == [model["id"] for model in SHIPPED]
    assert all("x_mock" not in model for model in reply.json)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_models_of_one_type_can_be_asked_for(api: Driver, kind: str) -> None:
    """Documented: `?type=`."""
    asked = api.get(f"/v2/models?type={kind}").json
    assert asked == [model for model in api.get("/v2/models").json if model["type"] == kind]
    assert asked != []


@pytest.mark.parametrize("kind", ["", "audio", "Image", "image,video", "%00", "image%20"])
def test_another_type_is_refused(api: Driver, kind: str) -> None:
    """A misspelt filter must not look like an empty catalogue."""
    reply = api.get(f"/v2/models?type={kind}")
    assert (reply.status, reply.error["param"]) == (400, "type")
    assert reply.header("x-mock-hint") == "supported: image, video"


def test_each_model_can_be_had_alone(api: Driver) -> None:
    """Documented since SDK 0.4.0: the same object as in the list."""
    for model in api.get("/v2/models").json:
        reply = api.get(f"/v2/models/{model['id']}")
        assert reply.json == model
        assert schemas.violations("model", reply.json) == []


@pytest.mark.parametrize("name", ["seedream-5-light", "x", "%00", "..", "\N{SNOWMAN}", "a" * 5000])
def test_an_unknown_model_is_not_found(api: Driver, name: str) -> None:
    """Inferred: 404 `not_found`; the nearest stands in our header."""
    reply = api.get(f"/v2/models/{name}")
    assert (reply.status, reply.error["code"]) == (404, "not_found")
    hint = reply.header("x-mock-hint") or ""
    assert (hint == "did you mean seedream-5-lite?") == (name == "seedream-5-light")


def test_other_query_parameters_do_not_matter(api: Driver) -> None:
    """A cache buster is no error; of two types the first counts."""
    assert api.get("/v2/models?limit=5&_=123&type=video&type=nonsense").status == 200


def test_head_says_how_long_the_list_is(api: Driver) -> None:
    """HEAD has the headers of GET and no body."""
    head, get = api.request("HEAD", "/v2/models"), api.get("/v2/models")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)


def test_asking_costs_nothing(api: Driver) -> None:
    """Observed: the list is free, and it is in no rate limit."""
    before = api.books()
    reply = api.get("/v2/models")
    assert reply.header("x-ratelimit-limit") is None
    assert api.books() == before


def test_everything_that_a_model_supports_is_accepted(api: Driver) -> None:
    """What the list promises, POST takes, at a price above nothing."""
    rich = Driver.of(balance=10**6)
    for model in api.get("/v2/models?type=image").json:
        for field in ("aspect_ratio", "resolution"):
            for value in model[f"supported_{field}s"]:
                reply = rich.image(model=model["id"], **{field: value})
                assert reply.status == 200, (model["id"], field, value, reply.body)
                assert reply.json["usage"]["total_cost"] > 0


def test_what_a_model_does_not_support_is_refused_with_what_it_does(api: Driver) -> None:
    """The hint lists the values; the message has the documented form."""
    for model in api.get("/v2/models?type=image").json:
        for field in ("aspect_ratio", "resolution"):
            reply = api.image(model=model["id"], **{field: "9:99K"})
            assert reply.error["message"] == (
                f"Unsupported {field} '9:99K' for model '{model['id']}'."
            )
            supported = ", ".join(model[f"supported_{field}s"])
            assert reply.header("x-mock-hint") == f"supported: {supported}"
