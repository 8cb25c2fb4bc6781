"""Exchanges of the journal, parsed from JSON, as handles return them."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from getimg_mock.world.journal import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessage:
    """One half of an exchange: headers in order (names in lower case) and the body.

    `size` is that of the whole body; `body` may be truncated. `sent` is False for an answer that
    was not sent completely.
    """

    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    size: int
    sent: bool = True

    def header(self, name: str) -> str | None:
        """Return the first header of that name, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def json(self) -> Any:
        """The body as JSON; raises `ValueError` if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeHandle:
    """One request with its answer; the fields are those of `getimg_mock.world.journal`.

    `at` is the workspace's time, `wall` real time. `raw` is the whole exchange as JSON.
    """

    number: int
    at: datetime
    wall: datetime
    operation: str
    method: str
    path: str
    query: str
    status: int
    request: RecordedMessage
    response: RecordedMessage
    milliseconds: float
    generation: str | None
    rules: tuple[str, ...]
    fault: str | None
    effects: tuple[Effect, ...]
    unknown_fields: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ExchangeHandle:
        """Parse an exchange from JSON."""
        request, response = raw["request"], raw["response"]
        return cls(
            number=raw["number"],
            at=datetime.fromisoformat(raw["at"]),
            wall=datetime.fromisoformat(raw["wall"]),
            operation=raw["operation"],
            method=request["method"],
            path=request["path"],
            query=request["query"],
            status=response["status"],
            request=_parse_message(request),
            response=_parse_message(response),
            milliseconds=raw["milliseconds"],
            generation=raw["generation"],
            rules=tuple(raw["rules"]),
            fault=raw["fault"],
            effects=tuple(map(parse_effect, raw["effects"])),
            unknown_fields=tuple(raw.get("unknown_fields", ())),
            raw=raw,
        )


def parse_effect(raw: Mapping[str, Any]) -> Effect:
    """Parse an effect from JSON."""
    amount = raw["amount"]
    return Effect(
        what=raw["what"],
        at=datetime.fromisoformat(raw["at"]),
        amount=None if amount is None else Decimal(amount),
        generation=raw["generation"],
    )


def _parse_message(raw: Mapping[str, Any]) -> RecordedMessage:
    body = raw["text"].encode() if "text" in raw else b64decode(raw["base64"])
    return RecordedMessage(
        headers=tuple((name, value) for name, value in raw["headers"]),
        body=body,
        size=raw["size"],
        sent=raw.get("sent", True),
    )
