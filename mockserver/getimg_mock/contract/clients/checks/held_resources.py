"""GC809: what a client holds after many calls, and after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_error
from getimg_mock.contract.clients.checks.files import list_finished_files
from getimg_mock.contract.clients.checks.polling import HOLD_VIDEOS, build_later_slow_answers
from getimg_mock.contract.clients.checks.rounds import DRIPPED, ROUNDS, later_calls_are_sent
from getimg_mock.contract.clients.checks.wait_endings import fail_videos
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import (
        FaultAction,
        FaultContext,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_ENDED: Final = "ended-real"
_CLOSED: Final = ("threads", "prefix", _ENDED)
"""The cases in which it counts what a client leaves open when it is closed."""
_MAX_OPEN: Final = 20
_MANY_CALLS: Final = 264
"""So many that each kind of failure, one call in twelve, comes more often than may stay open."""
_MANY_CALLS_REAL: Final = 200
_WAITS: Final = 12
_WAITS_BEFORE: Final = 4
_ENDED_THREADS: Final = "threads-ended"
_IN_VAIN: Final = "waited-often-in-vain"
_POLLS_IN_VAIN: Final = 500
"""So many polls of one wait, and the client has no end of its own: an hour at the interval of the
case has 467, of which later ones are answered slowly."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases of hundreds of calls, and of waits one after another."""
    yield Case(
        name="hundreds",
        calls=(balance(),) * _MANY_CALLS,
        options=NO_RETRIES | {"timeout": 5},
        holdings=True,
        patience=None,
        limit=48 * HOUR,
        rules=(_build_failure_rule(12, _FAILURES),),
    )
    yield from _build_waits()
    yield Case(name=_ENDED, calls=(balance(), models(), image()), real_time=True, ends=True)
    yield from _build_waits_in_vain()
    yield Case(
        name=_ENDED_THREADS,
        calls=(balance(),) * (2 * _WAITS),
        holdings=True,
        baseline=_WAITS,
        apart=True,
        patience=None,
    )
    yield Case(
        name="given-up-twice",
        calls=(video(), video()),
        options={"poll_interval": 5, "wait_timeout": 12},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        patience=None,
        limit=HOUR,
    )
    yield Case(
        name="hundreds-real",
        calls=(balance(),) * _MANY_CALLS_REAL,
        options=NO_RETRIES,
        holdings=True,
        needs=("failing at once",),
        real_time=True,
        rules=(_build_failure_rule(6, _FAILURES[:4]),),
    )


def _build_waits() -> Iterator[Case]:
    """Yield the cases of waits one after another that end well."""
    yield Case(
        name="waited-often",
        calls=(video(),) * _WAITS,
        options={"poll_interval": 5},
        settings={"video_seconds": 12},
        holdings=True,
        baseline=_WAITS_BEFORE,
        patience=None,
        limit=48 * HOUR,
    )
    yield Case(
        name="waited-often-real",
        calls=(video(),) * _WAITS,
        options={"poll_interval": 0.25},
        needs=("poll_interval",),
        settings={"video_seconds": 0.2},
        holdings=True,
        baseline=_WAITS_BEFORE,
        real_time=True,
    )


def _build_waits_in_vain() -> Iterator[Case]:
    """Yield the cases of waits that do not end well: what they began is over with them as well."""
    many = Case(
        name=_IN_VAIN,
        calls=(video(),) * _WAITS,
        options={"poll_interval": 5, "wait_timeout": 20},
        holdings=True,
        baseline=_WAITS_BEFORE,
        patience=None,
        limit=48 * HOUR,
    )
    gone = fault_actions.answer_instead(build_error(404, "not_found", "Not found."))
    refuse = FaultRule(on="videos.retrieve", do=gone, label="404 for good")
    yield many.with_changes(name=f"{_IN_VAIN}-failed", scenario=(fail_videos(12),))
    yield many.with_changes(
        name=f"{_IN_VAIN}-late",
        scenario=(HOLD_VIDEOS,),
        first_requests=_POLLS_IN_VAIN,
        rules=(build_later_slow_answers(),),
    )
    yield many.with_changes(name=f"{_IN_VAIN}-refused", rules=(refuse,))
    yield many.with_changes(
        name=f"{_IN_VAIN}-real",
        # What lasts until the deadline is there at the end, however slow the machine is.
        options={"poll_interval": 0.4, "wait_timeout": 60},
        needs=("poll_interval",),
        scenario=(fail_videos(0.2),),
        patience=8.0,
        real_time=True,
    )


_FAILURES: Final[tuple[FaultAction, ...]] = (
    fault_actions.answer_instead(fault_actions.UNAVAILABLE),
    fault_actions.end_before_work("reset"),
    fault_actions.answer_instead(fault_actions.build_page(200)),
    fault_actions.truncate,
    fault_actions.end_before_work("hang"),  # the timeout that the case asks for ends it
)


def _build_failure_rule(every: int, failures: tuple[FaultAction, ...]) -> FaultRule:
    """Return the rule by which the first calls of `every` fail, each in another way."""

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        place = turn.adversary.call % every
        return failures[place](turn) if place < len(failures) else turn.proceed()

    return FaultRule(on="billing.balance", do=act, label="now and then bad", legal=False)


