"""What was asked for and could not be judged: a run must not look as if it had been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.budget.gate import EARLIER_SPEND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict
    from getimg_mock.reports.run_events import RunEvent

_NOT_JUDGED: Final = frozenset({"SKIP", "VOID"})
_NO_REASON: Final = "nothing that was exchanged applies to it"


def add_unjudged(stream: Iterable[RunEvent], words: str | None) -> Iterator[RunEvent]:
    """Yield the events; the end says what of the `words` of `--only` was not judged at all.

    A word is a check, or the beginning of several. It counts as judged when one of its checks was.
    The fake that a target is compared with is left out.
    """
    verdicts: list[RunEvent] = []
    twin = False
    for event in stream:
        if event["event"] == "start":
            verdicts, twin = [], bool(event.get("twin"))
        elif event["event"] == "verdict":
            verdicts.append(event)
        if event["event"] != "end" or twin:
            yield event
        else:
            found = [*event.get("unjudged", ()), *describe_unjudged(verdicts, words)]
            yield event | ({"unjudged": found} if found else {})


def describe_unjudged(verdicts: Sequence[RunEvent], words: str | None) -> list[str]:
    """Return a sentence for each word of `--only` of which no check was judged."""
    found = []
    for word in (each.strip().upper() for each in (words or "").split(",")):
        fitting = [each for each in verdicts if word and each["id"].startswith(word)]
        if fitting and all(each["status"] in _NOT_JUDGED for each in fitting):
            reasons = dict.fromkeys(each.get("reason") or _NO_REASON for each in fitting)
            found.append(f"{word} was asked for and not judged: {'; '.join([*reasons][:3])}.")
    return found


def describe_gaps(histories: Sequence[History], skipped: Mapping[str, str]) -> list[str]:
    """Return sentences on what a run was to try and could not: for money, or because of refusals.

    `skipped` has the reason of each plan that was not run. That a budget is too small for a plan is
    no gap: it is what was asked for.
    """
    found = []
    crowded = [why for why in skipped.values() if EARLIER_SPEND in why]
    if crowded:
        count = "1 plan was" if len(crowded) == 1 else f"{len(crowded)} plans were"
        found.append(
            f"{count} not run: {crowded[0]}. Raise --budget, or name another --record if this "
            "money is not that money."
        )
    sent = [each for one in histories for each in one if each.submits and each.valid]
    if sent and not any(each.accepted for each in sent):
        statuses = ", ".join(sorted({str(each.status or "no answer") for each in sent}))
        found.append(
            f"No generation was made, so nothing about generations was judged: {len(sent)} valid "
            f"requests got {statuses}."
        )
    return found


def describe_untried(verdicts: Sequence[Verdict], tier: str) -> list[str]:
    """Return a sentence on what a run of a low tier did not try, and how to try it."""
    left = [
        each.check.id for each in verdicts if each.status in _NOT_JUDGED and each.check.id[1] == "P"
    ]
    if tier >= "R2" or not left:
        return []
    sent = "reads" if tier == "R0" else "reads, and requests that must be refused"
    sentence = (
        f"Tier {tier} sends only {sent}, so {len(left)} checks were not tried: {_shorten(left)}. "
        "To try them, add --tier R2 (or R3, for rate limits) and --budget USD."
    )
    return [sentence]


def _shorten(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:8])
    return shown if len(ids) <= 8 else f"{shown} and {len(ids) - 8} more"
