"""The shapes of the API's answers, and the check that an answer has its shape."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.contract.clients_by_others.errors import BadAnswer

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Rule = Callable[[Any, str], None]


def demand(holds: bool, where: str, wanted: str) -> None:
    if not holds:
        raise BadAnswer(f"The answer's {where} is not {wanted}.")


def text(value: Any, where: str) -> None:
    demand(isinstance(value, str), where, "a string")


def flag(value: Any, where: str) -> None:
    demand(isinstance(value, bool), where, "true or false")


def number(value: Any, where: str) -> None:
    right = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    demand(right, where, "a number")


def integer(value: Any, where: str) -> None:
    number(value, where)
    demand(value == value // 1, where, "a whole number")


def moment(value: Any, where: str) -> None:
    right = isinstance(value, str) and MOMENT.fullmatch(value) is not None
    demand(right, where, "a moment with a zone")


def money(value: Any, where: str) -> None:
    text(value, where)
    try:
        demand(Decimal(value).is_finite(), where, "an amount")
    except InvalidOperation:
        raise BadAnswer(f"The answer's {where} is not an amount.") from None


def many(rule: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        demand(isinstance(value, list), where, "a list")
        for place, item in enumerate(value):
            rule(item, f"{where}[{place}]")

    return check


def table(rule: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        demand(isinstance(value, dict), where, "an object")
        for name, item in value.items():
            rule(item, f"{where}.{name}")

    return check


def or_null(rule: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        if value is not None:
            rule(value, where)

    return check


def record(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    def check(value: Any, where: str) -> None:
        demand(isinstance(value, dict), where, "an object")
        for name, rule in required.items():
            demand(name in value, f"{where}.{name}", "there")
            rule(value[name], f"{where}.{name}")
        for name, rule in (optional or {}).items():
            or_null(rule)(value.get(name), f"{where}.{name}")

    return check


USAGE = record(
    {"total_cost": number, "billable_unit": text, "unit_price": number, "quantity": number}
)
FILE = {"url": text, "mime_type": text, "deletes_at": moment}
SIZE: dict[str, Rule] = {"width": integer, "height": integer}
IMAGE = record(
    {
        "id": text,
        "status": text,
        "model": text,
        "data": many(record(FILE, SIZE)),
        "usage": USAGE,
    }
)
ACCEPTED = record({"id": text, "status": text})
COMPLETED = record(
    {
        "id": text,
        "status": text,
        "model": text,
        "data": many(record(FILE, {**SIZE, "duration": number, "fps": number, "has_sound": flag})),
    },
    {"usage": USAGE},
)
FAILED = record({"id": text, "status": text, "error": record({"message": text, "code": text})})
RATE = record(
    {"billable_unit": text, "resolution": or_null(text), "sound": text, "unit_price": money}
)
MODEL = record(
    {
        "id": text,
        "name": text,
        "type": text,
        "created_at": moment,
        "supported_aspect_ratios": many(text),
        "supported_resolutions": many(text),
        "supported_durations": many(number),
        "supported_references": table(number),
        "supports_sound": flag,
        "pricing": record({"currency": text, "rates": many(RATE)}),
    }
)
MODELS = many(MODEL)
BALANCE = record({"balance": money, "currency": text})
COSTS = record(
    {
        "currency": text,
        "data": many(record({"date": text, "cost": number})),
        "start": moment,
        "end": moment,
        "total_cost": number,
    }
)


def video(value: Any, where: str) -> None:
    ACCEPTED(value, where)
    {"completed": COMPLETED, "failed": FAILED}.get(value["status"], ACCEPTED)(value, where)
