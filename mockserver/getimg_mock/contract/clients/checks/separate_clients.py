"""GC711: two clients in one process do not share a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    NO_RETRIES,
    Case,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error, build_json_answer
from getimg_mock.contract.clients.checks.message_variants import RETRIEVE, VIDEO_ANSWER
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

OTHER_KEY: Final = "sk_client_contract_another_61be"
_REFUSALS: Final = (
    build_error(402, "quota_exceeded", "Insufficient balance."),
    build_error(429, "rate_limit", "Too many requests.", ("Retry-After", "3000")),
    build_error(401, "invalid_api_key", "Incorrect API key provided."),
)
_SOON: Final = 10.0
"""How long a call may take that nothing holds up."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: calls of two clients, each of which has a key of its own."""
    calls = (balance(), models(), RETRIEVE, image(), FALLBACK_CALLS[1])
    own_video = FaultRule(on="videos.retrieve", do=_tell_video, label="a video", must=False)
    yield Case(
        name="two-keys",
        calls=tuple(each for call in calls for each in (call, replace(call, key=OTHER_KEY), call)),
        settings={"video_seconds": 1},
        rules=(own_video,),
        limit=HOUR,
    )
    well = (balance(), image(), FALLBACK_CALLS[1])
    yield Case(
        name="two-keys-refused",
        calls=(*(image(),) * len(_REFUSALS), *(replace(each, key=OTHER_KEY) for each in well)),
        settings={"video_seconds": 1},
        options=NO_RETRIES,
        rules=(FaultRule(on="images.generate", do=_refuse_first, label="refused", must=False),),
        limit=4 * HOUR,
    )


def _tell_video(turn: FaultContext) -> WireAnswer:
    """Answer with the video that the case names; others are the fake's."""
    asked = VIDEO_ANSWER["id"] in turn.asked.target
    return build_json_answer(200, VIDEO_ANSWER) if asked else turn.proceed()


def _refuse_first(turn: FaultContext) -> WireAnswer:
    """Refuse all orders of the first client, each in another way."""
    call = turn.adversary.call
    return _REFUSALS[call] if call < len(_REFUSALS) else turn.proceed()


@client_check(
    "GC711",
    "Each client sends its own key, however many there are in a process",
    severity="blocker",
    evidence="choice",
    why="The key says who pays: with another one, a customer sees and pays for what is not theirs.",
    fix="Keep the key, and headers with it, on the instance, and not on the class or the module.",
    cases=("two-keys*",),
)
def clients_keep_their_keys(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each request carries the key of the client that was called.

    Two clients with different keys are called in turn. Fails when one sends the other's key, or
    answers with what the other was told, which is that of another workspace. After refusals of
    one of them, that say that its key is wrong, its balance empty and its limit reached, fails when
    calls of the other are refused without a request, or held up.
    """
    own = history.secrets[0][1]
    for outcome in history.calls():
        expected = f"Bearer {outcome.key or own}"
        for each in history.during(outcome):
            if each.home and each.operation != "downloads.retrieve":
                sent = each.get_sent_header("authorization") or expected
                other = sent in {f"Bearer {own}", f"Bearer {OTHER_KEY}"} and sent != expected
                yield expect(not other, "the key of this client", "that of the other", each)
        if outcome.key:
            yield from _nothing_is_shared(history, outcome)


def _nothing_is_shared(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge a call of the second client, after calls of the first."""
    sent = find_own_requests(history, outcome)
    yield expect(sent, "a request with the key of this client", f"none; {outcome.shown}")
    if history.case.endswith("refused"):
        yield expect(
            outcome.kind == "value" and outcome.seconds <= _SOON,
            "the result, soon: another client was refused",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
            *sent[-1:],
        )
