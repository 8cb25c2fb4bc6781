"""Looks at the first results of a run once more, when all plans are done.

A service may forget a result, or give its link up, some time after it was made. Within a plan that
takes seconds, nothing of it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.verdicts import Observation

_MOST: Final = 3
"""How many videos of each end, and how many files, are looked at."""

FINAL_PLAN: Final = "the first results, at the end of the run"
"""The name of the plan, whose ids belong to one run."""

_LOOK: Final = "final-look"
_FILE: Final = "final-file"


def build_final_plan(histories: Sequence[History]) -> Plan | None:
    """Return the plan that looks at the first results of a run, or None where there are none."""
    steps = [*_build_looks(histories), *_build_requests_for_files(histories)]
    return Plan(name=FINAL_PLAN, steps=tuple(steps)) if steps else None


def _build_looks(histories: Sequence[History]) -> Iterator[Send]:
    for status in ("completed", "failed"):
        found = [
            each
            for history in histories
            for each in history.ended.values()
            if each.operation == "videos.retrieve" and each.object.get("status") == status
        ]
        for each in found[:_MOST]:
            yield get(each.path, key="b" if each.key == "b" else "a", use=_LOOK)


def _build_requests_for_files(histories: Sequence[History]) -> Iterator[Send]:
    links = [link for history in histories for link in history.media if link.startswith("/")]
    for link in links[:_MOST]:
        parts = urlsplit(link)
        yield get(parts.path, query=parts.query, key="none", use=_FILE)


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
