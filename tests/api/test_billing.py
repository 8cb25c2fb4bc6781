"""GET /v2/billing/balance and /v2/billing/costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock.api.formatting import format_decimal, format_timestamp, to_json_number
from tests.api.driver import START, Driver

Z = "2026-09-01T00:00:00Z"


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of()


def _costs(api: Driver, start: str, end: str) -> Any:
    reply = api.get(f"/v2/billing/costs?start={quote(start)}&end={quote(end)}")
    assert reply.status == 200, reply.body
    assert schemas.violations("costs", reply.json) == []
    return reply.json


def _refused(api: Driver, query: str) -> dict[str, Any]:
    reply = api.get(f"/v2/billing/costs?{query}")
    assert reply.status == 400
    return reply.error


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("100", "100.00"),
        ("0", "0.00"),
        ("12.34", "12.34"),
        ("12.3", "12.30"),
        ("0.006", "0.006"),
        ("1e3", "1000.00"),
        ("1E+12", "1000000000000.00"),
        ("12.340000", "12.34"),
        ("0.1", "0.10"),
        ("99.999999999", "99.999999999"),
        ("-0", "0.00"),
        ("0E+5", "0.00"),
        ("0E-9", "0.00"),
    ],
)
def test_the_balance_is_a_decimal_string(setting: str, shown: str) -> None:
    """Documented: a string, two decimals, more only where a price needs them; never 1E+3."""
    reply = Driver.of(balance=setting).get("/v2/billing/balance")
    assert reply.json == {"balance": shown, "currency": "USD"}
    assert schemas.violations("balance", reply.json) == []


def test_a_price_below_a_cent_shows_in_the_balance() -> None:
    """0.006 a picture: nothing is rounded away."""
    api = Driver.of(balance=1)
    balances = []
    for _ in range(5):
        api.image(model="z-image-turbo", resolution="1K")
        balances.append(api.balance())
    assert balances == ["0.994", "0.988", "0.982", "0.976", "0.97"]


def test_a_pending_video_is_held_but_not_yet_a_cost() -> None:
    """Our choice: held at submission, charged at completion."""
    api = Driver.of(video_seconds=30, balance=1)
    api.video()
    assert api.balance() == "0.88"
    assert _costs(api, Z, "2026-09-01T23:59:59Z")["total_cost"] == 0
    api.advance(30)
    assert _costs(api, Z, "2026-09-01T23:59:59Z")["total_cost"] == 0.12


def test_a_failed_video_gives_its_money_back() -> None:
    """Our choice: released on failure, and no cost."""
    api = Driver.of(video_seconds=30, balance=1, fail_rate=1)
    api.video()
    api.advance(30)
    assert api.balance() == "1.00"
    assert _costs(api, Z, "2026-09-01T23:59:59Z")["total_cost"] == 0


def test_charging_at_submission_books_the_day_of_the_request() -> None:
    """`--charge-at submission`; a failure takes the charge back on that same day."""
    late = datetime(2026, 9, 1, 23, 59, 50, tzinfo=UTC)
    for fail_rate, left in ((0, 0.12), (1, 0)):
        api = Driver.of(start=late, video_seconds=30, charge_at="submission", fail_rate=fail_rate)
        api.video()
        assert _costs(api, Z, "2026-09-01T23:59:59Z")["total_cost"] == 0.12
        api.advance(30)
        costs = _costs(api, Z, "2026-09-02T23:59:59Z")
        assert costs["data"] == [
            {"date": "2026-09-01", "cost": left},
            {"date": "2026-09-02", "cost": 0},
        ]


def test_a_charge_belongs_to_the_utc_date_of_the_completion() -> None:
    """Not to the date of the submission, and not to that of the look at it."""
    api = Driver.of(start=datetime(2026, 9, 1, 23, 59, 50, tzinfo=UTC), video_seconds=30)
    api.video()
    api.advance(5 * 86400)
    costs = _costs(api, Z, "2026-09-03T00:00:00Z")
    assert [bucket["cost"] for bucket in costs["data"]] == [0, 0.12, 0]


def test_there_is_one_bucket_for_each_date_and_both_ends_count(api: Driver) -> None:
    """Documented: both inclusive, one bucket per UTC date; dates without costs have zero."""
    api.image()
    costs = _costs(api, "2026-08-31T00:00:00Z", "2026-09-02T00:00:00Z")
    assert costs == {
        "currency": "USD",
        "data": [
            {"date": "2026-08-31", "cost": 0},
            {"date": "2026-09-01", "cost": 0.04},
            {"date": "2026-09-02", "cost": 0},
        ],
        "start": "2026-08-31T00:00:00.000Z",
        "end": "2026-09-02T00:00:00.000Z",
        "total_cost": 0.04,
    }


@pytest.mark.parametrize(
    ("start", "end", "dates"),
    [
        ("2026-09-01T00:00:00Z", "2026-09-01T00:00:00.000001Z", 1),
        ("2026-09-01T23:59:59.999999Z", "2026-09-02T00:00:00Z", 2),
        ("2026-09-01T00:00:00+14:00", "2026-09-01T00:00:00Z", 2),
        ("2026-09-01T23:00:00-02:00", "2026-09-02T02:00:00Z", 1),
        ("2026-09-01T00:00:00+00:00", "2027-02-28T00:00:00+00:00", 181),
        ("2024-02-28T00:00:00Z", "2024-03-01T00:00:00Z", 3),
    ],
)
def test_dates_are_those_of_utc(api: Driver, start: str, end: str, dates: int) -> None:
    """Whatever zone the range is written in."""
    assert len(_costs(api, start, end)["data"]) == dates


@pytest.mark.parametrize(
    ("more", "status"), [(timedelta(0), 200), (timedelta(microseconds=1), 400)]
)
def test_the_range_has_180_days_and_no_microsecond_more(
    api: Driver, more: timedelta, status: int
) -> None:
    """Documented: `end` within 180 days of `start`."""
    end = START + timedelta(days=180) + more
    query = f"start={quote(START.isoformat())}&end={quote(end.isoformat())}"
    reply = api.get(f"/v2/billing/costs?{query}")
    assert reply.status == status
    if status == 400:
        assert (reply.error["code"], reply.error["param"]) == ("invalid_parameter", "end")


@pytest.mark.parametrize("end", ["2026-09-01T00:00:00Z", "2026-08-31T23:59:59.999999Z"])
def test_the_end_is_after_the_start(api: Driver, end: str) -> None:
    """Documented."""
    error = _refused(api, f"start={Z}&end={end}")
    assert (error["message"], error["param"]) == ("'end' must be after 'start'.", "end")


def test_the_lenient_mode_judges_no_range() -> None:
    """The official SDK's own tests send start == end; a century gets 181 days, not 36,500."""
    api = Driver.of(strictness="schema")
    assert len(_costs(api, Z, Z)["data"]) == 1
    assert _costs(api, Z, "2020-01-01T00:00:00Z")["data"] == []
    assert len(_costs(api, Z, "2126-01-01T00:00:00Z")["data"]) == 181
    assert len(_costs(api, "9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z")["data"]) == 2


