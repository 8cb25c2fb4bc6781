"""What a video's states may be, as several looks at it show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Literal

import pytest

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.steps import Send
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check

AT = datetime(2026, 3, 1, tzinfo=UTC)
PATH = "/v2/videos/generations/req-1"


def look(number: int, status: str, step: Send) -> HttpExchange:
    """Return a look at one video."""
    body = json.dumps({"id": "req-1", "status": status}).encode()
    return HttpExchange(
        number=number, at=AT, method="GET", path=PATH, status=200, body=body, step=step
    )


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ([Send(path=PATH)] * 2, "PASS"),
        ([Send(path=PATH, group="looks", together=True), Send(path=PATH, group="looks")], "FAIL"),
        ([Send(path=PATH, name=name, group="looks", together=True) for name in "ab"], "PASS"),
        ([Send(path=PATH, name=name) for name in "ab"], "FAIL"),
    ],
    ids=["one moment of a poll", "one after a group", "one group", "one after the other"],
)
def test_no_look_of_one_moment_is_later_than_another(
    steps: list[Send], verdict: Literal["PASS", "FAIL"]
) -> None:
    """Answers to requests that are sent at the same time are made in any order."""
    shown = zip(("completed", "pending"), steps, strict=True)
    exchanges = tuple(look(number, *each) for number, each in enumerate(shown, 1))
    history = History(plan=Plan(name="looks", tier="R2", steps=()), exchanges=exchanges)
    assert judge_check(find_check("GP308"), [history]).status == verdict
