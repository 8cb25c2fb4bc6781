"""Paired responses of two targets that can be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.provider.decisions import has_addresses, is_left_open, is_refused
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.comparison import Comparison, ExchangePair


_IGNORED_STATUSES: Final = (0, 402, 429)


_OPEN_ROLES: Final = frozenset({"odd-path"})
"""Roles of requests that a service may answer in several legal ways."""

_OPEN_FAULTS: Final = frozenset({"unknown-field", "range:end is start", "near-key"})
"""Faults that a service may refuse or ignore; `fault:field` names one form of a fault."""

_PARTIAL_HEADERS: Final = frozenset(
    {"range", "if-range", "if-none-match", "if-match", "if-modified-since", "if-unmodified-since"}
)
"""Headers that a service may ignore: ranges, tags and HEAD of downloads are not documented."""

_ASSUMED_ROLES: Final = frozenset(
    {
        "bad-type",
        "foreign-path",
        "key-elsewhere",
        "malformed-id",
        "number",
        "side-method",
        "unknown-model",
        "unknown-path",
        "wrong-method",
    }
)
"""Roles of requests whose answer by the fake is an assumption: see GP111, GP113, GP214, GP312,
GP702, GP704 and GP804."""

_ASSUMED_FAULTS: Final = frozenset(
    {"duplicate-keys", "content-type", "malformed", "number-form", "unicode"}
)
"""Faults for which the fake's decision is an assumption: see GP207, GP208, GP213 and GP214."""


def select_judgeable(comparison: Comparison) -> Iterator[ExchangePair]:
    """Yield the pairs whose status does not depend on money, limits or lost responses.

    Pairs whose answer is not documented are left out: there a difference is not a fault.
    """
    for pair in comparison.pairs:
        known = pair.fake.status not in _IGNORED_STATUSES
        if known and pair.other.status not in _IGNORED_STATUSES and not is_open(pair.fake):
            yield pair


def is_open(exchange: HttpExchange) -> bool:
    """Whether the documentation leaves open how a request is answered."""
    step = exchange.step
    if step is None:
        return False
    return (
        step.use in _OPEN_ROLES
        or step.group.startswith("scheme:")
        or bool({step.fault, f"{step.fault}:{step.field}"} & _OPEN_FAULTS)
        or (exchange.operation == "downloads.retrieve" and _asks_for_less(exchange))
    )


def _asks_for_less(exchange: HttpExchange) -> bool:
    """Whether a download is asked for in part, under a condition, or without its bytes."""
    sent = {name.lower() for name, _ in exchange.request_headers}
    return exchange.method == "HEAD" or bool(sent & _PARTIAL_HEADERS)


def weigh(seen: Observation, pair: ExchangePair) -> Observation:
    """Return an observation of a pair; a difference from an assumption of the fake only informs.

    So does a refused reference, which may be out of reach: GP204 knows what else was refused.
    """
    unfetched = has_addresses(pair.other) and is_refused(pair.other)
    informs = seen.failed and (is_assumed(pair.fake) or unfetched)
    return replace(seen, status="INFO") if informs else seen


def is_assumed(exchange: HttpExchange) -> bool:
    """Whether nothing but an assumption says how a request is answered."""
    step = exchange.step
    if step is None:
        return False
    refused = exchange.operation == "downloads.retrieve" and exchange.status >= 400
    undocumented = not exchange.operation  # such as a slash at the end, which may be redirected
    return (
        refused
        or undocumented
        or step.use in _ASSUMED_ROLES
        or step.fault in _ASSUMED_FAULTS
        or is_left_open(exchange)
    )


def fits_schema(exchange: HttpExchange) -> bool:
    """Whether a response is valid by the schema of its operation and status, if it has one."""
    name = find_answer_schema(exchange.operation, exchange.status)
    return name is None or not exchange.parsed.find_violations(name)
