"""GC5: waiting for a video."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_ADVISED_INTERVAL: Final = 5.0
_LIMIT: Final = 3900.0
"""How long a client may wait for a video that stays pending: an hour of its own is legal."""
_MANY: Final = 24
_PACE: Final = 2.0
"""How many polls a second one client may send on average, whatever it waits for: our choice."""
_HOLD_VIDEOS: Final[dict[str, Any]] = {"on": ["videos.create"], "transition": {"hold": True}}
_SLOW: Final = {"video_seconds": 42}
_OPTIONS: Final = {"poll_interval": 5, "wait_timeout": 600}
_TERMINAL: Final = ("completed", "failed")


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    del stream
    failing = {"on": ["videos.create"], "transition": {"failed": "server_error", "seconds": 12}}
    down = build_error(503, "server_error", "Something went wrong on our end")
    busy = build_error(429, "rate_limit", "Too many requests.", ("Retry-After", "6"))
    gone = build_error(404, "not_found", "Not found.")
    regress = (
        FaultRule(
            on="videos.create",
            label="completed at once",
            do=fault_actions.change_json(fault_actions.merge_fields({"status": "completed"})),
            legal=False,
        ),
        FaultRule(
            on="videos.retrieve",
            label="pending again",
            must=False,
            do=fault_actions.change_json(lambda v: {"id": v["id"], "status": "pending"}),
        ),
    )
    made: list[Case] = [
        Case(name="polled", calls=(video(),), settings=_SLOW, options=_OPTIONS),
        Case(name="held", calls=(video(),), scenario=(_HOLD_VIDEOS,), options=_OPTIONS),
        Case(name="failing", calls=(video(),), scenario=(failing,), options=_OPTIONS),
    ]
    for name, act in (
        ("503", fault_actions.answer_instead(down)),
        ("reset", fault_actions.end_before_work("reset")),
        ("429", fault_actions.answer_instead(busy)),
        (
            "html",
            fault_actions.answer_instead(
                fault_actions.build_text_answer(502, "text/html", fault_actions.HTML)
            ),
        ),
    ):
        rule = FaultRule(
            on="videos.retrieve", do=act, label=f"poll: {name}", nth=(2,), legal=name != "html"
        )
        made.append(
            Case(
                name=f"shaky-{name}",
                calls=(video(),),
                settings=_SLOW,
                options=_OPTIONS,
                rules=(rule,),
            )
        )
    made += [
        Case(
            name="late-404",
            calls=(video(),),
            settings=_SLOW,
            options=_OPTIONS,
            rules=(
                FaultRule(
                    on="videos.retrieve",
                    do=fault_actions.answer_instead(gone),
                    label="404",
                    nth=(1, 2),
                ),
            ),
        ),
        Case(
            name="cancelled",
            calls=(video(),),
            settings={"video_seconds": 300},
            options=_OPTIONS,
            interrupt_at=23.0,
            logs=True,
        ),
        Case(
            name="regress",
            calls=(video(),),
            settings={"video_seconds": 3},
            options=_OPTIONS,
            rules=regress,
        ),
        Case(
            name="slower-please",
            calls=(video(),),
            settings=_SLOW,
            options=_OPTIONS,
            rules=_build_retry_after_rules(20),
        ),
        Case(
            name="many",
            calls=tuple(video(prompt=f"number {n}") for n in range(8)),
            settings=_SLOW,
            options=_OPTIONS,
            together=True,
        ),
        Case(
            name="many-more",
            calls=tuple(video(prompt=f"number {n}") for n in range(_MANY)),
            settings=_SLOW,
            options=_OPTIONS,
            together=True,
        ),
        Case(
            name="clock-back",
            calls=(video(),),
            settings=_SLOW,
            options=_OPTIONS,
            wall_jumps=((11.0, -3600.0),),
        ),
        Case(
            name="clock-ahead",
            calls=(video(),),
            settings=_SLOW,
            options=_OPTIONS,
            wall_jumps=((11.0, 3600.0),),
        ),
    ]
    return (
        *(case.with_changes(limit=_LIMIT, patience=None) for case in made),
        Case(
            name="polled-real",
            calls=(video(),),
            settings={"video_seconds": 3},
            patience=15,
            options={"poll_interval": 1, "wait_timeout": 10},
        ),
        Case(
            name="held-real",
            calls=(video(),),
            scenario=(_HOLD_VIDEOS,),
            patience=8,
            options={"poll_interval": 1, "wait_timeout": 3},
            needs=("wait_timeout",),
        ),
        Case(
            name="failing-real",
            calls=(video(),),
            patience=10,
            scenario=(
                {"on": ["videos.create"], "transition": {"failed": "server_error", "seconds": 2}},
            ),
            options={"poll_interval": 1, "wait_timeout": 10},
        ),
        Case(
            name="shaky-real",
            calls=(video(),),
            settings={"video_seconds": 3},
            patience=15,
            options={"poll_interval": 1, "wait_timeout": 10},
            rules=(
                FaultRule(
                    on="videos.retrieve",
                    do=fault_actions.answer_instead(down),
                    label="503",
                    nth=(2,),
                ),
            ),
        ),
        Case(
            name="late-404-real",
            calls=(video(),),
            settings={"video_seconds": 3},
            patience=15,
            options={"poll_interval": 1, "wait_timeout": 10},
            rules=(
                FaultRule(
                    on="videos.retrieve",
                    do=fault_actions.answer_instead(gone),
                    label="404",
                    nth=(1,),
                ),
            ),
        ),
        Case(
            name="regress-real",
            calls=(video(),),
            settings={"video_seconds": 1},
            patience=12,
            options={"poll_interval": 1, "wait_timeout": 4},
            needs=("wait_timeout",),
            rules=regress,
        ),
        Case(
            name="slower-please-real",
            calls=(video(),),
            settings={"video_seconds": 3},
            patience=20,
            options={"poll_interval": 1, "wait_timeout": 15},
            rules=_build_retry_after_rules(4),
        ),
    )


def _build_retry_after_rules(seconds: int) -> tuple[FaultRule, ...]:
    headers = (("Retry-After", str(seconds)),)
    return (
        FaultRule(
            on="videos.retrieve",
            label="Retry-After on pending",
            nth=(2,),
            do=fault_actions.change_answer(lambda a: a.with_headers(*headers)),
        ),
    )


def _interval(history: ClientHistory) -> float:
    return float(history.options.get("poll_interval", _ADVISED_INTERVAL))


@client_check(
    "GC501",
    "Polls keep the configured, or the advised, distance",
    severity="major",
    evidence="documented",
    why="The documentation advises 5 s; faster, without having been told to, is a warning.",
    fix="Sleep between polls.",
    cases=("polled", "polled-real", "observed"),
    observable=True,
)
def polls_are_paced(history: ClientHistory) -> Iterator[Observation]:
    """GC501: the distance that was asked for is a promise, the documented one is advice."""
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


@client_check(
    "GC502",
    "A video that stays pending ends in an error that names it",
    severity="blocker",
    evidence="documented",
    why="The documentation advises a timeout; the job is paid, its id must not be lost.",
    fix="Give the wait a deadline and put the id on the error.",
    cases=("held", "held-real"),
)
def waiting_ends(history: ClientHistory) -> Iterator[Observation]:
    """GC502."""
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        told = outcome.clear and _names_generation(outcome, sent)
        yield expect(
            told,
            "an error that names the generation, after a while",
            f"{outcome.shown} ({len(sent)} requests in {outcome.seconds:g} s)",
            *sent[:1],
            *sent[-1:],
        )


@client_check(
    "GC503",
    "Polling stops at the end of a generation",
    severity="major",
    evidence="seed",
    why="Nothing changes any more.",
    fix="Leave the loop.",
    cases=("polled", "polled-real", "observed"),
    observable=True,
)
def polling_stops(history: ClientHistory) -> Iterator[Observation]:
    """GC503, and GC511 with the failure."""
    for sent in _group_by_video(history).values():
        ended = next(
            (place for place, each in enumerate(sent) if each.object.get("status") in _TERMINAL),
            None,
        )
        if ended is not None:
            more = sent[ended + 1 :]
            yield expect(
                not more, "no poll after the end", f"{len(more)} more", sent[ended], *more[:3]
            )


@client_check(
    "GC504",
    "A failing poll does not lose the job",
    severity="blocker",
    evidence="choice",
    why="It goes on, and is paid, whatever one poll says.",
    fix="Poll again, or raise an error with the id.",
    cases=("shaky-*",),
)
@client_check(
    "GC505",
    "A 404 right after submission is tolerated, or surfaced with the id",
    severity="minor",
    evidence="assumption",
    why="A read may be served before the write has arrived everywhere.",
    fix="Allow for some seconds of 404.",
    cases=("late-404*",),
)
def shaky_polls_lose_nothing(history: ClientHistory) -> Iterator[Observation]:
    """GC504, 505: a result, or an error that names the generation."""
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        kept = outcome.kind == "value" or (outcome.clear and _names_generation(outcome, sent))
        yield expect(
            kept,
            "the result, or an error that names the generation",
            outcome.shown,
            *sent[:1],
            *sent[-2:],
        )


@client_check(
    "GC506",
    "Cancelling a wait ends it at once and leaves the id to the caller",
    severity="major",
    evidence="choice",
    why="The job goes on and is paid.",
    fix="Note the id on what is raised, or log it.",
    cases=("cancelled",),
)
def cancelling_is_prompt(history: ClientHistory) -> Iterator[Observation]:
    """GC506."""
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        yield expect(
            outcome.kind in {"interrupted", "error"} and outcome.ended <= 30,
            "to stop when interrupted",
            outcome.shown,
            *sent[-2:],
        )
        own = "\n".join(each for each in history.logs.splitlines() if " http" not in each[:16])
        yield expect(
            _names_generation(outcome, sent, own),
            "the generation's id, on the error or in the log",
            outcome.shown,
            *sent[:1],
        )


@client_check(
    "GC507",
    "A generation that goes back to pending is reported, not polled for ever",
    severity="minor",
    evidence="assumption",
    why="Both ends are final by the documentation.",
    fix="Remember the last status; bound the wait.",
    cases=("regress*",),
)
def regress_does_not_loop(history: ClientHistory) -> Iterator[Observation]:
    """GC507."""
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        yield expect(
            outcome.kind == "error" and not outcome.raw,
            "an error: it was completed before",
            outcome.shown,
            *sent[:3],
        )


@client_check(
    "GC508",
    "A Retry-After on a pending answer is obeyed",
    severity="minor",
    evidence="assumption",
    why="The server knows its load.",
    fix="Take the larger of it and your interval.",
    cases=("slower-please*",),
)
def slower_is_obeyed(history: ClientHistory) -> Iterator[Observation]:
    """GC508."""
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
    fix="Share a pace among the waits of a client: so many polls a second, in turn.",
    cases=("many", "many-more"),
)
def many_waits_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """GC509: each wait as fast as one alone, and all together no faster than a client's own pace.

    The second bound does not grow with the waits. Nothing documents it: to go beyond is a warning.
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
        len(polls) <= total,
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


