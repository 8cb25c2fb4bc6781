"""Exchanges in a few fields each: what a list of many shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.operations import SUBMISSIONS
from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from getimg_mock.schemas import Json
    from getimg_mock.world.journal import Exchange

_MAX_TEXT: Final = 200


def summarise(exchange: Exchange) -> Json:
    """Return the summary of an exchange.

    `same_as` is equal for submissions with the same body; None for other requests.
    """
    submits = exchange.method == "POST" and exchange.operation in SUBMISSIONS
    sent = _read_object(exchange.request_body) if submits else {}
    error = _read_object(exchange.body).get("error") if exchange.status >= 400 else None
    told = error if isinstance(error, dict) else {}
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
        "same_as": digest(exchange.operation, exchange.request_body, size=8).hex()
        if submits
        else None,
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
