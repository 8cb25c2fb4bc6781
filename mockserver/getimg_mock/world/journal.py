"""The bounded record of what happened in a workspace: requests, answers and their effects."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from getimg_mock.world.control_steps import MAX_STEPS
from getimg_mock.world.exchange_formatting import format_body, format_headers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from decimal import Decimal

    from getimg_mock.world.control_steps import ControlStep
    from getimg_mock.world.packed_exchanges import PackedExchanges

Headers = list[tuple[bytes, bytes]]

MAX_BODY: Final = 64 * 1024

# Exchanges that a stream takes at a time.
_BATCH: Final = 16

# Approximate size of an exchange without its texts, in bytes.
OVERHEAD: Final = 2000


class Effect(NamedTuple):
    """An effect of a request: a new generation, or a movement of money.

    The effects of a generation's end belong to the request that reports it to the client: for an
    image its own request, for a video the first poll after its end.
    `what` is "generation", "credit", "hold", "charge", "release" or "refund"; `amount` is in US
    dollars, None for a generation.
    """

    what: str
    at: datetime
    amount: Decimal | None = None
    generation: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the effect as control answers and exports show it."""
        return {
            "what": self.what,
            "at": self.at.isoformat(),
            "amount": None if self.amount is None else str(self.amount),
            "generation": self.generation,
        }


# Collects effects. A context variable, so that settling the books needs no parameter for the
# request that triggers it.
_COLLECTED: Final[ContextVar[list[Effect] | None]] = ContextVar("effects", default=None)


class _EffectCollection:
    """Collects the effects of a block; with `passes_on`, an outer collection gets them, too.

    A class, since every request enters two of them: a generator would take three times as long.
    """

    __slots__ = ("_effects", "_passes_on", "_token")

    def __init__(self, effects: list[Effect], *, passes_on: bool) -> None:
        self._effects = effects
        self._passes_on = passes_on

    def __enter__(self) -> list[Effect]:
        self._token = _COLLECTED.set(self._effects)
        return self._effects

    def __exit__(self, *_error: object) -> None:
        _COLLECTED.reset(self._token)
        if self._passes_on:
            outer = _COLLECTED.get()
            if outer is not None:
                outer += self._effects


def collect_effects() -> AbstractContextManager[list[Effect]]:
    """Collect the effects of the block.

    An outer collection gets the effects too, when the block ends.
    """
    return _EffectCollection([], passes_on=True)


def withhold_effects(effects: list[Effect]) -> AbstractContextManager[list[Effect]]:
    """Add the effects of the block to `effects`, and to no other collection."""
    return _EffectCollection(effects, passes_on=False)


def record_effect(*effects: Effect) -> None:
    """Add effects to the collection of the current context, if there is one."""
    collected = _COLLECTED.get()
    if collected is not None:
        collected += effects


class Exchange(NamedTuple):
    """One request with its answer. Bodies are cut at `MAX_BODY` bytes; keys are redacted.

    `at` is the workspace's time and `wall` real time, both at the start of the request; `seconds`
    is the real time that the answer took. `rules` are the ids of the scenario rules that acted, the
    strongest first, `fault` names the fault applied to the answer, or is None. `sent` is False when
    no complete answer was sent. `unknown_fields` are the paths of the fields in the request's body
    that the API does not document, such as `images[0].mask`. The journal assigns the number.
    """

    number: int
    at: datetime
    wall: datetime
    operation: str
    method: str
    path: str
    query: str
    request_headers: Headers
    request_body: bytes
    request_size: int
    status: int
    headers: Headers
    body: bytes
    size: int
    seconds: float
    generation: str | None = None
    rules: tuple[str, ...] = ()
    fault: str | None = None
    sent: bool = True
    effects: tuple[Effect, ...] = ()
    unknown_fields: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the exchange as control answers and exports show it."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "wall": self.wall.isoformat(),
            "operation": self.operation,
            "request": {
                "method": self.method,
                "path": self.path,
                "query": self.query,
                "headers": format_headers(self.request_headers),
                "size": self.request_size,
                **format_body(self.request_body, self.request_size),
            },
            "response": {
                "status": self.status,
                "headers": format_headers(self.headers),
                "size": self.size,
                "sent": self.sent,
                **format_body(self.body, self.size),
            },
            "milliseconds": round(self.seconds * 1000, 3),
            "generation": self.generation,
            "rules": list(self.rules),
            "fault": self.fault,
            "unknown_fields": list(self.unknown_fields),
            "effects": [effect.as_json() for effect in self.effects],
        }

    @property
    def weight(self) -> int:
        """Its approximate size in memory, in bytes."""
        return OVERHEAD + len(self.join_texts())

    def join_texts(self) -> bytes:
        """Return every text of the request and the answer, concatenated."""
        target = f"{self.path}\n{self.query}".encode("latin-1", "replace")
        others = (target, self.request_body, self.body)
        return b"\n".join(chain.from_iterable((*self.request_headers, *self.headers, others)))


