"""Replays: recorded outcomes on the workspace's own clock, money, limits and links."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.driver import KEY, Driver
from tests.cassettes.written_cassette import (
    DAY,
    IMAGE,
    VIDEO,
    WrittenCassette,
    build_error,
    build_result,
    build_video_result,
    draw_picture,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.driver import Reply


@pytest.fixture
def cassette(tmp_path: Path) -> WrittenCassette:
    """Return an empty cassette."""
    return WrittenCassette(tmp_path / "cassette")


def replay(cassette: WrittenCassette, **settings: Any) -> Driver:
    """Return a driver of a fake that replays a cassette."""
    return Driver.of(replay=cassette.save(), **settings)


def send_image(driver: Driver, **changes: Any) -> Reply:
    """Send the recorded image request with changes."""
    return driver.post("/v2/images/generations", IMAGE | changes)


def send_video(driver: Driver, **changes: Any) -> Reply:
    """Send the recorded video request with changes."""
    return driver.post("/v2/videos/generations", VIDEO | changes)


def get_url(reply: Reply, index: int = 0) -> str:
    """Return a link of a completed generation."""
    return str(reply.json["data"][index]["url"])


def test_an_image_has_the_recorded_values_with_an_id_and_a_link_of_its_own(
    cassette: WrittenCassette,
) -> None:
    """Ids, links and moments are new; every other value is the recorded one, unknown fields too."""
    cassette.add_image()
    driver = replay(cassette)
    reply = send_image(driver)
    assert reply.status == 200
    assert reply.header("x-mock-hint") is None
    found, expected = reply.json, build_result()
    assert found["id"].startswith("req-01")
    assert found["data"][0]["url"].startswith(f"http://testserver/v2/downloads/{found['id']}/0?exp")
    assert found["data"][0]["deletes_at"] == "2026-09-02T12:00:00.000Z"
    for item, recorded in zip(found["data"], expected["data"], strict=True):
        recorded |= {"url": item["url"], "deletes_at": item["deletes_at"]}
    assert found == expected | {"id": found["id"]}


def test_the_ledger_moves_by_the_recorded_cost(cassette: WrittenCassette) -> None:
    """The model is unknown to the catalogue, so the price can only come from the recording."""
    cassette.add_image(cost="0.07")
    driver = replay(cassette, balance="1")
    send_image(driver)
    assert driver.balance() == "0.93"


def test_a_replay_that_the_balance_does_not_cover_is_refused_and_keeps_its_turn(
    cassette: WrittenCassette,
) -> None:
    """The money of the workspace decides, and a refusal changes nothing."""
    cassette.add_image(cost="0.07")
    cassette.add_image(IMAGE, build_result(0.01), cost="0.01")
    driver = replay(cassette, balance="0.05")
    assert send_image(driver).status == 402
    driver.workspace().credit(driver.workspace().ledger.available)
    assert send_image(driver).json["usage"]["total_cost"] == 0.07


def test_the_file_is_the_recorded_one_with_ranges_until_its_link_expires(
    cassette: WrittenCassette,
) -> None:
    """A link is signed anew, serves ranges, and expires after the recorded time."""
    picture = draw_picture("orange")
    cassette.add_image(files=[picture])
    driver = replay(cassette)
    url = get_url(send_image(driver))
    whole = driver.download(url)
    assert (whole.status, whole.body) == (200, picture)
    assert whole.header("content-type") == "image/jpeg"
    part = driver.download(url, headers=[("range", "bytes=10-19")])
    assert (part.status, part.body) == (206, picture[10:20])
    assert driver.download(url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
    driver.advance(DAY - 1)
    assert driver.download(url).status == 200
    driver.advance(1)
    assert driver.download(url).status == 410


def test_each_item_of_a_result_has_its_own_file(cassette: WrittenCassette) -> None:
    """A result may deliver more than one file."""
    pictures = [draw_picture("red"), draw_picture("blue")]
    cassette.add_image(IMAGE, build_result(items=2), files=pictures)
    driver = replay(cassette)
    reply = send_image(driver)
    assert [driver.download(get_url(reply, each)).body for each in (0, 1)] == pictures
    link = get_url(reply, 1).replace("/1?", "/2?")
    assert driver.download(link).status == 404


def test_a_video_takes_its_recorded_time_on_the_clock(cassette: WrittenCassette) -> None:
    """A job is pending, with its recorded statuses, until its recorded time has passed."""
    cassette.add_video(
        changes=[("pending", 0.1), ("processing", 10), ("completed", 30.5)],
        files=[b"a film"],
        accepted={"id": "{generation}", "status": "pending", "queue": 3},
    )
    driver = replay(cassette)
    made = send_video(driver)
    assert made.status == 202
    video = made.json["id"]
    assert made.json == {"id": video, "status": "pending", "queue": 3}
    assert driver.poll(video).json == {"id": video, "status": "pending"}
    driver.advance(12)
    assert driver.poll(video).json["status"] == "processing"
    driver.advance(18.5)
    found = driver.poll(video).json
    assert found["status"] == "completed"
    expected = build_video_result(id=video)
    expected["data"][0] |= {
        "url": found["data"][0]["url"],
        "deletes_at": "2026-09-02T12:00:31.000Z",
    }
    assert found == expected
    assert driver.balance() == "99.50"
    assert driver.download(found["data"][0]["url"]).body == b"a film"


def test_a_video_that_failed_fails_and_costs_nothing(cassette: WrittenCassette) -> None:
    """The failure is the recorded one, with fields that the fake does not know."""
    final = {
        "id": "{generation}",
        "status": "failed",
        "error": {"message": "A storm.", "code": "weather", "retryable": False},
    }
    cassette.add_video(final, changes=[("pending", 0), ("failed", 7)], files=[], cost="0")
    driver = replay(cassette)
    video = send_video(driver).json["id"]
    driver.advance(7)
    assert driver.poll(video).json == final | {"id": video}
    assert driver.balance() == "100.00"


def test_polls_that_failed_fail_once_at_their_time(cassette: WrittenCassette) -> None:
    """A poll that was answered with an error is replayed from its time on, and only once."""
    cassette.add_video(interruptions=[(5, 500, build_error("server_error", "Oh."))])
    driver = replay(cassette)
    video = send_video(driver).json["id"]
    assert driver.poll(video).status == 200
    driver.advance(6)
    assert [driver.poll(video).status for _ in range(3)] == [500, 200, 200]


def test_a_video_without_a_recorded_end_ends_as_the_fake_decides(
    cassette: WrittenCassette,
) -> None:
    """A recording may stop before a job does; the rest comes from the fake."""
    cassette.add_video(final=False, body=VIDEO | {"model": "seedance-v1-5-pro"})
    driver = replay(cassette, video_seconds=20)
    video = send_video(driver, model="seedance-v1-5-pro").json["id"]
    driver.advance(19)
    assert driver.poll(video).json["status"] == "pending"
    driver.advance(1)
    assert driver.poll(video).json["status"] == "completed"


def test_a_recorded_refusal_is_answered_as_it_was(cassette: WrittenCassette) -> None:
    """An error has its recorded status, JSON and headers, and makes no generation."""
    error = build_error("content_policy_violation", "No lighthouses.", doc_url="https://x.example")
    cassette.add(IMAGE, 422, error)
    driver = replay(cassette)
    reply = send_image(driver)
    assert (reply.status, reply.json) == (422, error)
    assert not driver.workspace().generations


def test_equal_requests_get_their_outcomes_in_recorded_order_and_then_the_last(
    cassette: WrittenCassette,
) -> None:
    """A 429 that was retried is replayed as one; after the last outcome a hint says so."""
    headers = {"retry-after": "7", "x-ratelimit-reset": "{answer+30s}"}
    cassette.add(IMAGE, 429, build_error("rate_limit", "Slower."), headers=headers)
    cassette.add_image()
    driver = replay(cassette)
    first, second, third = (send_image(driver) for _ in range(3))
    assert [first.status, second.status, third.status] == [429, 200, 200]
    assert first.header("retry-after") == "7"
    assert first.header("x-ratelimit-reset") == str(1788264030)
    assert second.header("x-mock-hint") is None
    hint = third.header("x-mock-hint") or ""
    assert "recorded 2 times, and this is request number 3" in hint
    assert second.json["id"] != third.json["id"]


def test_more_than_nine_outcomes_keep_their_order(cassette: WrittenCassette) -> None:
    """Occurrences are numbers: the tenth comes after the ninth, not after the first."""
    for number in range(12):
        cassette.add_image(IMAGE, build_result(number / 100), cost=f"0.{number:02}")
    driver = replay(cassette)
    costs = [send_image(driver).json["usage"]["total_cost"] for _ in range(12)]
    assert costs == [number / 100 for number in range(12)]


def test_the_order_of_independent_requests_does_not_matter(cassette: WrittenCassette) -> None:
    """Each request counts among its equals alone, so any interleaving gives the same answers."""
    for prompt in "abc":
        for turn in range(2):
            cassette.add_image(IMAGE | {"prompt": prompt}, build_result(note=f"{prompt}{turn}"))
    seen = []
    for prompts in ("aabbcc", "cbacba", "bccaab", "abccba"):
        driver = replay(cassette)
        answers = [send_image(driver, prompt=each).json for each in prompts]
        seen.append(sorted((each["note"], each["id"]) for each in answers))
    assert seen == [seen[0]] * 4
    assert [note for note, _ in seen[0]] == ["a0", "a1", "b0", "b1", "c0", "c1"]


def test_each_key_replays_from_the_beginning(cassette: WrittenCassette) -> None:
    """A workspace counts its own requests: tests with keys of their own do not meet."""
    cassette.add_image(IMAGE, build_result(note="first"))
    cassette.add_image(IMAGE, build_result(note="second"))
    driver = replay(cassette)
    for key in (KEY, "sk_another"):
        reply = driver.post("/v2/images/generations", IMAGE, key=key)
        assert reply.json["note"] == "first"


@pytest.mark.parametrize(
    "sent",
    [
        b'{"prompt": "A lighthouse",   "model": "seedream-9"}',
        b'{"model": "seedream-9", "prompt": "A lighthouse", "output_format": "jpeg"}',
        b'{"model": "seedream-9", "prompt": "A lighthouse", "images": []}',
        b'{"model": "seedream-9", "prompt": "A lighth\\u006fuse", "resolution": null}',
    ],
)
def test_spelling_and_documented_defaults_do_not_count(
    cassette: WrittenCassette, sent: bytes
) -> None:
    """Requests that mean the same to the API match the same recording."""
    cassette.add_image()
    driver = replay(cassette)
    assert driver.request("POST", "/v2/images/generations", body=sent).status == 200


def test_ignored_fields_do_not_count(cassette: WrittenCassette) -> None:
    """`replay_ignore` names fields that differ from run to run."""
    cassette.add_image()
    driver = replay(cassette, replay_ignore="prompt")
    assert send_image(driver, prompt="Now 12:03").status == 200
    assert send_image(driver, model="other").status == 400


def test_an_unrecorded_request_fails_and_shows_the_nearest_field_by_field(
    cassette: WrittenCassette,
) -> None:
    """The error names the file and each field that differs; nothing is made or charged."""
    cassette.add_image(IMAGE | {"prompt": "Something else", "resolution": "2K"})
    near = cassette.add_image(IMAGE | {"resolution": "2K"})
    driver = replay(cassette)
    before = driver.books()
    reply = send_image(driver, resolution="4K")
    assert reply.status == 400
    assert reply.error["code"] == "unrecorded_request"
    name = f"images.generate-{near.digest}-1.json"
    expected = f'The nearest, {name}, has resolution "2K", not "4K".'
    assert reply.error["message"].endswith(expected)
    assert driver.books() == before
    gone = send_image(driver)
    assert "resolution" in gone.error["message"]
    assert "not absent" in gone.error["message"]
    video = send_video(driver)
    assert video.error["message"] == "The cassette holds no videos.create request."


def test_an_unrecorded_request_can_be_answered_by_the_fake_with_a_hint(
    cassette: WrittenCassette,
) -> None:
    """With on_miss=fake the request is validated, answered and charged as without a cassette."""
    cassette.add_image()
    driver = replay(cassette, on_miss="fake")
    reply = driver.image()
    assert reply.status == 200
    assert reply.json["model"] == "seedream-5-lite"
    hint = reply.header("x-mock-hint") or ""
    assert hint.startswith("No recorded images.generate request matches.")
    assert 'model "seedream-9", not "seedream-5-lite"' in hint
    assert driver.image(model="unknown").error["code"] == "invalid_parameter"


def test_faults_and_scenarios_act_on_top(cassette: WrittenCassette) -> None:
    """A fault before the work uses up no recording; rules for endings win over recorded ones."""
    cassette.add_image(IMAGE, build_result(note="first"))
    cassette.add_video()
    driver = replay(cassette)
    body = json.dumps(IMAGE).encode()
    headers = [("x-mock-behaviour", "status=500")]
    target = "/v2/images/generations"
    assert driver.request("POST", target, body=body, headers=headers).status == 500
    reply = send_image(driver)
    assert (reply.json["note"], reply.header("x-mock-hint")) == ("first", None)
    headers = [("x-mock-behaviour", "fail=server_error, seconds=2")]
    body = json.dumps(VIDEO).encode()
    made = driver.request("POST", "/v2/videos/generations", body=body, headers=headers)
    driver.advance(2)
    assert driver.poll(made.json["id"]).json["error"]["code"] == "server_error"
    assert driver.balance() == "99.93"


def test_a_completion_in_spite_of_a_recorded_failure_delivers_what_the_fake_draws(
    cassette: WrittenCassette,
) -> None:
    """A recorded failure has no file, so a rule that completes the job gets a generated one."""
    final = {"id": "{generation}", "status": "failed", "error": {"message": "No.", "code": "x"}}
    body = VIDEO | {"model": "seedance-v1-5-pro"}
    cassette.add_video(final, body=body, changes=[("failed", 7)], files=[], cost="0")
    driver = replay(cassette)
    headers = [("x-mock-behaviour", "complete")]
    sent = json.dumps(body).encode()
    made = driver.request("POST", "/v2/videos/generations", body=sent, headers=headers)
    driver.advance(7)
    assert driver.poll(made.json["id"]).json["status"] == "completed"


def test_keys_are_the_workspace_s_own_matter(cassette: WrittenCassette) -> None:
    """A recorded 401 answers nothing: which keys are valid is a setting of the fake."""
    cassette.add(IMAGE, 401, build_error("invalid_api_key", "Wrong."))
    cassette.add_image()
    driver = replay(cassette)
    assert send_image(driver).status == 200
    assert driver.post("/v2/images/generations", IMAGE, key="wrong").status == 401


def test_models_are_read_from_the_cassette(cassette: WrittenCassette) -> None:
    """The catalogue is what the API listed, by type and by id."""
    models = [{"id": "seedream-9", "type": "image", "colour": "teal"}]
    cassette.add(None, 200, models, method="GET", path="/v2/models", query="type=image")
    cassette.add(None, 200, models[0], method="GET", path="/v2/models/seedream-9")
    driver = replay(cassette)
    assert driver.get("/v2/models?type=image").json == models
    assert driver.get("/v2/models/seedream-9").json == models[0]
    missed = driver.get("/v2/models")
    assert missed.error["code"] == "unrecorded_request"
    assert 'type "image", not absent' in missed.error["message"]
    assert driver.get("/v2/billing/balance").status == 200


def test_an_altered_file_is_not_served(cassette: WrittenCassette) -> None:
    """A file whose content is not the one of its name was not recorded."""
    cassette.add_image()
    driver = replay(cassette)
    url = get_url(send_image(driver))
    next((cassette.folder / "media").iterdir()).write_bytes(b"<script>")
    reply = driver.download(url)
    assert reply.status == 404
    assert "SHA-256" in (reply.header("x-mock-hint") or "")


def test_a_deep_or_odd_body_gets_an_answer(cassette: WrittenCassette) -> None:
    """No body that a client can send breaks the comparison."""
    cassette.add_image()
    driver = replay(cassette)
    for body in (b"[" * 90 + b"]" * 90, b"7", b'"\\ud83d\\ude00"', b"{", b'{"images": 5}', b"null"):
        reply = driver.request("POST", "/v2/images/generations", body=body)
        assert reply.status == 400, body


def test_a_store_keeps_what_was_replayed_over_a_restart(
    cassette: WrittenCassette, tmp_path: Path
) -> None:
    """Another process goes on at the next outcome, and serves the links of the first."""
    picture = draw_picture("plum")
    cassette.add_image(IMAGE, build_result(note="first"), files=[picture])
    cassette.add_image(IMAGE, build_result(note="second"))
    cassette.add_video(interruptions=[(0, 500, build_error("server_error", "Oh."))])
    store = f"sqlite:///{tmp_path}/fake.db"
    first = replay(cassette, store=store)
    made = send_image(first)
    video = send_video(first).json["id"]
    assert first.poll(video).status == 500
    first.app.fake.store.close()
    second = replay(cassette, store=store)
    assert second.download(get_url(made)).body == picture
    assert send_image(second).json["note"] == "second"
    assert second.poll(video).status == 200
    second.advance(31)
    assert second.poll(video).json["usage"]["total_cost"] == 0.5
    second.app.fake.store.close()


def test_what_was_replayed_is_complete_without_its_cassette(cassette: WrittenCassette) -> None:
    """A snapshot can be restored where the cassette is not: file and values of its own stay."""
    picture = draw_picture("plum")
    cassette.add_image(IMAGE, build_result(), files=[picture])
    first = replay(cassette)
    made = send_image(first)
    workspace = first.workspace()
    generation = workspace.generations[made.json["id"]]
    other = Driver.of(seed="0")
    other.workspace().adopt(generation, pending=False)
    assert other.workspace().find_deliverable(generation.id, 0) is not None
    assert other.download(get_url(made)).body == picture