@client_check(
    "GC510",
    "A jump of the wall clock neither ends nor prolongs a wait",
    severity="major",
    evidence="choice",
    why="Clocks are set; monotonic time is not.",
    fix="Use the monotonic clock.",
    cases=("clock-*",),
)
def wall_clocks_may_jump(history: ClientHistory) -> Iterator[Observation]:
    """GC510."""
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
    why="failed is final.",
    fix="Raise when the status is failed.",
    cases=("failing", "failing-real"),
)
def failures_end_the_wait(history: ClientHistory) -> Iterator[Observation]:
    """GC511."""
    yield from polling_stops(history)
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        if outcome.kind == "abandoned":
            yield fail("to stop at the failure", outcome.shown, *sent[-2:])
        else:
            told = outcome.kind == "error" and "Upstream provider" in outcome.text
            yield expect(told, "the failure's message", outcome.shown, *sent[-1:])


def _group_by_video(history: ClientHistory) -> dict[str, list[ClientExchange]]:
    found: dict[str, list[ClientExchange]] = {}
    for each in history.poll_requests:
        found.setdefault(each.path, []).append(each)
    return found


def _names_generation(outcome: CallOutcome, sent: list[ClientExchange], logs: str = "") -> bool:
    made = [
        effect.generation
        for each in sent
        for effect in each.effects or ()
        if effect.what == "generation"
    ]
    text = f"{outcome.text} {outcome.error.get('generation')} {logs}"
    return any(name and name in text for name in made)
