"""The journal of a workspace that is kept in rows, and its clock that processes share."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.store.encoding import decode_step
from getimg_mock.store.exchange_rows import ExchangeBatch, add_item, decode_exchanges
from getimg_mock.world.clock import VirtualClock, wall_seconds
from getimg_mock.world.control_steps import MAX_STEPS, ControlStep
from getimg_mock.world.journal import Exchange, Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from getimg_mock.world.holdings import ReentrantLock
    from getimg_mock.world.journal import Draft

# Rows of exchanges that are read at a time.
_ROWS: Final = 16
# Rows whose sizes are read at a time to find what exceeds the budget.
_WEIGHED: Final = 64


class ExchangeReader(Protocol):
    """What the journal asks of its workspace's rows."""

    def read_exchanges(self, first: int, limit: int) -> list[bytes]:
        """Return at most `limit` rows of exchanges, from that with number `first` on."""

    def read_weights(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the last number and the sizes of at most `limit` rows, from `first` on."""

    def read_steps(self) -> list[str]:
        """Return the control commands that are kept."""


class StoredJournal(Journal):
    """A journal whose exchanges are in rows.

    `recorded` is the number of the last exchange, `first` that of the oldest one that is left,
    `weight` their size; `stepped` and `first_step` are the same for control commands. `added`,
    `added_steps` are not kept yet; each of the first has its number and its size.
    """

    _unit: ReentrantLock
    _reader: ExchangeReader

    def __init__(self, *, bound: int, budget: int, watch: Callable[[], object]) -> None:
        super().__init__(bound=bound, budget=budget)
        self._watch = watch
        self.recorded = 0
        self.first = 1
        self.weight = 0
        self.stepped = 0
        self.first_step = 1
        self._row_weights: dict[int, int] = {}
        self.added: list[tuple[int, Exchange | Draft, int]] = []
        self.added_steps: list[ControlStep] = []

    @property
    def has_listeners(self) -> bool:
        """Whether anything waits for new exchanges."""
        return bool(self._listeners)

    def bind(self, lock: ReentrantLock, reader: ExchangeReader) -> None:
        """Continue with the rows of another epoch of the same workspace."""
        self._unit = lock
        self._reader = reader

    def subscribe(self, listener: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call `listener` with new exchanges; for those of other processes only with the newest."""
        unsubscribe = super().subscribe(listener)
        self._watch()
        return unsubscribe

    def announce(self) -> None:
        """Call the listeners with the newest exchange, which another process has recorded."""
        if self._listeners:
            for each in self._read_batch(self.recorded - 1, self.recorded)[0]:
                self._call_listeners(each)

    def note_kept(self) -> None:
        """Note that what was added is kept now."""
        self.added.clear()
        self.added_steps.clear()

    def forget(self) -> None:
        """Drop what was added and not kept."""
        self.note_kept()
        self._row_weights.clear()

    def record(self, exchange: Exchange, weight: int | None = None) -> None:
        """Keep an exchange, number it, drop the oldest, and call the listeners."""
        if weight is None:
            weight = exchange.weight
        with self._unit:
            exchange = Exchange(self.recorded + 1, *exchange[1:])
            self._add(exchange, weight)
        self._call_listeners(exchange)

    def record_draft(self, draft: Draft, weight: int) -> None:
        """Do what `record` does, and make the exchange when it is kept."""
        if self._listeners:
            self.record(draft.write_out(0), weight)
            return
        with self._unit:
            number = self._add(draft, weight)
        for listener in self._draft_listeners:
            listener(draft, number)

    def add_draft(self, draft: Draft, weight: int) -> None:
        """Do what `record_draft` does, in a unit of work that has the workspace."""
        if self._listeners or self._draft_listeners:
            self.record_draft(draft, weight)
        else:
            self._add(draft, weight)

    def _add(self, item: Exchange | Draft, weight: int) -> int:
        self.recorded = number = self.recorded + 1
        self.weight += weight
        self.added.append((number, item, weight))
        return number

    def encode_added(self) -> dict[int, tuple[bytes, bytes]]:
        """Return the row of the exchanges that are not kept yet, by the number of the last."""
        batch, weights = ExchangeBatch(), []
        for number, item, weight in self.added:
            if number >= self.first:
                add_item(batch, item, number)
                weights.append(weight)
        if not weights:
            return {}
        return {self.recorded: (b",".join([b"%d" % each for each in weights]), batch.encode())}

    def drop_oldest(self) -> None:
        """Drop what exceeds the bounds.

        It is done once for all that a commit keeps, or what reads the journal before.
        """
        while self.recorded - self.first + 1 > self._bound or (
            self.weight > self._budget and self.first < self.recorded
        ):
            self.weight -= self._find_weight(self.first)
            self.first += 1

    def _find_weight(self, number: int) -> int:
        """Return the size of an exchange; those of the next ones are read with it."""
        if number not in self._row_weights:
            self._row_weights = {}
            for last, weights in self._reader.read_weights(number, _WEIGHED):
                sizes = weights.split(b",")
                numbers = range(last - len(sizes) + 1, last + 1)
                self._row_weights |= zip(numbers, map(int, sizes), strict=True)
            self._row_weights |= {added: weight for added, _, weight in self.added}
        return self._row_weights.pop(number, 0)

    def record_step(self, step: ControlStep) -> None:
        """Keep a control command, numbered; the oldest of more than `MAX_STEPS` is dropped."""
        with self._unit:
            self.stepped += 1
            self.added_steps.append(step._replace(number=self.stepped))
            self.first_step = max(self.first_step, self.stepped - MAX_STEPS + 1)

    @property
    def steps(self) -> deque[ControlStep]:
        """The last control commands that changed the workspace, oldest first."""
        with self._unit:
            kept = [decode_step(each) for each in self._reader.read_steps()]
            found = (each for each in (*kept, *self.added_steps) if each.number >= self.first_step)
            return deque(found, maxlen=MAX_STEPS)

    @steps.setter
    def steps(self, _steps: deque[ControlStep]) -> None:
        """Ignore the empty steps of a new journal."""

    @property
    def newest(self) -> int:
        """The number of the exchange recorded last, 0 before the first."""
        with self._unit:
            return self.recorded

    def stream(self, *, up_to: int | None = None, **criteria: object) -> Iterator[Exchange]:
        """Yield what `query` returns, up to the number `up_to` (default: the newest's)."""
        return super().stream(up_to=self.newest if up_to is None else up_to, **criteria)

    def _read_batch(self, after: int, last: int) -> tuple[list[Exchange], int]:
        with self._unit:
            self.drop_oldest()
            first, end = max(self.first, after + 1), min(last, self.recorded)
            if first > end:
                return [], last
            batch = list(self._read_kept(first, end))
            if not batch or batch[-1].number < end:
                batch += [
                    item if isinstance(item, Exchange) else item.write_out(number)
                    for number, item, _ in self.added
                    if first <= number <= end
                ]
            return batch, (batch[-1].number if batch else last)

    def _read_kept(self, first: int, last: int) -> Iterator[Exchange]:
        """Yield exchanges that are kept, those of some rows."""
        for row in self._reader.read_exchanges(first, _ROWS):
            for exchange in decode_exchanges(row):
                if exchange.number > last:
                    return
                if exchange.number >= first:
                    yield exchange

    def clear(self) -> None:
        """Delete every exchange and control step; numbering continues."""
        with self._unit:
            self.first, self.weight = self.recorded + 1, 0
            self.first_step = self.stepped + 1
            self.added.clear()
            self.added_steps.clear()

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self.stream()))

    def __len__(self) -> int:
        with self._unit:
            self.drop_oldest()
            return self.recorded - self.first + 1


class StoredClock(VirtualClock):
    """A clock that every process reads alike, as it counts the real time of the machine.

    `touch` is called before the time is read: within a unit of work it reads what is kept. `watch`
    is called before something waits.
    """

    def __init__(
        self, lock: ReentrantLock, touch: Callable[[], object], watch: Callable[[], object]
    ) -> None:
        super().__init__(timer=wall_seconds)
        self._unit = lock
        self._touch = touch
        self._watch = watch

    def block(self, moment: datetime | None, changes: int) -> None:
        """Block this thread as `pause` suspends a coroutine."""
        self._watch()
        super().block(moment, changes)

    async def pause(self, moment: datetime | None, changes: int) -> None:
        """Return at `moment`, or when `self.changes` is no longer `changes`."""
        self._watch()
        await super().pause(moment, changes)

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        self._touch()
        return super().now()

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second; 0 when frozen."""
        self._touch()
        return self._state[2]

    def scale(self, rate: float) -> None:
        """Run at `rate` from now on."""
        with self._unit:
            super().scale(rate)

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to `moment` and return the new time."""
        with self._unit:
            return super().advance_to(moment)
