"""Exchanges in a few fields each: what a list of many shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from getimg_mock.schemas import Json
    from getimg_mock.world.journal import Exchange

    Twins = Mapping[tuple[str | None, bytes], Sequence[int]]

_MAX_TEXT: Final = 200


def find_twins(exchanges: Iterable[Exchange]) -> Twins:
    """Return the numbers of submissions that were paid, by operation and body."""
    found: dict[tuple[str | None, bytes], list[int]] = {}
    for each in exchanges:
        if (
            each.method == "POST"
            and each.operation in SUBMISSIONS
            and any(effect.what == "hold" for effect in each.effects)
        ):
            found.setdefault((each.operation, each.request_body), []).append(each.number)
    return found


def summarise(exchange: Exchange, twins: Twins) -> Json:
    """Return the summary of an exchange.

    `paid_before` is the number of the first submission with the same body that was paid, and
    `paid_again` that of the last one. Either is None where there is none, and for other requests.
    """
    submits = exchange.method == "POST" and exchange.operation in SUBMISSIONS
    sent = _read_object(exchange.request_body) if submits else {}
    error = _read_object(exchange.body).get("error") if exchange.status >= 400 else None
    told = error if isinstance(error, dict) else {}
    paid = twins.get((exchange.operation, exchange.request_body), ())
    if exchange.number not in paid:
        paid = ()
    return {
        "number": exchange.number,
        "at": exchange.at.isoformat(),
        "wall": exchange.wall.isoformat(),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": exchange.path[:_MAX_TEXT],
        "status": exchange.status,
        "sent": exchange.sent,
        "milliseconds": round(exchange.seconds * 1000, 3),
        "generation": exchange.generation,
        "model": _cut(sent.get("model")),
        "prompt": _cut(sent.get("prompt")),
        "error": {"code": _cut(told.get("code")), "message": _cut(told.get("message"))}
        if told
        else None,
        "hint": _find_hint(exchange),
        "rules": list(exchange.rules),
        "fault": exchange.fault,
        "unknown_fields": list(exchange.unknown_fields),
        "effects": [effect.as_json() for effect in exchange.effects],
        "paid_before": paid[0] if paid and paid[0] != exchange.number else None,
        "paid_again": paid[-1] if paid and paid[-1] != exchange.number else None,
    }


def _find_hint(exchange: Exchange) -> str | None:
    found = next((value for name, value in exchange.headers if name == b"x-mock-hint"), None)
    return None if found is None else _cut(found.decode("latin-1"))


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _cut(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return value if len(value) <= _MAX_TEXT else value[: _MAX_TEXT - 3] + "..."