@client_check(
    "GC809",
    "Connections, files and threads do not pile up, errors included",
    severity="major",
    evidence="choice",
    why="A worker process runs for months.",
    fix="Close responses whose body was not read.",
    cases=(
        "hundreds*",
        "waited-often*",
        "rounds-*",
        "given-up-twice",
        "held-brief-*",
        "cut-often",
        "refused-often",
        "cut-withdrawn-often",
        "saved-often",
        "threads",
        _ENDED,
        _ENDED_THREADS,
        "prefix",
    ),
)
def nothing_leaks(history: ClientHistory) -> Iterator[Observation]:
    """Demands that connections, files, threads, tasks and processes do not pile up over many calls.

    Four in ten of the calls fail; waits end well, with a failed video, at their deadline, or with a
    refused poll. Threads that made a call have ended. In rounds, each operation goes well, is
    refused, breaks off, is not answered, or is cancelled; a look, an order and a download go on in
    drips. Fails when more than 20 connections stay open. Fails when any of the counts rises by more
    than 20 after the first calls, or by one for each wait, download or round. Fails when each
    download that fails leaves a file of its own, when a video whose wait was given up is polled
    later, or when answers that drip on keep further calls waiting. A connection that stays open
    although the client was closed fails, too, and so does a task, or a program that has nothing
    more to read, that goes on.
    """
    if history.case in _CLOSED:
        yield _closing_closes(history)
        return
    if history.case.startswith(("given-up-twice", "held-brief")):
        yield from _waits_are_over(history)
        return
    yield from _nothing_piles_up(history)
    if history.case == "saved-often":
        yield from _nothing_is_left_beside(history)
        return
    if history.case in {"cut-often", "refused-often", "cut-withdrawn-often"}:
        yield from _leftovers_are_few(history)
        return
    if history.case.startswith((_IN_VAIN, _ENDED_THREADS, "rounds-")):
        return
    calls = history.calls()
    good = sum(each.kind == "value" for each in calls)
    yield expect(good >= len(calls) // 4, "the good answers taken", f"{good} of {len(calls)}")


def _nothing_piles_up(history: ClientHistory) -> Iterator[Observation]:
    """Judge what is held at the end, and by how much that is more than early in the case."""
    if history.case in DRIPPED:
        yield from later_calls_are_sent(history)
    if len(history.holdings) < 2:
        return
    calls = history.calls()
    early, late = history.holdings
    yield expect(
        late.connections <= _MAX_OPEN,
        f"few open connections after {len(calls)} calls",
        f"{late.connections}",
    )
    most = _count_most(history.case)
    shown = f"after {len(calls)} calls than after the first"
    for name, more in late.compute_excess(early).items():
        yield expect(more <= most, f"no more {name} {shown}", f"{more} more")


def _count_most(case: str) -> int:
    """Return by how much a count may rise: one less than there are waits, downloads or rounds."""
    if case.startswith("rounds-"):
        return ROUNDS - 2
    return _MAX_OPEN if case.startswith("hundreds") else _WAITS - _WAITS_BEFORE - 1


def _closing_closes(history: ClientHistory) -> Observation:
    """Judge what is open after the end; where first calls raced, one forgotten pool is no more."""
    if history.case == _ENDED:
        wanted = "the program to end, as it has nothing more to read"
        return expect(not history.unclosed, wanted, "it goes on", *history.requests[-1:])
    judge = warn_unless if history.case == "threads" else expect
    return judge(
        not history.unclosed,
        "no open connection, and no task, once the client is closed",
        f"{history.unclosed}",
        *history.requests[-1:],
    )


def _waits_are_over(history: ClientHistory) -> Iterator[Observation]:
    """Judge waits that were given up: a poll of one in a later call comes of something left."""
    for outcome in history.calls("generate_video"):
        own = [each.object.get("id") for each in history.during(outcome) if each.submits]
        if not own or outcome.kind != "error":
            continue
        later = [
            each
            for each in history.poll_requests
            if each.number > outcome.last and each.path.endswith(f"/{own[0]}")
        ]
        yield expect(
            not later,
            "no poll of a video whose wait was given up",
            f"{len(later)} polls after the error",
            *later[:2],
        )


def _leftovers_are_few(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads of one file that fail: one part of it may be kept, to be resumed."""
    left = [len(each.files) for each in history.calls("download")]
    if left:
        yield expect(
            left[-1] <= max(1, left[0]),
            f"no more parts of a file after {len(left)} downloads of it than after one",
            f"{left[-1]} files in the folder",
            *history.requests[-1:],
        )


def _nothing_is_left_beside(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads that went well: each may leave its file, and no part of one beside it."""
    for outcome in history.calls("download")[-1:]:
        left = sorted(set(outcome.files) - set(list_finished_files(outcome)))
        yield expect(
            len(left) <= 1,
            "no parts and temporary files of downloads that went well",
            ", ".join(left),
            *history.requests[-1:],
        )
