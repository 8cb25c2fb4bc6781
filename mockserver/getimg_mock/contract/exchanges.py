"""Exchanges: one request with its answer, and what can be read off it.

Whatever is derived from an exchange is computed once and kept with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from getimg_mock.world.operations import SUBMISSIONS, find_operation

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.contract.plans import Send

TERMINAL: Final = ("completed", "failed")
_MAX_PARSED_BODY: Final = 1 << 20
_MAX_DEPTH: Final = 9


class ProviderEffect(NamedTuple):
    """What happened inside a provider that lets us look: a movement of money, or a generation."""

    kind: str
    generation: str | None
    amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class HttpExchange:
    """One request with its answer; header names are in lower case.

    `step` is the step of the plan it came from (None for recorded traffic), `key` the name of the
    key it was sent with, `effects` what it did inside (None where that cannot be known).
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
    effects: tuple[ProviderEffect, ...] | None = None
    spontaneous: bool = False
    """Whether the plan's polling sent it."""

    @cached_property
    def operation(self) -> str:
        """The operation that the request asks for, or an empty text."""
        return find_operation(self.method, self.path)

    @cached_property
    def fields(self) -> dict[str, str]:
        """The answer's headers; of several with one name, the last."""
        return dict(self.headers)

    @property
    def kind(self) -> str:
        """The media type of the answer, without parameters."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def decoded(self) -> tuple[Any, str]:
        """The answer's JSON value with exact decimals, and what is wrong with it (or nothing)."""
        return read_json(self.body)

    @property
    def json(self) -> Any:
        """The answer's JSON value, floats as `Decimal`; None where there is none."""
        return self.decoded[0]

    @cached_property
    def plain(self) -> Any:
        """The answer's JSON value as a schema validator wants it."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def object(self) -> dict[str, Any]:
        """The answer's JSON object; an empty one where the answer is none."""
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def values(self) -> dict[str, list[Any]]:
        """The values of the answer's JSON by the name they stand under, at whatever depth."""
        found: dict[str, list[Any]] = {}
        level = [self.json]
        for _ in range(_MAX_DEPTH):
            objects = [each for each in level if isinstance(each, dict)]
            for each in objects:
                for name, value in each.items():
                    found.setdefault(name, []).append(value)
            inner = [value for each in objects for value in each.values()]
            inner += [value for each in level if isinstance(each, list) for value in each]
            level = [value for value in inner if isinstance(value, (dict, list))]
            if not level:
                break
        return found

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The request's JSON object; an empty one where there is none, or one of many megabytes."""
        body = self.request_body or b""
        value = read_json(body)[0] if len(body) < _MAX_PARSED_BODY else None
        return value if isinstance(value, dict) else {}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def use(self) -> str:
        """The part it plays in an experiment of the plan."""
        return self.step.use if self.step is not None else ""

    @property
    def fault(self) -> str:
        """What the plan made wrong about it."""
        return self.step.fault if self.step is not None else ""

    @property
    def valid(self) -> bool | None:
        """What the plan knows of the request."""
        return self.step.valid if self.step is not None else None

    @property
    def submits(self) -> bool:
        """Whether it asks for a generation."""
        return self.operation in SUBMISSIONS

    @property
    def accepted(self) -> bool:
        """Whether a generation came of it."""
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
        """The media of a result."""
        data = self.object.get("data")
        return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []

    @property
    def error(self) -> dict[str, Any]:
        """The error of the envelope; an empty one where there is none."""
        value = self.object.get("error")
        return value if isinstance(value, dict) else {}


def strip_base(url: str, base: str) -> str:
    """Return a link as requests to `base` write it: path and query, or whole for another host."""
    return url[len(base) :] if url.startswith(base + "/") else url


def read_balance(exchange: HttpExchange) -> Decimal | None:
    """Return the balance that an answer shows, or None."""
    return parse_decimal(exchange.object.get("balance"))


def parse_decimal(value: object) -> Decimal | None:
    """Return an amount, whichever way it is written; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(value)
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None


def read_total_cost(exchange: HttpExchange) -> Decimal | None:
    """Return the total cost that a result shows, or None."""
    usage = exchange.object.get("usage")
    return parse_decimal(usage.get("total_cost")) if isinstance(usage, dict) else None


def read_json(body: bytes) -> tuple[Any, str]:
    """Return the JSON value of `body` with exact decimals, and what is wrong with its text."""
    flaws: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            flaws.append("duplicate keys in an object")
        return found

    def constant(name: str) -> Decimal:
        flaws.append(f"the literal {name}, which JSON does not know")
        return Decimal("NaN")

    if body.startswith(b"\xef\xbb\xbf"):
        flaws.append("a byte order mark")
        body = body[3:]
    try:
        text = body.decode()
        value = json.loads(
            text, parse_float=Decimal, parse_constant=constant, object_pairs_hook=pairs
        )
    except UnicodeDecodeError:
        return None, "bytes that are not UTF-8"
    except (ValueError, RecursionError) as error:
        return None, f"no JSON: {str(error)[:80]}"
    return value, "; ".join(flaws)
