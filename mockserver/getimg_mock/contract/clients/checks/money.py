"""GC401 to GC407, GC417 and GC418: money. The ledger shows what a call has really cost."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    NO_RETRIES,
    VIDEO,
    Case,
    ClientCall,
    image,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.retries import KINDS, LIMIT
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_COMMITTED: Final = build_error(
    500, "server_error", "Something went wrong on our end", ("X-Committed", "true")
)
_GATEWAY: Final = fault_actions.build_page(502)
_LATE_GATEWAY: Final = fault_actions.build_page(504)
_LATE_CDN: Final = fault_actions.build_page(524)
"""As a network for content answers in place of a server that takes too long."""
_LOST_ANSWERS: Final[dict[str, tuple[FaultAction, dict[str, Any]]]] = {
    "reset": (fault_actions.lose_answer("reset"), {}),
    "close": (fault_actions.lose_answer("close"), {}),
    "timeout": (fault_actions.lose_answer("hang"), {"timeout": 2}),
    "truncated": (fault_actions.truncate, {}),
    "500": (fault_actions.answer_after_work(_COMMITTED), {}),
    "502": (fault_actions.answer_after_work(_GATEWAY), {}),
    "504": (fault_actions.answer_after_work(_LATE_GATEWAY), {}),
    "524": (fault_actions.answer_after_work(_LATE_CDN), {}),
}
_PAGES: Final = frozenset({"502", "504", "524"})
"""Answers of gateways, which are not JSON of the API."""
_KEY_NAME: Final = re.compile(r"idempoten|(client|request)-token$", re.IGNORECASE)
_SAFE: Final = (
    "Do not send a POST again once its bytes are out. Report the outcome as unknown; the ledger, "
    "or GET /v2/billing/costs, tells whether it was charged. Whether getimg.ai de-duplicates is "
    "not known."
)
_PAID_TWICE: Final = "Each execution is paid; no idempotency key is documented."
_GUIDE: Final = "getimg.ai's guide advises to retry a 500, and documents no idempotency key"
_QUICK: Final = {"video_seconds": 1}


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    conflict = fault_actions.answer_instead(
        build_error(409, "conflict", "A request like this is under way.")
    )
    for kind, on, call in KINDS:
        for name, (act, options) in _LOST_ANSWERS.items():
            if name == "524" and kind != "image":
                continue  # a wait takes a program long, and 504 is like it
            yield _build_lost_answer_case(f"{name}-{kind}", on, call, act, options)
        yield Case(
            name=f"conflict-{kind}",
            calls=(call,),
            limit=LIMIT,
            settings=_QUICK,
            rules=(FaultRule(on=on, do=conflict, label="409", nth=(1,)),),
        )
    yield from _build_unknown_outcome_cases()


def _build_lost_answer_case(
    name: str, on: str, call: ClientCall, act: FaultAction, options: dict[str, Any]
) -> Case:
    """Return a case in which the work of the first submission is done and its answer lost."""
    how = name.partition("-")[0]
    label = f"work done, answer lost: {how}"
    return Case(
        name=f"lost-{name}",
        calls=(call, call),
        options=options,
        limit=LIMIT,
        settings=_QUICK,
        patience=12,
        rules=(FaultRule(on=on, do=act, label=label, nth=(1,), legal=how not in _PAGES),),
    )


def _build_unknown_outcome_cases() -> Iterator[Case]:
    submit = ClientCall(op="submit_video", args=VIDEO)
    wait = video().instead_of("submit_video")
    refused = FaultRule(on="connect", do="refused", label="connection refused", nth=(1,))
    for name, calls, on in (
        ("image", (image(), image()), "images.generate"),
        ("video", (submit, submit, wait, wait), "videos.create"),
    ):
        lost = FaultRule(
            on=on, do=fault_actions.lose_answer("reset"), label="work done, answer lost", nth=(1,)
        )
        yield Case(
            name=f"unknown-{name}",
            calls=calls,
            options=NO_RETRIES,
            limit=LIMIT,
            patience=None,
            rules=(refused, lost),
        )


@client_check(
    "GC401",
    "A submission is executed at most once per call when "
    "the connection is reset after the work was done",
    severity="blocker",
    evidence="choice",
    why=_PAID_TWICE,
    fix=_SAFE,
    cases=("lost-reset-*", "observed-reset"),
    observable=True,
)
@client_check(
    "GC402",
    "A submission is executed at most once per call when the connection closes without an answer",
    severity="blocker",
    evidence="choice",
    why=_PAID_TWICE,
    fix=_SAFE,
    cases=("lost-close-*", "observed-close"),
    observable=True,
)
@client_check(
    "GC403",
    "A submission is executed at most once per call when the answer does not come in time",
    severity="blocker",
    evidence="choice",
    why=_PAID_TWICE,
    fix=_SAFE,
    cases=("lost-timeout-*", "slow-order", "slow-order-[ar]*", "observed-timeout"),
    observable=True,
)
@client_check(
    "GC404",
    "A submission is executed at most once per call when the answer is cut off",
    severity="blocker",
    evidence="choice",
    why=_PAID_TWICE,
    fix=_SAFE,
    cases=("lost-truncated-*", "observed-truncated"),
    observable=True,
)
@client_check(
    "GC405",
    "A submission is executed at most once per call when a 5xx comes although the work was done",
    severity="blocker",
    evidence="choice",
    why="Each execution is paid, and here the ledger shows an effect that happened twice. "
    f"{_GUIDE}: so this is about money, and no ban on retries.",
    fix=_SAFE,
    cases=("lost-5??-*", "observed-50?"),
    observable=True,
    caveat=_GUIDE,
)
def calls_submit_once(history: ClientHistory) -> Iterator[Observation]:
    """Demands at most one paid generation for each call.

    The first submission is executed and its answer lost: the case decides how. Fails when a second
    request of the same call is executed and charged.
    """
    for outcome in history.calls():
        paid = [each for each in history.during(outcome) if each.paid]
        if not history.during(outcome):
            continue
        requests = ", ".join(str(each.number) for each in paid)
        yield expect(
            len(paid) <= 1,
            "one generation for one call",
            f"{len(paid)} generations, {_describe_charges(history, outcome, len(paid))}: "
            f"requests {requests}",
            *paid[:6],
        )


def _describe_charges(history: ClientHistory, outcome: CallOutcome, times: int) -> str:
    """Return the charges of a call in words, with the total."""
    total = history.compute_charge(outcome)
    often = "twice" if times == 2 else f"{times} times"
    return f"{total / max(1, times)} USD charged {often} ({total})"


@client_check(
    "GC406",
    "A 409 on a submission is not sent again blindly",
    severity="blocker",
    evidence="assumption",
    why="A conflict may mean that the first submission is in progress.",
    fix=_SAFE,
    cases=("conflict-*", "observed-409"),
    observable=True,
)
def conflicts_are_not_reposted(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a call that gets 409 for its submission sends no second POST.

    Fails on any further submission within the same call.
    """
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        yield expect(len(sent) <= 1, "no second POST after a 409", f"{len(sent)} POSTs", *sent[:6])


