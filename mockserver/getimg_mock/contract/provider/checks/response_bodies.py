"""GP1: the bodies of responses: schemas, JSON, timestamps and amounts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.documented_statuses import is_open_download
from getimg_mock.contract.verdicts import OK, check, expect, fail, note
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.json_bodies import JsonBody
    from getimg_mock.contract.verdicts import Observation


_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


_MONEY_FIELDS: Final = ("total_cost", "unit_price", "cost", "balance")


_MAX_DIGITS: Final = 12


_TIMESTAMP_FIELDS: Final = ("created_at", "deletes_at", "start", "end")


_EARLIEST_TIME: Final = datetime(2015, 1, 1, tzinfo=UTC)


def _speaks_json(exchange: HttpExchange) -> bool:
    """Whether the response must be JSON: all except files and responses without a body."""
    if exchange.method == "HEAD" or exchange.status in {0, 204, 304}:
        return False
    return exchange.status >= 400 or exchange.operation not in {"", "downloads.retrieve"}


@check(
    "GP101",
    "The body of every documented status is valid by its schema, formats included",
    severity="major",
    evidence="documented",
    cost="T",
    why="Clients are generated from these shapes; one wrong type breaks every typed client.",
    fix="Write the body in the shape of the published schema: required fields, JSON types and "
    "formats.",
)
def bodies_fit_their_schemas(history: History) -> Iterator[Observation]:
    """Require that each response body is valid by the schema of its documented status.

    Applies to every JSON response. Fails on a missing field, a wrong type or an invalid format.
    Source: documented.
    """
    for each in history:
        if not _speaks_json(each) or not (each.operation or each.status >= 400):
            continue
        if is_open_download(history, each):
            continue
        name = find_answer_schema(each.operation, each.status)
        if name is None:
            continue
        found = each.parsed.find_violations(name)
        shown = "; ".join([f"{v.path or '/'}: {v.message}" for v in found[:3]])
        yield expect(not found, f"a body as schemas/{name}.json says", shown, each)


@check(
    "GP103",
    "JSON is application/json: UTF-8, no BOM, no duplicate keys, NaN or Infinity",
    severity="major",
    evidence="standard",
    cost="T",
    why="Parsers differ on each of these, and some crash (RFC 8259).",
    fix="Write bodies with a strict JSON encoder, in UTF-8, and set Content-Type to "
    "application/json.",
)
def json_is_clean(history: History) -> Iterator[Observation]:
    """Require well-formed JSON with the media type `application/json`.

    Applies to every JSON response. Fails on another type, bad UTF-8, a BOM, a duplicate key, NaN or
    Infinity. Source: our choice.
    """
    for each in history:
        if not _speaks_json(each) or is_open_download(history, each):
            continue
        if each.kind != "application/json":
            yield fail(
                "Content-Type: application/json", each.fields.get("content-type", "none"), each
            )
        else:
            yield expect(not each.decoded[1], "plain JSON in UTF-8", each.decoded[1], each)


@check(
    "GP108",
    "Timestamps are RFC 3339 with a zone; created_at is not in the future",
    severity="minor",
    evidence="documented",
    cost="T",
    why="Documented: UTC with Z. Each machine reads a time without a zone as another one.",
    fix="Format UTC times as 2026-05-02T12:30:00.000Z, and read the current time from a "
    "synchronised clock.",
)
def timestamps_are_sound(history: History) -> Iterator[Observation]:
    """Require RFC 3339 timestamps with a zone, and no `created_at` in the future.

    Applies to the timestamps of successful responses. Fails on another form, on a time before 2015,
    and on a later `created_at`. Source: documented.
    """
    for each in history:
        if not 200 <= each.status < 300 or each.operation == "downloads.retrieve":
            continue
        for name, value, moment, good in each.parsed.examine(_list_timestamps):
            yield expect(good, f"{name} as RFC 3339 with a zone", value, each)
            if moment is None or not good or name in {"start", "end"}:
                continue
            yield expect(moment > _EARLIEST_TIME, f"{name} not in the far past", value, each)
            if name == "created_at":
                yield expect(
                    moment <= each.at + timedelta(minutes=1), "created_at in the past", value, each
                )


def _list_timestamps(body: JsonBody) -> list[tuple[str, Any, datetime | None, bool]]:
    """Return the timestamps of a body by name, with their moment, and whether they are RFC 3339."""
    found = []
    for name, value in body.select_values(_TIMESTAMP_FIELDS):
        moment = parse_instant(value) if isinstance(value, str) else None
        good = moment is not None and _RFC3339.fullmatch(str(value)) is not None
        found.append((name, value, moment, good))
    return found


@check(
    "GP109",
    "Amounts are short decimals: no 0.30000000000000004 in a money field",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Sums of noisy amounts do not match the bill.",
    fix="Compute money in decimals or whole cents, never in binary floating point.",
)
def money_has_no_noise(history: History) -> Iterator[Observation]:
    """Require amounts of money of at most 12 decimal places.

    Applies to every amount in a 200 response. Fails on binary noise such as 0.30000000000000004.
    Source: our choice.
    """
    for each in history:
        if each.status != 200 or each.operation == "downloads.retrieve":
            continue
        for name, value, short in each.parsed.examine(_list_amounts):
            yield expect(short, name, value, each)


def _list_amounts(body: JsonBody) -> list[tuple[str, str, bool]]:
    """Return what is wanted of the amounts of a body, the amounts, and whether they are short."""
    return [
        (
            f"{name} as a short decimal",
            str(value),
            -int(Decimal(value).normalize().as_tuple().exponent) <= _MAX_DIGITS,
        )
        for name, value in body.select_distinct(_MONEY_FIELDS)
        if parse_decimal(value) is not None
    ]


@check(
    "GP110",
    "Balance and catalogue prices are strings, usage and costs are numbers",
    severity="major",
    evidence="documented",
    cost="T",
    why="Documented per field; a typed client refuses the other form.",
    fix="Serialize balance and unit_price of the catalogue as strings, and usage and costs as "
    "numbers.",
)
def money_is_written_as_documented(history: History) -> Iterator[Observation]:
    """Require decimal strings for balance and catalogue prices, numbers for usage and costs.

    Applies to billing, catalogue and result responses. Fails on the other JSON type. Source:
    documented.
    """
    for each in history.with_operation("billing.balance"):
        if each.status == 200 and each.method == "GET":
            yield _expect_decimal_text("balance", each.object.get("balance"), each)
    for each in history.with_operation("models.list", "models.retrieve"):
        if each.status == 200:
            for _, price in each.parsed.select_distinct(("unit_price",)):
                yield _expect_decimal_text("a catalogue's unit_price", price, each)
    for each in (*history.results, *history.with_operation("billing.costs")):
        if each.status != 200:
            continue
        for wanted, value, number in each.parsed.examine(_list_numbers):
            yield expect(number, wanted, value, each)


def _list_numbers(body: JsonBody) -> list[tuple[str, Any, bool]]:
    """Return what is wanted of the costs of a body, the costs, and whether they are numbers."""
    return [
        (
            f"{name} as a number",
            value,
            isinstance(value, (int, Decimal)) and not isinstance(value, bool),
        )
        for name, value in body.select_distinct(("total_cost", "unit_price", "quantity", "cost"))
    ]


def _expect_decimal_text(name: str, value: object, exchange: HttpExchange) -> Observation:
    good = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value)
    return expect(good, f"{name} as a decimal text", value, exchange)


@check(
    "GP115",
    "Fields that the schema does not have are reported as drift",
    severity="info",
    evidence="seed",
    cost="T",
    why="The API may grow, and the fake has to follow.",
    fix="Nothing has to change: add the new fields to the schemas once they are documented.",
)
def unknown_fields_are_drift(history: History) -> Iterator[Observation]:
    """Report response fields that the schema does not have.

    Applies to every JSON response with a schema. It never fails: additional fields are listed as
    drift.
    """
    seen: set[tuple[str, str]] = set()
    for each in history:
        name = find_answer_schema(each.operation, each.status) if each.operation else None
        if name is None or not isinstance(each.plain, (dict, list)):
            continue
        found = each.parsed.examine(_list_unknown_fields, name)
        unknown = [field for field in found if (name, field) not in seen]
        seen.update((name, field) for field in unknown)
        yield (
            note(f"{name} has fields that the schema lacks: {', '.join(unknown)}", each)
            if unknown
            else OK
        )


def _list_unknown_fields(body: JsonBody, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_find_unknown_fields(schemas.schema(name), body.plain)))


def _find_unknown_fields(schema: dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Yield the places of fields that the schema does not have, at any depth."""
    if "discriminator" in schema and isinstance(value, dict):
        mapping = schema["discriminator"]["mapping"]
        branch = mapping.get(str(value.get(schema["discriminator"]["propertyName"])))
        schema = {} if branch is None else {"$ref": branch}
    if "$ref" in schema:
        schema = schemas.schema(schema["$ref"].removesuffix(".json"))
    if isinstance(value, dict) and "properties" in schema:
        for field in sorted(value):
            where = f"{place}.{field}" if place else field
            if field in schema["properties"]:
                yield from _find_unknown_fields(schema["properties"][field], value[field], where)
            else:
                yield where
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _find_unknown_fields(schema["items"], item, f"{place}[]")
