"""Plans of requests that must be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Send

if TYPE_CHECKING:
    from collections.abc import Iterator


_COSTS: Final = "/v2/billing/costs"


def build_refused_plan(name: str, steps: Iterator[Send]) -> Plan:
    """Return a plan of requests that must all be refused, between two reads of the money."""
    around = (get_balance(use="money"), get(_COSTS, query=DAYS_PLACEHOLDER))
    return Plan(name=name, tier="R1", steps=(*around, *steps, *around))
