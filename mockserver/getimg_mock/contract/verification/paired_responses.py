"""Paired responses of two targets that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock import schemas
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.verification.comparison import Comparison, ExchangePair


_IGNORED_STATUSES: Final = (0, 402, 429)


def select_judgeable(comparison: Comparison) -> Iterator[ExchangePair]:
    """Yield the pairs whose status does not depend on money, limits or lost responses."""
    for pair in comparison.pairs:
        if pair.fake.status not in _IGNORED_STATUSES and pair.other.status not in _IGNORED_STATUSES:
            yield pair


def fits_schema(exchange: HttpExchange) -> bool:
    """Whether a response is valid by the schema of its operation and status, if it has one."""
    name = find_answer_schema(exchange.operation, exchange.status)
    return name is None or not schemas.violations(name, exchange.plain)
