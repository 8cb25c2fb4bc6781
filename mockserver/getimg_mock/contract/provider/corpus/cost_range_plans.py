"""Plans about the ranges that costs are requested for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.plans import Plan, get

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_GOOD: Final = "start=2026-03-01T00:00:00Z"
_BAD_RANGES: Final = {
    "no start": "end=2026-03-02T00:00:00Z",
    "no end": _GOOD,
    "neither": "",
    "no zone on start": "start=2026-03-01T00:00:00&end=2026-03-02T00:00:00Z",
    "no zone on end": _GOOD + "&end=2026-03-02T00:00:00",
    "a date alone": _GOOD + "&end=2026-03-02",
    "end before start": _GOOD + "&end=2026-02-01T00:00:00Z",
    "end before start, whose text is less": (
        "start=2026-03-04T23:00:00Z&end=2026-03-05T00:30:00%2B02:00"
    ),
    "end is start": _GOOD + "&end=2026-03-01T00:00:00Z",
    "181 days": _GOOD + "&end=2026-08-29T00:00:00Z",
    "180 days and a second": _GOOD + "&end=2026-08-28T00:00:01Z",
    "no date": _GOOD + "&end=%22tomorrow%5C",  # errors repeat it, so that its escapes show
    "an impossible date": _GOOD + "&end=2026-02-30T00:00:00Z",
    "empty": _GOOD + "&end=",
    "a Unix time": _GOOD + "&end=1760000000",
}
# For these ranges a check only notes the dates they include: the docs say no more than "inclusive".
_EDGE_RANGES: Final = {
    "until midnight": "start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z",
    "until a second before": "start=2026-03-01T00:00:00Z&end=2026-03-01T23:59:59Z",
    "over the change to summer time": (
        "start=2026-03-28T00:00:00%2B01:00&end=2026-03-30T00:00:00%2B02:00"
    ),
    "over the change to winter time": (
        "start=2026-10-24T00:00:00%2B02:00&end=2026-10-26T00:00:00%2B01:00"
    ),
}

# Days of 23 and of 25 hours in Europe and in America, a leap day, and the turn of a year: whoever
# counts days in local time, or in hours, loses a date or has one twice.
_SPECIAL_DATES: Final = (
    "start=2025-09-20T00:00:00Z&end=2026-03-19T00:00:00Z",
    "start=2023-10-20T00:00:00Z&end=2024-04-17T00:00:00Z",
    "start=2025-10-25T00:00:00Z&end=2025-10-26T23:59:59Z",
    "start=2025-10-26T00:00:00Z&end=2025-10-27T00:00:00Z",
    "start=2025-10-25T23:30:00Z&end=2025-10-27T00:30:00Z",
    "start=2025-11-01T12:00:00Z&end=2025-11-03T12:00:00Z",
    "start=2025-12-28T12:00:00Z&end=2026-01-02T12:00:00Z",
    "start=2026-03-07T23:30:00Z&end=2026-03-09T00:30:00Z",
    "start=2026-03-28T23:30:00Z&end=2026-03-30T00:30:00Z",
)

# What official SDKs send, and an end whose text is less than that of its start.
_SPELLED_RANGES: Final = (
    "end=2026-03-02T00:00:00Z&start=2026-03-01T00:00:00Z",
    "start=2026-03-01T00:00:00+00:00&end=2026-03-02T10:20:30.123456+00:00",
    "start=2026-03-05T00:30:00%2B02:00&end=2026-03-04T23:00:00Z",
)


def build_plans() -> Iterator[Plan]:
    """Yield the plan about ranges of costs."""
    yield Plan(name="ranges of costs", steps=(*_build_cost_range_steps(),))


def _build_cost_range_steps() -> Iterator[Step]:
    for name, query in _BAD_RANGES.items():
        yield get(_COSTS, query=query, fault="range", field=name, valid=False)
    valid = (
        "end=2026-08-28T00:00:00Z",
        "end=2026-03-01T00:00:01Z",
        "end=2026-03-29T02:30:00%2B02:00",
        "end=2026-03-02T23:59:59.999Z",
        "end=2026-03-02T23:59:59.999999Z",
        "end=2026-04-01T00:00:00-05:00",
    )
    for end in valid:
        yield get(_COSTS, query=f"{_GOOD}&{end}", use="range-valid")
    for query in _SPELLED_RANGES:
        yield get(_COSTS, query=query, use="range-valid")
    for query in _SPECIAL_DATES:
        yield get(_COSTS, query=query, use="range-valid")
    for name, query in _EDGE_RANGES.items():
        yield get(_COSTS, query=query, use="range-inclusive", field=name)
    yield from build_additive_range_steps("2026-03-01", "2026-03-02", "2026-03-05", "in March")


def build_additive_range_steps(first: str, second: str, third: str, name: str) -> Iterator[Step]:
    """Yield a range and its two halves; each date is in exactly one half."""
    a, b = f"{first}T00:00:00Z", f"{first}T23:59:59Z"
    c, d = f"{second}T00:00:00Z", f"{third}T23:59:59Z"
    for use, start, end in (("range-ab", a, b), ("range-bc", c, d), ("range-ac", a, d)):
        yield get(_COSTS, query=f"start={start}&end={end}", group=f"additive {name}", use=use)
