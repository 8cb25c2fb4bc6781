"""Cases of downloads that end on this side: for want of room, or as their caller cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import balance, download, image
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
    from getimg_mock.world.randomness import Stream


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases, which the check of files that were cut off judges."""
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="no room for the file")
    yield build_download_case("cut-by-a-full-disk", serve, file_limit=len(JPEG) // 2, patience=None)
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
        "cut-withdrawn-real",
        stall,
        calls=(image(), download(), balance(), image().instead_of("balance")),
        options={"timeout": 60},
        interrupt_after=1.0,
    )
