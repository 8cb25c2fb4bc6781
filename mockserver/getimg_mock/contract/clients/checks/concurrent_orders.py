"""GC420: of calls at the same time, each has its own order, result and error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    NO_RETRIES,
    Case,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.value_comparison import resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep, build_error
from getimg_mock.contract.clients.checks.retries import KINDS, LIMIT
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_TOGETHER: Final = 4
_REFUSALS: Final = {
    "without money": build_error(402, "quota_exceeded", "Insufficient balance."),
    "not allowed": build_error(422, "content_policy_violation", "The prompt failed our checks."),
}
"""The answer to an order, by its prompt; the first is known before the other ones are."""
_ENDS: Final = {"without money": 1.0, "not allowed": 1.0, "first": 4.0, "second": 3.0}
"""The seconds after which the body of an answer comes; its head comes at once."""
_BETWEEN: Final = 2.0
_PATIENCE: Final = 14.0
"""The limit of one call in real time, in which images are ordered alone: they show as much."""
_TWINS: Final = ("twins", "twins")
_CUT_OFF: Final = "cut off"
"""The prompt of the order whose connection breaks: that is no reason to end those of others."""
_SLOW_ORDER: Final = 2.5
"""How long each of two orders takes, in seconds, of which one is cancelled before."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: orders that are tried again, and orders of which some are refused."""
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "2"),))
    yield from _build_cancelled_cases()
    for kind, on, call in KINDS:
        yield Case(
            name=f"many-retried-{kind}",
            calls=tuple(
                replace(call, args=dict(call.args) | {"prompt": f"number {n}"})
                for n in range(_TOGETHER)
            ),
            together=True,
            settings={"video_seconds": 3},
            limit=LIMIT,
            patience=_PATIENCE if kind == "image" else None,
            rules=(FaultRule(on=on, do=limited, label="429", nth=tuple(range(1, _TOGETHER + 1))),),
        )
        prompts = (*_ENDS, *_TWINS, _CUT_OFF)
        ordered = [replace(call, args=dict(call.args) | {"prompt": each}) for each in prompts]
        yield Case(
            name=f"many-mixed-{kind}",
            calls=(*ordered, balance()),
            together=True,
            options=NO_RETRIES,
            settings={"video_seconds": 3},
            limit=LIMIT,
            patience=_PATIENCE if kind == "image" else None,
            rules=(FaultRule(on=on, do=_answer_in_parts, label="a body that comes late"),),
        )


def _build_cancelled_cases() -> Iterator[Case]:
    """Yield the cases in which one of two waits, orders or equal reads is cancelled.

    Nothing is tried again where that can be had: a read that was cut would be, and look well.
    """
    slow = FaultRule(on="models.list", do=fault_actions.answer_late(2.0), label="a slow list")
    yield Case(
        name="many-cancelled-reads",
        calls=(models(), models()),
        together=True,
        interrupt_after=0.7,
        options=NO_RETRIES,
        rules=(slow,),
        limit=LIMIT,
    )
    yield _build_cancelled_order_case()
    yield Case(
        name="many-cancelled",
        calls=(video(prompt="given up"), video(prompt="wanted")),
        together=True,
        interrupt_after=12.0,
        settings={"video_seconds": 42},
        options={"poll_interval": 5, "wait_timeout": 600},
        limit=LIMIT,
        patience=None,
    )


def _build_cancelled_order_case() -> Case:
    """Return the case of two orders under way, of which one is cancelled."""
    late = fault_actions.answer_late(_SLOW_ORDER)
    prompts = ("given up", "wanted")
    return Case(
        name="many-cancelled-orders",
        calls=(
            *(image(prompt=prompt) for prompt in prompts),
            *(video(prompt=prompt).instead_of("generate_image") for prompt in prompts),
        ),
        together=True,
        interrupt_after=1.0,
        settings={"video_seconds": 1},
        options=NO_RETRIES,
        rules=tuple(
            FaultRule(on=on, do=late, label="a slow order", must=False)
            for on in ("images.generate", "videos.create")
        ),
        limit=LIMIT,
        patience=_PATIENCE,
    )


