"""What the OpenAPI document says of each operation."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Final

from getimg_mock._shipped import read_text
from getimg_mock.contract.verdicts import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

# How a link that was changed is refused is our choice, and a setting: GP407 leaves it open.
_EXTRA_STATUSES: Final = {"downloads.retrieve": frozenset({401})}


@cache
def read_documented_statuses(operation: str) -> frozenset[int]:
    """Return the statuses that an operation may answer with."""
    document = json.loads(read_text("schemas", "openapi.json"))
    found = frozenset(
        int(status)
        for methods in document["paths"].values()
        for described in methods.values()
        if isinstance(described, dict) and described.get("operationId") == operation
        for status in described["responses"]
    )
    return found | _EXTRA_STATUSES.get(operation, frozenset())


_CODES: Final[dict[int, tuple[str, ...]]] = {
    400: ("parameter_missing", "invalid_parameter"),
    401: ("invalid_api_key",),
    402: ("quota_exceeded",),
    404: ("not_found",),
    422: ("content_policy_violation",),
    429: ("rate_limit",),
}
"""The codes that are documented for a status."""

_CODES_BY_FAULT: Final[dict[str, tuple[str, ...]]] = {
    "enum": ("invalid_parameter",),
    "missing": ("parameter_missing",),
    "model-value": ("invalid_parameter",),
    "reference-role": ("invalid_parameter",),
    "unknown-model": ("invalid_parameter",),
}

_REQUIRED_FIELDS: Final = frozenset({"model", "prompt", "model and prompt"})

_OPEN_FAULTS: Final = frozenset(
    {
        "content-type",
        "duplicate-keys",
        "malformed",
        "no-number",
        "too-large",
        "unicode",
        "unknown-field",
    }
)
"""Faults for which no code is documented."""

_FIELD_FAULTS: Final = ("enum", "missing", "model-value", "reference-role", "type")
_BAD_REQUEST: Final = 400
_UNPROCESSABLE: Final = 422
_NOT_MODIFIED: Final = 304
_LENGTH_REQUIRED: Final = 411
_OLD_VERSION: Final = frozenset({400, 403, 426, 505})
"""How a server, or a gateway before it, refuses a version of HTTP."""

_CONDITIONS: Final = frozenset({"if-none-match", "if-modified-since"})
"""Headers that ask for an answer only where something has changed."""

_OPERATIONS_WITH_CODES: Final = frozenset(
    {"images.generate", "videos.create", "videos.retrieve", "billing.balance", "billing.costs"}
)


def find_documented_codes(exchange: HttpExchange) -> tuple[str, ...]:
    """Return the codes that an error may have by the documentation; empty where it is silent.

    The code of a fault is documented together with status 400.
    """
    fault, status = exchange.fault, exchange.status
    if exchange.operation not in _OPERATIONS_WITH_CODES or fault in _OPEN_FAULTS:
        return ()
    known = _CODES_BY_FAULT.get(fault, ())
    outer = fault != "missing" or (exchange.step and exchange.step.field in _REQUIRED_FIELDS)
    empty = any(exchange.asked.get(name) == "" for name in ("model", "resolution", "aspect_ratio"))
    if known and status == 400 and outer and not empty:
        return known
    if status == 404 and exchange.operation != "videos.retrieve":
        return ()
    if status == _UNPROCESSABLE and exchange.valid is not True:
        return ()  # An invalid order may be 422, and documented is only what moderation answers.
    return () if exchange.use == "malformed-id" else _CODES.get(status, ())


def find_mixed_statuses(history: History) -> Iterator[Observation]:
    """Find refusals of a field with 422, where other fields of the plan are refused with 400.

    A service may have the one or the other for what is invalid, but one of them.
    """
    refused: dict[int, HttpExchange] = {}
    for each in history.with_fault(*_FIELD_FAULTS):
        refused.setdefault(each.status, each)
    if not {_BAD_REQUEST, _UNPROCESSABLE} <= refused.keys():
        return
    first, other = refused[_BAD_REQUEST], refused[_UNPROCESSABLE]
    yield fail("400 for each field that is invalid", f"400, and {_UNPROCESSABLE}", first, other)


def answers_transfer(exchange: HttpExchange) -> bool:
    """Whether a status is one that HTTP has for how a request was sent, or for its conditions."""
    asked = {name for name, _ in exchange.request_headers}
    delivery = exchange.step.delivery if exchange.step is not None else ""
    if delivery == "http/1.0":
        return exchange.status in _OLD_VERSION
    return (exchange.status == _NOT_MODIFIED and bool(asked & _CONDITIONS)) or (
        exchange.status == _LENGTH_REQUIRED and delivery == "chunked"
    )


def is_open_download(history: History, exchange: HttpExchange) -> bool:
    """Whether a service may refuse, or redirect, a download as it did: nothing documents how.

    The fake keeps its own promises.
    """
    about = exchange.operation == "downloads.retrieve" or exchange.path.startswith("/v2/downloads/")
    return about and not history.own and 300 <= exchange.status < 500
