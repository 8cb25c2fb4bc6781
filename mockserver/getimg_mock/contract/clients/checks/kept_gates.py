"""Cases of gates that are shut for others: its caller stops, or fails, while a call holds one.

GC308 judges them. A gate may be a lock, a slot, a pause of all calls or a breaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    VIDEO,
    Case,
    ClientCall,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.after_failures import (
    QUICK,
    SUBMITTED,
    answer_halfway,
    build_failing_case,
    fail_at_first,
)
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION, serve_picture
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.world.randomness import Stream

_LATER: Final = ("Retry-After", "30")
_REFUSALS: Final[tuple[FaultAction, ...]] = (
    fault_actions.answer_instead(build_error(429, "rate_limit", "Too many.", _LATER)),
    fault_actions.answer_instead(build_error(503, "server_error", "Down.", _LATER)),
    fault_actions.answer_instead(build_error(429, "rate_limit", "Too many.")),
    fault_actions.answer_instead(build_error(500, "server_error", "Sorry.")),
    fault_actions.end_before_work("reset"),
    fault_actions.end_before_work("hang"),
)
"""What a call gets, by its index: most of them are tried again, after a pause."""
_REFUSE_BY_CALL: Final = fault_actions.act_by_call(_REFUSALS)
_TRIES: Final = {"max_retries": 3, "timeout": 5}
_IN_A_PAUSE: Final = 2.0
"""After how many seconds the caller stops: before a pause that was asked for is over."""
_IN_A_WAIT: Final = 6.5
"""The same where a client may look at a video after five seconds only."""
_IN_REAL_TIME: Final = 0.8
"""The same in real time, where pauses of two seconds are asked for."""
_SUBMITTED: Final = 6
"""How many videos are ordered one after another: more than some accounts let run."""
_QUEUE: Final = 12
"""How many calls are in a queue: more than a client lets run at the same time."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: the pause before a further try is cancelled, or that try fails as well.

    In another, videos are ordered that nobody waits for: a slot is not held for each.
    """
    yield _build_submitted_case()
    for name, on, call in (
        ("image", "images.generate", image()),
        ("models", "models.list", models()),
        ("wait", "videos.retrieve", video()),
    ):
        waits = name == "wait"
        yield _build_case(
            f"after-withdrawn-pause-{name}",
            on,
            call,
            interrupt_after=_IN_A_WAIT if waits else _IN_A_PAUSE,
            options=_TRIES | ({"poll_interval": 1, "wait_timeout": 60} if waits else {}),
        )
    for name, on, call in (
        ("image", "images.generate", image()),
        ("models", "models.list", models()),
    ):
        yield _build_case(
            f"after-tries-{name}", on, call, after=HOUR, options=_TRIES | {"max_retries": 1}
        )
    yield _build_link_case()
    yield _build_queue_case()
    yield _build_tried_case()
    yield from _build_real_cases()


def _build_submitted_case() -> Case:
    """Return the case of videos that nobody waits for."""
    submit = ClientCall(op="submit_video", args=VIDEO)
    return Case(
        name=SUBMITTED,
        calls=(submit,) * _SUBMITTED,
        settings={"video_seconds": 0.5},
        options=NO_RETRIES,
        limit=HOUR,
        patience=5,
    )


def _build_case(name: str, on: str, call: Any, **more: Any) -> Case:
    return build_failing_case(name, on, call, _REFUSE_BY_CALL, times=len(_REFUSALS), **more)


def _build_link_case() -> Case:
    """Return the case of downloads that are cancelled before a further try."""
    rule = fail_at_first(DOWNLOAD_OPERATION, _REFUSE_BY_CALL, times=7, otherwise=serve_picture())
    return Case(
        name="after-withdrawn-pause-links",
        calls=(image(), *(download(),) * 7),
        rules=(rule,),
        options=_TRIES,
        interrupt_after=_IN_A_PAUSE,
        patience=None,
        **QUICK,
    )


def _build_queue_case() -> Case:
    """Return the case of calls that are cancelled while they run, or are in a queue behind those.

    The last one is behind all of them.
    """
    slow = FaultRule(on="models.list", do=fault_actions.answer_late(5.0), label="a slow list")
    return Case(
        name="after-withdrawn-queue",
        calls=(models(),) * (_QUEUE + 1),
        rules=(slow,),
        together=True,
        interrupt_after=_IN_A_PAUSE,
        options={"timeout": 60},
        patience=None,
        limit=HOUR,
    )


def _build_tried_case() -> Case:
    """Return the case in real time of an order behind one that was tried again in vain."""
    return build_failing_case(
        "after-tries-real",
        "images.generate",
        image(),
        fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "1"),)),
        times=1,
        options=_TRIES | {"max_retries": 1},
        needs=("max_retries",),
        patience=8,
    )


def _build_real_cases() -> Iterator[Case]:
    """Yield the cases in real time: a wait and two downloads are cancelled, and one more is not."""
    told = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "2"),))
    rule = fail_at_first("videos.retrieve", told, times=1)
    yield Case(
        name="after-withdrawn-real-wait",
        calls=(video(), video()),
        rules=(rule.with_changes(must=False),),
        options=_TRIES | {"poll_interval": 0.5, "wait_timeout": 30},
        interrupt_after=_IN_REAL_TIME,
        patience=9,
        settings={"video_seconds": 1},
    )

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        return told(turn) if turn.adversary.call == 1 else answer_halfway(turn)

    rule = fail_at_first(DOWNLOAD_OPERATION, act, times=3, otherwise=serve_picture())
    yield Case(
        name="after-withdrawn-real-links",
        calls=(image(), download(), download(), download()),
        rules=(rule,),
        options=_TRIES,
        interrupt_after=_IN_REAL_TIME,
        patience=9,
    )