@client_check(
    "GC407",
    "A repeated submission carries one idempotency key per call, fresh for each call",
    severity="minor",
    evidence="assumption",
    why=f"Without it, a server cannot tell a repetition from a second order. {_GUIDE}: so this is "
    "advice, and GC401 to GC405 are about the money.",
    fix="Create a key per logical call and send it with every attempt, or do not submit twice.",
    cases=("lost-*", "observed-*"),
    observable=True,
    caveat=_GUIDE,
)
def retries_carry_one_key(history: ClientHistory) -> Iterator[Observation]:
    """Demands one idempotency key for all attempts of a call, and another for each call.

    A key is needed only after an attempt that may have been executed. Fails when the key is missing
    or changes between attempts, or when a later call sends it again. It is advice: no documentation
    names a header, so GC401 to GC405 judge what a repetition has cost.
    """
    used: set[str] = set()
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        if not sent:
            continue
        keys = [_find_key(each) for each in sent]
        shown = ", ".join(sorted({key or "none" for key in keys}))
        if any(_is_in_doubt(each) for each in sent[:-1]):
            yield expect(
                len(set(keys)) == 1 and keys[0],
                "one idempotency key for all attempts",
                shown,
                *sent[:4],
            )
        yield expect(
            not used & set(keys), "a fresh idempotency key for each call", shown, *sent[:4]
        )
        used |= {key for key in keys if key}


def _is_in_doubt(each: ClientExchange) -> bool:
    """Return whether a request had an effect, or whether its sender cannot know that it had none.

    A refusal means that nothing was done, a documented 500 included: the documentation allows to
    try again after one.
    """
    return each.paid or each.status == 0 or (bool(each.label) and not each.body)


def _find_key(each: ClientExchange) -> str | None:
    """Return what a server could tell a repetition by: no name of a header is documented."""
    return next((value for name, value in each.sent if _KEY_NAME.search(name)), None)


@client_check(
    "GC417",
    "A retry sends the same bytes",
    severity="major",
    evidence="choice",
    why="Another body is another order.",
    fix="Serialise the body once and send the same bytes.",
    cases=("early-*", "wait-*", "odd-wait-*"),
)
def retries_send_the_same(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each further attempt of a submission has the same body as the first.

    Fails when another order is sent; other bytes of the same one are a warning.
    """
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        for again in sent[1:]:
            judge = warn_unless if again.asked == sent[0].asked else expect
            yield judge(
                again.request_body == sent[0].request_body,
                "the same bytes again",
                (again.request_body or b"")[:100].decode("utf-8", "replace"),
                sent[0],
                again,
            )


@client_check(
    "GC418",
    "The cost reported to the caller is what the ledger has for the call",
    severity="blocker",
    evidence="choice",
    why="Lost attempts are charged too.",
    fix="Add up the costs of all attempts, or do not submit twice.",
    cases=("happy", "saved", "waits-apart*", "lost-*"),
)
def costs_are_told(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the total cost in a result is what the ledger charged for the call.

    On a service without a visible ledger, the costs in its answers count. Fails when the cost is
    missing or differs, as it does when a lost attempt was charged as well, and when a result is
    that of an earlier call for the same, so that nothing was ordered.
    """
    for outcome in history.calls("generate_image", "generate_video"):
        if outcome.kind != "value" or not isinstance(outcome.value, dict):
            continue
        charged = (
            history.compute_charge(outcome) if history.own else _sum_costs(history.during(outcome))
        )
        usage = outcome.value.get("usage")
        told = usage.get("total_cost") if isinstance(usage, dict) else None
        same = told is not None and Decimal(str(told)) == charged
        paid = [each for each in history.during(outcome) if each.paid]
        source = "the ledger has" if history.own else "the answers have"
        yield expect(same, f"a cost of {charged} USD, as {source} it", f"{told}", *paid[:4])


def _sum_costs(sent: list[ClientExchange]) -> Decimal:
    """Return the sum of the costs in completed results, each result once."""
    costs = {
        str(each.object.get("id")): Decimal(str(each.object["usage"]["total_cost"]))
        for each in sent
        if each.object.get("status") == "completed" and each.object.get("usage")
    }
    return sum(costs.values(), Decimal(0))
