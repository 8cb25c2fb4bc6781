"""What a client carries over from calls that failed: pauses that grow, or stay, and spent tries.

GC308, GC409, GC415, GC503 and GC512 judge these, also in real time. All was well in between, so
that each call is to be served as its first was.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    Case,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.wire_script import build_error, cut
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION, serve_picture
from getimg_mock.contract.clients.checks.message_variants import answer_pending
from getimg_mock.contract.clients.checks.own_requests import find_own_requests, measure_gaps
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

SPENT: Final = "get-spent-real"
WAITS: Final = "get-wait-apart-real"
_PAUSE: Final = 2
"""How many seconds a limit asks for, once."""
_LOOKS: Final = ("..3.t.0.2", "4.c.r.c", "..")
"""How the looks of each wait are answered, before the video is done: `.` is a pending video, and
the others are failures. Each of these costs a program up to a second, as it backs off."""
_LIMITED: Final = build_error(429, "rate_limit", "Too many.", ("Retry-After", str(_PAUSE)))
_FAILURES: Final[dict[str, FaultAction]] = {
    "0": fault_actions.answer_instead(build_error(500, "server_error", "Something went wrong")),
    "2": fault_actions.answer_instead(fault_actions.build_page(502)),
    "3": fault_actions.answer_instead(fault_actions.UNAVAILABLE),
    "4": fault_actions.answer_instead(fault_actions.build_page(504)),
    "r": fault_actions.end_before_work("reset"),
    "t": fault_actions.answer_instead(_LIMITED),
}
_LEAST_WAITS: Final = 4
_SERIES: Final = 5
"""So many waits in a row that each exceed the one before are no accident of random ones."""
_GROWTH: Final = 1.4
"""How many times as long as the one before each of them is, where their growth is judged."""
_LONGER: Final = 2.5
"""By how many seconds the last waits exceed the first where they are not random: our choice."""
_HELD: Final = 0.9
"""The share of a pause that holds a call up: a clock may be a little off."""
_SLOWER: Final = 1.0
"""By how many seconds all looks of a wait are further apart than those of an earlier one."""

_MOST_HELD: Final = 3.0
"""How many seconds after the last poll a result may come: less than the advised interval."""
_LATER: Final = 30.0
"""How many seconds a wait may take longer than another one, by its last pause and its pace."""
_FEW: Final = 3
_LATER_REAL: Final = 1.5
"""By how many seconds each of the last `_FEW` waits may exceed the first ones in real time."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: tries that others have spent, a pause that is over, and failed looks."""
    yield _build_spent_case()
    yield Case(
        name=WAITS,
        calls=(video(),) * len(_LOOKS),
        needs=("retries", "poll_interval"),
        settings={"video_seconds": 0.2},
        options={"poll_interval": 0.1, "wait_timeout": 600},
        limit=HOUR,
        patience=20,
        rules=(
            FaultRule(on="videos.retrieve", do=_answer_look, label="now and then bad", legal=False),
        ),
    )


