"""GC502, GC506 and GC510 to GC512: how a wait for a video ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import HOUR, Case, balance, image, models, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.carried_over import WAITS, judge_look_pauses
from getimg_mock.contract.clients.checks.own_requests import names_generation, read_own_log
from getimg_mock.contract.clients.checks.polling import (
    HOLD_VIDEOS,
    SLOW_VIDEO,
    WAIT_LIMIT,
    build_failing_polls,
    build_late_answers,
    build_later_slow_answers,
    build_real_wait_case,
    build_slow_answers,
    build_wait_case,
    polling_stops,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_SHORTER: Final = 400
_EXCESS: Final = 85.0
"""By how much a wait may exceed its deadline, in seconds: a pause of a minute, and an answer."""
_SHORT_EXCESS: Final = 30.0
"""The same for a wait that is shorter than that itself: half a minute at least."""
_EXCESS_REAL: Final = 5.0
_LONG_VIDEO: Final = {"video_seconds": 300}
_LONG_HOLD: Final = {"poll_interval": 5, "wait_timeout": 100, "max_retries": 5}
_LATEST_END: Final = 30.0
"""When a wait has ended that is cancelled after 23 s or sooner, in seconds of the case."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield build_wait_case("held", scenario=(HOLD_VIDEOS,), rules=(build_later_slow_answers(),))
    yield build_wait_case(
        "held-shorter",
        options={"poll_interval": 10, "wait_timeout": _SHORTER},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        logs=True,
    )
    yield from _build_long_pause_cases()
    yield from _build_slow_answer_cases()
    yield from _build_bad_answer_cases()
    yield from _build_whole_wait_cases()
    yield build_wait_case("failing", scenario=(fail_videos(12),))
    yield from _build_cancelled_cases()
    for name, seconds in (("clock-back", -3600.0), ("clock-ahead", 3600.0)):
        yield build_wait_case(name, settings=SLOW_VIDEO, wall_jumps=((11.0, seconds),))
    later = fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "20"),))
    yield build_real_wait_case(
        "held-real",
        patience=8,
        wait_timeout=3,
        scenario=(HOLD_VIDEOS,),
        needs=("wait_timeout",),
        rules=(FaultRule(on="videos.retrieve", do=later, label="asks for 20 s", nth=(2,)),),
    )
    yield build_real_wait_case(
        "failing-real", patience=10, wait_timeout=10, scenario=(fail_videos(2),)
    )


def _build_long_pause_cases() -> Iterator[Case]:
    """Yield the cases of pauses that would outlast the wait."""
    later = build_failing_polls(fault_actions.answer_instead(fault_actions.UNAVAILABLE))
    yield build_wait_case(
        "held-down",
        options={"poll_interval": 5, "wait_timeout": 100, "max_retries": 30},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        rules=(later,),
    )
    yield build_wait_case(
        "held-rarely",
        options={"poll_interval": 300, "wait_timeout": 20},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
    )


def _build_cancelled_cases() -> Iterator[Case]:
    """Yield the cases in which the caller does not want to wait any more."""
    # In a scope that was cancelled no further call can be made.
    later = (replace(balance(), after=60), models(), balance())
    for name, by_scope in (("cancelled", False), ("cancelled-scope", True)):
        calls = (video(),) if by_scope else (video(), *later)
        slow_polls = build_slow_answers(20.0)
        more: dict[str, Any] = {"settings": _LONG_VIDEO, "by_scope": by_scope, "logs": True}
        yield build_wait_case(name, calls=calls, interrupt_at=23.0, **more)
        yield build_wait_case(f"{name}-looking", rules=(slow_polls,), interrupt_at=10.0, **more)
    yield build_wait_case(
        "cancelled-soon",
        calls=(video(),),
        settings=_LONG_VIDEO,
        interrupt_at=2.0,
        logs=True,
    )
    slow = FaultRule(on="images.generate", do=fault_actions.answer_late(60.0), label="slow order")
    yield Case(
        name="cancelled-scope-order",
        calls=(image(),),
        rules=(slow,),
        options={"timeout": 120},
        interrupt_at=23.0,
        by_scope=True,
        limit=HOUR,
        patience=None,
    )
    yield _build_real_cancelled_case()


def _build_real_cancelled_case() -> Case:
    """Return the case in real time: a poll that follows is seen while the balance is waited for."""
    slow_reads = (build_late_answers(on, 2.5) for on in ("billing.balance", "models.list"))
    return build_real_wait_case(
        "cancelled-real",
        patience=6,
        wait_timeout=60,
        scenario=(HOLD_VIDEOS,),
        rules=tuple(slow_reads),
        interrupt_after=2.5,
        early=True,
        logs=True,
    ).with_changes(calls=(video(), balance(), models().instead_of("balance")))