@pytest.mark.parametrize("missing", ["start", "end"])
def test_both_ends_are_required(api: Driver, missing: str) -> None:
    """Documented."""
    present = {"start": "end", "end": "start"}[missing]
    error = _refused(api, f"{present}={Z}")
    assert error["code"] == "parameter_missing"
    assert error["param"] == missing


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-12-27T18:11:19.117000%2B00:00", "2019-12-27T18:11:19.117Z"),
        ("2019-12-27T18:11:19.117000+00:00", "2019-12-27T18:11:19.117Z"),
        ("2019-12-27T18:11:19.117123%2B00:00", "2019-12-27T18:11:19.117Z"),
        ("2019-12-27T18:11:19Z", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27t18:11:19z", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27%2018:11:19Z", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27T20:11:19+02:00", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27T20:11:19%2B0200", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27T12:41:19-05:30", "2019-12-27T18:11:19.000Z"),
        ("2019-12-27T18:11Z", "2019-12-27T18:11:00.000Z"),
        ("2019-12-27T18:11:19.123456789Z", "2019-12-27T18:11:19.123Z"),
        ("2019-12-27T18:11:19,5Z", "2019-12-27T18:11:19.500Z"),
    ],
)
def test_a_moment_may_be_written_in_every_usual_way(api: Driver, text: str, moment: str) -> None:
    """SDKs send microseconds, and `+` as %2B or raw, which a server reads as a space."""
    reply = api.get(f"/v2/billing/costs?end=2020-01-01T00:00:00Z&start={text}")
    assert reply.status == 200, reply.body
    assert reply.json["start"] == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-09-01",
        "2026-09-01T",
        "1767225600",
        "2026-9-1T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-09-01T25:00:00Z",
        "2026-09-01T00:00:00.Z",
        "2026-09-01T00:00:00ZZ",
        "20260901T000000Z",
        "2026-W36-2T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-09-01T00:00:00%2B25:00",
        "2026-09-01T00:00:00%2B24:00",
        "Tue, 01 Sep 2026 12:00:00 GMT",
        "%00",
        "%ff%fe",
        "%D9%A2%D9%A0%D9%A2%D9%A6-09-01T00:00:00Z",
        "2026-09-01T00:00:00%5BUTC%5D",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-09-01T00:00:00%2B",
    ],
)
def test_what_is_no_moment_is_refused(api: Driver, text: str) -> None:
    """A clear error that quotes it, whichever end it is."""
    for name, other in (("start", "end"), ("end", "start")):
        error = _refused(api, f"{name}={text}&{other}={Z}")
        assert error["code"] == "invalid_parameter"
        assert error["param"] == name
        assert error["message"].startswith(f"Invalid '{name}': '")


