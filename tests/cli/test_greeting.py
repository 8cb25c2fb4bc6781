"""What `serve` prints first."""

from __future__ import annotations

from pathlib import Path

import pytest

from getimg_mock.cli.greeting import render_greeting, render_recording_greeting


def test_serve_prints_the_token_that_clients_need() -> None:
    """Without the token, no client reaches the controls; where there is none, none is printed."""
    assert "export GETIMG_MOCK_TOKEN=a-token-of-ours\n" in render_greeting(
        "http://x", "a-token-of-ours"
    )
    assert "TOKEN" not in render_greeting("http://x")


def test_serve_prints_the_address_of_the_page() -> None:
    """A page that is not known of is not opened."""
    assert "http://127.0.0.1:4010/__mock__/" in render_greeting("http://127.0.0.1:4010")


@pytest.mark.parametrize(
    ("budget", "unrecorded", "expected"),
    [
        ("0.50", False, ("All requests go on to https://api.getimg.ai,", "at most 0.50 USD today")),
        (None, True, ("Requests that the cassette does not have go on to", "Reads alone pass.")),
    ],
)
def test_a_recorder_says_that_requests_cost_money(
    budget: str | None, expected: tuple[str, str], *, unrecorded: bool
) -> None:
    """A client of it keeps its own key: the example key of the fake opens nothing there."""
    said = render_recording_greeting(
        "http://x", "https://api.getimg.ai", Path("tape"), budget, unrecorded=unrecorded
    )
    for each in (*expected, "recorded in tape", "export GETIMG_AI_BASE_URL=http://x\n"):
        assert each in said
    assert "Nothing here costs" not in said
    assert "GETIMG_API_KEY" not in said
