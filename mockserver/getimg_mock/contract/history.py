"""Histories: what a target answered to a plan, numbered and dated.

A check sees nothing else. Whatever is derived from an exchange is computed once and kept with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from getimg_mock.contract.plans import SUBMISSIONS, operation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from getimg_mock.contract.plans import Plan, Send

TERMINAL: Final = ("completed", "failed")
_LARGE: Final = 1 << 20


class Effect(NamedTuple):
    """What happened inside a provider that lets us look: a movement of money, or a generation."""

    kind: str
    generation: str | None
    amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Exchange:
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
    effects: tuple[Effect, ...] | None = None
    spontaneous: bool = False
    """Whether the plan's polling sent it."""

    @cached_property
    def operation(self) -> str:
        """The operation that the request asks for, or an empty text."""
        return operation_of(self.method, self.path)

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
    def asked(self) -> dict[str, Any]:
        """The request's JSON object; an empty one where there is none, or one of many megabytes."""
        body = self.request_body or b""
        value = read_json(body)[0] if len(body) < _LARGE else None
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


class Window(NamedTuple):
    """What one key did between two looks at its balance."""

    before: Exchange
    after: Exchange
    between: tuple[Exchange, ...]

    @property
    def spent(self) -> Decimal | None:
        """By how much the balance fell; None where one of the two is unreadable."""
        first, last = balance_of(self.before), balance_of(self.after)
        return None if first is None or last is None else first - last


