"""GE: the fake compared with another target under the same plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.evidence.claims import find_flaw
from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.provider.modelled_ranges import build_ranges, check_times
from getimg_mock.contract.verdicts import check, expect, fail_as
from getimg_mock.contract.verification.comparison import compute_shape
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.comparison import Comparison, ExchangePair

_HEADERS: Final = (
    "content-type",
    "retry-after",
    "allow",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
_IGNORED_STATUSES: Final = (0, 402, 429)


def _select_judgeable(comparison: Comparison) -> Iterator[ExchangePair]:
    """Yield the pairs whose status does not depend on money, limits or lost responses."""
    for pair in comparison.pairs:
        if pair.fake.status not in _IGNORED_STATUSES and pair.other.status not in _IGNORED_STATUSES:
            yield pair


@check(
    "GE901",
    "The same plan gets the same classes of status and the same schema verdicts",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Otherwise what passes against the fake says nothing about the API.",
)
def status_classes_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same class of status, and the same verdict of the schema, for each step."""
    for pair in _select_judgeable(comparison):
        same = pair.fake.status // 100 == pair.other.status // 100
        yield expect(
            same,
            f"{pair.fake.status // 100}xx, as the fake ({pair.plan})",
            pair.other.status,
            pair.other,
        )
        if same:
            yield expect(
                _fits_schema(pair.fake) == _fits_schema(pair.other),
                "the schema's verdict as on the fake",
                "another",
                pair.other,
            )


def _fits_schema(exchange: HttpExchange) -> bool:
    name = find_answer_schema(exchange.operation, exchange.status)
    return name is None or not schemas.violations(name, exchange.plain)


@check(
    "GE902",
    "Answers have the same fields of the same types",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Added fields are drift, changed types break clients that the fake had passed.",
)
def shapes_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same fields: another type fails, a missing field warns, a new one is drift."""
    fake, other, where = _collect_shapes(comparison)
    for operation in sorted(fake.keys() & other.keys()):
        ours, theirs = _group_types(fake[operation]), _group_types(other[operation])
        changed = sorted(
            path
            for path in ours.keys() & theirs.keys()
            if not (ours[path] & theirs[path]) and "null" not in ours[path] | theirs[path]
        )
        yield expect(not changed, f"{operation}: the types of the fake", changed, where[operation])
        tops = _find_topmost(ours.keys() - theirs.keys())
        if tops:
            yield fail_as(
                "WARN",
                f"{operation}: every field of the fake",
                f"no {', '.join(tops)}",
                where[operation],
            )
        tops = _find_topmost(theirs.keys() - ours.keys())
        if tops:
            yield fail_as(
                "INFO",
                f"{operation}: no field beyond the fake's",
                f"also {', '.join(tops)}",
                where[operation],
            )


def _find_topmost(pointers: Iterable[str]) -> list[str]:
    """Return the pointers that are not below another of them."""
    found: list[str] = []
    for pointer in sorted(pointers):
        if not any(pointer.startswith(f"{each}/") for each in found):
            found.append(pointer)
    return found


def _collect_shapes(
    comparison: Comparison,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, HttpExchange]]:
    fake: dict[str, set[tuple[str, str]]] = {}
    other: dict[str, set[tuple[str, str]]] = {}
    where: dict[str, HttpExchange] = {}
    for pair in _select_judgeable(comparison):
        if pair.fake.status != pair.other.status or pair.fake.json is None:
            continue
        state = pair.fake.object.get("status"), pair.other.object.get("status")
        if state[0] != state[1] or not pair.fake.operation:
            continue
        name = f"{pair.fake.operation} {pair.fake.status} {state[0] or ''}".strip()
        fake.setdefault(name, set()).update(compute_shape(pair.fake.json))
        other.setdefault(name, set()).update(compute_shape(pair.other.json))
        where.setdefault(name, pair.other)
    return fake, other, where


def _group_types(shape: set[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pointer, kind in shape:
        # The values that models support differ between catalogues, not between APIs.
        if "supported_references/" not in pointer:
            found.setdefault(pointer, set()).add(kind)
    return found


@check(
    "GE903",
    "Every input of the corpus is accepted by both or refused by both",
    severity="blocker",
    evidence="seed",
    cost="0",
    why="The fake's validation is its promise.",
)
def decisions_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that a submission is accepted by both targets or by neither."""
    for pair in _select_judgeable(comparison):
        if pair.fake.submits and pair.fake.step is not None:
            ours, theirs = pair.fake.status < 400, pair.other.status < 400
            yield expect(
                ours == theirs,
                f"{'accepted' if ours else 'refused'}, as by the fake "
                f"({pair.fake.step.fault or pair.plan} {pair.fake.step.field})",
                pair.other.status,
                pair.other,
            )


