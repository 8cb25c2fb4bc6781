"""GC812: what an asynchronous client does to the event loop of its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    describe_result,
    serve_picture,
)
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.checks.polling import build_late_answers
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_READ: Final = 1.0
"""How long the answer to a read takes, in seconds."""
_REFUSAL: Final = 0.4
"""How long the refusal takes after which a call pauses: the read is under way by then."""
_PAUSE: Final = 4
"""How long a call pauses, or another one takes to be answered, at the same time."""
_MOST: Final = 3.0
"""How long the read may take on a busy machine, to be sent and then to be returned."""
_SUBMIT: Final = ClientCall(op="submit_video", args=VIDEO)
_SAVE: Final = ClientCall(
    op="download", args={"result": describe_result("req-01K6FILES00007"), "index": 0}
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases in which a read is asked for beside a call that pauses, in real time."""
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", str(_PAUSE)),))
    late = fault_actions.answer_late(_REFUSAL, limited)
    refuse = FaultRule(on="images.generate", do=late, label="429", nth=(1,))
    save = fault_actions.answer_late(_PAUSE, serve_picture())
    slow_order = build_late_answers("videos.create", _PAUSE)
    slow_file = FaultRule(on=DOWNLOAD_OPERATION, do=save, label="a slow file", must=False)
    for name, call, slow, rules in (
        ("retry", image(), _SUBMIT, (refuse, slow_order)),
        ("polls", video(), _SAVE, (slow_file,)),
    ):
        yield Case(
            name=f"beside-{name}",
            calls=(call, balance(), slow),
            rules=(*rules, build_late_answers("billing.balance", _READ)),
            options={"poll_interval": _PAUSE, "wait_timeout": 20},
            needs=("loop",) if name == "retry" else ("loop", "poll_interval"),
            settings={"video_seconds": 1},
            together=True,
            patience=12,
            early=name == "retry",
        )


@client_check(
    "GC812",
    "An asynchronous client leaves the event loop to other tasks while it waits",
    severity="major",
    evidence="choice",
    why="A wait that blocks the loop stops everything else in the process: requests that it "
    "serves, and orders whose answers come meanwhile.",
    fix="Use asyncio.sleep; run what blocks in a thread.",
    cases=(
        "polled",
        "polled-slow",
        "outage-*",
        "shaky-*",
        "many-retried-*",
        "beside-*",
        "wait-*",
        "well-between",
        "cut-*",
        "slow-order*",
        "slow-reads-*",
    ),
)
def loops_are_left_to_others(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a coroutine waits without `time.sleep` or `Event.wait` in the loop's thread.

    Tries the pauses between polls, those before a further try of an order, a read, a poll or a
    download, and answers that come late, for which a blocking HTTP library would stop the loop. A
    plain method of an adapter that is otherwise asynchronous may block, and so may a synchronous
    client. Of a program whose calls share an event loop, a read has to be sent and answered beside
    a call that waits.
    """
    if not history.virtual:
        yield from _reads_are_answered_beside(history)
        return
    yield expect(
        not history.blocked,
        "waits that leave the event loop to other tasks",
        f"blocked for {history.blocked:g} s, by what waits in a coroutine",
        *history.requests[:2],
    )


def _reads_are_answered_beside(history: ClientHistory) -> Iterator[Observation]:
    """Judge how long a read takes in real time, while another call pauses."""
    if not history.case.startswith("beside-"):
        return
    for outcome in history.calls("balance"):
        own = find_own_requests(history, outcome)
        if own and outcome.kind == "value":
            held, took = own[0].elapsed - outcome.began, outcome.ended - own[0].elapsed
            yield expect(
                max(held, took) < _MOST,
                f"a read at once, and its answer {_READ:g} s later, beside calls that wait",
                f"sent after {held:.1f} s, and answered {took:.1f} s later",
                own[0],
            )
