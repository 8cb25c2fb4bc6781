"""Histories: the exchanges of one plan with one target, numbered and dated.

A history is all that a check sees. A derived value is computed once and cached on its history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from getimg_mock.contract.exchanges import read_balance
from getimg_mock.contract.signed_links import strip_base
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.plans import Plan


class BalanceInterval(NamedTuple):
    """The exchanges of one key between two reads of its balance."""

    before: HttpExchange
    after: HttpExchange
    between: tuple[HttpExchange, ...]

    @property
    def spent(self) -> Decimal | None:
        """By how much the balance fell; None where one of the two cannot be read."""
        first, last = read_balance(self.before), read_balance(self.after)
        return None if first is None or last is None else first - last


@dataclass(frozen=True)
class History:
    """The exchanges of one plan with one target.

    `base` is the address of the target, and `own` is True where that is this package's fake.
    `secrets` are the keys by name, or their placeholders in recorded traffic: they serve to find
    leaks and must not be shown. `models` is the catalogue that the plan was made from.
    """

    plan: Plan
    exchanges: tuple[HttpExchange, ...]
    base: str = "https://api.getimg.ai"
    secrets: tuple[tuple[str, str], ...] = ()
    models: tuple[dict[str, Any], ...] = ()
    own: bool = True
    unresolved: tuple[str, ...] = ()
    """Why steps were left out, or why the plan ended early."""
    hits: dict[str, int] = field(default_factory=dict)
    """How often each rule of the plan acted."""
    carried: frozenset[str] = frozenset()
    """The keys with videos of earlier plans, which may be charged during this plan."""
    full: frozenset[tuple[str, str]] = frozenset()
    """The key and kind (`images`) of each rate limit that an earlier plan had used up."""
    concurrent: bool = False
    """Whether other plans of the key ran at the same time."""

    def __iter__(self) -> Iterator[HttpExchange]:
        return iter(self.exchanges)

    @cached_property
    def unmet(self) -> tuple[str, ...]:
        """The rules of the plan that never acted, so that their faults were not tried."""
        return tuple(rule for rule in self.plan.rules if not self.hits.get(rule))

    @cached_property
    def _by_operation(self) -> dict[str, list[HttpExchange]]:
        found: dict[str, list[HttpExchange]] = {}
        for each in self.exchanges:
            found.setdefault(each.operation, []).append(each)
        return found

    @cached_property
    def _by_operations(self) -> dict[tuple[str, ...], list[HttpExchange]]:
        return {}

    def with_operation(self, *operations: str) -> Sequence[HttpExchange]:
        """Return the exchanges of the operations, in order."""
        if len(operations) == 1:
            return self._by_operation.get(operations[0], ())
        found = self._by_operations.get(operations)
        if found is None:
            found = [each for each in self.exchanges if each.operation in operations]
            self._by_operations[operations] = found
        return found

    @cached_property
    def _by_use(self) -> dict[str, list[HttpExchange]]:
        found: dict[str, list[HttpExchange]] = {}
        for each in self.exchanges:
            if each.use:
                found.setdefault(each.use, []).append(each)
        return found

    def find_named(self, name: str) -> HttpExchange:
        """Return the last exchange of the step called `name`; raises `LookupError`."""
        for each in reversed(self.exchanges):
            if each.step is not None and each.step.name == name:
                return each
        raise LookupError(f"The plan has no step named {name!r}.")

    def with_role(self, use: str) -> Sequence[HttpExchange]:
        """Return the exchanges with this role in an experiment."""
        return self._by_use.get(use, ())

    @cached_property
    def _by_fault(self) -> dict[str, list[HttpExchange]]:
        found: dict[str, list[HttpExchange]] = {}
        for each in self.exchanges:
            if each.fault:
                found.setdefault(each.fault, []).append(each)
        return found

    def with_fault(self, *faults: str) -> Sequence[HttpExchange]:
        """Return the exchanges whose request has one of the faults."""
        if len(faults) == 1:
            return self._by_fault.get(faults[0], ())
        return [each for fault in faults for each in self._by_fault.get(fault, ())]

    @cached_property
    def groups(self) -> dict[str, list[HttpExchange]]:
        """The exchanges of each group, by its name."""
        found: dict[str, list[HttpExchange]] = {}
        for each in self.exchanges:
            if each.step is not None and each.step.group:
                found.setdefault(each.step.group, []).append(each)
        return found

    @cached_property
    def results(self) -> tuple[HttpExchange, ...]:
        """The exchanges whose answer is the result of a generation."""
        return tuple(
            each
            for each in self.with_operation("images.generate", "videos.retrieve")
            if each.completed
        )

    @cached_property
    def polls(self) -> dict[tuple[str, str], list[HttpExchange]]:
        """The answers of status 200 on each video, by key and id in the path."""
        found: dict[tuple[str, str], list[HttpExchange]] = {}
        for each in self.with_operation("videos.retrieve"):
            if each.status == 200 and each.method == "GET":
                found.setdefault((each.key, each.path.rpartition("/")[2]), []).append(each)
        return found

    @cached_property
    def submitted(self) -> dict[str, HttpExchange]:
        """The exchange that made each generation."""
        found: dict[str, HttpExchange] = {}
        for each in self.with_operation(*SUBMISSIONS):
            if each.accepted and each.generation:
                found.setdefault(each.generation, each)
        return found

    @cached_property
    def balance_intervals(self) -> tuple[BalanceInterval, ...]:
        """Each pair of successive reads of a key's balance, with the exchanges between them.

        Downloads need no key, so they count for every key.
        """
        return self._build_intervals(lambda _: True)

    @cached_property
    def ended(self) -> dict[str, HttpExchange]:
        """The first exchange that shows each generation as ended.

        A video is the one that was asked for, whatever id the answer has.
        """
        found: dict[str, HttpExchange] = {}
        for each in self.with_operation("images.generate", "videos.retrieve"):
            if each.status == 200 and each.object.get("status") in TERMINAL and each.generation:
                asked = each.operation == "videos.retrieve"
                found.setdefault(each.path.rpartition("/")[2] if asked else each.generation, each)
        return found

    def is_settled(self, exchange: HttpExchange) -> bool:
        """Whether all that this key had begun was known to have ended at an exchange."""
        known = self._settled.get(exchange.number)
        if known is None:
            known = self._settled[exchange.number] = self._judge_settled(exchange)
        return known

    @cached_property
    def _settled(self) -> dict[int, bool]:
        return {}

    def _judge_settled(self, exchange: HttpExchange) -> bool:
        if self.concurrent or exchange.key in self.carried:
            return False
        for each in self.with_operation(*SUBMISSIONS):
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
    def settled_intervals(self) -> tuple[BalanceInterval, ...]:
        """As `balance_intervals`, but only between two reads at which `is_settled` is true."""
        return self._build_intervals(self.is_settled)

    def _build_intervals(
        self, counts: Callable[[HttpExchange], bool]
    ) -> tuple[BalanceInterval, ...]:
        """Return the intervals between successive reads of a balance, of those that count."""
        found = []
        last: dict[str, int] = {}
        for place, each in enumerate(self.exchanges):
            if not _shows_balance(each) or not counts(each):
                continue
            if each.key in last:
                between = tuple(
                    other
                    for other in self.exchanges[last[each.key] + 1 : place]
                    if other.key in {each.key, "none", "raw"}
                )
                found.append(BalanceInterval(self.exchanges[last[each.key]], each, between))
            last[each.key] = place
        return tuple(found)

    @cached_property
    def media(self) -> dict[str, tuple[HttpExchange, dict[str, Any]]]:
        """The result and the item that each link came with, by its path and query."""
        found: dict[str, tuple[HttpExchange, dict[str, Any]]] = {}
        for result in self.results:
            for item in result.items:
                url = item.get("url")
                if isinstance(url, str):
                    found.setdefault(strip_base(url, self.base), (result, item))
        return found

    @cached_property
    def downloads(self) -> tuple[tuple[HttpExchange, HttpExchange, dict[str, Any]], ...]:
        """Each answer to an unaltered link, with the result and the item of that link.

        Compressed and abandoned ones are left out: their bytes are not those of the file.
        """
        found = []
        for each in self.exchanges:
            known = self.media.get(f"{each.path}?{each.query}" if each.query else each.path)
            if known is not None and not each.coding and not (each.step and each.step.abandons):
                found.append((each, *known))
        return tuple(found)

    def find_model(self, name: object) -> dict[str, Any] | None:
        """Return the model with that id in the catalogue, or None."""
        return next((model for model in self.models if model.get("id") == name), None)


def _shows_balance(exchange: HttpExchange) -> bool:
    return (
        exchange.operation == "billing.balance"
        and exchange.method == "GET"
        and exchange.status == 200
    )
