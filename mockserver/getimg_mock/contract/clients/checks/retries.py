"""GC408 and GC409: which failures are tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    RANGE,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import (
    WireStep,
    build_error,
    build_json_answer,
    cut,
)
from getimg_mock.contract.clients.checks.carried_over import SPENT
from getimg_mock.contract.clients.checks.message_variants import PENDING, answer_pending
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.verdicts import expect, fail, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

LIMIT: Final = 3 * HOUR
"""How long a client may go on trying, in seconds of the case's clock."""
KINDS: Final = (("image", "images.generate", image()), ("video", "videos.create", video()))

_NOT_DONE: Final = build_error(
    503, "server_error", "Down for a moment; nothing was done.", ("Retry-After", "1")
)
_DOWN: Final = build_error(500, "server_error", "Something went wrong on our end")
_OUTAGE_CALLS: Final = 6
"""How many calls fail one after another before the service is well again."""
_FORGIVEN: Final = 36
"""How many polls a video stays pending for, of which every third fails."""
_HALFWAY: Final = "reset halfway"
_ABSENCE: Final = 0.8
"""For how many seconds nothing listens when an order is to be sent."""
_ANSWER_AND_LEAVE: Final = fault_actions.answer_and_go_away(_ABSENCE, lambda turn: turn.proceed())
READS: Final = (
    ("models.list", models()),
    ("billing.balance", balance()),
    ("models.retrieve", ClientCall(op="model", args={"id": "seedream-5-lite"})),
    ("billing.costs", ClientCall(op="costs", args=RANGE)),
    ("videos.retrieve", ClientCall(op="retrieve_video", args={"id": "req-GREASE0000002"})),
)
_PENDING: Final = build_json_answer(200, PENDING)


def _break_off(turn: FaultContext) -> WireScript:
    """Reset the connection in the middle of the answer."""
    pending = turn.operation == "videos.retrieve"  # the fake has no such video
    return cut(_PENDING if pending else turn.proceed(), end="reset")


