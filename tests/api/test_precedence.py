"""Who has the say: one request's header, its prompt, scenarios, models, the workspace, settings."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.transitions import TransitionRule
from tests.api.driver import IMAGE, START, VIDEO, Driver

# The strongest first. Each says how a video ends: when, and with which words.
LEVELS = ("hand", "next", "header", "magic", "scenario", "model", "workspace", "settings")
SECONDS = {level: 100 + number for number, level in enumerate(LEVELS)}


def ending(levels: set[str], when: set[str], how: set[str]) -> tuple[float | None, str | None]:
    """Return when a video ends and with which code, where these levels say so.

    A level in `when` says the time, one in `how` the code of a failure; `hand` fails it at once.
    """
    api = Driver.of(
        video_seconds=SECONDS["settings"], fail_rate=1 if "settings" in levels & how else 0
    )
    world = api.workspace()

    def said(level: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if level in levels & when:
            found["seconds"] = SECONDS[level]
        if level in levels & how:
            found |= {"failed": level, "message": level}
        return found

    for level, put in (
        ("workspace", lambda rule: world.transitions.set(TransitionRule.of(rule))),
        ("model", lambda rule: world.transitions.set(TransitionRule.of(rule), model="seedance-*")),
        ("next", lambda rule: world.transitions.next(TransitionRule.of(rule))),
        ("scenario", lambda rule: world.scenarios.add({"transition": rule}, START)),
    ):
        if said(level):
            put(said(level))
    prompt = " ".join(["Waves", *(f"mock:{word}" for word in words(said("magic"), "server_error"))])
    header = " ".join(words(said("header"), "content_policy_violation"))
    reply = api.post(
        "/v2/videos/generations", VIDEO | {"prompt": prompt}, headers=[("x-mock-behaviour", header)]
    )
    one = world.generations[reply.json["id"]]
    if said("hand"):
        ended = world.complete(one.id).ending
        assert ended == (START, None)
        return 0, None
    failure = one.transition.failure
    return one.transition.seconds, failure.code if failure else None


def words(rule: dict[str, Any], code: str) -> list[str]:
    """Return what a rule says in magic words, whose failures are the documented ones."""
    said = [f"seconds={rule['seconds']}"] if "seconds" in rule else []
    return said + ([f"fail={code}"] if "failed" in rule else [])


CODES = {level: level for level in LEVELS} | {
    "header": "content_policy_violation",
    "magic": "server_error",
    "settings": "server_error",
}


@pytest.mark.parametrize(("stronger", "weaker"), list(pairwise(LEVELS)))
def test_each_level_wins_over_the_next(stronger: str, weaker: str) -> None:
    """In the one documented order."""
    both = {stronger, weaker}
    expected = (0, None) if stronger == "hand" else (SECONDS[stronger], CODES[stronger])
    assert ending(both, both, both) == expected


@given(when=st.sets(st.sampled_from(LEVELS[1:])), how=st.sets(st.sampled_from(LEVELS[1:])))
def test_when_and_how_are_each_the_strongest_that_is_said(when: set[str], how: set[str]) -> None:
    """Half of it from one level and half from another, whichever say what."""
    first = min(when | {"settings"}, key=LEVELS.index)
    second = min(how, key=LEVELS.index, default=None)
    expected = (SECONDS[first], CODES[second] if second else None)
    assert ending(set(LEVELS[1:]), when, how) == expected


@pytest.mark.parametrize("ask", ["image", "video"])
def test_of_errors_the_header_wins_over_the_prompt_and_both_over_rules(ask: str) -> None:
    """The nearer to the request, the stronger."""
    api = Driver.of()
    api.workspace().scenarios.add({"error": "unavailable", "latency": 0}, START)
    path = f"/v2/{ask}s/generations"
    body: dict[str, Any] = IMAGE if ask == "image" else VIDEO
    magic = body | {"prompt": "A bird mock:error=rate_limit"}
    header = [("x-mock-behaviour", "error=quota_exceeded")]
    seen = [
        api.post(path, magic, headers=header),
        api.post(path, magic),
        api.post(path, body, headers=header),
        api.post(path, body),
    ]
    assert [reply.status for reply in seen] == [402, 429, 402, 503]


def test_what_the_header_leaves_open_the_prompt_and_rules_fill_in() -> None:
    """Kind by kind: the oddity of one on the error of another."""
    api = Driver.of()
    api.workspace().scenarios.add({"oddity": "unknown_error_code"}, START)
    body = IMAGE | {"prompt": "A bird mock:error=rate_limit mock:retry_after=3"}
    reply = api.post("/v2/images/generations", body)
    assert (reply.status, reply.header("retry-after")) == (429, "3")
    assert reply.error["code"] == "a_code_of_a_later_version"
