"""Rate limit windows are waited for only where a plan needs a new one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
from getimg_mock.contract.targets.http_target import HttpSession, HttpTarget
from getimg_mock.contract.targets.rate_limit_windows import (
    RateLimitWindow,
    record_windows,
)
from tests.contract.provider.fixed_plans import MODELS

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ORDER = post("image", build_small_request(find_cheapest(MODELS, "image")), use="burst")


@pytest.mark.parametrize(
    ("requests", "remaining", "left", "waits"),
    [
        (11, 10, 40, False),
        (11, 4, 40, False),
        (11, 4, 5, True),
        (6, 4, 40, True),
        (6, 8, 5, False),
    ],
)
def test_what_is_left_of_a_window_is_taken(
    requests: int,
    remaining: int,
    left: int,
    waits: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A burst over the limit needs no full window, but time; a smaller one needs its requests."""
    waited: list[float] = []
    target = HttpTarget(
        "http://127.0.0.1:9",
        {"a": "sk_windows"},
        longest_wait=61,
        clock=lambda: NOW,
        sleep=waited.append,
        windows={
            ("Bearer sk_windows", "images"): RateLimitWindow(
                10, remaining, NOW + timedelta(seconds=left)
            )
        },
    )
    plan = Plan(name="a burst", tier="R3", steps=(ORDER,) * requests)
    HttpSession(target).await_windows(plan)
    assert [round(each) for each in waited] == ([left] if waits else [])


def test_answers_of_one_moment_leave_the_least() -> None:
    """They come in any order: the last one of them may have been counted first."""
    sent = PreparedRequest("POST", "/v2/images/generations", (("authorization", "Bearer k"),), b"")
    windows: dict[tuple[str, str], RateLimitWindow] = {}
    reset = str(int(NOW.timestamp()))
    answers = [
        ReceivedResponse(
            200,
            (
                ("x-ratelimit-limit", "3"),
                ("x-ratelimit-remaining", str(left)),
                ("x-ratelimit-reset", reset),
            ),
            b"{}",
        )
        for left in (0, 2, 1)
    ]
    record_windows(windows, [(sent, each) for each in answers])
    assert windows["Bearer k", "images"] == RateLimitWindow(3, 0, NOW)
