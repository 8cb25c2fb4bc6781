"""GC422: an order gets the time that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    IMAGE,
    NO_RETRIES,
    RANGE,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    describe_result,
    serve_picture,
)
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.checks.polling import build_slow_answers
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_READ: Final = 25.0
"""How long a read takes, in seconds, where the caller allows two minutes."""
_PICTURE: Final = 40.0
"""How long a picture takes, in seconds: 25 to 35 were seen."""
_PICTURE_REAL: Final = 31.5
"""The same in real time, so that a limit of half a minute is seen: it begins before all others."""
_TOGETHER: Final = 8
_TOGETHER_SECONDS: Final = 17.0
"""So that orders at the same time take less than a minute where three are under way at most: that
is what some accounts allow, and a client may keep to it."""
_TOGETHER_REAL: Final = 1.7
"""The same in real time, at a timeout of six seconds: two at a time would take longer."""
_BESIDE: Final = "slow-orders-beside"
_REFUSAL: Final = 1.0
"""After how many seconds an order is refused: by then, the other calls are under way."""
_PAUSE: Final = 8
"""How many seconds that order, or a wait for a video, takes; nothing else has to."""
_SLOW: Final = 10.4
"""How many seconds a file and a list take that have 40: some clients give them ten at most."""
_SLOW_LOOK: Final = 6.5
"""How long the first look at a video takes that stays pending; looks at others need not wait."""
_SLOW_LOOKS: Final = 2.4
"""How long each look at a video takes that is to come twice a second, where 20 s are allowed."""
_HELD: Final = "pending for ever"
_FAILED: Final = "fails at once"
_UNSEEN: Final = "looks are refused"
_APART: Final = (_HELD, _FAILED, _UNSEEN)
"""The prompts of videos that do not end well, which is no reason to end the wait for another."""
_SLOW_FILE: Final = ClientCall(
    op="download", args={"result": describe_result("req-01K6FILES00006"), "index": 0}
)
_MOST_BESIDE: Final = 6.0
"""How long the others may take: a video is done after two seconds, and looked at every second."""
_ORDERS: Final = (image(), video().instead_of("generate_image"))


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: an order is answered late, in time for the client's own limit."""
    yield _build_case("slow-order", _PICTURE)
    yield _build_case("slow-order-allowed", 100, options={"timeout": 120}, needs=("timeout",))
    yield _build_case(
        "slow-order-real",
        _PICTURE_REAL,
        options={"timeout": 40},
        needs=("timeout",),
        patience=42,
        early=True,
    )
    yield from _build_slow_reads()
    several = tuple(call for call in _ORDERS for _ in range(_TOGETHER))
    yield _build_case("slow-orders-together", _TOGETHER_SECONDS, calls=several, together=True)
    yield _build_case(
        "slow-orders-together-real",
        _TOGETHER_REAL,
        calls=several,
        together=True,
        options={"timeout": 6},
        needs=("timeout",),
        patience=10,
    )
    yield from _build_cases_beside()


def _build_cases_beside() -> Iterator[Case]:
    """Yield the cases of calls beside an order that is to come again later, or a long wait."""
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", str(_PAUSE)),))
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    beside = Case(
        name=f"{_BESIDE}-limited",
        calls=(image(), video(), balance()),
        needs=("poll_interval",),
        together=True,
        rules=tuple(
            FaultRule(
                on=on,
                do=fault_actions.answer_late(_REFUSAL, act),
                label="late",
                nth=(1,),
                must=on != "billing.balance",
            )
            for on, act in (("images.generate", limited), ("billing.balance", down))
        ),
        settings={"video_seconds": 2},
        options={"poll_interval": 1, "wait_timeout": _PAUSE},
        limit=HOUR,
        patience=_PAUSE + 4,
        early=True,  # else they are the last to end
    )
    yield beside
    yield _build_held_case(beside)


def _build_held_case(beside: Case) -> Case:
    """Return the case of a video that stays pending, and of a file that is slow to come."""
    slow = (
        FaultRule(on=on, do=fault_actions.answer_late(_SLOW, act), label="slow", must=False)
        for on, act in ((DOWNLOAD_OPERATION, serve_picture()), ("models.list", None))
    )
    later = FaultRule(
        on="videos.create",
        do=fault_actions.answer_late(_REFUSAL),
        label="after those that do not end well",
        when=lambda asked: not any(each.encode() in asked.body for each in _APART),
    )
    looks = FaultRule(on="videos.retrieve", do=_answer_look, label="looks", must=False)
    ends = {_HELD: {"hold": True}, _FAILED: {"failed": "server_error", "seconds": 0.2}}
    return beside.with_changes(
        name=f"{_BESIDE}-held",
        calls=(*(video(prompt=each) for each in _APART), _SLOW_FILE, models(), video(), balance()),
        options=dict(beside.options) | {"timeout": 4 * _SLOW},
        patience=_SLOW + 4,
        needs=("poll_interval", "wait_timeout"),
        rules=(*beside.rules[1:], *slow, later, looks),
        scenario=tuple(
            {"on": ["videos.create"], "prompt": prompt, "transition": end}
            for prompt, end in ends.items()
        ),
    )


