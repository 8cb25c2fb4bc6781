"""Cases of names and folders that change while a file comes (GC609)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    describe_result,
    list_finished_files,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

TAKEN: Final = "again-meanwhile"
_OF_ANOTHER: Final = b"what another program has written meanwhile"
_WITNESS: Final = ".another-program-took-"
_BEFORE_HEAD, _AMID_BODY, _FOLDER_GONE, _BEFORE_CALL = 1, 2, 3, 4
"""The calls, by what happens to each; the first one shows which name the client takes.

The last one is asked to overwrite what is there.
"""
_STEP: Final = 0.2


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case: one file five times, each in a folder of its own."""
    result = describe_result("req-01K6TAKEN000001")
    first = ClientCall(op="download", args={"result": result, "overwrite": False})
    last = ClientCall(op="download", args={"result": result, "overwrite": True})
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_meanwhile, label="the file, in pieces")
    yield Case(name=TAKEN, calls=(*(first,) * 4, last), rules=(serve,), patience=12)


def _serve_meanwhile(turn: FaultContext) -> WireScript:
    """Send a file in two pieces, and change its folder before the first or the second one."""
    call, place = turn.adversary.call, turn.adversary.place
    folder = place / str(call)

    def change() -> None:
        if call == _FOLDER_GONE:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _take_names(place / "0", folder)
        if call == _AMID_BODY:
            last = place / str(_BEFORE_CALL)
            last.mkdir(exist_ok=True)
            _take_names(place / "0", last)

    head = WireAnswer(200, (("Content-Type", "image/jpeg"),)).head(length=len(JPEG))
    half = len(JPEG) // 2
    early = change if call == _BEFORE_HEAD else None
    late = change if call in {_AMID_BODY, _FOLDER_GONE} else None
    return (
        WireStep(head + JPEG[:half], meanwhile=early),
        WireStep(JPEG[half:], _STEP, meanwhile=late),
    )


def _take_names(saved: Path, folder: Path) -> None:
    """Write to the names that the client's file has had, unless the client has taken them."""
    for each in saved.glob("[!.]*"):
        try:
            with (folder / each.name).open("xb") as file:
                file.write(_OF_ANOTHER)
        except OSError:
            continue  # the client holds the name already, and may
        (folder / f"{_WITNESS}{each.name}").touch()


def taken_names_are_left(history: ClientHistory) -> Iterator[Observation]:
    """Judge files that another program has written, and folders that it has removed."""
    for outcome in history.calls("download"):
        if outcome.args["overwrite"]:
            yield from _is_replaced(history, outcome)
            continue
        sent = history.during(outcome)[-1:]
        names = [each for each in outcome.files if each.startswith(_WITNESS)]
        for name in (each.removeprefix(_WITNESS) for each in names):
            yield expect(
                outcome.files.get(name) == _OF_ANOTHER,
                f"{name} as another program wrote it while the file came",
                "it was replaced",
                *sent,
            )
        if outcome.kind == "value" and sent:
            yield _is_saved(outcome, taken=bool(names))


def _is_replaced(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge a file that is there with other content, and is to be overwritten."""
    if any(each.startswith(_WITNESS) for each in outcome.files):
        saved = any(outcome.files[each] == JPEG for each in list_finished_files(outcome))
        judge = expect if outcome.kind == "value" else warn_unless
        yield judge(
            saved,
            "the file of the result: it was asked to overwrite what is there",
            f"{outcome.shown}, with what another program had written",
            *history.during(outcome)[-1:],
        )


def _is_saved(outcome: CallOutcome, *, taken: bool) -> Observation:
    """Judge a path that was returned: a client may take what is there for the file, as it was."""
    judge = warn_unless if taken else expect
    saved = any(outcome.files[each] == JPEG for each in list_finished_files(outcome))
    return judge(saved, "the file in the folder, or an error", outcome.shown)
