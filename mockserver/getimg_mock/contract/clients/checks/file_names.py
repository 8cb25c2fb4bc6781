"""GC614: where the files of several results are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import download, image
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    TWO_RESULTS,
    VIDEO_CALL,
    build_download_case,
    build_result_rules,
    double_items,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: two downloads at one moment, into one folder."""
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False)
    yield build_download_case(
        "neighbours",
        serve,
        calls=TWO_RESULTS,
    )
    yield build_download_case(
        "neighbours-of-one",
        *build_result_rules("two files", fault_actions.change_json(double_items)),
        serve,
        calls=(
            image(),
            download(index=0),
            download(index=1, into=1),
            VIDEO_CALL,
            download(3, index=0),
            download(3, index=1, into=4),
        ),
    )


@client_check(
    "GC614",
    "A file does not replace that of another result, or another one of the same result",
    severity="blocker",
    evidence="choice",
    why="Each file is paid for, and the service deletes its own after a day.",
    fix="Make names of the whole id and the index, and choose a free one.",
    cases=("neighbours*",),
)
def files_are_kept_apart(history: ClientHistory) -> Iterator[Observation]:
    """Demands two files after two downloads into one folder, at the same moment.

    The downloads are of two results, or of both files of one. Fails when the second call returns a
    value and the folder has one file. A client may raise instead.
    """
    before: CallOutcome | None = None
    for outcome in history.calls("download"):
        if before is None:
            before = outcome
            continue
        if before.kind == outcome.kind == "value":
            saved = list_finished_files(outcome)
            yield expect(
                len(saved) > len(list_finished_files(before)),
                "a file more than before",
                f"{', '.join(saved)}: the second has replaced the first",
                *history.during(outcome)[-1:],
            )
        before = None
