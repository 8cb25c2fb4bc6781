"""Exchanges: one request with its answer, and values derived from them.

A derived value is computed once and cached on its exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock.contract.content_coding import decompress
from getimg_mock.contract.json_bodies import read_body
from getimg_mock.world.operations import SUBMISSIONS, find_operation

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.contract.json_bodies import JsonBody
    from getimg_mock.contract.steps import Send
    from getimg_mock.world.journal import Effect

_MAX_PARSED_BODY: Final = 1 << 20
_EXACT_DIGITS: Final = 15
"""The digits that a number in binary floating point carries."""
_DECIMAL_PLACES: Final = 9
"""To how many decimal places an amount of more digits is rounded."""
CENT: Final = Decimal("0.01")
"""By how much amounts that are shown in cents may differ from exact ones."""
_MOST_DIGITS: Final = 20
"""More than the length of any file has."""


@dataclass(frozen=True)
class HttpExchange:
    """One request with its answer; header names are in lower case.

    `step` is the step of the plan (None for recorded traffic), `key` the name of the key it was
    sent with, `effects` what it did inside the provider (None where that is unknown).
    """

    number: int
    at: datetime
    method: str
    path: str
    status: int
    query: str = ""
    key: str = "a"
    request_headers: tuple[tuple[str, str], ...] = ()
    request_body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0
    step: Send | None = None
    effects: tuple[Effect, ...] | None = None
    spontaneous: bool = False
    """Whether a `Poll` sent it."""
    unwelcome: bool = False
    """Whether `100 Continue`, or an answer in its place, was waited for in vain."""

    @cached_property
    def operation(self) -> str:
        """The operation that the request asks for, or an empty text."""
        return find_operation(self.method, self.path)

    @cached_property
    def fields(self) -> dict[str, str]:
        """The answer's headers; of several with one name, the last."""
        return dict(self.headers)

    @cached_property
    def kind(self) -> str:
        """The media type of the answer, without parameters."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def coding(self) -> str:
        """The content coding of the answer; empty where it has none."""
        named = self.fields.get("content-encoding", "").strip().lower()
        return "" if named == "identity" else named

    @property
    def content(self) -> bytes:
        """The answer's body without its coding; as it came where that cannot be removed."""
        plain = decompress(self.body, self.coding) if self.coding else self.body
        return self.body if plain is None else plain

    @cached_property
    def parsed(self) -> JsonBody:
        """The answer as JSON; it is shared with others of the same bytes."""
        return read_body(self.content)

    @property
    def decoded(self) -> tuple[Any, str]:
        """The answer's JSON value, floats as `Decimal`, and what is wrong with its text."""
        return self.parsed.decoded

    @property
    def json(self) -> Any:
        """The answer's JSON value, floats as `Decimal`; None where there is none."""
        return self.parsed.decoded[0]

    @property
    def plain(self) -> Any:
        """The answer's JSON value with floats, for schema validators; None where there is none."""
        return self.parsed.plain

    @cached_property
    def object(self) -> dict[str, Any]:
        """The answer's JSON object; empty where the answer is not an object."""
        value = self.parsed.decoded[0]
        return value if isinstance(value, dict) else {}

    @property
    def values(self) -> dict[str, list[Any]]:
        """The values of the answer's JSON by the name of their field, at any depth."""
        return self.parsed.values

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The request's JSON object; empty where the body is none, or is over 1 MiB."""
        body = self.request_body or b""
        value = read_body(body).decoded[0] if len(body) < _MAX_PARSED_BODY else None
        return value if isinstance(value, dict) else {}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def use(self) -> str:
        """Its role in an experiment of the plan, or an empty text."""
        return self.step.use if self.step is not None else ""

    @property
    def fault(self) -> str:
        """The fault that the plan put into the request, or an empty text."""
        return self.step.fault if self.step is not None else ""

    @property
    def valid(self) -> bool | None:
        """Whether the request must be accepted (True) or refused (False); None where unknown."""
        return self.step.valid if self.step is not None else None

    @property
    def submits(self) -> bool:
        """Whether it requests a generation."""
        return self.operation in SUBMISSIONS

    @property
    def accepted(self) -> bool:
        """Whether the provider accepted it as a generation."""
        return self.submits and 200 <= self.status < 300

    @property
    def completed(self) -> bool:
        """Whether the answer is the result of a generation."""
        return (
            self.operation in {"images.generate", "videos.retrieve"}
            and self.status == 200
            and self.object.get("status") == "completed"
        )

    @property
    def generation(self) -> str:
        """The id of the generation that the answer is about, or an empty text."""
        value = self.object.get("id")
        return value if isinstance(value, str) else ""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The media objects of a result."""
        data = self.object.get("data")
        return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []

    @property
    def error(self) -> dict[str, Any]:
        """The error object of the envelope; empty where there is none."""
        value = self.object.get("error")
        return value if isinstance(value, dict) else {}


def read_balance(exchange: HttpExchange) -> Decimal | None:
    """Return the balance that an answer shows, or None."""
    return parse_decimal(exchange.object.get("balance"))


def parse_length(value: str | None) -> int | None:
    """Return a Content-Length, which may have leading zeros; None where it is no number."""
    if not value or not (value.isascii() and value.isdigit()):
        return None
    plain = value.lstrip("0")
    return int(plain or "0") if len(plain) <= _MOST_DIGITS else None


def parse_decimal(value: object) -> Decimal | None:
    """Return the amount that a text or a number states; None for any other value.

    One of more than 15 digits, which binary floating point does not carry, has at most 9 decimal
    places: what is behind them says nothing.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(value)
        if not amount.is_finite():
            return None
        written = amount.as_tuple()
        long = len(written.digits) > _EXACT_DIGITS
        if long and int(written.exponent) < -_DECIMAL_PLACES:
            return round(amount, _DECIMAL_PLACES).normalize()
    except ArithmeticError:
        return None
    return amount


def read_total_cost(exchange: HttpExchange) -> Decimal | None:
    """Return the total cost that a result shows, or None."""
    usage = exchange.object.get("usage")
    return parse_decimal(usage.get("total_cost")) if isinstance(usage, dict) else None
