"""GC308: links that were refused, or led to no file, leave a client as able as it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, download, image
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.after_failures import (
    FEW,
    OPTIONS,
    QUICK,
    REAL_LINKS,
    REFUSALS,
    TIMES,
    answer_halfway,
    fail_at_first,
)
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION, serve_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.randomness import Stream

_PAGE: Final = fault_actions.build_page(200)
_FORBIDDEN: Final = build_error(403, "forbidden", "The link is refused.")


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: a dozen downloads fail in one way, and the last link leads to its file."""
    withdrawn = {"interrupt_after": 2.0}
    for name, act, more in (
        ("refused", fault_actions.answer_instead(REFUSALS[-1]), {}),
        ("html", fault_actions.answer_instead(_PAGE), {}),
        ("reset", fault_actions.end_before_work("reset"), {}),
        ("withdrawn", answer_halfway, withdrawn),
    ):
        rule = fail_at_first(
            DOWNLOAD_OPERATION,
            act,
            otherwise=serve_picture(),
            times=TIMES + 1,
            legal=name != "html",
        )
        yield Case(
            name=f"after-links-{name}",
            calls=(image(), *(download(),) * (TIMES + 1)),
            rules=(rule,),
            options=OPTIONS,
            patience=None,
            **(QUICK | more),
        )
    yield _build_real_link_case()


def _build_real_link_case() -> Case:
    """Return the case in real time of links that lead to no file, for programs.

    They are refused in turn for what is not tried again: each time a connection may be lost.
    """
    refuse = fault_actions.act_by_call(
        [fault_actions.answer_instead(each) for each in (REFUSALS[-1], _FORBIDDEN)]
    )
    rule = fail_at_first(DOWNLOAD_OPERATION, refuse, otherwise=serve_picture(), times=FEW + 1)
    return Case(
        name=REAL_LINKS,
        calls=(image(), *(download(),) * (FEW + 1)),
        rules=(rule,),
        options=OPTIONS,
        patience=8,
        real_time=True,
    )
