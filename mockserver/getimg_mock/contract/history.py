"""Histories: what a target answered to a plan, numbered and dated.

A check sees nothing else. Whatever is derived from a history is computed once and kept with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from getimg_mock.contract.exchanges import TERMINAL, balance_of, local
from getimg_mock.contract.plans import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from getimg_mock.contract.exchanges import Exchange
    from getimg_mock.contract.plans import Plan


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

    `base` is the address of the target, `secrets` the keys in use by name, or what stands for them
    in recorded traffic (to look for leaks, never to be shown), `models` the catalogue as the plan
    knew it, `own` whether the target is our fake.
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

    @property
    def unmet(self) -> tuple[str, ...]:
        """The rules of the plan that never acted: what was to be tried was not."""
        return tuple(rule for rule in self.plan.rules if not self.hits.get(rule))

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
                    if other.key in {each.key, "none", "raw"}
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
