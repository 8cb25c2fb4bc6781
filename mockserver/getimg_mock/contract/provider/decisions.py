"""Whether a provider accepted or refused a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# Statuses that say nothing about an input: no response, key, money or rate limit.
IGNORED_STATUSES: Final = (0, 401, 402, 429)


def is_refused(exchange: HttpExchange) -> bool:
    """Whether the response is a 4xx."""
    return 400 <= exchange.status < 500


def expect_refusals(history: History, *faults: str) -> Iterator[Observation]:
    """Require a 4xx for every request that has one of these faults."""
    for each in history.with_fault(*faults):
        if each.valid is False and each.status not in IGNORED_STATUSES:
            where = f" ({each.step.field})" if each.step and each.step.field else ""
            yield expect(
                is_refused(each),
                f"4xx: {each.fault}{where}",
                f"{each.status} {each.body[:120]!r}",
                each,
            )


def expect_successes(history: History, use: str) -> Iterator[Observation]:
    """Require success for every valid request of this use."""
    for each in history.with_role(use):
        if each.valid and each.status not in IGNORED_STATUSES:
            yield expect(
                200 <= each.status < 300, "accepted", f"{each.status} {each.body[:160]!r}", each
            )


def expect_one_decision(history: History, prefix: str) -> Iterator[Observation]:
    """Require one decision within each group whose name has this prefix."""
    for name, group in history.groups.items():
        seen = [each for each in group if each.status not in IGNORED_STATUSES]
        if not name.startswith(prefix) or len(seen) < 2:
            continue
        decisions = {is_refused(each) for each in seen}
        statuses = ", ".join(str(each.status) for each in seen)
        yield expect(len(decisions) == 1, f"one decision for all of {name}", statuses, *seen)
