"""The badge: how many checks pass."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from getimg_mock.reports.badge import render_badge
from getimg_mock.reports.run_events import Outcome
from tests.reports.bare_run import START


def outcome(*statuses: str, **start: object) -> Outcome:
    """Return a run with verdicts of these statuses."""
    events = [{"event": "verdict", "status": each} for each in statuses]
    return Outcome(({**START, **start}, *events))


@pytest.mark.parametrize(
    ("statuses", "said", "colour"),
    [
        (["PASS", "PASS", "INFO", "SKIP"], "3 of 3 passed", "#2d7d3a"),
        (["PASS", "WARN"], "1 of 2 passed", "#8a6100"),
        (["PASS", "FAIL", "WARN"], "1 of 3 passed", "#b3261e"),
        (["PASS", "XFAIL"], "1 of 2 passed", "#b3261e"),
        (["VOID"], "not judged", "#5f6368"),
    ],
)
def test_a_badge_says_how_many_pass(statuses: list[str], said: str, colour: str) -> None:
    """It is red for any failure, known or not, and counts only what was judged."""
    picture = render_badge([outcome(*statuses)])
    root = ET.fromstring(picture)  # noqa: S314 - our own picture
    assert root.attrib["aria-label"] == f"getimg.ai provider contract: {said}"
    assert colour in picture


def test_the_fake_that_is_compared_with_does_not_count() -> None:
    """A badge is about the target."""
    assert "1 of 1 passed" in render_badge([outcome("PASS"), outcome("FAIL", twin=True)])
