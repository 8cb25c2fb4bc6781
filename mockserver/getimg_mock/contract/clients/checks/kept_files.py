"""Cases of files that are to be replaced by one that does not come (see GC603 and GC609)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import NO_RETRIES, Case
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.files import build_download_case, serve_unasked_part
from getimg_mock.contract.clients.checks.partial_downloads import (
    REFUSALS,
    build_rule,
    download_twice,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.world.randomness import Stream

_NO_SECOND_FILE: Final[dict[str, FaultAction]] = {
    "403": fault_actions.answer_instead(build_error(*REFUSALS[1])),
    "500": fault_actions.answer_instead(build_error(*REFUSALS[4])),
    "202": fault_actions.answer_instead(fault_actions.build_text_answer(202, "image/jpeg", b"")),
    "206": serve_unasked_part,
    "html": fault_actions.answer_instead(fault_actions.build_page(200)),
    "reset": fault_actions.end_before_work("reset"),
}
"""What comes in place of the file that is to replace an earlier one."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield a case for each: the file that is there stays as it was."""
    for name, act in _NO_SECOND_FILE.items():
        yield build_download_case(
            f"again-refused-{name}",
            build_rule(
                act,
                f"the second time: {name}",
                nth=tuple(range(2, 9)),
                must=False,
                legal=name != "html",
            ),
            calls=download_twice(overwrite=True),
            options=NO_RETRIES,
            patience=12,
        )
