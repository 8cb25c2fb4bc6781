"""GC209, GC212 and GC214: numbers, lists and texts of unusual size."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.value_comparison import find_differences, resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    build_error,
    build_json_answer,
    encode_json,
)
from getimg_mock.contract.clients.checks.message_variants import (
    IMAGE_ANSWER,
    MODEL,
    MODEL_ANSWER,
    RETRIEVE,
    URL,
    USAGE,
    VIDEO_ANSWER,
)
from getimg_mock.contract.clients.checks.own_requests import find_answer, find_own_requests
from getimg_mock.contract.clients.checks.repeated_cases import build_series
from getimg_mock.contract.clients.checks.response_parsing import judge_unchanged
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_LONG_RANGE: Final = {
    "start": "2026-03-05T00:00:00+00:00",
    "end": "2026-08-31T12:00:00+00:00",
}
"""Half a year, which is the longest range that may be asked for."""
_RANGES: Final = (
    _LONG_RANGE,
    {"start": "2026-08-30T00:00:00+00:00", "end": "2026-08-30T23:59:59+00:00"},
    {"start": "2026-03-05T00:00:00+00:00", "end": "2026-09-01T00:00:00+00:00"},
    {"start": "2026-03-04T00:00:00+00:00", "end": "2026-09-01T00:00:00+00:00"},
    {"start": "2025-09-01T00:00:00+00:00", "end": "2026-09-01T00:00:00+00:00"},
)
"""Half a year, a day, 180 and 181 days, and a year: the last two may be asked for in parts."""
_LONGEST: Final = timedelta(days=180)
_A_DAY: Final = 0.25
_MANY_MODELS: Final = 1000
"""More than come in one piece: half a megabyte."""
_PRICE: Final = re.compile("price|cost|rate|free", re.IGNORECASE)
_ALIKE: Final = ("seedream-4", "seedream-4-5", "seedance-v1-pro", "seedream", "seedream-4-")
"""Ids of models that others contain, and parts of ids that no model has."""
_ZEROS: Final = frozenset({"0", "0.0", "0.00", "True"})
_HUGE: Final = "100000000000000000.01"
_ITEM: Final = IMAGE_ANSWER["data"][0]
_SPELLINGS: Final = {
    b'"total_cost":0.04': b'"total_cost":4e-2',
    b'"unit_price":0.04': b'"unit_price":0.040',
    b'"quantity":1': b'"quantity":1.0',
}
"""Other spellings of equal numbers, which JSON allows."""
_NUMBERS: Final = (
    {"data": [_ITEM | {"width": 1024.0}], "id": "00120017"},
    {"usage": USAGE | {"unit_price": 1e-7, "total_cost": 1e-7}},
    {"usage": USAGE | {"quantity": 0, "total_cost": 0}},
    {"data": [_ITEM | {"width": 2**53 + 1}]},
    {"usage": USAGE | {"total_cost": 1e300}},
    {"usage": USAGE | {"unit_price": 0.0245, "quantity": 5, "total_cost": 0.1225}},
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_number_cases()
    yield from _build_list_cases()
    yield Case(
        name="long-range",
        calls=tuple(ClientCall(op="costs", args=each) for each in _RANGES),
        rules=(FaultRule(on="billing.costs", do=_answer_range, label="ranges"),),
    )
    # Of two and three bytes, so that a chunk ends inside a character somewhere.
    long_message = "l\u00e4nger \u2013 " * 100_000 + "end-of-message"
    refused = build_error(400, "invalid_parameter", long_message)
    yield build_series("long-message", image(), "images.generate", [refused])
    item = _ITEM | {"url": URL + "&x=" + "y" * 8000}
    yield build_series("long-url", image(), "images.generate", [IMAGE_ANSWER | {"data": [item]}])


def _build_number_cases() -> Iterator[Case]:
    numbers: list[Any] = [IMAGE_ANSWER | changes for changes in _NUMBERS]
    spelled = encode_json(IMAGE_ANSWER)
    for one, other in _SPELLINGS.items():
        spelled = spelled.replace(one, other)
    told = build_json_answer(200, IMAGE_ANSWER)
    numbers.append(WireAnswer(200, told.headers, spelled))
    yield build_series("numbers", image(), "images.generate", numbers)
    item = VIDEO_ANSWER["data"][0] | {"fps": 23.976, "duration": 5.04}
    broken = [VIDEO_ANSWER | {"data": [item]}]
    yield build_series("numbers-video", RETRIEVE, "videos.retrieve", broken)
    balances = [
        {"balance": text, "currency": "USD"}
        for text in ("0.10", _HUGE, "-3.50", "0", "0.0065", "-0.00004")
    ]
    yield build_series("money-balance", balance(), "billing.balance", balances)
    rate = MODEL_ANSWER["pricing"]["rates"][0]
    priced = [_answer_rates(rate | {"unit_price": text}) for text in ("0.10", "0.000000100", _HUGE)]
    yield build_series("money-model", MODEL, "models.retrieve", priced)


def _build_list_cases() -> Iterator[Case]:
    empty = IMAGE_ANSWER | {"data": []}
    ninth, tenth = (_ITEM | {"url": URL.replace("/0?", f"/{place}?")} for place in (9, 10))
    several = IMAGE_ANSWER | {"data": [ninth, tenth | {"width": 1}, ninth]}
    yield build_series("empty-data", image(), "images.generate", [empty], legal=False)
    yield build_series("several", image(), "images.generate", [several])
    yield build_series("no-models", models(), "models.list", [[]])
    many = [MODEL_ANSWER | {"id": f"model-{number}"} for number in range(_MANY_MODELS)]
    yield build_series("many-models", models(), "models.list", [many])
    yield build_series("no-rates", MODEL, "models.retrieve", [_answer_rates()])
    yield Case(
        name="no-mix-of-models",
        calls=tuple(ClientCall(op="model", args={"id": each}) for each in _ALIKE),
        options=NO_RETRIES,
        rules=(
            FaultRule(
                on="models.list",
                do=fault_actions.change_json(_list_longest_first),
                label="longest first",
                must=False,
            ),
        ),
    )
    listed = [MODEL_ANSWER, _answer_rates() | {"id": "m-2"}, MODEL_ANSWER | {"id": "m-3"}]
    yield build_series("no-rates-listed", models(), "models.list", [listed])


def _list_longest_first(listed: Any) -> Any:
    return sorted(listed, key=lambda each: -len(each["id"])) if isinstance(listed, list) else listed


def _answer_range(turn: FaultContext) -> WireAnswer:
    """Answer with a bucket for each day of the range that is asked for."""
    asked = parse_qs(turn.asked.target.partition("?")[2])
    try:
        first, last = (
            datetime.fromisoformat(asked[name][0].replace(" ", "+")).astimezone(UTC)
            for name in ("start", "end")
        )
    except (LookupError, ValueError):
        return build_error(400, "invalid_parameter", "The range cannot be read.")
    if not timedelta(0) <= last - first <= _LONGEST:
        return build_error(400, "invalid_parameter", "A range has at most 180 days.")
    days = list_days(first, last)
    data = [{"date": day, "cost": _A_DAY} for day in days]
    told = {"start": first.isoformat(), "end": last.isoformat(), "currency": "USD"}
    return build_json_answer(200, told | {"data": data, "total_cost": _A_DAY * len(days)})


def list_days(first: datetime, last: datetime) -> list[str]:
    """Return the dates of a range, both ends included."""
    count = (last.date() - first.date()).days + 1
    return [str(first.date() + timedelta(days=each)) for each in range(count)]


def _answer_rates(*rates: dict[str, Any]) -> dict[str, Any]:
    """Return a model with these rates."""
    return MODEL_ANSWER | {"pricing": {"currency": "USD", "rates": list(rates)}}


@client_check(
    "GC209",
    "Numbers at their edges are taken, money without a detour through floats",
    severity="major",
    evidence="documented",
    why="Balance and prices are decimal strings so that no cent is lost.",
    fix="Use Decimal, or keep the string.",
    cases=("numbers*", "money-*"),
)
def numbers_are_taken_exactly(history: ClientHistory) -> Iterator[Observation]:
    """Demands that unusual numbers are read without loss, and amounts of money without floats.

    Fails on an error, on a changed number, on a decimal text that became a float, and when a
    cost or quantity of 0 is left out, although other values of it are returned.
    """
    yield from _zeros_are_told(history)
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if outcome.kind != "value" or not sent:
            yield fail("a value: the numbers are legal", outcome.shown, *sent)
            continue
        for pointer, text in _find_amounts(sent[0].plain):
            got = resolve_pointer(outcome.value, pointer)
            right = not isinstance(got, float) and not list(find_differences(text, got))
            yield expect(right, f"{pointer} {text}", repr(got), *sent)
        name, got = (resolve_pointer(each, "/id") for each in (sent[0].plain, outcome.value))
        yield expect(got in {None, name}, f"the id {name!r}, which is no number", repr(got), *sent)
        yield judge_unchanged(sent[0].plain, outcome, *sent)


def _zeros_are_told(history: ClientHistory) -> Iterator[Observation]:
    """Judge the numbers of a usage that are told of some answers: those of others are told, too."""
    values = [each for each in history.calls() if each.kind == "value"]
    for pointer in ("/usage/total_cost", "/usage/quantity"):
        told = [each for each in values if resolve_pointer(each.value, pointer) is not None]
        for outcome in values if told else ():
            sent = find_answer(history, outcome)
            came = resolve_pointer(sent[0].plain, pointer) if sent else None
            lost = came is not None and outcome not in told
            yield expect(not lost, f"{pointer}: {came}", "none; others are told", *sent)


def _find_amounts(came: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the amounts of money that come as texts."""
    if "balance" in came:
        yield "/balance", came["balance"]
    for place, rate in enumerate(came.get("pricing", {}).get("rates", ())):
        yield f"/pricing/rates/{place}/unit_price", rate["unit_price"]


