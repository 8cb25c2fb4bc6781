"""Placeholders and the values that replace them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.cassettes.placeholders import (
    Filling,
    fill_header,
    fill_placeholders,
    format_balance,
    format_link,
    format_moment,
)

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
FILLING = Filling(
    generation="req-1",
    link=lambda index: f"http://localhost/{index}",
    answered=NOW,
    balance=Decimal("10.00"),
)


def test_values_replace_placeholders_at_any_depth() -> None:
    """An id, a link, a moment and a balance get the values of the replay."""
    day = format_moment(NOW + timedelta(days=1), NOW)
    body = {
        "id": "{generation}",
        "data": [{"url": format_link(3), "deletes_at": day}],
        "balance": format_balance(Decimal("4.50"), Decimal("4.54")),
        "other": "{unknown} {link:x}",
    }
    assert fill_placeholders(body, FILLING) == {
        "id": "req-1",
        "data": [{"url": "http://localhost/3", "deletes_at": "2026-11-30T12:00:00.000Z"}],
        "balance": "9.96",
        "other": "{unknown} {link:x}",
    }
    assert fill_header("{answer+42s}", FILLING) == str(int(NOW.timestamp()) + 42)


def test_moments_are_rounded_where_they_are_far() -> None:
    """A second of latency makes no difference between two recordings of a day's retention."""
    near = [format_moment(NOW + timedelta(hours=24, seconds=each), NOW) for each in (-2, 0, 2.4)]
    assert near == ["{answer+86400s}"] * 3
    assert format_moment(NOW + timedelta(seconds=41.6), NOW) == "{answer+42s}"


@given(st.text() | st.from_regex(r"\{(answer|balance|link:)[+-]?[0-9]{1,30}s?\}", fullmatch=True))
def test_any_text_can_be_filled(text: str) -> None:
    """A hostile cassette cannot make a replay fail with a number beyond every calendar."""
    fill_placeholders([text], FILLING)
    fill_header(text, FILLING)