def _answer_look(turn: FaultContext) -> WireAnswer | WireScript:
    """Refuse to tell of one of the videos, and answer the first look at another one late."""
    made = turn.adversary.workspace.generations.get(fault_actions.find_asked_id(turn))
    prompt = None if made is None else made.prompt
    if prompt == _UNSEEN:
        return build_error(400, "invalid_parameter", "This generation cannot be read.")
    if prompt == _HELD and not fault_actions.count_earlier(turn):
        return fault_actions.answer_late(_SLOW_LOOK)(turn)
    return turn.proceed()


def _build_slow_reads() -> Iterator[Case]:
    """Yield the case of reads and a file that come late, and in time, as half a minute is given."""
    calls = (
        models(),
        balance(),
        ClientCall(op="costs", args=RANGE),
        ClientCall(op="model", args={"id": IMAGE["model"]}),
        ClientCall(op="submit_video", args=VIDEO),
        _SLOW_FILE,
    )
    save = fault_actions.answer_late(_READ, serve_picture())
    slow_file = FaultRule(on=DOWNLOAD_OPERATION, do=save, label="a slow file", must=False)
    slow = FaultRule(on="*", do=fault_actions.answer_late(_READ), label="a slow answer", must=False)
    yield Case(
        name="slow-reads-allowed",
        calls=calls,
        rules=(slow_file, slow),
        options=NO_RETRIES | {"timeout": 120},
        needs=("timeout",),
        patience=None,
        limit=HOUR,
    )
    yield _build_slow_looks()


def _build_slow_looks() -> Case:
    """Return the case of a video whose looks all take longer than the interval between them."""
    return Case(
        name="slow-reads-looks",
        calls=(video(),),
        rules=(build_slow_answers(_SLOW_LOOKS),),
        settings={"video_seconds": 2},
        options={"timeout": 20, "poll_interval": 0.5, "wait_timeout": 15},
        needs=("timeout", "poll_interval"),
        patience=16,
        limit=HOUR,
        early=True,
    )


def _build_case(name: str, seconds: float, **more: object) -> Case:
    slow = tuple(
        FaultRule(on=on, do=fault_actions.answer_late(seconds), label="a slow order", must=False)
        for on in ("images.generate", "videos.create")
    )
    fields = {"calls": _ORDERS, "patience": None, "settings": {"video_seconds": 1}}
    return Case(name=name, rules=slow, limit=HOUR, **(fields | more))  # type: ignore[arg-type] # fields of a case


@client_check(
    "GC422",
    "An answer is waited for as long as it takes, and the caller allows, also beside others",
    severity="major",
    evidence="documented",
    why="A picture takes 25 to 35 s, and the official SDK waits for 300 s. An order that is given "
    "up is paid, and its result is lost.",
    fix="Give orders the timeout that the caller set, and a minute at least by default; let an "
    "order wait for a free connection as long. Hold no lock while a call pauses.",
    cases=("slow-order*", "slow-reads-*"),
)
def orders_are_waited_for(history: ClientHistory) -> Iterator[Observation]:
    """Demands the result of an order that is answered after a while, within the client's timeout.

    Tries one of 40 s without an option, one of 100 s with a timeout of 120 s, one of 31.5 s with 40
    s in real time, reads and a file of 25 s, looks that take longer than their interval, and eight
    orders of 17 s at the same time. Fails when a call raises, as where each read, or the wait for a
    free connection, has a shorter limit. Fails as well when a video or a read is late, or ends,
    because an order beside it was told to come again later, or because other videos stay pending,
    fail, or are looked at in vain or slowly, and a file is slow to come; and when that file, or a
    list beside it, is given up.
    """
    if history.case.startswith(_BESIDE):
        yield from _nothing_waits_for_others(history)
        return
    for outcome in history.calls():
        sent = history.during(outcome)
        yield expect(
            outcome.kind == "value",
            "the result: it came in time",
            f"{outcome.shown} after {outcome.seconds:.1f} s",
            *([each for each in sent if each.submits] or sent)[:3],
        )


def _nothing_waits_for_others(history: ClientHistory) -> Iterator[Observation]:
    """Judge the calls beside one that takes long; a read may also raise: it has failed once.

    A client may hold back a further order, so that a video counts from its own order on.
    """
    for outcome in history.calls("download", "models"):
        if "timeout" in history.options:
            yield expect(outcome.kind == "value", "the result: it came in time", outcome.shown)
    for outcome in history.calls("generate_video", "balance"):
        sent = find_own_requests(history, outcome)
        failed = outcome.op == "balance" and outcome.kind != "value"
        if not sent or failed or outcome.args.get("prompt") in _APART:
            continue
        began = outcome.began if outcome.op == "balance" else sent[0].elapsed
        took = outcome.ended - began
        yield expect(
            outcome.kind == "value" and took <= _MOST_BESIDE,
            f"the result within {_MOST_BESIDE:g} s: it does not depend on the other calls",
            f"{outcome.shown} after {took:.1f} s",
            *sent[:1],
            *sent[-1:],
        )
