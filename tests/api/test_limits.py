"""Rate limits as a client meets them: windows, Retry-After, slots."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.driver import START, Driver


def test_a_window_takes_so_many_and_not_one_more() -> None:
    """Documented: over the limit it is a 429 `rate_limit` with Retry-After in seconds."""
    api = Driver.of(image_rpm=3)
    replies = [api.image() for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert [reply.header("x-ratelimit-remaining") for reply in replies] == list("21000")
    assert replies[3].error["code"] == "rate_limit"
    assert replies[3].header("retry-after") == "60"


def test_after_retry_after_the_next_one_is_admitted() -> None:
    """What the header promises holds, and a second less does not."""
    api = Driver.of(image_rpm=1)
    api.advance(17.5)
    api.image()
    wait = int(api.image().header("retry-after") or 0)
    assert wait == 43
    api.advance(wait - 1)
    assert api.image().status == 429
    api.advance(1)
    assert api.image().status == 200


@given(
    offset=st.floats(0, 200, allow_nan=False),
    window=st.integers(1, 3600),
    count=st.integers(1, 3),
)
def test_retry_after_is_never_too_short_and_reset_never_in_the_past(
    offset: float, window: int, count: int
) -> None:
    """For every moment and every length of the window."""
    api = Driver.of(start=START + timedelta(seconds=offset), rate_window=window, image_rpm=count)
    for _ in range(count):
        assert api.image().status == 200
    refused = api.image()
    assert refused.status == 429
    wait = int(refused.header("retry-after") or 0)
    assert 1 <= wait <= window
    now = api.workspace().clock.now().timestamp()
    assert now < int(refused.header("x-ratelimit-reset") or 0) <= now + window
    api.advance(wait)
    assert api.image().status == 200


def test_images_and_videos_have_each_their_window() -> None:
    """Documented: two limits, one for each kind of POST."""
    api = Driver.of(image_rpm=1, video_rpm=1)
    assert [api.image().status, api.video().status] == [200, 202]
    assert [api.image().status, api.video().status] == [429, 429]


def test_both_kinds_share_the_slots_and_a_pending_video_holds_one() -> None:
    """Documented: concurrency counts both POSTs together; the slot is free when the video ends."""
    api = Driver.of(concurrent=2, video_seconds=30)
    assert [api.video().status for _ in range(3)] == [202, 202, 429]
    refused = api.image()
    assert refused.status == 429
    assert refused.header("retry-after") is None
    api.advance(29.999)
    assert api.image().status == 429
    api.advance(0.001)
    assert [api.image().status for _ in range(3)] == [200, 200, 200]


def test_a_failed_video_frees_its_slot_too() -> None:
    """Either end is an end."""
    api = Driver.of(concurrent=1, video_seconds=30, fail_rate=1)
    assert [api.video().status, api.video().status] == [202, 429]
    api.advance(30)
    assert api.video().status == 202


def test_a_refused_request_counts_nowhere() -> None:
    """Counted at submission, and a refusal is none: neither for 4xx nor for 429 itself."""
    api = Driver.of(image_rpm=2, concurrent=1, video_seconds=30)
    for _ in range(5):
        assert api.image(resolution="?").status == 400
    api.video()
    for _ in range(5):
        assert api.image().status == 429
    api.advance(30)
    assert [api.image().status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("settings", "image", "video"),
    [
        ({}, "1000000", "1000000"),
        ({"limits": "realistic"}, "20", "20"),
        ({"limits": "realistic", "image_rpm": 7}, "7", "20"),
        ({"video_rpm": 0}, "1000000", "0"),
    ],
)
def test_the_limits_are_settings(settings: dict[str, Any], image: str, video: str) -> None:
    """Generous unless asked; `realistic` is what was observed; single ones win over both."""
    api = Driver.of(**settings)
    assert api.image().header("x-ratelimit-limit") == image
    assert api.video().header("x-ratelimit-limit") == video


def test_realistic_limits_are_those_that_were_observed() -> None:
    """Observed in July 2026: 20 images in 60 s, 5 at the same time."""
    api = Driver.of(limits="realistic")
    assert [api.video().status for _ in range(6)] == [202] * 5 + [429]


def test_refusals_for_other_reasons_show_the_limits_too() -> None:
    """The three headers stand on every answer to a POST whose key is known."""
    api = Driver.of()
    for reply in (api.image(resolution="?"), api.request("POST", "/v2/images/generations")):
        assert reply.status == 400
        assert reply.header("x-ratelimit-remaining") == "1000000"
