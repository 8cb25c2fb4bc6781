"""Each scenario that ships does what its summary says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer, schemas
from getimg_mock.world.rule_files import list_scenario_names
from tests.api.driver import KEY, START, Driver
from tests.api.sockets import Observed, observed, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.driver import Reply


def under(name: str, **settings: Any) -> Driver:
    """Return a fake on which a scenario is in force."""
    given: dict[str, Any] = {"scenario": name, "video_seconds": 30}
    return Driver.of(**(given | settings))


def statuses(ask: Callable[[int], Reply], count: int) -> list[int]:
    """Return the statuses of so many answers."""
    return [ask(number).status for number in range(count)]


def test_flaky_fails_one_request_in_five() -> None:
    """With 500 or 503, before any work; a retry helps, and nothing is lost."""
    api = under("flaky", balance=1000)
    seen = statuses(lambda number: api.image(prompt=f"{number}"), 500)
    assert set(seen) == {200, 500, 503}
    assert 70 < len(seen) - seen.count(200) < 130
    assert len(api.workspace().generations) == seen.count(200)
    for number in range(20):
        tries = [api.image(prompt=f"again {number}").status for _ in range(6)]
        assert 200 in tries
    assert {api.get("/v2/models").status for _ in range(50)} == {200}


def test_slow_video_takes_eight_to_twelve_minutes() -> None:
    """Every one, and each its own time; pictures are as fast as ever."""
    api = under("slow-video", balance=1000)
    videos = [api.video(prompt=f"{number}").json["id"] for number in range(30)]
    times = [api.workspace().generations[video].transition.seconds for video in videos]
    assert all(seconds is not None and 480 <= seconds <= 720 for seconds in times)
    assert len(set(times)) == 30
    api.advance(479)
    assert {api.poll(video).json["status"] for video in videos} == {"pending"}
    api.advance(242)
    assert {api.poll(video).json["status"] for video in videos} == {"completed"}
    assert api.image().status == 200


def test_moderation_refuses_some_prompts_and_fails_others() -> None:
    """At once for a forbidden one, later for a borderline one; neither is charged."""
    api = under("moderation")
    for ask in (api.image, api.video):
        reply = ask(prompt="A Forbidden planet")
        assert (reply.status, reply.error["code"]) == (422, "content_policy_violation")
    accepted = api.video(prompt="A borderline case")
    assert accepted.status == 202
    api.advance(60)
    assert api.poll(accepted.json["id"]).json["error"]["code"] == "content_policy_violation"
    assert api.balance() == "100.00"
    assert api.image(prompt="A forbiddenly good cake").status == 200


def test_out_of_credit_refuses_what_costs() -> None:
    """And lets through what does not: polls and downloads of what there is."""
    api = Driver.of(video_seconds=30)
    video = api.video().json["id"]
    url = api.image().json["data"][0]["url"]
    api.workspace().scenarios.load("out-of-credit", START)
    for ask in (api.image, api.video):
        reply = ask()
        assert (reply.status, reply.error["code"]) == (402, "quota_exceeded")
    api.advance(30)
    assert api.poll(video).json["status"] == "completed"
    assert api.download(url).status == 200
    assert api.get("/v2/models").status == 200


def test_rate_limited_refuses_every_third() -> None:
    """With Retry-After; the request after it gets through."""
    api = under("rate-limited")
    seen = [api.image() for _ in range(9)]
    assert [reply.status for reply in seen] == [200, 200, 429] * 3
    assert {reply.header("retry-after") for reply in seen} == {None, "20"}
    assert api.poll(api.video().json["id"]).status == 200


def test_an_outage_lasts_five_minutes() -> None:
    """HTML of a gateway and 503 in turn, everywhere; then all is well."""
    api = under("outage")
    seen = [api.get("/v2/models"), api.image(), api.video(), api.get("/v2/billing/balance")]
    assert [reply.status for reply in seen] == [503, 502, 503, 502]
    assert [str(reply.header("content-type")) for reply in seen[:2]] == [
        "application/json",
        "text/html",
    ]
    api.advance(299.999)
    assert api.image().status in {502, 503}
    api.advance(0.001)
    assert api.image().status == 200


@pytest.fixture(scope="module")
def lossy() -> Any:
    """Return what came of many requests on a lossy network, by kind, and the workspace."""
    with MockServer(video_seconds=0, balance=1000) as server:
        world = server.app.fake.store.get_or_create(KEY)
        world.clock.autojump = True
        picture = {"model": "z-image-turbo", "prompt": "A bird"}
        made = observed(server.url, written("POST", "/v2/images/generations", KEY, picture))
        target = made.json["data"][0]["url"].removeprefix("http://fake.test")
        world.scenarios.load("lossy-network", world.clock.now())
        asked: dict[str, Callable[[int], bytes]] = {
            "submit": lambda number: written(
                "POST", "/v2/images/generations", KEY, picture | {"prompt": f"{number}"}
            ),
            "models": lambda _: written("GET", "/v2/models", KEY),
            "download": lambda _: written("GET", target, None),
        }
        seen = {
            name: [observed(server.url, ask(number)) for number in range(100)]
            for name, ask in asked.items()
        }
        return seen, world


def test_a_lossy_network_resets_and_truncates(lossy: Any) -> None:
    """On the socket: now and then, and most of the time not."""
    seen, world = lossy

    def counted(name: str, what: Callable[[Observed], bool]) -> int:
        return sum(map(what, seen[name]))

    for name in seen:
        assert 0 < counted(name, lambda each: each.end == "reset") < 25
        assert counted(name, lambda each: each.end == "eof" and each.is_complete) > 60
    assert counted("submit", lambda each: each.end == "eof" and not each.is_complete) == 0
    for name in ("models", "download"):
        assert 0 < counted(name, lambda each: each.end == "eof" and not each.is_complete) < 25
    drip = next(rule for rule in world.scenarios if rule.behaviour.fault == "drip")
    assert 0 < drip.hits < 25


def test_what_a_lossy_network_does_not_answer_was_not_done(lossy: Any) -> None:
    """No picture is paid for that nobody got."""
    seen, world = lossy
    answered: int = sum(each.end == "eof" for each in seen["submit"])
    assert len(world.generations) == answered + 1


@pytest.mark.parametrize("ask", ["image", "video"])
def test_lost_response_loses_the_first_one_that_is_paid(ask: str) -> None:
    """Done and charged, and never heard of; the second try is another generation."""
    with MockServer(video_seconds=0, scenario="lost-response") as server:
        world = server.app.fake.store.get_or_create(KEY)
        body = {"model": "z-image-turbo", "prompt": "A bird"}
        path = "/v2/images/generations"
        if ask == "video":
            body, path = {"model": "seedance-v1-pro", "prompt": "Waves"}, "/v2/videos/generations"
        first, second = (observed(server.url, written("POST", path, KEY, body)) for _ in range(2))
    assert (first.data, first.end) == (b"", "eof")
    assert second.status in {200, 202}
    costs = [one.product.total_cost for one in world.generations.values()]
    assert len(costs) == 2
    assert world.ledger.charged == sum(costs) > Decimal(0)


def test_expired_links_are_dead_on_arrival() -> None:
    """Both of pictures and of videos; `deletes_at` promises otherwise."""
    api = under("expired-links", video_seconds=0)
    video = api.poll(api.video().json["id"]).json
    for made in (api.image().json, video):
        (item,) = made["data"]
        reply = api.download(item["url"])
        assert (reply.status, reply.error["code"]) == (410, "url_expired")
        assert item["deletes_at"] > "2026-09-02"


def test_greasy_is_legal_from_end_to_end() -> None:
    """Every answer is odd and right, and the file behind the odd answer is an ordinary one."""
    api = under("greasy", video_seconds=0)
    image = api.image()
    assert schemas.violations("image-generation", image.json) == []
    assert image.json["data"][0]["width"] is None
    assert image.json["data"][0]["mime_type"] == "image/x-future"
    assert "x_new_field" in image.json
    assert api.download(image.json["data"][0]["url"]).header("content-type") == "image/jpeg"
    video = api.poll(api.video().json["id"])
    assert schemas.violations("video-generation", video.json) == []
    refused = api.image(resolution="64K")
    assert refused.error["code"] == "a_code_of_a_later_version"


@pytest.mark.parametrize("name", list_scenario_names())
def test_every_scenario_that_ships_is_tried_here(name: str) -> None:
    """A new one needs a test of what its summary says."""
    assert f'"{name}"' in Path(__file__).read_text(encoding="utf-8")
