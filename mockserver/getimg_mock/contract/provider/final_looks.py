"""Looks at the first results of a run once more, when all plans are done.

A service may forget a result, or give its link up, some time after it was made. Within a plan that
takes seconds, nothing of it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from getimg_mock.contract.exchanges import read_total_cost
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.provider.delivered_files import list_files
from getimg_mock.contract.steps import Wait
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.steps import Key, Send
    from getimg_mock.contract.verdicts import Observation

_MOST: Final = 12
"""How many videos of each end, and how many files, are looked at."""

_MOST_RANGES: Final = 48
"""How many ranges of costs are read again."""

FINAL_PLAN: Final = "the first results, at the end of the run"
"""The name of the plan, whose ids belong to one run."""

LATER_PLAN: Final = "the money of the run, later"
"""The name of the plan that reads balances and costs once more, where something is missing."""

_PAUSE: Final = 10
_PAUSES: Final = 8
"""How often, and for how many seconds at once, it waits for that."""

FINAL_COSTS: Final = "final-costs"
"""The role of the reads of costs in that plan."""

FINAL_BALANCE: Final = "final-balance"
"""The role of the reads of balances in that plan."""

_LOOK: Final = "final-look"
_FILE: Final = "final-file"


def build_final_plan(histories: Sequence[History]) -> Plan | None:
    """Return the plan that looks at the first results of a run, or None where there are none."""
    looks = [
        *_build_looks(histories),
        *_build_requests_for_files(histories),
        *_build_first_looks(histories),
    ]
    steps = [*looks, *_build_money_steps(histories)] if looks else []
    return Plan(name=FINAL_PLAN, steps=tuple(steps)) if steps else None


def build_later_plan(histories: Sequence[History]) -> Plan:
    """Return the plan that waits for the money of a run to be booked, and reads it again."""
    waits = [Wait(seconds=_PAUSE)] * _PAUSES
    return Plan(name=LATER_PLAN, steps=(*waits, *_build_money_steps(histories)))


def _build_looks(histories: Sequence[History]) -> Iterator[Send]:
    for status in ("completed", "failed"):
        found = [
            each
            for history in histories
            for each in history.ended.values()
            if each.operation == "videos.retrieve" and each.object.get("status") == status
        ]
        for each in _choose(found, _MOST // 2, _MOST // 2, _measure_work):
            yield get(each.path, key=_name_key(each), use=_LOOK)


def _choose(
    found: Sequence[HttpExchange],
    first: int,
    largest: int,
    measure: Callable[[HttpExchange], float],
) -> list[HttpExchange]:
    """Return so many of the first, and of the largest of the others: these go another way."""
    others = sorted(found[first:], key=measure, reverse=True)
    return [*found[:first], *others[:largest]]


def _measure_work(exchange: HttpExchange) -> float:
    return float(read_total_cost(exchange) or 0)


def _build_first_looks(histories: Sequence[History]) -> Iterator[Send]:
    """Yield looks at the videos that no plan has followed to their end: what they cost counts."""
    ended = {name for history in histories for name in history.ended}
    for history in histories:
        for name, made in history.submitted.items():
            if made.operation == "videos.create" and name not in ended and made.key in {"a", "b"}:
                yield get(f"{made.path}/{quote(name, safe='')}", key=_name_key(made))


def _name_key(exchange: HttpExchange) -> Key:
    return "b" if exchange.key == "b" else "a"


def _build_requests_for_files(histories: Sequence[History]) -> Iterator[Send]:
    """Yield requests for files of each media type that were downloaded, then for others."""
    first = _collect_first_downloads(histories).values()
    kinds: dict[str, list[HttpExchange]] = {}
    for each in first:
        kinds.setdefault(each.kind, []).append(each)
    for found in kinds.values():
        # The largest file of a kind may take a second to make.
        for each in _choose(found, _MOST // 4, 1, lambda each: len(each.body)):
            yield _load(each.path, each.query)
    known = {each.path for each in first}
    links = [link for history in histories for link in history.media if link.startswith("/")]
    for link in [link for link in links if urlsplit(link).path not in known][: _MOST // 3]:
        parts = urlsplit(link)
        yield _load(parts.path, parts.query)


def _load(path: str, query: str) -> Send:
    """Return a request for a file, at the same time as for others: each may have to be made."""
    return get(path, query=query, key="none", use=_FILE, together=True, group="files")


def _collect_first_downloads(histories: Sequence[History]) -> dict[str, HttpExchange]:
    """Return the first complete download of each file, by its path."""
    found: dict[str, HttpExchange] = {}
    for history in histories:
        for got, _, _ in list_files(history):
            ranged = any(name in {"range", "if-range"} for name, _ in got.request_headers)
            if not ranged:
                found.setdefault(got.path, got)
    return found


def _build_money_steps(histories: Sequence[History]) -> Iterator[Send]:
    """Yield the balance of each key, and the ranges of costs that were read first."""
    seen: dict[tuple[str, Key], dict[str, None]] = {}
    for history in histories:
        for each in history.with_operation("billing.balance", "billing.costs"):
            if each.status == 200 and each.method == "GET" and each.key in {"a", "b"}:
                seen.setdefault((each.operation, _name_key(each)), {}).setdefault(each.query)
    # The second key first: what is remembered by range alone was asked for by the other one before.
    for (operation, key), queries in sorted(seen.items(), reverse=True):
        use = FINAL_BALANCE if operation == "billing.balance" else FINAL_COSTS
        for query in list(queries)[:_MOST_RANGES]:
            path = f"/v2/{operation.replace('.', '/')}"
            yield get(path, query=query, key=key, use=use)


def results_stay(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP309, from plan to plan: a finished video is still there, and as it was."""
    ended: dict[str, HttpExchange] = {}
    for history in histories:
        for each in history.with_role(_LOOK):
            first = ended.get(each.path)
            if first is not None and _is_decided(each):
                same = each.status == first.status and simplify(each.object) == simplify(
                    first.object
                )
                shown = f"{each.status} {each.body[:200]!r}"
                yield history, expect(same, "the result that it had ended with", shown, each)
        for found in history.ended.values():
            ended.setdefault(found.path, found)


