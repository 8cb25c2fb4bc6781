"""GC501, GC503, GC508 and GC509: how often a client polls, and when it stops."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.carried_over import judge_ends
from getimg_mock.contract.clients.checks.shaken_waits import SHAKEN, next_polls_are_due
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ADVISED_INTERVAL: Final = 5.0
WAIT_LIMIT: Final = 3900.0
"""How long a client may wait for a video that stays pending: a limit of an hour is legal."""
SLOW_VIDEO: Final = {"video_seconds": 42}
WAIT_OPTIONS: Final = {"poll_interval": 5, "wait_timeout": 600}
HOLD_VIDEOS: Final[dict[str, Any]] = {"on": ["videos.create"], "transition": {"hold": True}}
_SLOW_ANSWER: Final = 23.0
_SLOW_ANSWER_REAL: Final = 2.4
"""How long some polls take: two more, at the interval of the case, would be due meanwhile."""
_LATER: Final = 150  # polls, of which ten minutes have 120 at the advised interval
_SLOW_ANSWER_LATER: Final = 4.0
"""Less than the timeouts that HTTP clients have where nobody gives them one."""
_MISSED: Final = 9.9
"""When a video is done that pauses that double miss: as their first look takes 2.4 s, they look
after 9.4 s, and then after 17.4."""
_MANY: Final = 24
_BRIEF: Final = "many-brief"
_PACE: Final = 2.0
"""The polls a second that one client may send on average, in all its waits: our choice."""
_SHORTEST_OUTAGE: Final = 0.3
"""The seconds in which a client may at most try two or more failing polls again: our choice."""
_SERIES: Final = 5
"""So many polls in a row have pauses that are not all short by accident, random ones included."""
_SLOW_LABEL: Final = "slow answers"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield build_wait_case("polled", settings=SLOW_VIDEO)
    yield build_wait_case(
        "polled-fraction",
        settings=SLOW_VIDEO,
        options={"poll_interval": 12.5, "wait_timeout": 600},
        needs=("poll_interval",),
    )
    yield build_wait_case(
        "polled-slow",
        settings={"video_seconds": 90},
        rules=(build_slow_answers(_SLOW_ANSWER, nth=(2, 5)),),
    )
    yield build_wait_case(
        "slower-please", settings=SLOW_VIDEO, rules=_build_retry_after_rules(20, 1)
    )
    for name, count, pace in (("many", 8, SLOW_VIDEO), ("many-more", _MANY, {"video_seconds": 22})):
        yield build_wait_case(
            name,
            calls=tuple(video(prompt=f"number {n}") for n in range(count)),
            settings=pace,
            together=True,
        )
    yield build_real_wait_case(
        "polled-real",
        patience=16,
        seconds=_MISSED,
        wait_timeout=13,
        rules=(build_slow_answers(_SLOW_ANSWER_REAL, nth=(1,)),),
        early=True,
    )
    yield build_real_wait_case(
        "slower-please-real",
        patience=20,
        seconds=4,
        wait_timeout=15,
        rules=_build_retry_after_rules(3, 1),
    ).with_changes(options={"poll_interval": 1.5, "wait_timeout": 15})


def build_wait_case(name: str, **more: Any) -> Case:
    """Return a case in virtual time that waits for a video; `more` are further fields."""
    fields: dict[str, Any] = {
        "calls": (video(),),
        "options": WAIT_OPTIONS,
        "limit": WAIT_LIMIT,
        "patience": None,
    }
    return Case(name=name, **fields | more)


def build_real_wait_case(
    name: str, *, patience: float, wait_timeout: float, seconds: float | None = None, **more: Any
) -> Case:
    """Return a case that can run in real time; the video takes `seconds`."""
    return Case(
        name=name,
        calls=(video(),),
        settings={} if seconds is None else {"video_seconds": seconds},
        patience=patience,
        options={"poll_interval": 1, "wait_timeout": wait_timeout},
        **more,
    )


def _build_retry_after_rules(seconds: int, less: int) -> tuple[FaultRule, ...]:
    """Return the rules by which the first look may be followed sooner than the caller wants to."""
    return tuple(
        FaultRule(
            on="videos.retrieve",
            label=f"pending, Retry-After: {asked}",
            nth=(number,),
            do=fault_actions.change_answer(_build_headers_change(("Retry-After", str(asked)))),
        )
        for number, asked in enumerate((less, seconds), 1)
    )


def _build_headers_change(*headers: tuple[str, str]) -> Callable[[WireAnswer], WireAnswer]:
    return lambda answer: answer.with_headers(*headers)


def build_slow_answers(seconds: float, act: FaultAction | None = None, **more: Any) -> FaultRule:
    """Return the rule that answers polls after so many seconds: all, or those that `more` names."""
    late = fault_actions.answer_late(seconds, act)
    return FaultRule(on="videos.retrieve", do=late, label=_SLOW_LABEL, **more)


def build_later_slow_answers(act: FaultAction | None = None) -> FaultRule:
    """Return the rule that answers polls slowly, by `act`, once a wait has had its ten minutes.

    One that has no end of its own takes fewer polls to show that, and each is in time for clients.
    """
    nth = tuple(range(_LATER, _LATER + 1000))
    return build_slow_answers(_SLOW_ANSWER_LATER, act, nth=nth, must=False)


def build_failing_polls(act: FaultAction) -> FaultRule:
    """Return the rule by which all polls but the first fail, and tries within a poll as well."""
    nth = tuple(range(2, 400))
    return FaultRule(on="videos.retrieve", do=act, label="polls fail", nth=nth)


def build_late_answers(on: str, seconds: float) -> FaultRule:
    """Return the rule that answers an operation after so many seconds, where it is used at all."""
    act = fault_actions.answer_late(seconds)
    return FaultRule(on=on, do=act, label="a slow answer", must=False)


def _interval(history: ClientHistory) -> float:
    return float(history.options.get("poll_interval", _ADVISED_INTERVAL))


@client_check(
    "GC501",
    "Polls keep the configured, or the advised, distance",
    severity="major",
    evidence="documented",
    why="The documentation advises 5 s; a faster pace without a configured interval is a warning.",
    fix="Sleep for the interval between polls.",
    cases=(
        "polled",
        "polled-fraction",
        "polled-slow",
        "polled-real",
        "slower-please*",
        "outage-30",
        "outage-real",
        "late-404*",
        "shaky-silent",
        SHAKEN,
        "observed",
    ),
    observable=True,
)
def polls_are_paced(history: ClientHistory) -> Iterator[Observation]:
    """Demands that polls of a video are at least the configured interval apart.

    Fails on a shorter distance, also after a poll that took long, after a pause that the server
    asked for, or where it asked for a shorter one, and on polls that go on at the interval while
    an earlier one is not answered. Without a configured interval, one below the advised 5 s is a
    warning. A poll that fails may be tried again sooner; fails when several are, one right after
    the other, when those that were missed are made up for, and when the next poll comes three
    seconds late although one was answered since, or in a later wait.
    """
    if history.case == SHAKEN:
        yield from next_polls_are_due(history)
        return
    if history.case.startswith(("outage-", "late-", "shaky-")):
        yield from _failing_polls_are_paced(history)
        yield from _missed_polls_are_left_out(history)
        return
    yield from _polls_wait_for_answers(history)
    least = _interval(history)
    judge = expect if "poll_interval" in history.options else warn_unless
    for sent in _group_by_video(history).values():
        for first, second in itertools.pairwise(sent):
            gap = second.elapsed - first.elapsed
            yield judge(
                gap >= least * 0.98 - 0.02,
                f"{least:g} s between polls",
                f"{gap:.2f} s",
                first,
                second,
            )


def _polls_wait_for_answers(history: ClientHistory) -> Iterator[Observation]:
    """Judge the polls that are sent while an earlier one of the same video is being answered.

    One that gives up on an answer may poll again; to go on at the interval lets requests pile up.
    """
    slow = {"polled-slow": _SLOW_ANSWER, "polled-real": _SLOW_ANSWER_REAL}.get(history.case, 0.0)
    due = int(slow / _interval(history))
    for first in history.poll_requests if due > 1 else ():
        if first.label == _SLOW_LABEL:
            until = first.elapsed + slow - 0.05
            beside = [
                each for each in history.poll_requests if first.elapsed < each.elapsed < until
            ]
            yield expect(
                len(beside) < due,
                f"an answer, {slow:g} s later, before further polls",
                f"{len(beside)} polls meanwhile",
                first,
                *beside[:3],
            )


def _missed_polls_are_left_out(history: ClientHistory) -> Iterator[Observation]:
    """Judge the polls after those that failed: none is sent for each that would have been due.

    One may come sooner, where polls are sent at fixed times.
    """
    least = _interval(history) / 2
    judge = expect if "poll_interval" in history.options else warn_unless
    for sent in _group_by_video(history).values():
        for one, two, three in zip(sent, sent[1:], sent[2:], strict=False):
            if one.status == two.status == 200:
                gaps = two.elapsed - one.elapsed, three.elapsed - two.elapsed
                yield judge(
                    max(gaps) >= least,
                    f"{_interval(history):g} s between polls, once they are answered again",
                    f"{gaps[0]:.2f} s and {gaps[1]:.2f} s",
                    one,
                    two,
                    three,
                )


def _failing_polls_are_paced(history: ClientHistory) -> Iterator[Observation]:
    """Judge the polls that fail, up to the first that is answered well again."""
    for sent in _group_by_video(history).values():
        yield from _no_series_is_sent_at_once(sent)
        failed = [place for place, each in enumerate(sent) if each.status >= 400]
        if failed and failed[-1] + 1 < len(sent):
            first, after = sent[failed[0]], sent[failed[-1] + 1]
            span = after.elapsed - first.elapsed
            yield expect(
                span >= _SHORTEST_OUTAGE,
                f"{_SHORTEST_OUTAGE:g} s at least for {len(failed)} polls that fail",
                f"{span:.2f} s",
                first,
                after,
            )


def _no_series_is_sent_at_once(sent: list[ClientExchange]) -> Iterator[Observation]:
    """Judge polls that follow one another while each of them fails, whatever the others do."""
    for place in range(len(sent) - _SERIES):
        series = sent[place : place + _SERIES + 1]
        if all(each.status >= 400 for each in series[:-1]):
            span = series[-1].elapsed - series[0].elapsed
            yield expect(
                span >= _SHORTEST_OUTAGE,
                f"{_SHORTEST_OUTAGE:g} s at least for {_SERIES} polls that fail",
                f"{span:.2f} s",
                series[0],
                series[-1],
            )


@client_check(
    "GC503",
    "Polling stops at the end of a generation",
    severity="major",
    evidence="seed",
    why="A finished generation does not change.",
    fix="Leave the loop at completed or failed.",
    cases=("polled", "polled-real", "waits-apart*", "waited-often*", "observed"),
    observable=True,
)
def polling_stops(history: ClientHistory) -> Iterator[Observation]:
    """Demands that no poll follows the answer in which a generation is completed or failed.

    Fails on each further poll of that generation, also while the client is asked for another one,
    and when the call goes on for another interval.
    """
    yield from judge_ends(history, _interval(history))
    for sent in _group_by_video(history).values():
        ended = next(
            (place for place, each in enumerate(sent) if each.object.get("status") in TERMINAL),
            None,
        )
        if ended is not None:
            more = sent[ended + 1 :]
            yield expect(
                not more, "no poll after the end", f"{len(more)} more", sent[ended], *more[:3]
            )


@client_check(
    "GC508",
    "A Retry-After on a pending answer is obeyed",
    severity="minor",
    evidence="assumption",
    why="The server knows its load.",
    fix="Wait for the larger of Retry-After and the interval.",
    cases=("slower-please*",),
)
def slower_is_obeyed(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the poll after a pending answer with Retry-After waits as long as it asks.

    Fails when the next poll comes more than half a second earlier, or when the video, which is done
    soon after, is given up meanwhile.
    """
    if history.virtual:
        for outcome in history.calls("generate_video"):
            yield expect(outcome.kind == "value", "the video, all the same", outcome.shown)
    for sent in _group_by_video(history).values():
        if len(sent) > 2:
            gap = sent[2].elapsed - sent[1].elapsed
            asked = float(dict(sent[1].headers).get("Retry-After", "0"))
            yield expect(
                gap >= asked - 0.5, f"{asked:g} s before the next poll", f"{gap:.1f} s", *sent[1:3]
            )