@pytest.mark.parametrize("text", ["2026-09-01T00:00:00", "2026-09-01T00:00", "2026-09-01 00:00:00"])
def test_a_moment_without_a_zone_is_refused_with_the_remedy(api: Driver, text: str) -> None:
    """Documented: ISO 8601 with a zone."""
    reply = api.get(f"/v2/billing/costs?start={quote(text)}&end={Z}")
    assert reply.error["message"] == f"Invalid 'start': '{text}' has no time zone."
    assert reply.header("x-mock-hint") == f"write {text}Z for UTC"


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.timezones()),  # noqa: DTZ001 - Hypothesis adds the zone
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=180)),
)
def test_every_range_is_answered_with_its_dates(start: datetime, length: timedelta) -> None:
    """The buckets are exactly the UTC dates from the first to the last, in order."""
    first = start.astimezone(UTC)
    last = first + length
    api = Driver.of()
    body = _costs(api, start.isoformat(), last.astimezone(start.tzinfo).isoformat())
    dates = [bucket["date"] for bucket in body["data"]]
    count = (last.date() - first.date()).days + 1
    assert dates == [f"{first.date() + timedelta(days=day)}" for day in range(count)]
    assert (body["start"], body["end"]) == (format_timestamp(first), format_timestamp(last))


@given(amount=st.decimals(0, 10**12, allow_nan=False, places=12))
def test_amounts_survive_being_written(amount: Decimal) -> None:
    """The balance is a string so that nothing is lost, and never has an exponent."""
    assert Decimal(format_decimal(amount)) == amount
    assert "E" not in format_decimal(amount)


@given(amount=st.decimals(0, 10**9, allow_nan=False, places=6))
def test_numbers_are_exact_to_a_millionth(amount: Decimal) -> None:
    """Costs are JSON numbers: read as decimals they are exact, up to the 15 digits of a double."""
    assert json.loads(json.dumps(to_json_number(amount)), parse_float=Decimal) == amount
