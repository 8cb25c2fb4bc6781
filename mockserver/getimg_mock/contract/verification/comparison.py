"""Comparing two targets under the same plans."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from getimg_mock.contract.evidence.evidence_file import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.steps import Send


class ExchangePair(NamedTuple):
    """The same step of the same plan on both targets."""

    fake: HttpExchange
    other: HttpExchange
    plan: str


@dataclass(frozen=True)
class Comparison:
    """The histories of the fake and of another target under the same plans.

    `claims` are the marks of evidence for what the fake does, by place. `cited` has the sources
    that a mark may cite, with their days. `observed` has the time at which the real service was
    last seen to keep each check; it counts for `stale_after`. `settings` are those of the fake.
    `unlike` says why the fake cannot have the catalogue of the other target, where it cannot.
    """

    fake: tuple[History, ...] = ()
    other: tuple[History, ...] = ()
    fake_broken: Mapping[str, bool] = field(default_factory=dict)
    other_broken: Mapping[str, bool] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    cited: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, datetime] = field(default_factory=dict)
    now: datetime | None = None
    stale_after: timedelta = STALE_AFTER
    settings: Mapping[str, Any] = field(default_factory=dict)
    unlike: str = ""

    @cached_property
    def pairs(self) -> tuple[ExchangePair, ...]:
        """The exchanges of the steps that both targets were sent, without those of polling."""
        others = {history.plan.name: history for history in self.other}
        return tuple(
            ExchangePair(one, two, history.plan.name)
            for history in self.fake
            if history.plan.name in others
            for one, two in _pair_exchanges(history, others[history.plan.name])
        )


def _pair_exchanges(fake: History, other: History) -> Iterator[tuple[HttpExchange, HttpExchange]]:
    """Pair the exchanges of equal steps, in order."""
    theirs = dict(_number_steps(other))
    for step, one in _number_steps(fake):
        two = theirs.get(step)
        if two is not None:
            yield one, two


def _number_steps(history: History) -> Iterator[tuple[tuple[Send, int], HttpExchange]]:
    counts: Counter[Send] = Counter()
    for each in history:
        if each.step is not None and not each.spontaneous:
            counts[each.step] += 1
            yield (each.step, counts[each.step]), each


def compute_shape(value: Any, pointer: str = "") -> set[tuple[str, str]]:
    """Return the set of (JSON pointer, type) pairs of a value; items of a list share one."""
    found = {(pointer, _find_json_type(value))}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= compute_shape(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for inner in value[:50]:
            found |= compute_shape(inner, f"{pointer}/*")
    return found


def _find_json_type(value: Any) -> str:
    kinds = {bool: "boolean", str: "string", type(None): "null", list: "array", dict: "object"}
    return kinds.get(type(value), "number")
