"""GP602: what is older than a minute counts no more.

GP604: the refusals of one window name one time. GP607: windows follow each other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.provider.limit_headers import (
    compare_retry_times,
    find_overcounts,
    find_stale_resets,
)
from tests.contract.provider.fixed_plans import is_broken, run_plan


@pytest.mark.parametrize(("after", "broken"), [(None, False), ("3", True), ("2", True)])
def test_one_refusal_in_five_that_is_too_short_is_found(after: str | None, broken: bool) -> None:  # noqa: FBT001 - a row of the table
    """A client that obeys it asks too early."""
    history = run_plan("more images than the limit")
    refused = [each for each in history if each.status == 429]
    assert len(refused) >= 5
    odd = refused[3]
    headers = tuple((name, after or value) for name, value in odd.headers if name == "retry-after")
    rest = tuple(each for each in odd.headers if each[0] != "retry-after")
    changed = [
        replace(each, headers=(*rest, *headers)) if each is odd else each for each in history
    ]
    found = replace(history, exchanges=tuple(changed))
    assert any(seen.failed for seen in compare_retry_times(found)) == broken
    assert is_broken("GP604", found) == broken


_BEGIN = datetime(2026, 9, 1, 12, tzinfo=UTC)
_PLAN = Plan(name="looks", steps=())


def look(after: float, reset: float, key: str = "a") -> HttpExchange:
    """Return a look at a video so many seconds after the begin, which names such a Reset."""
    end = int((_BEGIN + timedelta(seconds=reset)).timestamp())
    numbers = zip(("limit", "remaining", "reset"), (20, 10, end), strict=True)
    headers = tuple((f"x-ratelimit-{name}", str(number)) for name, number in numbers)
    at, path = _BEGIN + timedelta(seconds=after), "/v2/videos/generations/req-1"
    return HttpExchange(1, at, "GET", path, 200, key=key, headers=headers)


@pytest.mark.parametrize(
    ("seen", "stale"),
    [
        ([look(0, 60), look(70, 120), look(150, 60)], True),  # the window of the order
        ([look(0, 60), look(70, 120), look(150, 120)], False),  # no order since
        ([look(0, 60), look(59, 61), look(70, 130), look(75, 129)], False),  # it slides
        ([look(0, 60), look(150, 180, "b"), look(151, 60)], False),  # another workspace
        ([look(0, 60), look(70, 120), look(71, 65)], False),  # clocks differ
    ],
)
def test_no_window_before_the_current_one_is_shown(
    seen: list[HttpExchange],
    stale: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A client that waits for its Reset, which has passed, asks too early."""
    histories = [History(plan=_PLAN, exchanges=(each,), own=False) for each in seen]
    assert any(observation.failed for _, observation in find_stale_resets(histories)) == stale


def order(after: float, remaining: int, reset: float, key: str = "a") -> HttpExchange:
    """Return an order of an image so many seconds after the begin, with what is left of 20."""
    end = int((_BEGIN + timedelta(seconds=reset)).timestamp())
    numbers = zip(("limit", "remaining", "reset"), (20, remaining, end), strict=True)
    headers = tuple((f"x-ratelimit-{name}", str(number)) for name, number in numbers)
    step, at = post("image", b"{}"), _BEGIN + timedelta(seconds=after)
    return HttpExchange(1, at, "POST", step.path, 200, key=key, headers=headers, step=step)


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ([order(0, 19, 60), order(59, 18, 60), order(119, 17, 179)], True),  # renewed by each
        ([order(0, 19, 60), order(59, 18, 60), order(119, 18, 119)], False),  # it slides
        ([order(0, 19, 60), order(59, 18, 60), order(65, 19, 120)], False),
        ([order(0, 9, 60), order(50, 8, 60)], False),  # somebody was there before
        ([order(0, 19, 60), order(70, 15, 120)], True),  # one takes several
        ([order(0, 19, 60), order(70, 15, 900)], False),  # a longer window
        ([order(0, 19, 60), order(70, 15, 120, "raw")], False),  # may be another key
        ([order(0, 19, 60), order(69, 19, 120, "raw"), order(70, 18, 120)], False),
    ],
)
def test_what_is_older_than_a_minute_is_taken_from_no_limit(
    sent: list[HttpExchange],
    broken: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """Whether windows are fixed or slide, no more is taken than was sent in the last minute."""
    histories = [History(plan=_PLAN, exchanges=(each,), own=False) for each in sent]
    assert any(observation.failed for _, observation in find_overcounts(histories)) == broken