def _answer_look(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer a look as the plan of its call says."""
    plan, before = _LOOKS[turn.adversary.call], fault_actions.count_earlier(turn)
    if before >= len(plan):
        return turn.proceed()
    # One that breaks off halfway is not hidden by what a library itself tries again.
    if plan[before] == "c":
        return cut(answer_pending(turn))
    return answer_pending(turn) if plan[before] == "." else _FAILURES[plan[before]](turn)


def _build_spent_case() -> Case:
    """Return the case in which calls of all kinds fail once each, and two reads come last.

    Each call has tries of its own: orders, files and looks at videos take nothing from a read. And
    the pause that the order had to make is over with it.
    """
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    failures: dict[str, tuple[FaultAction, int]] = {
        "images.generate": (fault_actions.answer_instead(_LIMITED), 2),
        DOWNLOAD_OPERATION: (down, 1),
        "videos.retrieve": (down, 1),
        "models.list": (down, 1),
        "billing.balance": (down, 2),
    }
    failing = (
        FaultRule(on=on, do=act, label=f"once: {on}", nth=(nth,), must=on == "models.list")
        for on, (act, nth) in failures.items()
    )
    file = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False)
    orders, others = (image(), balance(), image(), image()), (download(), video())
    return Case(
        name=SPENT,
        calls=(*orders, *others, image(), balance(), models()),
        needs=("retries",),
        settings={"video_seconds": 0.2},
        options={"max_retries": 2, "poll_interval": 0.2, "wait_timeout": 30},
        rules=(*failing, file),
        limit=HOUR,
        patience=8.0,
    )


def judge_first_waits(history: ClientHistory) -> Iterator[Observation]:
    """Judge the waits before the second tries of calls, each of which is then served.

    Random ones differ; those that double whenever a call has failed get longer from call to call.
    """
    waits: list[float] = []
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        ends = [each.elapsed for each in sent[1:2]]
        if not ends and sent and outcome.kind == "abandoned":
            ends = [outcome.ended]
        waits += [end - sent[0].elapsed for end in ends]
        if outcome.kind == "abandoned":
            break  # what follows is asked of another process, which carries nothing over
    if len(waits) < _LEAST_WAITS:
        return
    first, last = max(waits[:2]), min(waits[-2:])
    grown = all(two >= _GROWTH * one for one, two in itertools.pairwise(waits))
    least = 1.0 if len(waits) >= _SERIES else _LONGER
    longer = last > 2 * first and last >= first + _LONGER
    yield expect(
        not longer and not (grown and waits[-1] >= waits[0] + least),
        "a first wait as short as that of an earlier call",
        f"{' '.join(f'{each:.1f}' for each in waits)} s in {len(waits)} calls",
        *history.requests[:2],
    )


def judge_told_pause(history: ClientHistory) -> Iterator[Observation]:
    """Judge calls after one that was to come again later, and was served then.

    Some hold all calls up for as long as a limit asks: it is over when the next call is made.
    """
    made = history.calls()
    place = next((at for at, each in enumerate(made) if _was_limited(history, each)), len(made))
    before, limited, after = made[:place], made[place : place + 1], made[place + 1 :]
    spaced = any(_measure_delay(history, each) > _PAUSE / 2 for each in before)
    # One that was not waited for has ended early: its pause may go on.
    if spaced or any(each.kind != "value" for each in limited):
        return
    for ops in (("generate_image",), ("balance", "models")):
        later = [each for each in after if each.op in ops]
        held = min((_measure_delay(history, each) for each in later), default=0.0)
        yield expect(
            held < _PAUSE * _HELD,
            f"requests at once: the pause of {_PAUSE} s that one answer asked for is over",
            f"{held:.1f} s later at least, in {len(later)} calls",
            *(each for outcome in later[:1] for each in find_own_requests(history, outcome)[:1]),
        )
    for outcome in history.calls("generate_image"):
        if outcome in after:
            yield expect(outcome.kind == "value", "a value: it is served", outcome.shown)


def _was_limited(history: ClientHistory, outcome: CallOutcome) -> bool:
    return any(each.status == 429 for each in find_own_requests(history, outcome))


def _measure_delay(history: ClientHistory, outcome: CallOutcome) -> float:
    """Return how long after a call began its first own request was sent; 0 where none was."""
    sent = find_own_requests(history, outcome)
    return sent[0].elapsed - outcome.began if sent else 0.0


def judge_look_pauses(history: ClientHistory) -> Iterator[Observation]:
    """Judge how long waits are, one after another, or how far apart looks are in the last one.

    No look fails in that one. That an earlier wait looked less often after a failure is fine, and
    over with that wait.
    """
    seconds = [each.seconds for each in history.calls("generate_video")]
    if history.case.startswith("waited-often") and seconds:
        yield expect(
            max(seconds) <= seconds[0] + _LATER,
            f"no wait {_LATER:g} s longer than the first: the videos take equally long",
            f"{seconds[0]:.0f} s at first, and {max(seconds):.0f} s",
        )
    if history.case == "waited-often-real" and len(seconds) > 2 * _FEW:
        first, last = max(seconds[:_FEW]), min(seconds[-_FEW:])
        yield expect(
            last <= first + _LATER_REAL,
            "last waits about as long as the first: the videos take equally long",
            f"at most {first:.1f} s at first, and at least {last:.1f} s at last",
        )
    if history.case == WAITS:
        yield from _looks_are_as_often(history)


def _looks_are_as_often(history: ClientHistory) -> Iterator[Observation]:
    waits = [find_own_requests(history, each) for each in history.calls("generate_video")]
    looks = [[each for each in sent if not each.submits] for sent in waits]
    for outcome in history.calls("generate_video"):
        yield expect(outcome.kind != "abandoned", "the video, which is done soon", outcome.shown)
    if len(looks) < len(_LOOKS):
        return
    first, last = measure_gaps(_take_good(looks[0]))[:1], measure_gaps(looks[-1])
    if first and len(last) > 1:
        yield expect(
            min(last) < max(3 * first[0], first[0] + _SLOWER),
            f"looks {first[0]:.1f} s apart, as in the first wait before one failed",
            f"{min(last):.1f} s at least",
            *looks[-1][:2],
        )


def _take_good(sent: list[ClientExchange]) -> list[ClientExchange]:
    """Return the looks before the first that fails."""
    return list(itertools.takewhile(lambda each: each.status == 200, sent))


def judge_ends(history: ClientHistory, interval: float) -> Iterator[Observation]:
    """Judge how long waits go on after the look that shows their end."""
    every: list[float] = []
    for outcome in history.calls("generate_video"):
        looks = [each for each in history.during(outcome) if each.operation == "videos.retrieve"]
        if looks and looks[-1].object.get("status") in TERMINAL:
            every.append(outcome.ended - looks[-1].elapsed)
            yield expect(
                every[-1] <= _MOST_HELD,
                "an end at once",
                f"{outcome.shown} {every[-1]:.1f} s later",
                looks[-1],
            )
    if len(every) > _SERIES:  # a busy machine may hold up one of them, and not each
        yield expect(
            min(every) < interval * _HELD,
            "ends at once",
            f"{min(every):.1f} s later at least, in each of {len(every)} waits",
        )
