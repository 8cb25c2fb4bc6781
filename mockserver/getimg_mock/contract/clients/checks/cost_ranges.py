"""What a client tells of the costs of many days: each day once, and their sum (see GC418)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_CASE: Final = "costs-of-months"
_RANGES: Final = (
    ("2026-08-25T00:00:00+00:00", "2026-09-01T00:00:00+00:00"),
    ("2026-07-02T00:00:00+00:00", "2026-09-01T00:00:00+00:00"),
    ("2026-06-01T23:30:00+00:00", "2026-09-01T00:30:00+00:00"),
    ("2026-03-05T00:00:00+00:00", "2026-09-01T00:00:00+00:00"),
)
"""A week, two and three months, and the 180 days that a range may have at most."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case: ranges that a client may ask for in one piece, or in several."""
    calls = tuple(ClientCall(op="costs", args={"start": one, "end": end}) for one, end in _RANGES)
    rule = FaultRule(on="billing.costs", do=_answer_days, label="a cost for each day")
    yield Case(name=_CASE, calls=calls, rules=(rule,))


def _answer_days(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with the days of the range, none of which is free; refuse what is no range."""
    asked = parse_qs(turn.asked.target.partition("?")[2])
    try:
        start, end = (_read_moment(asked[name][0]) for name in ("start", "end"))
    except (KeyError, ValueError):
        return turn.proceed()
    if not timedelta(0) < end - start <= timedelta(days=180):
        return turn.proceed()
    days = [{"date": f"{day}", "cost": float(cost)} for day, cost in _list_days(start, end)]
    total = sum((cost for _, cost in _list_days(start, end)), Decimal(0))
    return build_json_answer(
        200,
        {
            "currency": "USD",
            "data": days,
            "start": asked["start"][0],
            "end": asked["end"][0],
            "total_cost": float(total),
        },
    )


def _read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" ", "+")).astimezone(UTC)


def _list_days(start: datetime, end: datetime) -> list[tuple[date, Decimal]]:
    """Return the days in UTC that a range touches, and what each has cost."""
    count = (end.date() - start.date()).days + 1
    days = [start.date() + timedelta(days=n) for n in range(count)]
    return [(day, Decimal(day.toordinal() % 7 + 1) / 4) for day in days]


def judge_days(history: ClientHistory) -> Iterator[Observation]:
    """Judge that a call for costs tells each day of its range once, and their sum."""
    for outcome in history.calls("costs") if history.case == _CASE else ():
        start, end = (_read_moment(outcome.args[name]) for name in ("start", "end"))
        expected = _list_days(start, end)
        sent = history.during(outcome)[:3]
        yield expect(outcome.kind == "value", "the costs: the range is legal", outcome.shown, *sent)
        if outcome.kind != "value" or not isinstance(outcome.value, dict):
            continue
        told = _read_days(outcome)
        wrong = sorted(set(told) ^ {(f"{day}", cost) for day, cost in expected})
        twice = len(told) - len(set(told))
        yield expect(
            not wrong and not twice,
            f"each of {len(expected)} days once",
            f"{twice} days twice, {len(wrong)} lost or wrong",
            *sent,
        )
        total = sum((cost for _, cost in expected), Decimal(0))
        got = outcome.value.get("total_cost")
        same = got is None or Decimal(str(got)) == total
        yield expect(same, f"a total of {total} USD", f"{got}", *sent)


def _read_days(outcome: CallOutcome) -> list[tuple[str, Decimal]]:
    days: list[Any] = outcome.value.get("data") or []
    return [
        (str(each.get("date"))[:10], Decimal(str(each.get("cost"))))
        for each in days
        if isinstance(each, dict)
    ]
