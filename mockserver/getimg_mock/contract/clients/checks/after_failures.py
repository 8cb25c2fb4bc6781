"""GC308: calls that failed leave a client as able as it was before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireStep, build_error, build_json_answer
from getimg_mock.contract.clients.checks.carried_over import SPENT, judge_told_pause
from getimg_mock.contract.clients.checks.message_variants import PENDING, RETRIEVE, answer_failed
from getimg_mock.contract.clients.checks.own_requests import find_answer, find_own_requests
from getimg_mock.contract.clients.checks.response_parsing import judge_unchanged
from getimg_mock.contract.clients.checks.retries import KINDS
from getimg_mock.contract.clients.checks.single_failures import EACH, judge_good_calls
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

TIMES: Final = 12
"""How many calls fail: more than a client has slots, or tolerates before it sends no more."""
FEW: Final = 6
"""How many calls fail of one kind alone: one more than a client lets run at the same time."""
_OUTAGE: Final = "after-outage"
SUBMITTED: Final = "after-submitted"
"""The case of orders that nobody waits for: each is sent."""
REAL_LINKS: Final = "after-links-real"
"""The case of links that are refused to a program: each is asked for."""
_LONGEST_END: Final = 9.0
"""How long a call may take that is cancelled after two seconds."""
OPTIONS: Final[dict[str, Any]] = NO_RETRIES | {"timeout": 5}
QUICK: Final[dict[str, Any]] = {"settings": {"video_seconds": 3}, "limit": 4 * HOUR}
REFUSALS: Final = tuple(
    build_error(status, code, "Refused.")
    for status, code in (
        (400, "invalid_parameter"),
        (422, "content_policy_violation"),
        (402, "quota_exceeded"),
        (404, "not_found"),
    )
)
_LIMITED: Final = build_error(429, "rate_limit", "Too many.", ("Retry-After", "30"))
_SOONEST: Final = 10.0
"""How long a call may take, in seconds, to be sent an hour after the failures: our choice."""
_READS: Final = ("balance", "models")


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: a dozen calls fail in one way, and the last one is answered well."""
    refuse = fault_actions.answer_by_call(list(REFUSALS * (TIMES // len(REFUSALS))))
    for name, on, call in (
        ("image", "images.generate", image()),
        ("video", "videos.create", video()),
        ("models", "models.list", models()),
    ):
        real = 8.0 if name == "image" else None  # one of them is enough for a run in real time
        yield build_failing_case(f"after-refused-{name}", on, call, refuse, patience=real)
    yield build_failing_case(
        "after-lost", "billing.balance", balance(), fault_actions.lose_answer("reset"), after=HOUR
    )
    yield from _build_outage_cases()
    yield build_failing_case("after-failed", "videos.retrieve", video(), answer_failed)
    yield from _build_withdrawn_cases()
    yield from _build_kind_cases()
    yield from _build_late_case()


def _build_withdrawn_cases() -> Iterator[Case]:
    """Yield the cases of orders that their caller cancels, also in real time."""
    for kind, on, call in KINDS:
        yield build_failing_case(
            f"after-withdrawn-{kind}", on, call, answer_halfway, interrupt_after=2.0
        )
    yield build_failing_case(
        "after-withdrawn-real",
        KINDS[0][1],
        image(),
        _hold_by_turns,
        interrupt_after=0.3,
        patience=6,
        options=OPTIONS | {"max_retries": 3},
        times=TIMES + 2,
    )


def _build_kind_cases() -> Iterator[Case]:
    """Yield the cases of failures of one kind, one after another, and an hour before the last call.

    What a client loses by one kind alone, such as a slot or a session, is lost before that call.
    """
    yield build_failing_case(
        "after-withdrawn-models",
        "models.list",
        models(),
        answer_halfway,
        interrupt_after=2.0,
        times=FEW,
    )
    for name, act in (
        ("unkeyed", fault_actions.answer_instead(build_error(401, "invalid_api_key", "Wrong."))),
        ("unpaid", fault_actions.answer_instead(build_error(402, "quota_exceeded", "No money."))),
        ("limited", fault_actions.answer_instead(_LIMITED)),
        ("500", fault_actions.answer_instead(build_error(500, "server_error", "Sorry."))),
        ("reset", fault_actions.end_before_work("reset")),
        ("silence", fault_actions.end_before_work("hang")),
        ("cut", fault_actions.truncate),
    ):
        for kind, on, call in (
            ("image", "images.generate", image()),
            ("models", "models.list", models()),
        ):
            yield build_failing_case(f"after-{name}-{kind}", on, call, act, after=HOUR, times=FEW)
    yield _build_missing_case()


def _build_missing_case() -> Case:
    """Return the case of a video that was missing an hour ago: a replica did not have it yet."""
    missing = fault_actions.answer_instead(REFUSALS[-1])
    return build_failing_case(
        "after-missing-video",
        "videos.retrieve",
        RETRIEVE,
        missing,
        otherwise=fault_actions.answer_instead(build_json_answer(200, PENDING)),
        after=HOUR,
        times=2,
        patience=8,
        needs=("advance",),
    )


def _build_outage_cases() -> Iterator[Case]:
    """Yield the cases of an outage that lasts for more than an hour, and ended an hour ago.

    What a client sends in the middle of it fails as well: that is not to close it for good.
    """
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    silence = fault_actions.end_before_work("hang")
    waits: dict[str, Any] = {
        "options": OPTIONS | {"poll_interval": 5, "wait_timeout": 60},
        "limit": 48 * HOUR,
    }
    plain: dict[str, Any] = {}
    real = {"options": NO_RETRIES, "patience": 8.0, "needs": ("failing at once", "advance")}
    for name, on, call, act, more in (
        ("503", "billing.balance", balance(), down, plain),
        ("retried", "billing.balance", balance(), down, {"options": {}, "limit": 12 * HOUR}),
        ("silence", "billing.balance", balance(), silence, plain),
        ("image", "images.generate", image(), down, plain),
        ("video", "videos.create", video(), down, plain),
        ("real", "billing.balance", balance(), down, real),
        ("polls", "videos.retrieve", video(), down, waits | {"times": 4}),
    ):
        case = build_failing_case(f"{_OUTAGE}-{name}", on, call, act, after=HOUR, **more)
        middle = len(case.calls) - 2
        calls = (*case.calls[:middle], replace(call, after=HOUR), case.calls[-1])
        yield case.with_changes(calls=calls)


def _build_late_case() -> Iterator[Case]:
    """Yield the case in which an order is answered after the client has given up."""
    yield Case(
        name="after-late",
        calls=(image(), balance(), models().instead_of("balance")),
        rules=(FaultRule(on="images.generate", do=_answer_too_late, label="an answer too late"),),
        options=NO_RETRIES | {"timeout": 2},
        needs=("timeout",),
        limit=HOUR,
    )


def _answer_too_late(turn: FaultContext) -> WireScript:
    """Do the work, and answer a second after the client has given up."""
    first, *rest = turn.proceed().to_script()
    return (WireStep(first.what, first.delay + 3.0), *rest)


def answer_halfway(turn: FaultContext) -> WireScript:
    """Do the work, send half of the answer, and the other half much later."""
    answer = turn.proceed()
    half = len(answer.body) // 2
    return (WireStep(answer.head() + answer.body[:half]), WireStep(answer.body[half:], 20.0))


def _hold_by_turns(turn: FaultContext) -> WireAnswer | WireScript:
    """Ask the first two calls to come again later, and answer all others halfway."""
    status = {0: 429, 1: 503}.get(turn.adversary.call)
    if status is None:
        return answer_halfway(turn)
    return fault_actions.refuse_with_wait(status, lambda _: (("Retry-After", "2"),))(turn)


def build_failing_case(
    name: str,
    on: str,
    call: ClientCall,
    act: FaultAction,
    *,
    after: float = 0.0,
    times: int = TIMES,
    otherwise: FaultAction | None = None,
    **more: Any,
) -> Case:
    """Return the case whose calls but the last fail by `act`; that one comes `after` seconds."""
    return Case(
        name=name,
        calls=(*(call,) * times, replace(call, after=after)),
        rules=(fail_at_first(on, act, otherwise=otherwise, times=times),),
        **(QUICK | {"options": OPTIONS, "patience": None} | more),
    )


def fail_at_first(
    on: str,
    act: FaultAction,
    *,
    otherwise: FaultAction | None = None,
    times: int,
    legal: bool = True,
) -> FaultRule:
    """Return the rule by which the first calls fail, so many `times`.

    `legal` says whether the answers by which they fail have the documented form.
    """

    def do(turn: FaultContext) -> Any:
        if turn.adversary.call < times:
            return act(turn)
        return turn.proceed() if otherwise is None else otherwise(turn)

    label = "a dozen failures" if legal else "now and then bad"
    return FaultRule(on=on, do=do, label=label, legal=legal)


@client_check(
    "GC308",
    "After calls that failed, the next one is sent, and answered",
    severity="major",
    evidence="choice",
    why="A refusal is about one request. A service that stops after a few bad prompts is down for "
    "all of its users.",
    fix="Give slots and connections back in a finally block; count outages, and not refusals.",
    cases=("after-*", "withdrawn-*", "cancelled", "cancelled-real", SPENT),
)
def failures_leave_a_client_able(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a valid call succeeds after a dozen calls that failed.

    The case decides how they fail: refused, reset, cut off or unanswered calls, videos that fail,
    links that lead to a page, calls whose answer comes too late, or an outage that ended an hour
    ago. Or the caller cancels them: halfway, in a queue, in a wait or before a further try. Or they
    fail now and then, one at a time. Or they are orders of videos that nobody waits for. Fails when
    the last call, or one behind a single failure, raises or does not end, is not sent after an
    outage, or much later than it could be, or returns the answer to an earlier one, or when a
    cancelled one ends much later. Of orders, and links, that are refused to a program, each has to
    be sent.
    """
    if history.case.startswith(EACH):
        yield from judge_good_calls(history)
        return
    if history.case == SPENT:
        yield from judge_told_pause(history)
        return
    if history.case.startswith(("withdrawn-", "cancelled")):
        yield from _later_calls_are_served(history)
        return
    if history.case.startswith("after-withdrawn"):
        yield _cancelled_calls_end(history)
    if history.case.startswith((REAL_LINKS, "after-refused")):
        yield from _calls_are_sent(history)
    for last in history.calls() if history.case == SUBMITTED else history.calls()[-1:]:
        yield from _last_call_is_served(history, last)


def _calls_are_sent(history: ClientHistory) -> Iterator[Observation]:
    """Judge the calls that fail: each is sent, as nothing but their answers says to wait.

    A program that does not return from one of them is started anew before the next.
    """
    for each in history.calls():
        hangs = each.kind == "abandoned" and not history.during(each)
        yield expect(not hangs, "a request: the calls before are over", each.shown)


def _last_call_is_served(history: ClientHistory, last: CallOutcome) -> Iterator[Observation]:
    """Judge the call after all those that failed."""
    yield expect(
        last.kind == "value",
        "a value: this call is valid, and is served",
        last.shown,
        *history.during(last)[-1:],
    )
    if history.case.startswith(_OUTAGE):
        sent = find_own_requests(history, last)
        yield expect(sent, "a request to the service, an hour later", f"none; {last.shown}")
    yield from _is_sent_soon(history, last)
    own = find_answer(history, last)
    if history.case == "after-late" and last.kind == "value" and own:
        yield judge_unchanged(own[0].plain, last, *own)


def _cancelled_calls_end(history: ClientHistory) -> Observation:
    """Judge how long the calls took that were cancelled."""
    longest = max((each.seconds for each in history.calls()[:-1]), default=0.0)
    return expect(
        longest <= _LONGEST_END,
        "an end when the caller cancels",
        f"{longest:.0f} s later",
        *history.requests[:1],
    )


def _later_calls_are_served(history: ClientHistory) -> Iterator[Observation]:
    """Judge the reads that follow an order, or a wait, that was cancelled.

    Where a client has none of these, it is a read that is cancelled.
    """
    for outcome in history.calls(*_READS):
        if outcome.kind == "interrupted":
            continue
        yield expect(
            outcome.kind == "value",
            "a value: what was cancelled before is no matter of this call",
            outcome.shown,
            *history.during(outcome)[-1:],
        )


def _is_sent_soon(history: ClientHistory, last: CallOutcome) -> Iterator[Observation]:
    """Judge when a call is sent an hour later: what an earlier answer asked for is long over."""
    before = max((each.ended for each in history.calls()[:-1]), default=last.began)
    own = find_own_requests(history, last) if last.began - before >= HOUR - 1 else []
    for sent in own[:1]:
        held = sent.elapsed - last.began
        yield expect(
            held <= _SOONEST, "a request soon: all is well again", f"{held:.0f} s later", sent
        )