@client_check(
    "GC509",
    "Many waits at once keep their total rate of polls bounded",
    severity="major",
    evidence="choice",
    why="A hundred waits must not poll a hundred times as fast as one.",
    fix="Share one limit of polls a second among all waits of a client.",
    cases=("many", "many-more", _BRIEF),
)
def many_waits_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """Demands that waits in parallel each poll no faster than one alone.

    Fails when there are more polls than that, or when a result is missing. More than two polls a
    second in all is a warning, because no document names a limit.
    """
    polls = history.poll_requests
    waits = len(history.calls("generate_video"))
    if not polls:
        return
    span = max(polls[-1].elapsed - polls[0].elapsed, 1.0)
    most = waits * (span / _interval(history) + 2)
    judge = expect if "poll_interval" in history.options else warn_unless
    total = _PACE * span + waits
    yield warn_unless(
        len(polls) <= total or history.case == _BRIEF,  # whose caller wants them so often
        f"at most {total:.0f} polls in {span:.0f} s, however many wait",
        f"{len(polls)} of {waits} waits",
        *polls[:3],
    )
    yield judge(
        len(polls) <= most,
        f"at most {most:.0f} polls for {waits} waits in {span:.0f} s",
        f"{len(polls)}",
        *polls[:3],
    )
    for outcome in history.calls("generate_video"):
        yield expect(outcome.kind == "value", "every result", outcome.shown)


def _group_by_video(history: ClientHistory) -> dict[str, list[ClientExchange]]:
    found: dict[str, list[ClientExchange]] = {}
    for each in history.poll_requests:
        found.setdefault(each.path, []).append(each)
    return found