def files_stay(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP315, from plan to plan: a link works until its `deletes_at`."""
    media: dict[str, dict[str, Any]] = {}
    for history in histories:
        for each in history.with_role(_FILE):
            item = media.get(f"{each.path}?{each.query}" if each.query else each.path, {})
            gone = parse_instant(item.get("deletes_at"))
            if gone is not None and each.at < gone and _is_decided(each):
                told = f"200 until deletes_at, {item['deletes_at']}"
                yield history, expect(each.status == 200, told, each.status, each)
        media |= {link: item for link, (_, item) in history.media.items()}


def bytes_stay(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP410, from plan to plan: a file that was downloaded is the same at the end of the run."""
    first = _collect_first_downloads(histories)
    for history in histories:
        for each in history.with_role(_FILE):
            earlier = first.get(each.path)
            if earlier is not None and earlier is not each and each.status == 200:
                shown = f"{len(earlier.body)} and {len(each.body)} bytes"
                same = earlier.body == each.body
                yield history, expect(same, "the bytes of the first download", shown, each)


def _is_decided(exchange: HttpExchange) -> bool:
    """Whether a response is one about the result, and not about limits or a lost connection."""
    return exchange.status not in {0, 429} and exchange.status // 100 != 3


def simplify(body: dict[str, Any]) -> dict[str, Any]:
    """Return a result without the query of its links, which may be signed anew."""
    data = body.get("data")
    if not isinstance(data, list):
        return body
    items = [
        item | {"url": urlsplit(str(item.get("url"))).path} if isinstance(item, dict) else item
        for item in data
    ]
    return body | {"data": items}