@check(
    "GE904",
    "The contractual headers stand on the same answers",
    severity="major",
    evidence="seed",
    cost="T",
    why="Clients pace themselves by headers.",
)
def headers_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same contractual headers on responses of every status, 402 and 429 included."""
    for pair in comparison.pairs:
        if pair.fake.status == pair.other.status and pair.fake.operation:
            ours, theirs = _list_contract_headers(pair.fake), _list_contract_headers(pair.other)
            yield expect(ours == theirs, f"the headers {ours}", theirs, pair.other)
    yield from _compare_refusals(comparison)


def _compare_refusals(comparison: Comparison) -> Iterator[Observation]:
    """Compare each unpaired 402 and 429 of the other target with those of the fake."""
    for status in (402, 429):
        ours = _find_with_status(comparison.fake, status)
        forms = [_list_contract_headers(each) for each in ours]
        paired = {id(pair.other) for pair in comparison.pairs if pair.fake.status == status}
        for each in _find_with_status(comparison.other, status):
            if forms and id(each) not in paired:
                yield expect(
                    _list_contract_headers(each) in forms,
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


def _list_contract_headers(exchange: HttpExchange) -> list[str]:
    return [name for name in _HEADERS if name in exchange.fields]


@check(
    "GE905",
    "Rates and cost buckets are ordered alike",
    severity="minor",
    evidence="seed",
    cost="0",
    why="Clients take the first.",
)
def orders_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that rates and cost buckets are sorted on both targets or on neither."""
    for pair in _select_judgeable(comparison):
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
    "Every provider check has the same verdict on both",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="This is what verified fake means.",
)
def verdicts_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require that a provider check is broken on both targets or on neither."""
    for name in sorted(comparison.fake_broken.keys() & comparison.other_broken.keys()):
        ours, theirs = comparison.fake_broken[name], comparison.other_broken[name]
        yield expect(
            ours == theirs,
            f"{name} {'broken' if ours else 'held'}, as on the fake",
            "broken" if theirs else "held",
        )


@check(
    "GE907",
    "Every behaviour of the fake names its evidence; what was observed cites it",
    severity="major",
    evidence="seed",
    cost="0",
    why="A guess must not be taken for a fact.",
)
def claims_have_evidence(comparison: Comparison) -> Iterator[Observation]:
    """Require a mark of evidence for each claim, and a known source for an observed one."""
    for place, mark in sorted(comparison.claims.items()):
        flaw = find_flaw(mark, comparison.cited)
        yield expect(not flaw, f"a mark of evidence at {place}", flaw)


@check(
    "GE908",
    "Evidence is not old: 180 days at most, unless told otherwise",
    severity="major",
    evidence="seed",
    cost="0",
    why="The API changes; the fake would not notice.",
    breach="STALE",
)
def evidence_is_fresh(comparison: Comparison) -> Iterator[Observation]:
    """Require that each confirmed check was observed recently enough."""
    now = comparison.now
    for name, seen in sorted(comparison.observed.items()):
        if now is not None:
            yield expect(
                now - seen <= comparison.stale_after,
                f"{name} seen within {comparison.stale_after.days} days",
                f"{seen:%Y-%m-%d}",
            )


@check(
    "GE909",
    "Times, looks, lives of links and waits lie in the ranges that the fake models",
    severity="minor",
    evidence="seed",
    cost="T",
    why="Timeouts are tuned against the fake.",
)
def values_are_in_range(comparison: Comparison) -> Iterator[Observation]:
    """Require durations and counts within the ranges that the fake models."""
    for history in comparison.other:
        if not history.plan.rules:
            given = {**comparison.settings, **dict(history.plan.world)}
            yield from check_times(history, build_ranges(given))


@check(
    "GE910",
    "Nothing that the fake accepts is refused by the other",
    severity="blocker",
    evidence="seed",
    cost="1",
    why="A fake that is too lenient lets broken clients into production.",
)
def fake_is_not_lenient(comparison: Comparison) -> Iterator[Observation]:
    """Require that the other target accepts each submission that the fake accepts."""
    for pair in _select_judgeable(comparison):
        if pair.fake.submits and pair.fake.status < 400:
            shown = f"{pair.other.status} {pair.other.body[:120]!r}"
            yield expect(pair.other.status < 400, "accepted, as the fake does", shown, pair.other)


@check(
    "GE911",
    "Whatever oddity the fake is told to show is one that the API could show",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="A client must not be failed by what can never happen.",
)
def faults_are_legal(comparison: Comparison) -> Iterator[Observation]:
    """Require that the API, a network or a gateway could give each response under a scenario."""
    for history in comparison.fake:
        for each in history if history.plan.rules else ():
            if each.operation:
                yield expect(
                    _is_legal(each),
                    "a fault that the API itself could show",
                    f"{each.status} {each.kind} {each.body[:120]!r}",
                    each,
                )


def _is_legal(exchange: HttpExchange) -> bool:
    """Whether the real API, or a network or gateway before it, could give this response."""
    if not exchange.status:
        return True
    if exchange.kind == "text/html":
        return exchange.status >= 500
    if exchange.operation == "downloads.retrieve" and exchange.status < 400:
        whole = exchange.fields.get("content-length") == str(len(exchange.body))
        return exchange.kind.startswith(("image/", "video/")) and whole
    known = find_answer_schema(exchange.operation, exchange.status) is not None
    return exchange.kind == "application/json" and known and _fits_schema(exchange)