_TRANSIENT_FAILURES: Final = (
    (
        "502",
        fault_actions.answer_instead(fault_actions.build_page(502)),
    ),
    (
        "503",
        fault_actions.answer_instead(fault_actions.build_page(503)),
    ),
    (
        "504",
        fault_actions.answer_instead(fault_actions.build_page(504)),
    ),
    ("reset", fault_actions.end_before_work("reset")),
    (_HALFWAY, _break_off),
)
_FURTHER_FAILURES: Final = tuple(
    (f"503, {place}", fault_actions.answer_instead(fault_actions.UNAVAILABLE)) for place in (1, 2)
)
"""So many that waits are long by then which double with each failure, and are not always random."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_early_failure_cases()
    yield _build_absent_case()
    yield from _build_read_cases()
    yield from _build_recovery_cases()


def _build_early_failure_cases() -> Iterator[Case]:
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "1"),))
    for kind, on, call in KINDS:
        for name, rule in (
            (
                "503",
                FaultRule(
                    on=on,
                    do=fault_actions.answer_instead(_NOT_DONE),
                    label="503, not done",
                    nth=(1,),
                ),
            ),
            ("429", FaultRule(on=on, do=limited, label="429", nth=(1,))),
            ("refused", FaultRule(on="connect", do="refused", label="refused", nth=(1,))),
        ):
            yield Case(
                name=f"early-{name}-{kind}",
                calls=(_add_reference(kind, call),),
                rules=(rule,),
                limit=LIMIT,
                settings={"video_seconds": 1},
                patience=None if name == "refused" else 12,
            )


def _build_absent_case() -> Case:
    """Return the case in real time: a program cannot be refused its first connection alone.

    So the service leaves for a moment before the order.
    """
    return Case(
        name="early-refused-real",
        calls=(
            models(),
            _add_reference(*KINDS[0][::2]),
            _add_reference(*KINDS[1][::2]).instead_of("generate_image"),
        ),
        rules=(FaultRule(on="models.list", do=_ANSWER_AND_LEAVE, label="gone for a moment"),),
        limit=LIMIT,
        settings={"video_seconds": 1},
        patience=12,
    )


def _add_reference(kind: str, call: ClientCall) -> ClientCall:
    """Return an order with a picture: a body that is made while it is sent can be used up."""
    role = "reference_image" if kind == "image" else "first_frame"
    return replace(call, args=dict(call.args) | {"images": [{"url": PIXEL, "role": role}]})


def _build_read_cases() -> Iterator[Case]:
    """Yield a case for each read: every other request fails, so that a second try is served."""
    for on, call in READS:
        failures = _TRANSIENT_FAILURES + (_FURTHER_FAILURES if call.op == "balance" else ())
        rules = [
            FaultRule(
                on=on,
                do=act,
                label=label,
                nth=(2 * place + 1,),
                must=place == 0,
                legal=label.startswith(("reset", "503, ")),
            )
            for place, (label, act) in enumerate(failures)
        ]
        if call.op == "retrieve_video":  # the fake has no such video
            rules.append(_PENDING_RULE)
        yield Case(
            name=f"get-{call.op}",
            calls=(call,) * len(failures),
            options={"max_retries": 2},  # for each call, and not for all
            needs=("retries",),
            limit=LIMIT,
            rules=tuple(rules),
        )


def _build_recovery_cases() -> Iterator[Case]:
    """Yield the cases of outages that pass: a poll of a wait is a read, and so is a later call."""
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    ways = (
        ("503", down),
        ("reset", fault_actions.end_before_work("reset")),
        ("429", fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "2"),))),
        ("500", fault_actions.answer_instead(_DOWN)),
        ("502", dict(_TRANSIENT_FAILURES)["502"]),
        ("504", dict(_TRANSIENT_FAILURES)["504"]),
    )
    for name, act in ways:
        yield Case(
            name=f"get-wait-{name}",
            calls=(video(),),
            needs=("retries",),
            settings={"video_seconds": 1},
            options={"poll_interval": 0.5, "wait_timeout": 30},
            patience=None,  # in real time, one case has them all: see `carried_over`
            rules=(
                FaultRule(
                    on="videos.retrieve",
                    do=act,
                    label=f"poll: {name}",
                    nth=(1,),
                    legal=name not in {"502", "504"},
                ),
            ),
        )
    yield Case(
        name="get-wait-idle",
        calls=(video(),),
        needs=("retries",),
        settings={"video_seconds": 3},
        options={"poll_interval": 1, "wait_timeout": 30},
        patience=25,
        rules=(
            FaultRule(on="videos.retrieve", do=_close_while_idle, label="closed after each poll"),
        ),
    )
    yield _build_apart_case(down)
    yield _build_forgiving_case()
    yield from _build_recovered_cases()


def _close_while_idle(turn: FaultContext) -> WireScript:
    """Answer, and close the connection soon after, without a word."""
    return (*turn.proceed().to_script(), WireStep("close", 0.3))


def _build_apart_case(down: FaultAction) -> Case:
    """Return the case in which polls fail now and then, in one wait after another."""
    return Case(
        name="get-wait-apart",
        calls=(video(), video(), video()),
        needs=("retries",),
        settings={"video_seconds": 42},
        options={"poll_interval": 5, "wait_timeout": 600},
        limit=LIMIT,
        patience=None,
        rules=(
            FaultRule(on="videos.retrieve", do=down, label="a poll now and then", nth=(2,)),
            FaultRule(
                on="videos.retrieve",
                do=down,
                label="and again",
                nth=tuple(range(6, 80, 4)),
                must=False,
            ),
        ),
    )


def _build_forgiving_case() -> Case:
    """Return the case of a long wait in which every third poll fails.

    What fails in between is over with the next good answer: no count of it may end a wait.
    """

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        before = fault_actions.count_earlier(turn)
        if before >= _FORGIVEN:
            return turn.proceed()
        return answer_pending(turn) if before % 3 else fault_actions.UNAVAILABLE

    return Case(
        name="get-wait-apart-long",
        calls=(video(),),
        needs=("retries", "wait_timeout"),
        settings={"video_seconds": 1},
        options={"poll_interval": 5, "wait_timeout": 600},
        limit=LIMIT,
        patience=None,
        rules=(FaultRule(on="videos.retrieve", do=act, label="each third poll"),),
    )


def _build_recovered_cases() -> Iterator[Case]:
    """Yield the cases of an outage of several calls, after which all is well."""

    def recover(turn: FaultContext) -> WireAnswer:
        calm = turn.adversary.call >= _OUTAGE_CALLS
        return turn.proceed() if calm else fault_actions.UNAVAILABLE

    for on, call in (READS[0], READS[1]):
        yield Case(
            name=f"get-recovered-{call.op}",
            calls=(*(call,) * _OUTAGE_CALLS, replace(call, after=HOUR)),
            needs=("retries",),
            options={"max_retries": 1},
            limit=6 * HOUR,
            patience=None,
            rules=(FaultRule(on=on, do=recover, label="down, and well an hour later"),),
        )


_PENDING_RULE: Final = FaultRule(
    on="videos.retrieve",
    do=fault_actions.answer_instead(_PENDING),
    label="pending",
    nth=(2, 4, 6, 8, 10),
    must=False,
)


@client_check(
    "GC408",
    "Failures before any effect end in one generation or in a clear error",
    severity="major",
    evidence="documented",
    why="After a refused connection, a 429, or a 503 with Retry-After, a retry is safe.",
    fix="Retry failures that cannot have had an effect.",
    cases=("early-*",),
)
def early_failures_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """Demands one generation, or a clear error, when the first attempt fails before any work.

    Fails when a second attempt was served and the call still raises, when more than one generation
    is paid, or when the error is not clear.
    """
    for outcome in history.calls("generate_image", "generate_video"):
        sent = history.during(outcome)
        paid = [each for each in sent if each.paid]
        again = len([each for each in sent if each.submits]) > 1
        if outcome.kind == "value":
            yield expect(len(paid) == 1, "one generation", f"{len(paid)}", *sent[:4])
        elif again:
            yield fail("a result: the second try was served", outcome.shown, *sent[:4])
        else:
            yield expect(outcome.clear, "a result, or a clear error", outcome.shown, *sent[:4])


@client_check(
    "GC409",
    "Reads are tried again after 502, 503, 504 and a reset",
    severity="major",
    evidence="standard",
    why="A read costs nothing; a passing failure need not reach the caller.",
    fix="Retry GETs a few times with back-off.",
    source="RFC 9110, section 9.2.2",
    cases=("get-*",),
)
def reads_are_retried(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a read succeeds when its first attempt fails with 502, 503, 504 or a reset.

    A poll within a wait is a read, too, and 429 and 500 pass as well, by the documentation. Fails
    when the failure reaches the caller, as the second attempt is always served, when failures that
    good polls are between end a wait, and when an hour after an outage reads still fail. Of an
    answer that breaks off halfway it is a warning.
    """
    outcomes = history.calls()
    if history.case.startswith("get-recovered"):
        outcomes = outcomes[_OUTAGE_CALLS:]
    if history.case == SPENT:  # orders and files need not be tried again
        outcomes = history.calls("generate_video", "models", "balance")
    for outcome in outcomes:
        sent = find_own_requests(history, outcome)
        judge = warn_unless if any(each.label == _HALFWAY for each in sent) else expect
        yield judge(
            outcome.kind == "value",
            "the value: the next try was served",
            outcome.shown,
            *sent[:4],
        )
