"""Cases of brief waits: what long ones show in virtual time, in a second or two of real time.

Checks of waits, of orders and of calls at the same time judge them, by the beginning of the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, balance, image, models, video
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.polling import HOLD_VIDEOS
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.world.randomness import Stream

_LIMIT: Final = 300.0
"""How long a client may go on in virtual time: looks are as frequent as in real time."""
_LATER: Final = fault_actions.change_answer(lambda a: a.with_headers(("Retry-After", "3600")))
_LOOKS: Final[dict[str, tuple[FaultAction, ...]]] = {
    "told": (
        _LATER,
        fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "1"),)),
        fault_actions.answer_instead(build_error(429, "rate_limit", "Too many requests.")),
    ),
    "broken": (
        fault_actions.end_before_work("hang"),
        fault_actions.end_before_work("reset"),
        fault_actions.answer_instead(fault_actions.UNAVAILABLE),
    ),
}
"""What all looks of each call's video get, while it stays pending. Three calls that do not come
back are over before a case is ended."""
_MANY: Final = 2


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_held_cases()
    missing = fault_actions.answer_instead(build_error(404, "not_found", "Not found."))
    yield _build_case(
        "late-404-for-good-real",
        wait=3,
        rules=(FaultRule(on="videos.retrieve", do=missing, label="404 for good"),),
    )
    yield from _build_cases_of_several()
    yield _build_case(
        "cancelled-soon-real",
        wait=60,
        calls=(video(), balance(), models().instead_of("balance")),
        scenario=(HOLD_VIDEOS,),
        interrupt_after=1.2,
        options={"poll_interval": 2, "wait_timeout": 60},
        logs=True,
    )
    yield from _build_patient_cases()


def _build_patient_cases() -> Iterator[Case]:
    """Yield the cases of videos that take longer than clients like, or than a request may."""
    # A dozen looks and more are answered alike: that is how a video is that takes its time.
    yield _build_case(
        "waits-unchanged-real",
        wait=14,
        settings={"video_seconds": 7.5},
        options={"poll_interval": 0.25, "wait_timeout": 14},
        needs=("wait_timeout", "poll_interval"),
        patience=16,
    )
    # The video takes longer than a request may, and no order is left after that of the image.
    yield _build_case(
        "waits-limited-real",
        wait=10,
        calls=(image(), video()),
        settings={"video_seconds": 2.8},
        options={"poll_interval": 0.5, "wait_timeout": 10, "timeout": 2},
        needs=("wait_timeout", "poll_interval", "timeout"),
        rules=(FaultRule(on="*", do=fault_actions.exhaust_limit, label="no order is left"),),
        patience=14,
    )


def _build_held_cases() -> Iterator[Case]:
    """Yield the cases of videos that stay pending, and of pauses that are longer than the wait."""
    for name, acts in _LOOKS.items():
        rule = FaultRule(
            on="videos.retrieve", do=fault_actions.act_by_call(acts), label="looks in vain"
        )
        yield _build_case(
            f"held-brief-{name}",
            wait=1.2,
            calls=(video(),) * len(acts),
            scenario=(HOLD_VIDEOS,),
            rules=(rule,),
            options={"poll_interval": 0.4, "wait_timeout": 1.2, "timeout": 1, "max_retries": 6},
            needs=("wait_timeout", "timeout"),
            patience=7.0,
        )
    yield _build_case(
        "held-rarely-real",
        wait=1.5,
        scenario=(HOLD_VIDEOS,),
        options={"poll_interval": 10, "wait_timeout": 1.5},
        needs=("wait_timeout",),
        logs=True,
    )


def _build_cases_of_several() -> Iterator[Case]:
    """Yield the cases of waits at the same time, of which one may be cancelled."""
    yield _build_case(
        "many-brief",
        wait=15,
        calls=tuple(video(prompt=f"number {n}") for n in range(_MANY)),
        settings={"video_seconds": 1},
        together=True,
        patience=12,
    )
    yield _build_case(
        "many-cancelled-brief",
        wait=15,
        calls=(video(prompt="given up"), video(prompt="wanted")),
        settings={"video_seconds": 1.6},
        together=True,
        interrupt_after=0.8,
        patience=12,
    )


def _build_case(name: str, *, wait: float, **more: Any) -> Case:
    fields: dict[str, Any] = {
        "calls": (video(),),
        "options": {"poll_interval": 0.4, "wait_timeout": wait},
        "limit": _LIMIT,
        "patience": 8.0,
    }
    return Case(name=name, **fields | more)
