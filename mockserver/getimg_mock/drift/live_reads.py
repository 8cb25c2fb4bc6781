"""Free reads of a service: its catalogue, and whether its answers fit the schemas."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from getimg_mock import schemas
from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.targets.http_target import REAL_API_URL, HttpTarget
from getimg_mock.drift.drift_rows import build_row
from getimg_mock.errors import SettingsError
from getimg_mock.world.catalogue_rules import find_faults
from getimg_mock.world.clock import wall_time
from getimg_mock.world.operations import OPERATIONS, find_operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.drift.drift_rows import DriftRow

TIMEOUT: Final = 30.0
"""Seconds within which each read must be answered."""

_DAYS: Final = 2
_MOST_VIOLATIONS: Final = 20


class LiveReads(NamedTuple):
    """What a service answered: its models, and rows for answers that do not fit."""

    source: str
    models: list[dict[str, Any]]
    rows: tuple[DriftRow, ...]
    invalid: frozenset[str] = frozenset()
    """The ids of models that break the schema: they are listed, and cannot be compared."""


def read_service(url: str, key: str) -> LiveReads:
    """Return the catalogue of a service after reads alone, which cost nothing.

    Raises `SettingsError` where it does not answer, refuses the key, or lists no valid models.
    """
    target = HttpTarget(url, {"a": key}, timeout=TIMEOUT, longest_wait=0.0)
    source = "getimg.ai" if url.rstrip("/") == REAL_API_URL else url
    (listed,) = target.run(Plan(name="the catalogue", steps=(get("/v2/models"),))).exchanges
    _require_answer(listed, url)
    models = listed.plain
    rows = list(_check_answer(source, listed))
    valid, invalid = _split_models(models if isinstance(models, list) else [])
    if not valid:
        raise SettingsError(f"{url} lists no models that could be compared.")
    for each in target.run(_plan_reads(str(valid[0]["id"]))):
        rows += _check_answer(source, each)
    return LiveReads(source, valid, tuple(rows), invalid)


def _split_models(models: list[Any]) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Return the models that can be compared, one of each id, and the ids of the others."""
    valid: dict[str, dict[str, Any]] = {}
    invalid = set()
    for each in models:
        if not _is_faulty(each):
            valid.setdefault(each["id"], each)
        elif isinstance(each, dict):
            invalid.add(str(each.get("id")))
    return list(valid.values()), frozenset(invalid - valid.keys())


def _is_faulty(model: Any) -> bool:
    """Return whether a model breaks the schema, or could not be in a models file."""
    return bool(schemas.violations("model", model)) or any(True for _ in find_faults(model))


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
