"""POST and GET /v2/videos/generations, as their client sees them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from getimg_mock import schemas
from tests.api.driver import VIDEO, Driver

FRAME = {"url": "https://example.com/frame.png"}


@pytest.fixture
def api() -> Driver:
    """Return a fake whose videos take 30 seconds."""
    return Driver.of(video_seconds=30)


def test_a_video_is_accepted_with_id_and_status_alone(api: Driver) -> None:
    """Documented: 202 and exactly two keys."""
    reply = api.video()
    assert reply.status == 202
    assert reply.json == {"id": reply.json["id"], "status": "pending"}
    assert schemas.violations("video-accepted", reply.json) == []


def test_a_video_is_pending_until_its_time_has_come(api: Driver) -> None:
    """Its state is a function of the moment, to the millisecond."""
    video_id = api.video().json["id"]
    api.advance(29.999)
    assert api.poll(video_id).json == {"id": video_id, "status": "pending"}
    api.advance(0.001)
    assert api.poll(video_id).json["status"] == "completed"


def test_a_completed_video_matches_its_schema_and_says_all(api: Driver) -> None:
    """Documented: the item of a video has nine fields; usage counts its seconds."""
    video_id = api.video(duration=5, resolution="1080p", sound=True).json["id"]
    api.advance(30)
    reply = api.poll(video_id)
    assert schemas.violations("video-generation", reply.json) == []
    (item,) = reply.json["data"]
    assert (item["width"], item["height"], item["fps"]) == (1920, 1080, 24)
    assert (item["duration"], item["has_sound"], item["mime_type"]) == (5, True, "video/mp4")
    assert item["deletes_at"].endswith("Z")
    assert reply.json["usage"] == {
        "total_cost": 0.25,
        "billable_unit": "video_second",
        "unit_price": 0.05,
        "quantity": 5,
    }


def test_a_failed_video_is_a_200_with_an_error() -> None:
    """Documented: `error` has code and message only."""
    api = Driver.of(video_seconds=0, fail_rate=1)
    reply = api.poll(api.video().json["id"])
    assert reply.status == 200
    assert reply.json["error"] == {
        "message": "Upstream provider request timed out.",
        "code": "server_error",
    }
    assert list(reply.json) == ["id", "status", "error"]
    assert schemas.violations("video-generation", reply.json) == []


def test_both_ends_are_final(api: Driver) -> None:
    """Documented: completed and failed are terminal; the link stays the same."""
    video_id = api.video().json["id"]
    api.advance(30)
    first = api.poll(video_id).json
    api.advance(3600)
    assert api.poll(video_id).json == first


def test_polling_takes_nothing_from_the_limits(api: Driver) -> None:
    """Documented: a poll is a read; the headers stand on it too."""
    video_id = api.video().json["id"]
    before = api.books()
    replies = [api.poll(video_id) for _ in range(5)]
    assert [reply.header("x-ratelimit-remaining") for reply in replies] == ["999999"] * 5
    assert api.books() == before


def test_an_unknown_id_is_not_found(api: Driver) -> None:
    """Documented; a workspace that only asks keeps nothing."""
    reply = api.poll("req-01NOSUCHVIDEO")
    assert (reply.status, reply.error["code"]) == (404, "not_found")
    assert reply.error["message"] == "Generation 'req-01NOSUCHVIDEO' not found."


def test_the_video_of_another_key_is_not_found(api: Driver) -> None:
    """Inferred: ids belong to the workspace that made them."""
    video_id = api.video().json["id"]
    reply = api.get(f"/v2/videos/generations/{video_id}", key="sk_somebody_else")
    assert (reply.status, reply.error["code"]) == (404, "not_found")


def test_the_id_of_an_image_is_no_video(api: Driver) -> None:
    """There is no status of a picture."""
    assert api.poll(api.image().json["id"]).status == 404


def test_sound_false_is_never_refused(api: Driver) -> None:
    """Observed: some clients send it on every request."""
    assert api.video(model="seedance-v1-pro", sound=False).status == 202


def test_sound_on_a_silent_model_is_accepted_and_left_out() -> None:
    """Our choice: has_sound false, billed as without sound."""
    api = Driver.of(video_seconds=0)
    body = api.poll(api.video(model="seedance-v1-pro", sound=True).json["id"]).json
    silent = api.poll(api.video(model="seedance-v1-pro", sound=False).json["id"]).json
    assert body["data"][0]["has_sound"] is False
    assert body["usage"] == silent["usage"]


def test_sound_on_a_silent_model_can_be_refused() -> None:
    """`--silent-sound refuse` is the other choice; false still passes."""
    api = Driver.of(silent_sound="refuse")
    reply = api.video(model="seedance-v1-pro", sound=True)
    assert (reply.status, reply.error["param"]) == (400, "sound")
    assert api.video(model="seedance-v1-pro", sound=False).status == 202


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (["first_frame"], 202),
        (["first_frame", "last_frame"], 202),
        (["reference_image"], 202),
        (["last_frame", "first_frame"], 202),
        (["reference_image"] * 4, 202),
        (["last_frame"], 400),
        (["first_frame", "reference_image"], 400),
        (["reference_image", "first_frame", "last_frame"], 400),
        (["reference_image"] * 5, 400),
        (["first_frame", "first_frame"], 400),
    ],
)
def test_roles_go_together_as_documented(api: Driver, roles: list[str], status: int) -> None:
    """A last frame needs a first one, references stand alone, counts are the model's."""
    reply = api.video(images=[FRAME | {"role": role} for role in roles])
    assert reply.status == status
    if status == 400:
        assert (reply.error["code"], reply.error["param"]) == ("invalid_parameter", "images")