class Draft(Protocol):
    """An exchange as its parts: most are never read, so an exchange is made of it on demand."""

    @property
    def at(self) -> datetime:
        """The workspace's time at the start of the request."""

    @property
    def operation(self) -> str:
        """The name of the operation."""

    @property
    def path(self) -> str:
        """The path of the request, with keys not redacted yet."""

    @property
    def generation(self) -> str | None:
        """The id of the generation that the request made, polled or downloaded."""

    @property
    def body(self) -> bytes:
        """The body of the answer, with keys not redacted yet."""

    def write_out(self, number: int) -> Exchange:
        """Return the exchange."""

    def pack(self, number: int, batch: PackedExchanges[Exchange]) -> None:
        """Add the exchange to those that are kept together."""


DraftListener = Callable[["Exchange | Draft", int], None]


class Journal:
    """The last exchanges of one workspace: at most `bound` of them and about `budget` bytes.

    `steps` are the last control commands that changed the workspace, oldest first.
    """

    def __init__(self, *, bound: int = 1000, budget: int = 16 * 1024 * 1024) -> None:
        self._bound = bound
        self._budget = budget
        self._lock = threading.Lock()
        # With the approximate size of each.
        self._exchanges: deque[Exchange | Draft] = deque()
        self._weights: deque[int] = deque()
        self._weight = 0
        self._listeners: list[Callable[[Exchange], None]] = []
        self._draft_listeners: list[DraftListener] = []
        self._recorded = 0
        self.steps: deque[ControlStep] = deque(maxlen=MAX_STEPS)
        self._stepped = 0

    def record_step(self, step: ControlStep) -> None:
        """Keep a control command, numbered; the oldest of more than `MAX_STEPS` is dropped."""
        with self._lock:
            self._stepped += 1
            self.steps.append(step._replace(number=self._stepped))

    def find(self, number: int) -> Exchange | None:
        """Return the exchange of that number, or None where it is not kept."""
        return next(self.stream(after=number - 1, up_to=number), None)

    def record(self, exchange: Exchange, weight: int | None = None) -> None:
        """Keep an exchange, number it, drop the oldest, and call the listeners.

        Pass `weight` if it is known: computing it takes time.
        """
        if weight is None:
            weight = exchange.weight
        with self._lock:
            # Numbered under the lock, so that the numbers rise in the order of the journal.
            self._recorded += 1
            exchange = Exchange(self._recorded, *exchange[1:])
            self._keep(exchange, weight)
        self._call_listeners(exchange)

    def record_draft(self, draft: Draft, weight: int) -> None:
        """Do what `record` does, and make the exchange when it is read."""
        if self._listeners:
            self.record(draft.write_out(0), weight)
            return
        with self._lock:
            self._recorded = number = self._recorded + 1
            self._keep(draft, weight)
        for listener in self._draft_listeners:
            listener(draft, number)

    add_draft = record_draft
    """Does the same; of a durable store, in a unit of work that has the workspace."""

    def _call_listeners(self, exchange: Exchange) -> None:
        for listener in tuple(self._listeners):
            listener(exchange)
        for draft_listener in self._draft_listeners:
            draft_listener(exchange, exchange.number)

    def _keep(self, item: Exchange | Draft, weight: int) -> None:
        exchanges = self._exchanges
        exchanges.append(item)
        self._weights.append(weight)
        self._weight += weight
        while len(exchanges) > self._bound or (self._weight > self._budget and len(exchanges) > 1):
            exchanges.popleft()
            self._weight -= self._weights.popleft()

    def _read(self, index: int) -> Exchange:
        """Return the exchange at an index; numbers are consecutive, so the index tells its own."""
        item = self._exchanges[index]
        if not isinstance(item, Exchange):
            number = self._recorded - len(self._exchanges) + 1 + index
            item = self._exchanges[index] = item.write_out(number)
        return item

    def query(
        self,
        *,
        operation: str | None = None,
        status: int | None = None,
        generation: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
    ) -> list[Exchange]:
        """Return the exchanges that match all given criteria, oldest first.

        `operation` may be a glob (`videos.*`); `since` and `until` are moments of the workspace's
        clock, both inclusive; `after` is an exchange's number.
        """
        return [
            each
            for each in self
            if each.number > after and _matches(each, operation, status, generation, since, until)
        ]

    @property
    def newest(self) -> int:
        """The number of the exchange recorded last, 0 before the first."""
        return self._recorded

    def stream(self, *, up_to: int | None = None, **criteria: Any) -> Iterator[Exchange]:
        """Yield what `query` returns, up to the number `up_to` (default: the newest's).

        Keeps a position instead of the exchanges, so that a slow reader costs no memory. Exchanges
        that the journal drops meanwhile are left out.
        """
        last, at = self._recorded if up_to is None else up_to, criteria.pop("after", 0)
        while at < last:
            batch, at = self._read_batch(at, last)
            yield from (each for each in batch if _matches(each, **criteria))

    def _read_batch(self, after: int, last: int) -> tuple[list[Exchange], int]:
        """Return the next exchanges after a number, and the number to continue after."""
        with self._lock:
            if not self._exchanges:
                return [], last
            first = self._recorded - len(self._exchanges) + 1
            start = max(0, after + 1 - first)
            stop = min(start + _BATCH, last + 1 - first, len(self._exchanges))
            batch = [self._read(index) for index in range(start, stop)]
            return batch, (batch[-1].number if batch else last)

    def count(self, **criteria: Any) -> int:
        """Return the number of exchanges that match the criteria of `query`."""
        return len(self.query(**criteria))

    def subscribe(self, listener: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call `listener` with every new exchange; returns a function that unsubscribes it.

        It runs in the thread that answered the request, and must not block.
        """
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def subscribe_drafts(self, listener: DraftListener) -> None:
        """Call `listener`, as `subscribe` does, with new exchanges or drafts, and their numbers."""
        # Replaced, so that it can be iterated over without a copy.
        self._draft_listeners = [*self._draft_listeners, listener]

    def clear(self) -> None:
        """Delete every exchange and control step; numbering continues."""
        with self._lock:
            self._exchanges.clear()
            self._weights.clear()
            self.steps.clear()
            self._weight = 0

    def __iter__(self) -> Iterator[Exchange]:
        with self._lock:
            return iter([self._read(index) for index in range(len(self._exchanges))])

    def __len__(self) -> int:
        return len(self._exchanges)


def _matches(  # noqa: PLR0917 - the criteria of `query`, in its order
    exchange: Exchange,
    operation: str | None = None,
    status: int | None = None,
    generation: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> bool:
    return (
        (operation is None or fnmatchcase(exchange.operation, operation))
        and (status is None or exchange.status == status)
        and (generation is None or exchange.generation == generation)
        and (since is None or exchange.at >= since)
        and (until is None or exchange.at <= until)
    )
