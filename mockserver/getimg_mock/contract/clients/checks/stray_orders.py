"""GC421: orders are sent in the calls that order, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.retries import KINDS
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientExchange, ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_ORDERS: Final = ("generate_image", "submit_video", "generate_video")
_SLOW: Final = 20.0
"""How long an order takes, in seconds, that is cancelled after half of the time."""
_CONNECTING: Final = 4.0
"""How long a slow connection takes."""
_LIMITED: Final = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "20"),))
_DOWN: Final = build_error(500, "server_error", "Something went wrong on our end")


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: an order fails or is cancelled, and calls follow that order nothing."""
    later = (ClientCall(op="balance", after=60), models(), balance())
    for kind, on, call in KINDS:
        for name, rule in (
            ("500", FaultRule(on=on, do=fault_actions.answer_instead(_DOWN), label="500")),
            (
                "lost",
                FaultRule(on=on, do=fault_actions.lose_answer("reset"), label="answer lost"),
            ),
            ("refused", FaultRule(on="connect", do="refused", label="refused", nth=(1,))),
        ):
            yield Case(
                name=f"ordered-{name}-{kind}",
                calls=(call, *later),
                options=NO_RETRIES,
                rules=(rule,),
                limit=HOUR,
                patience=None if name == "refused" else 8,
            )
        yield Case(
            name=f"withdrawn-{kind}",
            calls=(call, *later),
            rules=(FaultRule(on=on, do=fault_actions.answer_late(_SLOW), label="a slow order"),),
            interrupt_at=_SLOW / 2,
            limit=HOUR,
            patience=None,
        )
        for name, rule in (
            ("limited", FaultRule(on=on, do=_LIMITED, label="429", nth=(1,))),
            ("connecting", FaultRule(on="connect", do="slow", label="slow to connect", nth=(1,))),
        ):
            yield Case(
                name=f"withdrawn-{name}-{kind}",
                calls=(call, *later),
                rules=(rule,),
                interrupt_at=_find_end(name),
                limit=HOUR,
                patience=None,
            )
    yield from _build_real_cases()


def _build_real_cases() -> Iterator[Case]:
    """Yield the cases in real time: what follows is seen while the balance is waited for."""
    slow = FaultRule(on="*", do=fault_actions.answer_late(2.5), label="slow")
    refuse = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "2"),))
    for (kind, _, call), name, rules in (
        (KINDS[0], "", (slow,)),
        (
            KINDS[1],
            "limited-",
            (
                FaultRule(on=KINDS[1][1], do=refuse, label="429", nth=(1,)),
                slow.with_changes(must=False),
            ),
        ),
    ):
        yield Case(
            name=f"withdrawn-real-{name}{kind}",
            calls=(call, balance(), models().instead_of("balance")),
            rules=rules,
            options={"timeout": 30},
            interrupt_after=0.7,
            limit=HOUR,
            patience=8,
        )


def _list_late(sent: list[ClientExchange], end: float) -> list[ClientExchange]:
    return [each for each in sent if each.elapsed > end]


def _find_end(case: str) -> float:
    """Return when the caller withdraws the order of a case, in seconds of its clock."""
    return _CONNECTING / 2 if "connecting" in case else _SLOW / 2


@client_check(
    "GC421",
    "Calls that order nothing send no order, and an order that was given up is not sent again",
    severity="blocker",
    evidence="choice",
    why="Each order is paid. The caller of a download, or of the balance, has ordered nothing.",
    fix="Raise, and leave a new order to the caller; keep no queue of orders that failed.",
    cases=(
        "ordered-*",
        "withdrawn-*",
        "refused-*",
        "*-200",
        "cut-*",
        "stalled",
    ),
)
def orders_are_not_sent_elsewhere(history: ClientHistory) -> Iterator[Observation]:
    """Demands no submission in a download or a read, and one for an order that is cancelled.

    The case decides what happened before: an order was refused, lost, or cancelled while it was
    answered, connecting or waiting for its next try; or the download fails. Fails on each
    submission that no call has asked for, also from a background task.
    """
    withdrawn = history.case.startswith("withdrawn-")
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        if outcome.op not in _ORDERS:
            yield expect(not sent, f"no order in {outcome.op}", f"{len(sent)}", *sent[:3])
        elif withdrawn:
            # Whatever it returns: a client may take the interruption for a failure of the network.
            real = history.case.startswith("withdrawn-real")
            late = sent[1:] if real else _list_late(sent, _find_end(history.case))
            yield expect(not late, "no order after it was cancelled", f"{len(late)}", *late[:3])
