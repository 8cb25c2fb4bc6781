# ruff: noqa: D102 - each class says what is wrong with it
"""Ledgers that keep wrong books: each stands in front of a workspace's own."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants_shape import result
from tests.contract.provider.wrapping import Wrap, both, workspaces

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from getimg_mock.world.generations import Product
    from getimg_mock.world.workspaces import Workspace


class LedgerProxy:
    """A ledger that keeps the books of another."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def spend(self, generation: str, amount: Decimal, at: datetime) -> tuple[()]:
        self.hold(generation, amount, at)
        self.charge(generation, amount, at)
        return ()  # both have recorded their effects


class Unbooked(LedgerProxy):
    """A ledger whose money never reaches the costs by date."""

    @property
    def by_date(self) -> dict[Any, Decimal]:
        return {}


class ChargesTwice(LedgerProxy):
    """A ledger that charges each generation twice."""

    def charge(self, generation: str, amount: Decimal, at: datetime) -> None:
        self._ledger.charge(generation, amount, at)
        self._ledger.hold(generation, amount, at)
        self._ledger.charge(generation, amount, at)


class Overdraft(LedgerProxy):
    """A ledger that asks nobody whether the money is there."""

    def require(self, _amount: Decimal) -> None:
        return None


class ChargesFailures(LedgerProxy):
    """A ledger that keeps the money of failed generations."""

    def release(self, generation: str, amount: Decimal, at: datetime) -> None:
        self._ledger.charge(generation, amount, at)


class BooksFailures(LedgerProxy):
    """A ledger that gives the money of failed generations back, but shows it in the costs."""

    def release(self, generation: str, amount: Decimal, at: datetime) -> None:
        self._ledger.release(generation, amount, at)
        self._ledger.by_date[at.date()] = self._ledger.by_date.get(at.date(), Decimal(0)) + amount


def with_ledger(kind: type[LedgerProxy]) -> Wrap:
    """Put a ledger of that kind in front of every workspace's own."""

    def change(workspace: Workspace) -> None:
        wrapped: Any = kind(workspace)
        workspace.ledger = workspace._settlement.ledger = wrapped

    return workspaces(change)


def dearer(more: Callable[[Product], Decimal], edit: Callable[[dict[str, Any]], None]) -> Wrap:
    """Charge `more` for each generation: `edit` puts it into the result, and the books agree."""

    class Dearer(LedgerProxy):
        def charge(self, generation: str, amount: Decimal, at: datetime) -> None:
            self._ledger.charge(generation, amount, at)
            extra = more(self._workspace.generations[generation].product)
            self._ledger.hold(generation, extra, at)
            self._ledger.charge(generation, extra, at)

    return both(with_ledger(Dearer), result(edit))