def _build_slow_answer_cases() -> Iterator[Case]:
    """Yield the cases in which each poll is answered late, so that few fit into a wait."""
    yield build_wait_case(
        "held-slow",
        options={"poll_interval": 5, "wait_timeout": 100},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        rules=(build_slow_answers(20.0),),
    )
    yield Case(
        name="held-slow-real",
        calls=(video(),),
        options={"poll_interval": 0.5, "wait_timeout": 3},
        needs=("wait_timeout", "poll_interval"),
        scenario=(HOLD_VIDEOS,),
        rules=(build_slow_answers(1.5),),
        patience=9,
    )


def _build_bad_answer_cases() -> Iterator[Case]:
    """Yield the cases of a video that stays pending, while polls fail: now and then, or for good.

    Tries within a look take from the caller's deadline as looks do.
    """
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    silence = fault_actions.end_before_work("hang")
    for name, act, nth in (
        ("asked-429", _ask(429, 3600), (2,)),
        ("asked-503", _ask(503, 3600), (2,)),
        ("asked-often", _ask(503, 55), tuple(range(2, 400))),
        ("silent", silence, tuple(range(2, 400))),
        ("shaky", down, tuple(range(2, 400, 2))),
    ):
        yield build_wait_case(
            f"held-{name}",
            options=_LONG_HOLD | ({"timeout": 30} if name == "silent" else {}),
            needs=("wait_timeout",),
            scenario=(HOLD_VIDEOS,),
            rules=(FaultRule(on="videos.retrieve", do=act, label=f"polls: {name}", nth=nth),),
        )


def _ask(status: int, seconds: int) -> FaultAction:
    return fault_actions.refuse_with_wait(status, lambda _: (("Retry-After", str(seconds)),))


def _build_whole_wait_cases() -> Iterator[Case]:
    """Yield the cases of videos that are done in time, by the time that their wait has."""
    yield build_wait_case(
        "waits-apart",
        calls=(video(), replace(video(), after=HOUR)),
        settings=SLOW_VIDEO,
        limit=WAIT_LIMIT + 2 * HOUR,
    )
    yield build_real_wait_case(
        "waits-apart-real",
        patience=9,
        wait_timeout=8,
        seconds=1,
        needs=("advance",),
        limit=WAIT_LIMIT + 2 * HOUR,
    ).with_changes(calls=(video(), replace(video(), after=HOUR)))
    yield build_wait_case(
        "waits-long",
        settings={"video_seconds": 1500},
        options={"poll_interval": 25, "wait_timeout": 2400, "timeout": 20},
        needs=("wait_timeout", "timeout"),
    )
    yield build_wait_case(
        "waits-limited",
        calls=(image(), video()),
        settings={"video_seconds": 20},
        options={"poll_interval": 5, "wait_timeout": 45},
        needs=("wait_timeout", "poll_interval"),
        rules=(FaultRule(on="*", do=fault_actions.exhaust_limit, label="no order is left"),),
    )


def fail_videos(seconds: float) -> dict[str, Any]:
    """Return the scenario step that lets each video fail after `seconds`."""
    return {
        "on": ["videos.create"],
        "transition": {"failed": "server_error", "seconds": seconds},
    }


