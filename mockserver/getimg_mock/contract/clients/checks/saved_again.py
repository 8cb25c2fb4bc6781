"""Cases of a file that is saved again, elsewhere, or after its caller has removed it (GC609).

What a client has saved before belongs to its caller, who may move, change or delete it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    describe_result,
    find_told_name,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

ELSEWHERE: Final = "again-elsewhere"
_CHANGED: Final = b"what the caller has written in its place"


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _change(path: Path) -> None:
    path.write_bytes(_CHANGED)


_MEANWHILE: Final[dict[int, Callable[[Path], None]]] = {1: _remove, 3: _remove, 5: _change}
"""What the caller does to the first file, while calls save it in other folders."""
_IN_FIRST_FOLDER: Final = {2: False, 4: True, 6: True}
"""The calls that save it in its first folder again, and whether they may overwrite."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case: one file, in four folders, and three times more in the first of them."""
    result = describe_result("req-01K6ELSEWHERE01")
    calls = (
        ClientCall(
            op="download",
            args={"result": result, "overwrite": _IN_FIRST_FOLDER.get(number, False)},
            into=0 if number in _IN_FIRST_FOLDER else None,
        )
        for number in range(max(_IN_FIRST_FOLDER) + 1)
    )
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_meanwhile, label="the file")
    yield Case(name=ELSEWHERE, calls=tuple(calls), rules=(serve,))


def _serve_meanwhile(turn: FaultContext) -> WireAnswer:
    act = _MEANWHILE.get(turn.adversary.call)
    for each in (turn.adversary.place / "0").glob("[!.]*") if act else ():
        if act and each.is_file():
            act(each)
    return serve_picture()(turn)


def files_are_saved_where_asked(history: ClientHistory) -> Iterator[Observation]:
    """Judge each path that is returned: it is in the folder of its call, and the file is whole."""
    for outcome in history.calls("download"):
        refused = outcome.args["overwrite"] and outcome.kind == "error"
        judge = warn_unless if refused else expect
        yield judge(
            outcome.kind == "value" and _is_there(outcome),
            "the whole file in the folder that was asked for, and its path",
            outcome.shown,
            *history.during(outcome)[-1:],
        )


def _is_there(outcome: CallOutcome) -> bool:
    """Return whether the file is at the path that was told, or anywhere where none was told."""
    told = find_told_name(outcome)
    if not told:
        return any(outcome.files[each] == JPEG for each in list_finished_files(outcome))
    return outcome.files.get(told) == JPEG
