"""Free reads of a service: its catalogue, and whether its answers fit the schemas."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlencode

from getimg_mock import schemas
from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.targets.http_target import REAL_API_URL, HttpTarget
from getimg_mock.drift.drift_rows import build_row
from getimg_mock.drift.listed_models import judge_models
from getimg_mock.errors import SettingsError
from getimg_mock.world.clock import wall_time
from getimg_mock.world.operations import OPERATIONS, find_operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.drift.drift_rows import DriftRow

TIMEOUT: Final = 30.0
"""Seconds within which each read must be answered."""

_DAYS: Final = 2
_OF_CATALOGUE: Final = ("models.list", "models.retrieve")
"""Operations with answers whose fields the comparison of catalogues compares."""
_MOST_VIOLATIONS: Final = 20


class Readable(Protocol):
    """What plans of reads can be run against."""

    def run(self, plan: Plan) -> History:
        """Run a plan in its own session."""


class LiveReads(NamedTuple):
    """What a service answered: its models, and rows for answers that do not fit."""

    source: str
    models: list[dict[str, Any]]
    rows: tuple[DriftRow, ...]
    invalid: frozenset[str] = frozenset()
    """The ids of models that break the schema: they are listed, and cannot be compared."""
    unusable: frozenset[str] = frozenset()
    """The ids of models that a models file cannot have, those that break the schema among them."""


def read_service(url: str, key: str) -> LiveReads:
    """Return the catalogue of a service after reads alone, which cost nothing.

    Raises `SettingsError` where it does not answer, refuses the key, or lists no valid models.
    """
    return read_target(HttpTarget(url, {"a": key}, timeout=TIMEOUT, longest_wait=0.0), url)


def read_target(target: Readable, url: str) -> LiveReads:
    """Return the catalogue of a target at `url`; raises as `read_service`."""
    source = "getimg.ai" if url.rstrip("/") == REAL_API_URL else url
    (listed,) = target.run(Plan(name="the catalogue", steps=(get("/v2/models"),))).exchanges
    _require_answer(listed, url)
    rows = list(_check_answer(source, listed))
    found = judge_models(source, listed.plain if isinstance(listed.plain, list) else [])
    if not found.models:
        raise SettingsError(f"{url} lists no models that could be compared.")
    rows += found.rows
    for each in target.run(_plan_reads(str(found.models[0]["id"]))):
        rows += _check_answer(source, each)
        rows += _compare_with_entry(source, each, found.models[0])
    return LiveReads(source, found.models, tuple(rows), found.invalid, found.unusable)


def _plan_reads(model: str) -> Plan:
    end = wall_time()
    days = {"start": (end - timedelta(days=_DAYS)).isoformat(), "end": end.isoformat()}
    steps = (
        get(f"/v2/models/{quote(model, safe='')}"),
        get_balance(),
        get(f"/v2/billing/costs?{urlencode(days)}"),
    )
    return Plan(name="free reads", steps=steps)


def _require_answer(listed: HttpExchange, url: str) -> None:
    if listed.status == 0:
        raise SettingsError(f"{url} does not answer: {listed.body.decode('utf-8', 'replace')}.")
    if listed.status == 401:
        raise SettingsError(f"{url} refuses the key of --key (or GETIMG_API_KEY) with status 401.")
    if listed.status != 200:
        raise SettingsError(f"{url} answers GET /v2/models with status {listed.status}.")


def _check_answer(source: str, exchange: HttpExchange) -> Iterator[DriftRow]:
    """Yield how an answer differs from its schema; values, such as a balance, are not shown."""
    operation = find_operation("GET", exchange.path.partition("?")[0])
    if exchange.status != 200:
        yield build_row(
            source,
            f"{operation} response",
            "invalid response",
            "breaking",
            before="status 200",
            after=f"status {exchange.status}",
        )
        return
    schema = OPERATIONS[operation].answers[200]
    for each in schemas.violations(schema, exchange.plain)[:_MOST_VIOLATIONS]:
        yield build_row(
            source,
            f"{operation} response {each.path}".rstrip(),
            "invalid response",
            "breaking",
            before=f"{each.keyword} of schemas/{schema}.json",
            after=each.message,
        )
    if operation in _OF_CATALOGUE or not isinstance(exchange.plain, dict):
        return
    described = schemas.load_schema(schema)["properties"]
    for name in sorted(exchange.plain.keys() - described.keys())[:_MOST_VIOLATIONS]:
        yield build_row(source, f"{operation} response {name}", "added", "info")


def _compare_with_entry(
    source: str, exchange: HttpExchange, entry: dict[str, Any]
) -> Iterator[DriftRow]:
    """Yield the row for a model that is described otherwise than in the list."""
    model, subject = exchange.plain, "models.retrieve"
    if find_operation("GET", exchange.path) != subject or schemas.violations("model", model):
        return
    names = {*model, *entry}
    other = sorted(name for name in names if model.get(name) != entry.get(name))
    if other:
        yield build_row(
            source,
            f"{subject} response",
            "values changed",
            "warning",
            before="as in models.list",
            after=f"another {', '.join(other)}",
        )
