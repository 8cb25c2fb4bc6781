"""Distils responses: what is secret, or new each time, becomes a placeholder.

Of headers, those stay that clients act on. Of balances and costs, differences stay. Keys, ids,
signatures and e-mail addresses do not stay, wherever they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.canonical_requests import encode_other_body
from getimg_mock.cassettes.cassette import RecordedBody, RecordedResponse
from getimg_mock.cassettes.placeholders import (
    GENERATION,
    format_balance,
    format_link,
    format_moment,
)
from getimg_mock.redaction import KnownKeys

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_HEADERS: Final[tuple[str, ...]] = (
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
_RESET: Final = "x-ratelimit-reset"
_BILLING_FIELDS: Final = frozenset(
    {"balance", "currency", "data", "date", "cost", "start", "end", "total_cost"}
)
_AMOUNT_FIELDS: Final = frozenset({"cost", "total_cost"})
_E_MAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+")
_HIDDEN: Final = "<hidden>"
_HIDDEN_QUERY: Final = "?{query}"
# A whole link, or the path of one.
_LINK: Final = re.compile(r"((?:https?:/)?/[^\s?\"'<>]{0,2000})\?[^\s\"'<>]+=[^\s\"'<>]*")
_MIN_ID_LENGTH: Final = 4
_MAX_DEPTH: Final = 32
_MAX_JSON: Final = 2 << 20
_MAX_HEADER: Final = 1000
_MAX_SECONDS_DIGITS: Final = 11
_MAX_AMOUNT: Final = 10**12
_MAX_SKEW: Final = 5.0
"""Seconds by which a service's clock differs before its own time counts."""


@dataclass(slots=True)
class Distiller:
    """Distils the responses of one recording; the first balance and costs are its reference.

    `keys` are the keys that were sent so far.
    """

    keys: KnownKeys = field(default_factory=KnownKeys)
    _first_balance: Decimal | None = None
    _first_costs: dict[str, Decimal] = field(default_factory=dict)

    def distill_response(
        self,
        operation: str,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        answered: datetime,
        generation: str = "",
    ) -> RecordedResponse:
        """Return what a cassette keeps of a response; header names are in lower case."""
        told = {name: value for name, value in headers if name in (*KEPT_HEADERS, "date")}
        moment = find_service_time(told.pop("date", ""), answered)
        kept: dict[str, str] = {
            name: _distill_header(name, self.keys.redact(told[name]), moment)
            for name in KEPT_HEADERS
            if name in told
        }
        return RecordedResponse(
            status=status,
            headers=kept,
            body=self._distill_body(operation, body, moment, generation),
        )

    def _distill_body(
        self, operation: str, body: bytes, answered: datetime, generation: str
    ) -> RecordedBody:
        if not body:
            return RecordedBody()
        if len(body) > _MAX_JSON:
            return encode_other_body(body, self.keys)
        clean = self.keys.redact_bytes(body)
        # An escape may hide a key from a search in the text as a whole.
        checked = clean == body and b"\\u" not in body
        try:
            value = json.loads(clean, parse_constant=_refuse_constant)
            if operation.startswith("billing."):
                value = self._distill_billing(value)
            found = _Walk(None if checked else self.keys, answered, generation).distill(value)
            json.dumps(found, allow_nan=False).encode()
        except (ValueError, RecursionError, OverflowError):
            return encode_other_body(body, self.keys)
        return RecordedBody("json", found)

    def _distill_billing(self, value: Any) -> Any:
        """Keep the documented fields alone, and of amounts their differences."""
        if isinstance(value, list):
            return [self._distill_billing(each) for each in value]
        if not isinstance(value, dict):
            return value
        day = str(value.get("date") or "")
        found: dict[str, Any] = {}
        for name, each in value.items():
            if name == "balance":
                found[name] = self._distill_balance(each)
            elif name in _AMOUNT_FIELDS:
                found[name] = self._distill_cost(each, f"{name} {day}")
            elif name in _BILLING_FIELDS:
                found[name] = self._distill_billing(each)
        return found

    def _distill_balance(self, told: Any) -> Any:
        amount = _parse_amount(told)
        if amount is None:
            return None
        if self._first_balance is None:
            self._first_balance = amount
        return format_balance(amount, self._first_balance)

    def _distill_cost(self, told: Any, name: str) -> Any:
        amount = _parse_amount(told)
        if amount is None:
            return None
        return float(amount - self._first_costs.setdefault(name, amount))


@dataclass(frozen=True, slots=True)
class _Walk:
    keys: KnownKeys | None
    """None where a body has no keys."""
    answered: datetime
    generation: str

    def distill(self, value: Any, depth: int = 0, name: str = "", index: int = 0) -> Any:
        """Return a value of JSON without what is secret or new each time."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        if isinstance(value, dict):
            return {
                self._distill_text(key): self.distill(each, depth + 1, key, index)
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self.distill(each, depth + 1, name, place) for place, each in enumerate(value)]
        return self._distill_field(name, value, index) if isinstance(value, str) else value

    def _distill_field(self, name: str, text: str, index: int) -> str:
        if name == "url" and text:
            return format_link(index)
        if name == "deletes_at":
            moment = _parse_moment(text)
            return text if moment is None else format_moment(moment, self.answered)
        return self._distill_text(text)

    def _distill_text(self, text: str) -> str:
        clean = text
        if self.keys is not None:
            clean = self.keys.redact(text.encode("utf-8", "replace").decode())
        if len(self.generation) >= _MIN_ID_LENGTH:
            clean = clean.replace(self.generation, GENERATION)
        clean = _E_MAIL.sub(_HIDDEN, clean) if "@" in clean else clean
        return _hide_queries(clean) if "?" in clean else clean


def find_service_time(header: str, answered: datetime) -> datetime:
    """Return when a service answered: by its header Date where its clock differs from ours."""
    try:
        moment = parsedate_to_datetime(header)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        skew = abs((moment - answered).total_seconds())
    except (ValueError, OverflowError):
        return answered
    return moment if skew > _MAX_SKEW else answered


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _distill_header(name: str, value: str, answered: datetime) -> str:
    clean = "".join(each for each in value[:_MAX_HEADER] if " " <= each <= "~")
    if name == _RESET and clean.isdigit() and len(clean) <= _MAX_SECONDS_DIGITS:
        try:
            return format_moment(datetime.fromtimestamp(int(clean), UTC), answered)
        except (ValueError, OverflowError, OSError):
            return clean
    return clean


def _hide_queries(text: str) -> str:
    """Return a text in which links have no parameters: they may be signed."""
    return _LINK.sub(rf"\1{_HIDDEN_QUERY}", text)


def _parse_amount(told: Any) -> Decimal | None:
    if isinstance(told, bool) or not isinstance(told, (str, int, float)):
        return None
    try:
        amount = Decimal(str(told)[:40])
    except ArithmeticError:
        return None
    return amount if amount.is_finite() and abs(amount) < _MAX_AMOUNT else None


def _parse_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
