"""POST /v2/images/generations, as its client sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from getimg_mock import schemas
from tests.api.driver import IMAGE, START, Driver


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of()


def test_the_answer_is_finished_and_matches_its_schema(api: Driver) -> None:
    """Documented: 200, the picture is done, `data` holds one item."""
    reply = api.image()
    assert reply.status == 200
    assert schemas.violations("image-generation", reply.json) == []
    assert reply.json["status"] == "completed"
    assert len(reply.json["data"]) == 1


def test_the_answer_has_the_documented_keys_and_no_others(api: Driver) -> None:
    """What the quickstart shows in full is what the fake answers in full."""
    body = api.image().json
    assert list(body) == ["id", "status", "model", "data", "usage"]
    assert list(body["data"][0]) == ["url", "width", "height", "mime_type", "deletes_at"]
    assert body["usage"] == {
        "total_cost": 0.04,
        "billable_unit": "image",
        "unit_price": 0.04,
        "quantity": 1,
    }


def test_a_picture_is_a_jpeg_unless_asked_otherwise(api: Driver) -> None:
    """Documented: the default of `output_format` is jpeg."""
    assert api.image().json["data"][0]["mime_type"] == "image/jpeg"


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_the_format_is_the_one_asked_for(api: Driver, name: str) -> None:
    """`mime_type` follows `output_format`."""
    assert api.image(output_format=name).json["data"][0]["mime_type"] == f"image/{name}"


def test_left_out_values_are_the_models_first(api: Driver) -> None:
    """Documented: the default ratio and resolution are the first that the model lists."""
    given = api.image(aspect_ratio="1:1", resolution="2K").json["data"][0]
    left_out = api.image().json["data"][0]
    assert (left_out["width"], left_out["height"]) == (given["width"], given["height"])
    assert (left_out["width"], left_out["height"]) == (2048, 2048)


def test_unknown_fields_are_let_pass(api: Driver) -> None:
    """Inferred: clients send `number_of_images` and `size`, and get their picture."""
    reply = api.image(number_of_images=1, size="1024x1024", seed=None, n=[{}])
    assert reply.status == 200


def test_an_empty_list_of_references_is_no_reference(api: Driver) -> None:
    """A client that always sends `images` may send none."""
    assert api.image(images=[]).status == 200


@pytest.mark.parametrize("role", [{}, {"role": "reference_image"}])
def test_the_role_of_a_reference_may_be_left_out(api: Driver, role: dict[str, str]) -> None:
    """The guide asks for it, the SDKs leave it out: both are accepted."""
    reply = api.image(images=[{"url": "https://example.com/cat.png"} | role])
    assert reply.status == 200


def test_the_cost_leaves_the_balance_and_enters_the_costs(api: Driver) -> None:
    """A finished picture is charged at once."""
    cost = Decimal(str(api.image().json["usage"]["total_cost"]))
    assert Decimal(api.balance()) == 100 - cost
    costs = api.get("/v2/billing/costs?start=2026-09-01T00:00:00Z&end=2026-09-01T23:59:59Z").json
    assert costs["data"] == [{"date": "2026-09-01", "cost": float(cost)}]


def test_the_rate_limit_headers_count_down(api: Driver) -> None:
    """Documented: three headers on every generation answer, reset in unix seconds."""
    first, second = api.image(), api.image()
    assert first.header("x-ratelimit-limit") == "1000000"
    assert first.header("x-ratelimit-remaining") == "999999"
    assert second.header("x-ratelimit-remaining") == "999998"
    assert first.header("x-ratelimit-reset") == str(int(START.timestamp()) + 60)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", None),
        ("model", 5),
        ("prompt", None),
        ("prompt", ["a"]),
        ("aspect_ratio", 1),
        ("resolution", True),
        ("output_format", 0),
        ("images", {}),
        ("images", ["https://e.com"]),
    ],
)
def test_a_wrong_type_is_said_of_the_field_that_has_it(api: Driver, field: str, value: Any) -> None:
    """The error names the field and both types."""
    reply = api.image(**{field: value})
    assert reply.status == 400
    assert reply.error["code"] == "invalid_parameter"
    assert reply.error["param"] is not None
    assert reply.error["param"].split("[")[0] == field
    assert reply.error["message"].startswith(f"Invalid type for '{reply.error['param']}'")


@pytest.mark.parametrize("length", [1, 4096])
def test_a_prompt_has_1_to_4096_characters(api: Driver, length: int) -> None:
    """Documented, and counted in characters, not in bytes."""
    assert api.image(prompt="\N{ROCKET}" * length).status == 200


@pytest.mark.parametrize("length", [0, 4097])
def test_a_prompt_out_of_bounds_is_refused(api: Driver, length: int) -> None:
    """Both ends of the documented length."""
    reply = api.image(prompt="\N{ROCKET}" * length)
    assert reply.status == 400
    assert reply.error["param"] == "prompt"


def test_a_model_that_makes_videos_is_refused(api: Driver) -> None:
    """The hint says where the request belongs."""
    reply = api.image(model="seedance-v1-5-pro")
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert reply.header("x-mock-hint") == "POST it to /v2/videos/generations"


def test_a_misspelt_model_is_refused_with_the_nearest(api: Driver) -> None:
    """Documented: an unknown model is 400 `invalid_parameter`; the hint is ours."""
    reply = api.image(model="seedream-5-light")
    assert reply.error["code"] == "invalid_parameter"
    assert reply.header("x-mock-hint") == "did you mean seedream-5-lite?"


def test_without_mock_headers_no_header_of_ours_is_sent() -> None:
    """`--no-mock-headers` switches every X-Mock-* header off."""
    api = Driver.of(mock_headers="no")
    refused = api.image(model="seedream-5-light")
    assert refused.status == 400
    assert [name for name, _ in refused.headers if name.startswith("x-mock-")] == []


def test_a_picture_can_take_its_time() -> None:
    """`--image-seconds`: the answer comes when the workspace's clock says so."""
    api = Driver.of(image_seconds=30)
    api.workspace().clock.autojump = True
    reply = api.image()
    assert reply.status == 200
    assert (api.workspace().clock.now() - START).total_seconds() == 30


def test_the_order_in_which_json_is_written_does_not_matter() -> None:
    """Equal requests make equal pictures, however their JSON is written."""
    one, other = Driver.of(), Driver.of()
    fields = IMAGE | {"aspect_ratio": "16:9"}
    straight = one.post("/v2/images/generations", fields)
    turned = other.post("/v2/images/generations", dict(reversed(fields.items())))
    assert straight.json == turned.json