def test_a_role_is_required_for_videos(api: Driver) -> None:
    """Documented: `images[].role` is required here, other than for images."""
    reply = api.video(images=[FRAME])
    assert (reply.error["code"], reply.error["param"]) == ("parameter_missing", "images[0].role")


def test_an_unsupported_role_has_the_observed_words(api: Driver) -> None:
    """Observed word for word."""
    supported = api.get("/v2/models/seedance-v1-pro").json["supported_references"]
    assert "reference_image" not in supported
    reply = api.video(model="seedance-v1-pro", images=[FRAME | {"role": "reference_image"}])
    assert reply.error == {
        "message": "Reference role 'reference_image' is not supported for this model",
        "type": "invalid_request_error",
        "param": "images[0].role",
        "code": "invalid_parameter",
    }


@pytest.mark.parametrize("duration", [5, 5.0])
def test_a_whole_number_may_be_written_with_a_point(duration: float) -> None:
    """5.0 is the integer 5 to JSON, so it is the same request, with the same id."""
    one, other = Driver.of(video_seconds=0), Driver.of(video_seconds=0)
    whole, written = one.video(duration=5), other.video(duration=duration)
    assert whole.json == written.json
    assert one.poll(whole.json["id"]).json["usage"]["quantity"] == 5


@pytest.mark.parametrize(
    "duration", [0, -1, 3, 13, 5.5, True, "5", None, [], {}, 10**30, 1e308, -(10**400)]
)
def test_a_duration_that_the_model_lacks_is_refused(api: Driver, duration: Any) -> None:
    """A clear error for every number and every other thing."""
    reply = api.video(duration=duration)
    assert (reply.status, reply.error["param"]) == (400, "duration")
    assert len(reply.error["message"]) < 300


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 4000, "NaN", "Infinity", "1E400"])
def test_numbers_beyond_all_bounds_are_refused(api: Driver, number: str) -> None:
    """What JSON can write and a computer cannot hold is a client's error, not ours."""
    body = b'{"model": "seedance-v1-5-pro", "prompt": "x", "duration": %b}' % number.encode()
    reply = api.request("POST", "/v2/videos/generations", body=body)
    assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")


def test_the_same_request_again_is_another_video(api: Driver) -> None:
    """There is no idempotency key: each POST makes one, and each is paid for."""
    first, second = api.video(), api.video()
    assert first.json["id"] != second.json["id"]
    api.advance(30)
    cost = Decimal(str(api.poll(first.json["id"]).json["usage"]["total_cost"]))
    assert Decimal(api.balance()) == 100 - 2 * cost


def test_a_head_of_the_status_counts_as_a_look(api: Driver) -> None:
    """HEAD has the headers of GET and no body."""
    video_id = api.video().json["id"]
    head = api.request("HEAD", f"/v2/videos/generations/{video_id}")
    get = api.poll(video_id)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers


def test_every_supported_value_is_accepted_for_every_video_model(api: Driver) -> None:
    """What GET /v2/models promises, POST takes."""
    for model in api.get("/v2/models?type=video").json:
        for field in ("aspect_ratio", "resolution", "duration"):
            for value in model[f"supported_{field}s"]:
                fields = {key: VIDEO[key] for key in ("prompt",)} | {field: value}
                reply = api.post("/v2/videos/generations", fields | {"model": model["id"]})
                assert reply.status == 202, (model["id"], field, value, reply.body)
