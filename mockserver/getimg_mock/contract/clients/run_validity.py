"""Whether a run was one: what says that a client was hardly tried, whatever the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.clients.suite import Result

_JUDGED: Final = frozenset({"PASS", "FAIL", "WARN", "INFO"})
_BASIC_CASES: Final = frozenset({"happy", "saved", "polled", "polled-real", "prefix", "unicode"})
"""Cases in which a client that can do anything sends something."""


def explain_nothing_judged(result: Result) -> str:
    """Return why a run says nothing at all, or an empty text."""
    sent = result.exchanges
    judged = sum(each.status in _JUDGED for each in result.verdicts)
    if judged and sent:
        return ""
    void, skipped = len(result.of("VOID")), len(result.of("SKIP"))
    what = "It sent no request" if not sent else "No check could be judged"
    why = f"{result.remark}. " if result.interrupted else ""
    shown = f"{result.client}: {what} ({void} VOID, {skipped} SKIP). {why}{_first_error(result)}"
    return shown.rstrip()


def find_gaps(result: Result) -> Iterator[str]:
    """Yield what of a client was not tried although it should have been."""
    if result.interrupted:
        yield f"{result.client}: {result.remark}; what they show was judged."
    for op, calls in _calls(result).items():
        tried = any(case in _BASIC_CASES for case, *_ in calls)
        if tried and not any(sent for _, sent, _ in calls):
            yield (
                f"{result.client}: {op} never sent a request, in {len(calls)} calls: "
                f"{calls[0][2]}. Mend the adapter, or leave the operation out of it."
            )
    seen = [one for each in result.histories if each.case == "observed" for one in each.exchanges]
    if seen and all(each.status >= 400 for each in seen):
        yield f"{result.client}: every request was refused, so that nothing that works was seen."
    late = [each for each in result.histories if each.overdue]
    if late:
        yield (
            f"{result.client}: ended after {late[0].overdue:g} s of real time, and not judged: "
            f"{_list_first(each.case for each in late)}. --case-seconds allows more."
        )


def _calls(result: Result) -> dict[str, list[tuple[str, int, str]]]:
    """Return, by operation, each call's case, the number of its requests, and how it came out."""
    found: dict[str, list[tuple[str, int, str]]] = {}
    for history in result.histories:
        for outcome in history.outcomes:
            sent = len(history.during(outcome))
            found.setdefault(outcome.op, []).append((history.case, sent, outcome.shown))
    return found


def _first_error(result: Result) -> str:
    shown = [
        outcome.shown
        for history in result.histories
        for outcome in history.outcomes
        if outcome.kind != "value"
    ]
    return f"First of all, {shown[0]}." if shown else ""


def _list_first(names: Iterable[str], most: int = 10) -> str:
    """Return names with commas, of many only the first."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
