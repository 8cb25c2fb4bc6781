"""Cases of downloads that are taken up again.

They get another part than they asked for (GC602), or the process before them was killed (GC612).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import download, image
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_error, cut
from getimg_mock.contract.clients.checks.files import JPEG, build_download_case, serve_range
from getimg_mock.contract.clients.checks.partial_downloads import (
    build_rule,
    download_twice,
    serve_half,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.world.randomness import Stream

_TAG: Final = '"one"'


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: a client has to look at Content-Range, and may begin anew, or raise."""
    for name, serve in (("another-part", _serve_more_than_asked), ("no-part", _serve_no_part)):
        half = build_rule(partial(serve_half, serve), "half", nth=(1,))
        then = build_rule(serve, "the file", must=False)
        yield build_download_case(f"cut-once-{name}", half, then, calls=download_twice())
    stall = fault_actions.act_by_call((_serve_whole, _stall, _serve_whole))
    yield build_download_case(
        "stalled-killed",
        build_rule(stall, "stalls, and its process is killed", must=False),
        calls=(image(), replace(download(), killed=True), download(into=1)),
        patience=8,
    )


def _serve_whole(turn: FaultContext) -> WireAnswer:
    return serve_range(turn, JPEG, _TAG)


def _stall(turn: FaultContext) -> WireScript:
    return cut(_serve_whole(turn), end="hang")


def _serve_more_than_asked(turn: FaultContext) -> WireAnswer:
    """Answer a request for a range with the last three quarters: Content-Range says so."""
    answer = serve_range(turn, JPEG, _TAG)
    if answer.status == 200:
        return answer
    quarter = len(JPEG) // 4
    where = ("Content-Range", f"bytes {quarter}-{len(JPEG) - 1}/{len(JPEG)}")
    part = WireAnswer(206, answer.headers, JPEG[quarter:])
    return part.with_headers(where, drop=("content-range",))


def _serve_no_part(turn: FaultContext) -> WireAnswer:
    """Answer a request for a range with 416, as a server does whose copy is a shorter one."""
    answer = serve_range(turn, JPEG, _TAG)
    if answer.status == 200:
        return answer
    return build_error(416, "invalid_parameter", "There is no such range.")
