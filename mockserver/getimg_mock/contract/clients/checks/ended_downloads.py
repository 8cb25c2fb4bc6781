"""Cases of downloads that end on this side: for want of room, or as their caller cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import balance, download, image
from getimg_mock.contract.clients.cases.wire_script import drip_body
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    build_download_case,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.world.randomness import Stream


_LATER: Final = (balance(), image().instead_of("balance"))
"""Calls that are not cancelled, so that the ones before are."""
_BEFORE: Final = 4
"""After so many calls of twelve it is first counted what is held, as in the cases of waits."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases, which the check of files that were cut off judges."""
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="no room for the file")
    yield build_download_case("cut-by-a-full-disk", serve, file_limit=len(JPEG) // 2, patience=None)
    saved = (image(), download(), *(download(into=1, overwrite=True),) * 10)
    serve_all = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file")
    yield build_download_case(
        "saved-often", serve_all, calls=saved, holdings=True, baseline=_BEFORE
    )
    yield build_download_case(
        "cut-once-slowly",
        FaultRule(on=DOWNLOAD_OPERATION, do=_serve_slowly, label="the file, in its own time"),
        calls=(image(), download()),
        options={"timeout": 1, "max_retries": 0},
        needs=("timeout",),
        patience=12,
    )
    yield from _build_withdrawn_cases()


def _serve_slowly(turn: FaultContext) -> WireScript:
    """Send the file in pieces, each of which comes in time; all together take three times that."""
    return drip_body(serve_picture()(turn), 0.4, pieces=8)


def _build_withdrawn_cases() -> Iterator[Case]:
    """Yield the cases of downloads that stall until their caller cancels them."""
    stall = FaultRule(
        on=DOWNLOAD_OPERATION, do=fault_actions.stall, label="stalls until it is cancelled"
    )
    yield build_download_case(
        "cut-withdrawn",
        stall,
        calls=(image(), download()),
        options={"timeout": 60},
        interrupt_at=5.0,
        patience=None,
    )
    yield build_download_case(
        "cut-withdrawn-often",
        stall,
        calls=(image(), download(), *(download(into=1),) * 3, *_LATER),
        options={"timeout": 60},
        interrupt_after=5.0,
        patience=None,
    )
    yield build_download_case(
        "cut-withdrawn-real",
        stall,
        calls=(image(), download(), *_LATER),
        options={"timeout": 60},
        interrupt_after=1.0,
    )
