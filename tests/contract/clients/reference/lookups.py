"""Looking things up: models, the balance, costs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.contract.clients.reference import answers
from tests.contract.clients.reference.errors import AnswerError, ClientError, InvalidArgumentError
from tests.contract.clients.reference.reading import read
from tests.contract.clients.reference.requests import encoded

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Steps


def models(core: Core, /, type: str | None = None) -> Steps:  # noqa: A002 - the driver's word
    """List the models."""
    query = {"type": type} if type is not None else {}
    if core.faulty("null-query"):
        query = {"type": type or "null"}
    value = yield from read(core, "models", query)
    answers.check(core, value, "model-list")
    return value[:100] if core.faulty("first-hundred-models") else value


def model(core: Core, /, id: str) -> Steps:  # noqa: A002 - the driver's word
    """Look at a model."""
    if core.faulty("models-by-prefix"):
        found = [each["id"] for each in (yield from models(core)) if each["id"].startswith(id)]
        id = found[0] if found else id  # noqa: A001 - see above
    value = yield from read(core, f"models/{encoded(core, id)}")
    answers.check(core, value, "model")
    priced(core, value)
    dated(core, value)
    return value


def dated(core: Core, value: dict[str, Any]) -> None:
    """Take moments as they are; only faulty clients read them, each in its own way."""
    if core.faulty("strict-dates"):
        try:
            datetime.fromisoformat(value["created_at"])
        except ValueError as error:
            raise AnswerError("unreadable date") from error
    if core.faulty("bad-dates-raw") and value["created_at"][:1].isalpha():
        datetime.fromisoformat(value["created_at"])
    if core.faulty("zones-dropped"):
        value["created_at"] = value["created_at"][:19] + "Z"


def priced(core: Core, value: dict[str, Any]) -> None:
    """Take prices as they are; only faulty clients change them, or know all their words."""
    if core.faulty("floats"):
        for rate in value["pricing"]["rates"]:
            rate["unit_price"] = float(rate["unit_price"])
    if core.faulty("strict-units"):
        for rate in value["pricing"]["rates"]:
            if rate["billable_unit"] not in {"image", "video_second"}:
                raise AnswerError("unknown unit")
    if core.faulty("no-rates-is-free") and not value["pricing"]["rates"]:
        value["pricing"]["rates"] = [{"unit_price": "0"}]


def balance(core: Core, /) -> Steps:
    """Look at the balance."""
    fresh = {"fresh": "1"} if core.faulty("cache-busted") else None
    try:
        value = yield from read(core, "billing/balance", fresh)
    except ClientError:
        if core.faulty("latest-balance-told") and "balance" in core.seen:
            return core.seen["balance"]
        raise
    answers.check(core, value, "balance")
    if core.faulty("latest-balance-told"):
        core.seen["balance"] = value
    if core.faulty("balance-in-cents"):
        value["balance"] = str(round(Decimal(value["balance"]), 2))
    if core.faulty("float-balance"):
        value["balance"] = float(value["balance"])
    return value


def costs(core: Core, /, start: str, end: str) -> Steps:
    """Look at the costs."""
    given: tuple[Any, Any] = start, end
    if core.faulty("moments-stamped-utc") and isinstance(given[0], datetime):
        start, end = (f"{each:%Y-%m-%dT%H:%M:%S}Z" for each in given)
    if core.faulty("moments-at-midnight"):
        start, end = (re.sub(r"T\d\d:\d\d:\d\d", "T00:00:00", str(each)) for each in given)
    for text in (start, end):
        if datetime.fromisoformat(text).tzinfo is None and not core.faulty("naive-sent"):
            raise InvalidArgumentError(f"{text} has no zone")
    if core.faulty("raw-plus"):
        return (yield from read(core, "billing/costs", raw=f"start={start}&end={end}"))
    if core.faulty("seam-days-twice") and days_between(start, end) > 180:
        return (yield from costs_in_parts(core, start, end))
    tries = 4 if core.faulty("costs-always-retried") else None
    value = yield from read(core, "billing/costs", {"start": start, "end": end}, attempts=tries)
    answers.check(core, value, "costs")
    if core.faulty("border-days-twice") and len(value["data"]) > 90:
        value["data"] += value["data"][-1:]
    for each in value["data"] if core.faulty("cost-dates-local") else ():
        day = datetime.fromisoformat(each["date"]).replace(tzinfo=UTC)
        each["date"] = day.astimezone().date().isoformat()
    return value


def days_between(start: str, end: str) -> float:
    """Return how long a range is, in days."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(days=1)


def costs_in_parts(core: Core, start: str, end: str) -> Steps:
    """Look at the costs of a long range; the day between two parts is in both of them."""
    began, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    parts = []
    while began < last:
        seam = min(began + timedelta(days=180), last)
        query = {"start": began.isoformat(), "end": seam.isoformat()}
        parts.append((yield from read(core, "billing/costs", query)))
        began = seam
    return parts[0] | {
        "data": [each for part in parts for each in part["data"]],
        "end": parts[-1]["end"],
        "total_cost": sum(part["total_cost"] for part in parts),
    }
