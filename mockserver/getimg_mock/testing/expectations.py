"""Requests that a test expects of its client, checked against the journal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

from getimg_mock.errors import UnknownNameError
from getimg_mock.testing.differences import ABSENT, describe_difference, find_differences
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.control.handles import JournalHandle
    from getimg_mock.control.journal_entries import ExchangeHandle

_ANY: Final = "unknown"


def check_operation(operation: str) -> str:
    """Return an operation, or a glob that matches one; raises `UnknownNameError`."""
    if not any(fnmatchcase(each, operation) for each in (*OPERATIONS, _ANY)):
        raise UnknownNameError("operation", operation, OPERATIONS)
    return operation


class ComparedExchange(NamedTuple):
    """An exchange, with its differences from what was expected."""

    exchange: ExchangeHandle
    differences: list[str]


class Expectation:
    """Expected requests of an operation, counted from the call of `expect` on."""

    def __init__(self, journal: JournalHandle, operation: str) -> None:
        self.operation = operation
        self._journal = journal
        self._after = max((each.number for each in journal), default=0)
        self._body: dict[str, Any] = {}
        self._query: dict[str, Any] = {}
        self._status: int | None = None
        self._least = 1
        self._most: int | None = None

    def with_body(self, **fields: Any) -> Self:
        """Count only requests whose JSON body has these fields; further fields are allowed.

        A value may be a compiled regular expression (searched for), a function that returns whether
        it matches, `...` for any value, or `ABSENT` for a field that must be missing.
        """
        self._body |= fields
        return self

    def with_query(self, **parameters: Any) -> Self:
        """Count only requests with these query parameters, compared as text."""
        self._query |= parameters
        return self

    def with_status(self, status: int) -> Self:
        """Count only requests that were answered with this status."""
        self._status = status
        return self

    def times(self, number: int) -> Self:
        """Expect exactly `number` requests."""
        self._least = self._most = number
        return self

    def at_least(self, number: int) -> Self:
        """Expect `number` requests or more."""
        self._least, self._most = number, None
        return self

    def at_most(self, number: int) -> Self:
        """Expect `number` requests or fewer, including none."""
        self._least, self._most = 0, number
        return self

    def never(self) -> Self:
        """Expect no request."""
        return self.times(0)

    @property
    def met(self) -> list[ExchangeHandle]:
        """The matching exchanges, oldest first."""
        return [each.exchange for each in self._describe_seen() if not each.differences]

    def describe_failure(self) -> str | None:
        """Return why the expectation is not met, with the nearest exchange; None if it is met."""
        seen = self._describe_seen()
        met = [each.exchange for each in seen if not each.differences]
        if self._least <= len(met) and (self._most is None or len(met) <= self._most):
            return None
        lines = [f"Expected {self}, but there {_format_count(len(met))}."]
        if len(met) > self._least:
            lines += [f"    {format_exchange(each)}" for each in met[:5]]
        else:
            lines += self._describe_nearest(seen)
        return "\n".join(lines)

    def fits(self, exchange: ExchangeHandle) -> bool:
        """Return whether an exchange matches."""
        return (
            exchange.number > self._after
            and fnmatchcase(exchange.operation, self.operation)
            and not self._find_differences(exchange)
        )

    def __str__(self) -> str:
        parts = []
        if self._body:
            parts.append(_format_value("body", self._body))
        if self._query:
            parts.append(_format_value("query", self._query))
        if self._status is not None:
            parts.append(f"status {self._status}")
        with_ = f" with {', '.join(parts)}" if parts else ""
        return f"{self._describe_number()} {self.operation}{with_}"

    def _describe_number(self) -> str:
        if self._most is None:
            return f"at least {self._least}"
        if self._most == self._least:
            return "no" if not self._most else f"exactly {self._most}"
        return f"at most {self._most}"

    def _describe_nearest(self, seen: Sequence[ComparedExchange]) -> list[str]:
        off = sorted((each for each in seen if each.differences), key=lambda s: len(s.differences))
        if not off:
            everything = [each for each in self._journal if each.number > self._after]
            if not everything:
                return ["No request came to this workspace."]
            return [
                "These came instead:",
                *(f"    {format_exchange(each)}" for each in everything[:5]),
            ]
        nearest = off[0]
        return [
            f"Nearest: {format_exchange(nearest.exchange)}",
            *(f"    {difference}" for difference in nearest.differences),
        ]

    def _describe_seen(self) -> list[ComparedExchange]:
        found = self._journal.query(operation=self.operation, after=self._after)
        return [ComparedExchange(each, self._find_differences(each)) for each in found]

    def _find_differences(self, exchange: ExchangeHandle) -> list[str]:
        found: list[str] = []
        if self._body:
            body, is_cut = read_body(exchange)
            found += find_differences(self._body, body, is_cut=is_cut)
        if self._query:
            texts = {name: _to_text(value) for name, value in self._query.items()}
            found += find_differences(
                texts, dict(parse_qsl(exchange.query, keep_blank_values=True))
            )
        if self._status is not None and exchange.status != self._status:
            found.append(describe_difference("status", self._status, exchange.status))
        return found


@dataclass(frozen=True, slots=True)
class ExpectedOrder:
    """Expectations whose first matching exchanges must come in this order."""

    expectations: tuple[Expectation, ...]

    def describe_failure(self) -> str | None:
        """Return what came out of order, or None."""
        last = 0
        for expectation in self.expectations:
            later = [each for each in expectation.met if each.number > last]
            if not later:
                return self._describe_order(expectation, last)
            last = later[0].number
        return None

    def _describe_order(self, missing: Expectation, last: int) -> str:
        lines = ["Expected in this order:"]
        for number, expectation in enumerate(self.expectations, 1):
            came = ", ".join(f"#{each.number}" for each in expectation.met[:5]) or "never"
            mark = "  <-- none after" + f" #{last}" if expectation is missing and last else ""
            lines.append(f"    {number}. {expectation.operation}: {came}{mark}")
        return "\n".join(lines)


def read_body(exchange: ExchangeHandle) -> tuple[Any, bool]:
    """Return the JSON body of a request, and whether the journal has only its beginning."""
    text = exchange.request.body.decode("utf-8", "replace")
    if exchange.request.size <= len(exchange.request.body):
        try:
            return json.loads(text), False
        except ValueError:
            return ABSENT, False
    return _parse_beginning(text), True


def _parse_beginning(text: str) -> dict[str, Any]:
    """Return the complete fields of a JSON object whose text is cut."""
    decoder, found = json.JSONDecoder(), {}
    at = text.find("{") + 1
    try:
        while at > 0:
            at = _skip_letters(text, at, " \t\r\n,")
            name, at = decoder.raw_decode(text, at)
            at = _skip_letters(text, at, " \t\r\n:")
            found[name], at = decoder.raw_decode(text, at)
    except ValueError:
        pass
    return found


def _skip_letters(text: str, at: int, letters: str) -> int:
    while at < len(text) and text[at] in letters:
        at += 1
    return at


def format_exchange(exchange: ExchangeHandle) -> str:
    """Return an exchange as one line."""
    status = exchange.status or "no answer"
    return f"#{exchange.number} {exchange.operation} -> {status}"


def _format_count(number: int) -> str:
    return {0: "were none", 1: "was 1"}.get(number, f"were {number}")


def _format_value(what: str, values: Mapping[str, Any]) -> str:
    return f"{what} ({', '.join(f'{name}={value!r}' for name, value in values.items())})"


def _to_text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) else value