@client_check(
    "GC502",
    "A video that stays pending ends, at the deadline, in an error that names it",
    severity="blocker",
    evidence="documented",
    why="The documentation advises a timeout; the job is paid, its id must not be lost.",
    fix="Give the wait a deadline and put the id on the error.",
    cases=("held*", "given-up-twice"),
)
def waiting_ends(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a wait for a video that stays pending raises an error with its id.

    Polls are answered at once, late, once not at all, or with an error: always, in several outages
    or every other time. One asks for a pause of an hour, or the interval is longer than the wait.
    Fails when the call returns or never ends, or when the error lacks the generation's id. With an
    option for the deadline, it fails as well when the wait lasts more than a minute and an answer
    longer, or a short one more than half a minute. So it does where polls are counted, where pauses
    double without a maximum, and where those after errors do not look at the deadline.
    """
    limit = history.options.get("wait_timeout")
    most = _compute_longest_wait(history, float(limit)) if limit else WAIT_LIMIT
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        yield expect(
            outcome.seconds <= most,
            f"an end within {most:g} s",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
            *sent[-2:],
        )
        own = not outcome.error.get("again")  # an earlier caller's may be told another id by now
        told = outcome.clear and own and names_generation(outcome, sent)
        yield expect(
            told,
            "an error that names the generation, after a while",
            f"{outcome.shown} ({len(sent)} requests in {outcome.seconds:g} s)",
            *sent[:1],
            *sent[-1:],
        )


def _compute_longest_wait(history: ClientHistory, limit: float) -> float:
    """Return how long a wait may take with this deadline: the last pause and answer may exceed it.

    A short wait may not become many times as long by that. In real time, the pauses of the case are
    short, and so is what they add.
    """
    return limit + (min(_EXCESS, max(_SHORT_EXCESS, limit)) if history.virtual else _EXCESS_REAL)


@client_check(
    "GC506",
    "Cancelling a wait ends it at once and leaves the id to the caller",
    severity="major",
    evidence="choice",
    why="The job continues and is paid.",
    fix="Put the id on the raised error, or log it.",
    cases=("cancelled*",),
)
def cancelling_is_prompt(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a wait that is interrupted ends and leaves its id: in any pause, or a poll.

    An asynchronous client is cancelled by its task, and by a cancel scope of anyio. Fails when the
    wait goes on, also in the background of later calls, or when the id is neither on the error nor
    in the client's log: the path of a request that a library logs is not enough. Fails when a scope
    gets another error than the cancellation: by Python's documentation that must be raised again,
    in almost all situations.
    """
    scope = history.case.startswith("cancelled-scope")
    most = 20.0 if "looking" in history.case else _LATEST_END
    kinds = {"interrupted"} if scope else {"interrupted", "error"}
    for outcome in history.calls("generate_image", "generate_video"):
        sent = history.during(outcome)
        yield expect(
            outcome.kind in kinds and outcome.ended <= most,
            "to stop when interrupted, and to raise that",
            outcome.shown,
            *sent[-2:],
        )
        if outcome.op == "generate_image" or not any(each.submits for each in sent):
            continue  # what was not ordered has no id
        yield expect(
            names_generation(outcome, sent, read_own_log(history.logs)),
            "the generation's id, on the error or in the log",
            outcome.shown,
            *sent[:1],
        )
        later = [each for each in history.poll_requests if each.number > outcome.last]
        yield expect(not later, "no poll after that", f"{len(later)} polls", *later[:2])


@client_check(
    "GC510",
    "A jump of the wall clock neither ends nor prolongs a wait",
    severity="major",
    evidence="choice",
    why="The wall clock can be set; the monotonic clock cannot.",
    fix="Measure waits by the monotonic clock.",
    cases=("clock-*",),
)
def wall_clocks_may_jump(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a wait returns its result when the wall clock jumps by an hour.

    Fails when the wait ends early with an error, or takes more than 90 s for a video of 42 s.
    """
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        right = outcome.kind == "value" and outcome.ended <= 90
        yield expect(
            right,
            "the result, when it is there",
            f"{outcome.shown} after {outcome.ended:.0f} s",
            *sent[-2:],
        )


@client_check(
    "GC511",
    "A failed video ends the wait with its message",
    severity="major",
    evidence="documented",
    why="By the documentation, failed is final.",
    fix="Raise when the status is failed.",
    cases=("failing", "failing-real"),
)
def failures_end_the_wait(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a wait ends at a failed status with an error that has its message.

    Fails when the call polls again, returns a value, or raises without the message.
    """
    yield from polling_stops(history)
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        if outcome.kind == "abandoned":
            yield fail("to stop at the failure", outcome.shown, *sent[-2:])
        else:
            told = outcome.kind == "error" and "Upstream provider" in outcome.text
            yield expect(told, "the failure's message", outcome.shown, *sent[-1:])


@client_check(
    "GC512",
    "Each wait has the whole of its time",
    severity="major",
    evidence="choice",
    why="A client that lives for hours would give up each later video at once, though it is paid.",
    fix="Compute the deadline when a wait begins, and not when the client is created.",
    cases=("waits-*", "polled-real", "waited-often", "waited-often-real", WAITS),
)
def waits_begin_anew(history: ClientHistory) -> Iterator[Observation]:
    """Demands the result of a wait whose video is done before its deadline.

    One wait begins an hour after an earlier one, and one lasts longer than the timeout of a request
    and than most clients wait by default. In one the limit of orders is used up: that of images
    holds up no video, and polls take nothing from it. Fails when a wait raises, and when one of a
    dozen waits after another takes half a minute longer than the first: it begins with the pauses
    to which earlier ones have come, or which an answer in one of them asked for, or a failed poll.
    """
    yield from judge_look_pauses(history)
    if history.case == WAITS:
        return
    for outcome in history.calls("generate_video"):
        yield expect(
            outcome.kind == "value",
            "the video: it was done in time",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
            *history.during(outcome)[-2:],
        )
