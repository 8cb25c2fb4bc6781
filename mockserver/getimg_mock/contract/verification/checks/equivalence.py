"""GE: responses of the fake, compared with those of another target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.verdicts import check, expect
from getimg_mock.contract.verification.paired_responses import (
    fits_schema,
    is_open,
    select_judgeable,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.comparison import Comparison


_RATE_HEADERS: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")

_LIMITED: Final = frozenset({"images.generate", "videos.create", "videos.retrieve"})
"""The operations whose answers have the headers of rates."""


@check(
    "GE901",
    "The same plan gets the same classes of status and the same schema verdicts",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Otherwise a pass on the fake says nothing about the API.",
    fix="Compare the two responses with the documentation, and correct the side that differs: "
    "mostly the fake.",
)
def status_classes_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same class of status, and the same schema verdict, for each step.

    Applies to pairs of responses to one plan. Fails on another class, and when one body is valid
    and the other is not.
    """
    for pair in select_judgeable(comparison):
        same = pair.fake.status // 100 == pair.other.status // 100
        seen = expect(
            same,
            f"{pair.fake.status // 100}xx, as the fake ({pair.plan})",
            pair.other.status,
            pair.other,
        )
        yield weigh(seen, pair)
        if same:
            seen = expect(
                fits_schema(pair.fake) == fits_schema(pair.other),
                "the schema's verdict as on the fake",
                "another",
                pair.other,
            )
            yield weigh(seen, pair)


@check(
    "GE903",
    "Every input of the corpus is accepted by both or refused by both",
    severity="blocker",
    evidence="seed",
    cost="0",
    why="Clients rely on the fake's validation.",
    fix="Change the fake's validation, or the catalogue it reads, to the decision of the service.",
)
def decisions_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that a submission is accepted by both targets or by neither.

    Applies to every submission of the corpus. Fails when the decisions differ.
    """
    for pair in select_judgeable(comparison):
        if pair.fake.submits and pair.fake.step is not None:
            ours, theirs = pair.fake.status < 400, pair.other.status < 400
            seen = expect(
                ours == theirs,
                f"{'accepted' if ours else 'refused'}, as by the fake "
                f"({pair.fake.step.fault or pair.plan} {pair.fake.step.field})",
                pair.other.status,
                pair.other,
            )
            yield weigh(seen, pair)


@check(
    "GE904",
    "The same responses have the contractual headers",
    severity="major",
    evidence="seed",
    cost="T",
    why="Clients pace their requests by these headers.",
    fix="Add or remove the header on the fake's responses of that operation and status.",
)
def headers_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same contractual headers on responses of every status.

    Applies to pairs of equal status, and to each 402 and 429. Fails when one side has a header that
    the other lacks. Headers where nothing documents them may differ: those of rates on reads and on
    refusals other than 429, and `Retry-After` on anything but a used-up rate limit.
    """
    for pair in comparison.pairs:
        if pair.fake.status == pair.other.status and pair.fake.operation and not is_open(pair.fake):
            optional = {*_list_optional_headers(pair.fake), *_list_optional_headers(pair.other)}
            ours, theirs = (
                [name for name in _list_contract_headers(each) if name not in optional]
                for each in pair[:2]
            )
            seen = expect(ours == theirs, f"the headers {ours}", theirs, pair.other)
            yield weigh(seen, pair)
    yield from _compare_refusals(comparison)


def _compare_refusals(comparison: Comparison) -> Iterator[Observation]:
    """Compare each unpaired 402 and 429 of the other target with those of the fake."""
    for status in (402, 429):
        ours = _find_with_status(comparison.fake, status)
        forms = [_list_contract_headers(each) for each in ours]
        paired = {id(pair.other) for pair in comparison.pairs if pair.fake.status == status}
        for each in _find_with_status(comparison.other, status):
            if forms and id(each) not in paired:
                shown = {*_list_contract_headers(each), *_list_optional_headers(each)}
                yield expect(
                    any(set(form) <= shown for form in forms),
                    f"the headers {forms[0]}",
                    _list_contract_headers(each),
                    each,
                )


def _find_with_status(histories: Iterable[History], status: int) -> list[HttpExchange]:
    return [
        each
        for history in histories
        for each in history
        if each.status == status and each.operation
    ]


def _list_optional_headers(exchange: HttpExchange) -> list[str]:
    """Return `Retry-After` where the limit of concurrent work refused: it is not documented."""
    left = exchange.fields.get("x-ratelimit-remaining", "0") != "0"
    return ["retry-after"] if exchange.use == "concurrent" or left else []


def _list_contract_headers(exchange: HttpExchange) -> list[str]:
    names = ["content-type"]
    if exchange.status == 405:
        names.append("allow")
    if exchange.status == 429:
        names.append("retry-after")
    if exchange.operation in _LIMITED and (exchange.status < 400 or exchange.status == 429):
        names += _RATE_HEADERS
    return [name for name in names if name in exchange.fields]


@check(
    "GE905",
    "Rates and cost buckets are ordered alike",
    severity="minor",
    evidence="seed",
    cost="0",
    why="Clients take the first entry.",
    fix="Give the fake's list the order of the service.",
)
def orders_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that rates and cost buckets are sorted on both targets or on neither.

    Applies to paired lists. Fails when only one side is sorted.
    """
    for pair in select_judgeable(comparison):
        if pair.fake.status != 200 or pair.other.status != 200:
            continue
        if pair.fake.operation in {"models.list", "billing.costs"}:
            yield expect(
                _is_ordered(pair.fake) == _is_ordered(pair.other),
                "ordered as the fake's",
                "in another order",
                pair.other,
            )


def _is_ordered(exchange: HttpExchange) -> bool:
    if exchange.operation == "billing.costs":
        dates = [str(each.get("date")) for each in exchange.object.get("data", ())]
        return dates == sorted(dates)
    for model in exchange.json or ():
        prices = [parse_decimal(rate.get("unit_price")) for rate in model["pricing"]["rates"]]
        known = [price for price in prices if price is not None]
        if known != sorted(known):
            return False
    return True


@check(
    "GE906",
    "Every provider check that can fail has the same verdict on both",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="This defines a verified fake.",
    fix="Explain the GP check that differs, and correct the side that breaks it.",
)
def verdicts_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that a provider check fails on both targets or on neither.

    Applies to every GP check that ran on both, and whose breach is a failure on the other target.
    What only warns or informs there does not count here either.
    """
    for name in sorted(comparison.fake_broken.keys() & comparison.other_broken.keys()):
        ours, theirs = comparison.fake_broken[name], comparison.other_broken[name]
        yield expect(
            ours == theirs,
            f"{name} {'broken' if ours else 'held'}, as on the fake",
            "broken" if theirs else "held",
        )


@check(
    "GE910",
    "Nothing that the fake accepts is refused by the other",
    severity="blocker",
    evidence="seed",
    cost="1",
    why="A fake that is too lenient lets broken clients into production.",
    fix="Add the rule by which the service refuses to the fake's validation.",
)
def fake_is_not_lenient(comparison: Comparison) -> Iterator[Observation]:
    """Require that the other target accepts each submission that the fake accepts.

    Applies to paired submissions. Fails when the service refuses what the fake allowed.
    """
    for pair in select_judgeable(comparison):
        if pair.fake.submits and pair.fake.status < 400:
            shown = f"{pair.other.status} {pair.other.body[:120]!r}"
            seen = expect(pair.other.status < 400, "accepted, as the fake does", shown, pair.other)
            yield weigh(seen, pair)
