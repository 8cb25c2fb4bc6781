"""What control commands take, read from JSON, from text and from Python alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import SettingsError, UnknownNameError, setting_values
from getimg_mock.control import fields

if TYPE_CHECKING:
    from getimg_mock.control.fields import Field


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (0, 0),
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("1.5", 1.5),
        (" 2 ", 2),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("250ms", 0.25),
        ("1m1s1ms", 61.001),
        ("0s", 0),
    ],
)
def test_a_time_is_a_number_of_seconds_or_units_added_up(written: Any, expected: float) -> None:
    """`10m` is what people type."""
    assert fields.parse_duration(written) == pytest.approx(expected)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "m",
        "10x",
        "10m!",
        "ten",
        "-1",
        "-5m",
        "1,5h",
        "10m -5m",
        "1e3",
        "\u0663m",
        "m10",
        "1h30",
        None,
        True,
        [],
        {},
        -1,
        float("nan"),
        float("inf"),
        float("-inf"),
        10**400,
        "9" * 79,
        "1" * 5000,
        "1000000d",
    ],
)
def test_what_is_no_time_is_refused(written: Any) -> None:
    """With what would have been one, or with what is the longest."""
    with pytest.raises(SettingsError, match=r"use 90s, 10m|longest step"):
        fields.parse_duration(written)


# Named zones have moments that come twice or never, which Python finds unequal to themselves.
# Python 3.11 drops the microseconds of a zone that has nothing else, and ISO 8601 has minutes only.
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=ZONES))  # noqa: DTZ001 - Hypothesis adds the zone
def test_a_moment_is_read_back_in_utc(moment: datetime) -> None:
    """Whatever zone it was written in, it is the same moment."""
    read = fields.moment("at", "").read
    assert read(moment.isoformat()) == read(moment) == moment
    assert read(moment).tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-09-01T12:00:00", "no time zone"),
        (datetime(2026, 9, 1), "no time zone"),  # noqa: DTZ001 - refused
        ("yesterday", "use a form such as 2026"),
        (12, "use a form such as 2026"),
        (None, "use a form such as 2026"),
        ("1969-12-31T23:59:59Z", "1970 and 3000"),
        ("3000-01-01T00:00:00Z", "1970 and 3000"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))), "1970 and 3000"),
    ],
)
def test_what_is_no_moment_is_refused(written: Any, said: str) -> None:
    """A moment without a zone means another one on every machine."""
    with pytest.raises(SettingsError, match=said):
        fields.moment("at", "").read(written)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            fields.whole("n", "", low=0, high=9),
            [0, 9, "9"],
            [-1, 10, 1.0, True, "1.0", "x", None, "٣" * 30],
        ),
        (
            fields.number("n", "", low=0, high=9),
            [0, 9.0, "2.5"],
            [-1, 9.1, "x", True, None, 10**400, "nan"],
        ),
        (fields.text("n", "", longest=3), ["", "abc"], ["abcd", 1, None, []]),
        (fields.choice("n", "", "a", "b"), ["a", "b"], ["c", "", None, 1, [], {}]),
        (fields.mapping("n", ""), [{}, {"a": 1}], [[], "{}", None, 1]),
        (fields.objects("n", ""), [[{}]], [[], [1], {}, "[]", None]),
        (fields.setting("image_rpm"), [0, "20"], [-1, "x", 1.5]),
    ],
    ids=["whole", "number", "text", "choice", "mapping", "objects", "setting"],
)
def test_a_field_takes_what_it_says_and_nothing_else(
    field: Field, good: list[Any], bad: list[Any]
) -> None:
    """Every refusal is an error of ours."""
    for value in good:
        field.read(value)
    for value in bad:
        with pytest.raises(SettingsError):
            field.read(value)


def test_a_payload_is_refused_by_name() -> None:
    """What is unknown, missing or wrong: the field stands first."""
    known = (
        fields.text("prompt", "what to draw", required=True),
        fields.whole("n", "", low=1, high=2),
    )
    assert fields.read_fields(known, {"prompt": "x", "n": None}, free=False) == {"prompt": "x"}
    with pytest.raises(SettingsError, match=r"^prompt is missing: what to draw\.$"):
        fields.read_fields(known, {}, free=False)
    with pytest.raises(SettingsError, match=r"^n: 3 is not a whole number"):
        fields.read_fields(known, {"prompt": "x", "n": 3}, free=False)
    with pytest.raises(UnknownNameError, match="Did you mean 'prompt'"):
        fields.read_fields(known, {"prmpt": "x"}, free=False)
    assert fields.read_fields(known, {"prompt": "x", "more": 1}, free=True)["more"] == 1


@pytest.mark.slow
@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists))
def test_a_value_is_shown_short(value: Any) -> None:
    """A message is one line, however large what it is about."""
    assert len(setting_values.shorten_value(value)) <= 80
    assert "\n" not in setting_values.shorten_value(value)
