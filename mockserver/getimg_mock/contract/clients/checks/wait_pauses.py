"""Cases of a client's own pauses after polls that failed, which would outlast the wait.

GC502 judges them. A pause that is the same each time shows where a wait is short; one that grows
shows where a wait is long, and at which moment depends on when the failures began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import HOUR, video
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.polling import (
    HOLD_VIDEOS,
    WAIT_LIMIT,
    build_failing_polls,
    build_real_wait_case,
    build_wait_case,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.world.randomness import Stream

_DOWN: Final = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
_BUSY: Final = fault_actions.answer_instead(build_error(429, "rate_limit", "Too many requests."))
_PAGE: Final = fault_actions.answer_instead(fault_actions.build_page(502))
_RESET: Final = fault_actions.end_before_work("reset")
_HANG: Final = fault_actions.end_before_work("hang")
_Phase = tuple["FaultAction", "Callable[[int], bool]"]
"""How polls of a call's video fail, and which of them do, counted from 0."""
_SHORT: Final[tuple[_Phase, ...]] = tuple(
    (act, lambda _: True) for act in (_DOWN, _BUSY, _PAGE, _RESET, _HANG)
)
_LONG: Final[tuple[_Phase, ...]] = (
    (_DOWN, lambda _: True),
    (_BUSY, lambda poll: poll >= 2),
    (_RESET, lambda poll: poll >= 3),
    (_DOWN, lambda poll: poll % 4 != 3),
)
"""The last one has several outages, with a poll that is answered well between any two."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: a short wait, a long one, and one in real time."""
    yield _build_case(
        "held-paused",
        _SHORT,
        legal=False,
        options={"poll_interval": 5, "wait_timeout": 20, "timeout": 5, "max_retries": 2},
        needs=("wait_timeout",),
        limit=HOUR / 2,
    )
    yield _build_case(
        "held-paused-longer",
        _LONG,
        legal=True,
        options={"poll_interval": 40, "wait_timeout": 600, "timeout": 5, "max_retries": 1},
        needs=("wait_timeout", "poll_interval"),
        limit=WAIT_LIMIT,
    )
    down = build_failing_polls(_DOWN)
    # Tries within a poll last longer than this wait, unless they look at its deadline; and so does
    # a pause of eight seconds, to which those of a client that doubles them have grown by then.
    yield build_real_wait_case(
        "held-down-real",
        patience=15.3,
        wait_timeout=9.8,
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        rules=(down,),
        early=True,
    ).with_changes(options={"poll_interval": 0.5, "wait_timeout": 9.8, "max_retries": 10})


def _build_case(name: str, phases: Sequence[_Phase], *, legal: bool, **more: Any) -> Case:
    """Return the case of a wait for each phase; polls fail as that says, in a `legal` form."""

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        fail, fails = phases[turn.adversary.call % len(phases)]
        return fail(turn) if fails(fault_actions.count_earlier(turn)) else turn.proceed()

    return build_wait_case(
        name,
        calls=(video(),) * len(phases),
        scenario=(HOLD_VIDEOS,),
        rules=(FaultRule(on="videos.retrieve", do=act, label="now and then bad", legal=legal),),
        **more,
    )