def _answer_in_parts(turn: FaultContext) -> WireScript:
    """Send the head at once and the body later: orders differ in when they are answered."""
    prompt = _read_prompt(turn.asked.body)
    if prompt == _CUT_OFF:
        return (WireStep("reset", _ENDS["not allowed"]),)
    refusal = _REFUSALS.get(prompt)
    answer: WireAnswer = turn.proceed() if refusal is None else refusal
    return (WireStep(answer.head()), WireStep(answer.body, _ENDS.get(prompt, _BETWEEN)))


def _read_prompt(body: bytes) -> str:
    try:
        return str(json.loads(body)["prompt"])
    except (ValueError, LookupError, TypeError):
        return ""


@client_check(
    "GC420",
    "Calls at the same time get each its own order and result",
    severity="blocker",
    evidence="choice",
    why="A result that goes to another call is paid for, and lost.",
    fix="Keep no state of a call on the client; let an error end its own call alone.",
    cases=("many*",),
)
def results_are_not_mixed_up(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each of several calls sends its own order, and returns what came of it.

    Some are tried again, some are refused, one is cancelled, one breaks off, and two are equal.
    Fails when a call returns the result or the error of another call, or ends because another one
    does, as where a client closes all its connections to stop one request. Fails when an order is
    paid twice, and another one never. Results without an id are not judged.
    """
    if history.case.startswith("many-retried"):
        yield from _orders_are_not_mixed_up(history)
        return
    if history.case.startswith("many-mixed"):
        yield from _answers_are_not_mixed_up(history)
        return
    if history.case.startswith("many-cancelled"):
        for outcome in history.calls()[1:]:
            yield expect(outcome.kind == "value", "what the other call is for", outcome.shown)
    ordered = {str(each.asked.get("prompt")): each.object.get("id") for each in history.submissions}
    for outcome in history.calls("generate_video"):
        got = resolve_pointer(outcome.value, "/id") if outcome.kind == "value" else None
        own = ordered.get(str(outcome.args.get("prompt")))
        if got and own:
            yield expect(got == own, f"the video {own}", f"{got}, of another call")


def _orders_are_not_mixed_up(history: ClientHistory) -> Iterator[Observation]:
    """Judge orders at the same time that are tried again: each is made once at most."""
    paid = [each for each in history.submissions if each.paid]
    for outcome in history.calls("generate_image", "generate_video"):
        own = [each for each in paid if each.asked.get("prompt") == outcome.args.get("prompt")]
        once = len(own) == 1 if outcome.kind == "value" else len(own) <= 1
        yield expect(once, "its own order, once", f"{len(own)} times; {outcome.shown}", *own[:3])


def _answers_are_not_mixed_up(history: ClientHistory) -> Iterator[Observation]:
    """Judge orders at the same time of which some are refused, and two are equal."""
    given: list[Any] = []
    for outcome in history.calls("generate_image", "generate_video"):
        prompt = str(outcome.args.get("prompt"))
        if prompt == _CUT_OFF:
            continue
        own = [each for each in history.submissions if each.asked.get("prompt") == prompt]
        refusal = _REFUSALS.get(prompt)
        if refusal is not None:
            yield _judge_refused(outcome, refusal, own)
            continue
        made = [name for each in own for name in _list_made(each)]
        yield expect(outcome.kind == "value", "a result: it was served", outcome.shown, *own[:2])
        got = resolve_pointer(outcome.value, "/id") if outcome.kind == "value" else None
        if got:
            right = got in made and got not in given
            yield expect(
                right, f"the result of {prompt!r}", f"{got}, which another call got or made", *own
            )
            given.append(got)


def _judge_refused(
    outcome: CallOutcome, refusal: WireAnswer, own: list[ClientExchange]
) -> Observation:
    """Judge the error of an order that was refused: it does not have the words of another one."""
    others = [each for each in _REFUSALS.values() if each is not refusal]
    told = [each.json["error"]["message"] for each in others]
    mixed = any(text in outcome.text for text in told)
    return expect(
        outcome.kind == "error" and not mixed,
        f"an error of its own: {refusal.json['error']['message']}",
        outcome.shown,
        *own[:2],
    )


def _list_made(each: ClientExchange) -> list[str]:
    """Return the generations that a request made."""
    return [str(effect.generation) for effect in each.effects or () if effect.what == "generation"]