@client_check(
    "GC212",
    "No items, several and similar ones are handled; no rates is not free",
    severity="major",
    evidence="documented",
    why="data is a list; an empty list of rates means that the price is unknown.",
    fix="Do not assume that there is a first item, or only one.",
    cases=(
        "long-range",
        "many-models",
        "empty-data",
        "several",
        "no-models",
        "no-rates*",
        "no-mix-of-models",
    ),
)
def few_and_many_are_handled(history: ClientHistory) -> Iterator[Observation]:
    """Demands that empty lists and lists of several items are returned completely.

    Fails when media of a result are dropped, when an empty list of models raises, when a model
    without rates seems to be free, or when it vanishes from the list. Fails when the model that is
    told is not the one asked for, but one whose id is similar. Costs of more than 180 days may be
    refused: fails when they are asked for in parts, and a day is lost, moved or counted twice.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if history.case == "long-range":
            yield from _days_are_told_once(outcome, find_own_requests(history, outcome))
        elif history.case == "many-models":
            got = len(outcome.value) if isinstance(outcome.value, list) else None
            yield expect(got == _MANY_MODELS, f"{_MANY_MODELS} models", f"{got}", *sent)
        elif history.case == "no-mix-of-models":
            yield _judge_model(outcome, sent)
        elif history.case == "empty-data":
            right = outcome.kind == "value" or outcome.clear
            yield expect(right, "a value or a clear error", outcome.shown, *sent)
        elif history.case == "several":
            yield expect(
                len(resolve_pointer(outcome.value, "/data") or ()) == 3,
                "all three media",
                outcome.shown,
                *sent,
            )
            yield from (judge_unchanged(each.plain, outcome, each) for each in sent)
        elif history.case == "no-models":
            yield expect(
                outcome.kind == "value" and not outcome.value, "an empty list", outcome.shown, *sent
            )
        else:
            yield _judge_models(outcome, sent)


def _judge_model(outcome: CallOutcome, sent: list[ClientExchange]) -> Observation:
    """Return whether a model is the one that was asked for, and not one of a similar id."""
    asked = outcome.args["id"]
    right = outcome.kind == "error" or resolve_pointer(outcome.value, "/id") == asked
    return expect(right, f"the model {asked!r}, or an error", outcome.shown, *sent)


def _judge_models(outcome: CallOutcome, sent: list[ClientExchange]) -> Observation:
    """Return whether each model arrived, and none without rates has got a price of 0."""
    plain = sent[0].plain if sent else []
    came = plain if isinstance(plain, list) else [plain]
    value = outcome.value
    got = value if isinstance(value, list) else [value]
    vanished = len(got) != len(came)
    free = [
        each
        for model, each in zip(came, got, strict=False)
        if not model["pricing"]["rates"]
        and (resolve_pointer(each, "/pricing/rates") != [] or _is_priced_at_zero(each))
    ]
    return expect(
        not vanished and not free,
        "every model; no rates, which is not a price of 0",
        f"{len(got)} of {len(came)} models" if vanished else outcome.shown,
        *sent,
    )


def _is_priced_at_zero(model: Any) -> bool:
    """Return whether a field that the client has added says that a model costs nothing."""
    fields = model.items() if isinstance(model, dict) else ()
    return any(
        _PRICE.search(name) and name not in MODEL_ANSWER and str(value) in _ZEROS
        for name, value in fields
    )


@client_check(
    "GC214",
    "Long texts are neither cut nor fatal",
    severity="minor",
    evidence="choice",
    why="Signed links and messages have no documented length.",
    fix="Do not limit the length of strings.",
    cases=("long-message", "long-url"),
)
def long_texts_are_whole(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a message of 1 MB and a link of 8 kB reach the caller whole.

    Fails when either is cut, or when its length causes another error.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if history.case == "long-message":
            yield expect(
                outcome.clear and "end-of-message" in outcome.text,
                "an error with the whole message",
                outcome.shown,
                *sent,
            )
        else:
            got = str(resolve_pointer(outcome.value, "/data/0/url"))
            yield expect(len(got) > 8000, "the whole link", outcome.shown, *sent)


def _days_are_told_once(outcome: CallOutcome, sent: list[ClientExchange]) -> Iterator[Observation]:
    """Judge the costs of a range: a client may ask for a long one in parts, or refuse it."""
    first, last = (datetime.fromisoformat(outcome.args[name]) for name in ("start", "end"))
    if outcome.kind != "value":
        judge = warn_unless if last - first == _LONGEST else expect
        yield judge(last - first > _LONGEST, "the costs", outcome.shown, *sent[:2])
        return
    days = list_days(first, last)
    value = outcome.value if isinstance(outcome.value, dict) else {}
    data = value.get("data")
    if isinstance(data, list) and all(isinstance(each, dict) for each in data):
        got = [str(each.get("date"))[:10] for each in data]
        shown = f"{len(got)}, {len(set(got))} of them different"
        yield expect(got == days, f"each of {len(days)} days once, in order", shown, *sent[:2])
    if value.get("total_cost") is not None:
        total, told = _A_DAY * len(days), float(value["total_cost"])
        # It is not known whether a range that ends in the middle of a day gets the costs of half
        # that day: the sum of two such ranges is right, too, if the day is listed once.
        excess = _A_DAY * _count_shared_days(sent)
        right = total - 1e-6 <= told <= total + excess + 1e-6
        yield expect(right, f"a total cost of {total}", str(told), *sent[:2])


def _count_shared_days(sent: list[ClientExchange]) -> int:
    """Return how many days in all are told again by the parts of a range."""
    told = [each["date"] for part in sent if part.status == 200 for each in part.plain["data"]]
    return len(told) - len(set(told))