@dataclass(frozen=True)
class History:
    """What one target answered to one plan.

    `base` is the address of the target, `secrets` the keys in use by name (to look for leaks, never
    to be shown), `models` the catalogue as the plan knew it, `own` whether the target is our fake.
    """

    plan: Plan
    exchanges: tuple[Exchange, ...]
    base: str = "https://api.getimg.ai"
    secrets: tuple[tuple[str, str], ...] = ()
    models: tuple[dict[str, Any], ...] = ()
    own: bool = True
    unresolved: tuple[str, ...] = ()
    """Steps that could not be sent, since what they refer to was not there."""
    hits: dict[str, int] = field(default_factory=dict)
    """How often each rule of the plan was met."""

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    @cached_property
    def _by_operation(self) -> dict[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = {}
        for each in self.exchanges:
            found.setdefault(each.operation, []).append(each)
        return found

    def of(self, *operations: str) -> Sequence[Exchange]:
        """Return the exchanges of the operations, in their order."""
        if len(operations) == 1:
            return self._by_operation.get(operations[0], ())
        return [each for each in self.exchanges if each.operation in operations]

    @cached_property
    def _by_use(self) -> dict[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = {}
        for each in self.exchanges:
            if each.use:
                found.setdefault(each.use, []).append(each)
        return found

    def named(self, name: str) -> Exchange:
        """Return the last exchange of the step called `name`; raises `LookupError`."""
        for each in reversed(self.exchanges):
            if each.step is not None and each.step.name == name:
                return each
        raise LookupError(f"no step is called {name!r}")

    def used(self, use: str) -> Sequence[Exchange]:
        """Return the exchanges that play this part in an experiment."""
        return self._by_use.get(use, ())

    @cached_property
    def _by_fault(self) -> dict[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = {}
        for each in self.exchanges:
            if each.fault:
                found.setdefault(each.fault, []).append(each)
        return found

    def faulty(self, *faults: str) -> Sequence[Exchange]:
        """Return the exchanges whose request has one of the faults."""
        if len(faults) == 1:
            return self._by_fault.get(faults[0], ())
        return [each for fault in faults for each in self._by_fault.get(fault, ())]

    @cached_property
    def groups(self) -> dict[str, list[Exchange]]:
        """The exchanges of each group."""
        found: dict[str, list[Exchange]] = {}
        for each in self.exchanges:
            if each.step is not None and each.step.group:
                found.setdefault(each.step.group, []).append(each)
        return found

    @cached_property
    def results(self) -> tuple[Exchange, ...]:
        """The exchanges whose answer is the result of a generation."""
        return tuple(
            each for each in self.of("images.generate", "videos.retrieve") if each.completed
        )

    @cached_property
    def looks(self) -> dict[tuple[str, str], list[Exchange]]:
        """The status answers (200) of each video, by key and the id that was asked for."""
        found: dict[tuple[str, str], list[Exchange]] = {}
        for each in self.of("videos.retrieve"):
            if each.status == 200 and each.method == "GET":
                found.setdefault((each.key, each.path.rpartition("/")[2]), []).append(each)
        return found

    @cached_property
    def submitted(self) -> dict[str, Exchange]:
        """The exchange that made each generation."""
        found: dict[str, Exchange] = {}
        for each in self.of(*SUBMISSIONS):
            if each.accepted and each.generation:
                found.setdefault(each.generation, each)
        return found

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Each pair of successive looks at a key's balance, with what the key did between them.

        Downloads need no key: they belong to every key.
        """
        return self._between(lambda _: True)

    @cached_property
    def ended(self) -> dict[str, Exchange]:
        """The first exchange that shows each generation at its end."""
        found: dict[str, Exchange] = {}
        for each in self.of("images.generate", "videos.retrieve"):
            if each.status == 200 and each.object.get("status") in TERMINAL and each.generation:
                found.setdefault(each.generation, each)
        return found

    def quiet(self, exchange: Exchange) -> bool:
        """Whether nothing that this key began was unfinished, or unknown, at an exchange."""
        for each in self.of(*SUBMISSIONS):
            if each.number >= exchange.number:
                break
            if each.key != exchange.key or 400 <= each.status < 500:
                continue
            end = self.ended.get(each.generation) if each.accepted else None
            if each.status >= 500 and each.valid is not None:
                continue
            if end is None or end.number > exchange.number:
                return False
        return True

    @cached_property
    def spans(self) -> tuple[Window, ...]:
        """As `windows`, but only from quiet to quiet: everything begun has ended at both ends."""
        return self._between(self.quiet)

    def _between(self, counts: Callable[[Exchange], bool]) -> tuple[Window, ...]:
        """Return what lies between successive looks at a balance, of the looks that count."""
        found = []
        last: dict[str, int] = {}
        for place, each in enumerate(self.exchanges):
            if not _shows_balance(each) or not counts(each):
                continue
            if each.key in last:
                between = tuple(
                    other
                    for other in self.exchanges[last[each.key] + 1 : place]
                    if other.key == each.key or other.key not in {"a", "b"}
                )
                found.append(Window(self.exchanges[last[each.key]], each, between))
            last[each.key] = place
        return tuple(found)

    @cached_property
    def media(self) -> dict[str, tuple[Exchange, dict[str, Any]]]:
        """The result and the item that each link (from its path on) was given out with."""
        found: dict[str, tuple[Exchange, dict[str, Any]]] = {}
        for result in self.results:
            for item in result.items:
                url = item.get("url")
                if isinstance(url, str):
                    found.setdefault(local(url, self.base), (result, item))
        return found

    @cached_property
    def downloads(self) -> tuple[tuple[Exchange, Exchange, dict[str, Any]], ...]:
        """Each answer to an unaltered link, with the result and the item of that link."""
        found = []
        for each in self.exchanges:
            known = self.media.get(f"{each.path}?{each.query}" if each.query else each.path)
            if known is not None:
                found.append((each, *known))
        return tuple(found)

    def model(self, name: object) -> dict[str, Any] | None:
        """Return the model of that id as the catalogue has it, or None."""
        return next((model for model in self.models if model.get("id") == name), None)


def _shows_balance(exchange: Exchange) -> bool:
    return (
        exchange.operation == "billing.balance"
        and exchange.method == "GET"
        and exchange.status == 200
    )


def local(url: str, base: str) -> str:
    """Return a link as requests to `base` write it: path and query, or whole for another host."""
    return url[len(base) :] if url.startswith(base + "/") else url


def balance_of(exchange: Exchange) -> Decimal | None:
    """Return the balance that an answer shows, or None."""
    return decimal(exchange.object.get("balance"))


def decimal(value: object) -> Decimal | None:
    """Return an amount, whichever way it is written; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(value)
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None


def total_of(exchange: Exchange) -> Decimal | None:
    """Return the total cost that a result shows, or None."""
    usage = exchange.object.get("usage")
    return decimal(usage.get("total_cost")) if isinstance(usage, dict) else None


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
