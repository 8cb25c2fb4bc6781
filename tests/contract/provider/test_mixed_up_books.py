"""GP504 and GP509: books are those of the key that asks, and of now."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.provider.mixed_up_books import (
    find_falling_costs,
    find_shared_balances,
    find_shared_costs,
)
from tests.contract.provider.fixed_plans import run_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History

PLAN = "books of two workspaces"


def change(shown: Callable[[HttpExchange, HttpExchange | None], HttpExchange]) -> History:
    """Return the history of a service in which reads of costs and balances are changed.

    `shown` gets each read, and the one before it of the same operation.
    """
    found: list[HttpExchange] = []
    before: dict[str, HttpExchange] = {}
    history = run_plan(PLAN)
    for each in history:
        if each.operation in {"billing.costs", "billing.balance"}:
            read = shown(each, before.get(each.operation))
            before[each.operation] = read
            found.append(read)
        else:
            found.append(each)
    return replace(history, exchanges=tuple(found), own=False)


def share(operation: str) -> Callable[[HttpExchange, HttpExchange | None], HttpExchange]:
    """Return the change by which the second of two keys is shown what the first was."""

    def shown(each: HttpExchange, before: HttpExchange | None) -> HttpExchange:
        other = before is not None and before.key != each.key and before.query == each.query
        if other and each.operation == operation and each.key == "b" and before is not None:
            return replace(each, body=before.body)
        return each

    return shown


@pytest.mark.parametrize(
    ("operation", "find"),
    [("billing.costs", find_shared_costs), ("billing.balance", find_shared_balances)],
)
def test_the_books_of_another_key_are_found(operation: str, find: Callable[..., object]) -> None:
    """What is remembered by its path and query is shown to whoever asks next."""
    wrong, right = change(share(operation)), change(lambda each, _: each)
    assert any(seen.failed for _, seen in find([wrong]))  # type: ignore[attr-defined]  # an iterator
    seen = [each for _, each in find([right])]  # type: ignore[attr-defined]  # an iterator
    assert seen
    assert not any(each.failed for each in seen)


def test_costs_do_not_fall() -> None:
    """A total that is lower than before was one of another workspace, or is an old one."""
    history = change(lambda each, _: each)
    last = history.exchanges[-1]
    empty = json.dumps(last.plain | {"total_cost": 0}).encode()
    later = replace(last, body=empty, at=last.at + timedelta(seconds=9))
    assert not any(seen.failed for _, seen in find_falling_costs([history]))
    fallen = replace(history, exchanges=(*history.exchanges, later))
    assert any(seen.failed for _, seen in find_falling_costs([fallen]))


def test_late_books_are_not_compared() -> None:
    """A service that books late shows two keys the same nothing."""
    first: dict[str, HttpExchange] = {}
    late = change(lambda each, _: replace(each, body=first.setdefault(each.operation, each).body))
    found = [*find_shared_costs([late]), *find_shared_balances([late])]
    assert not any(seen.failed for _, seen in found)
