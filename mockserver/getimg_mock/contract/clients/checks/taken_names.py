"""Cases of names and folders that change while a file comes (GC609)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    describe_result,
    find_told_name,
    list_finished_files,
)
from getimg_mock.contract.clients.checks.saved_again import (
    ELSEWHERE,
    files_are_saved_where_asked,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

    _Occupy = Callable[[Path], None]

_MEANWHILE: Final = "again-meanwhile"
TAKEN: Final = frozenset({_MEANWHILE, ELSEWHERE})
"""The cases that are judged here: names and folders in them change."""
_OF_ANOTHER: Final = b"what another program has written meanwhile"
_WITNESS: Final = ".another-program-took-"
_FOLDER: Final = b"a folder"
"""What is in the witness of a name that a folder has."""
_BEFORE_HEAD, _AMID_BODY, _FOLDER_GONE = 1, 2, 3
"""The first calls, by what happens to each; call 0 shows which name the client takes."""
_STEP: Final = 0.2


def _write(path: Path) -> None:
    with path.open("xb") as file:
        file.write(_OF_ANOTHER)


def _write_nothing(path: Path) -> None:
    path.touch(exist_ok=False)


def _write_protected(path: Path) -> None:
    _write(path)
    path.chmod(0o444)


def _link(path: Path) -> None:
    target = path.with_name(f".{path.name}-of-another")
    _write(target)
    path.symlink_to(target)


_OCCUPIED: Final[tuple[tuple[bool, _Occupy], ...]] = (
    (True, _write),
    (True, _write_nothing),
    (True, _write_protected),
    (True, _link),
    (True, Path.mkdir),
    (False, Path.mkdir),
)
"""Whether each later call is asked to overwrite, and what has the name of its file before it.

A folder cannot be overwritten by a file: an error is right, or another name.
"""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case: one file again and again, each time in a folder of its own."""
    result = describe_result("req-01K6TAKEN000001")
    asked = (*(False,) * (_FOLDER_GONE + 1), *(overwrite for overwrite, _ in _OCCUPIED))
    calls = (
        ClientCall(op="download", args={"result": result, "overwrite": each}) for each in asked
    )
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_meanwhile, label="the file, in pieces")
    yield Case(name=_MEANWHILE, calls=tuple(calls), rules=(serve,), patience=12)


def _serve_meanwhile(turn: FaultContext) -> WireScript:
    """Send a file in two pieces, and change its folder before the first or the second one."""
    call, place = turn.adversary.call, turn.adversary.place
    folder = place / str(call)

    def change() -> None:
        if call == _FOLDER_GONE:
            shutil.rmtree(folder, ignore_errors=True)
            _occupy_later_folders(place)
        else:
            _take_names(place / "0", folder)

    head = WireAnswer(200, (("Content-Type", "image/jpeg"),), JPEG).head()
    half = len(JPEG) // 2
    early = change if call == _BEFORE_HEAD else None
    late = change if call in {_AMID_BODY, _FOLDER_GONE} else None
    return (
        WireStep(head + JPEG[:half], meanwhile=early),
        WireStep(JPEG[half:], _STEP if call <= _FOLDER_GONE else 0.0, meanwhile=late),
    )


def _occupy_later_folders(place: Path) -> None:
    """Make the folders of later calls, in which the names are taken before they begin."""
    for number, (_, occupy) in enumerate(_OCCUPIED, _FOLDER_GONE + 1):
        folder = place / str(number)
        folder.mkdir(exist_ok=True)
        _take_names(place / "0", folder, occupy)


def _take_names(saved: Path, folder: Path, occupy: _Occupy = _write) -> None:
    """Write to the names that the client's file has had, unless the client has taken them."""
    for each in saved.glob("[!.]*"):
        try:
            occupy(folder / each.name)
        except OSError:
            continue  # the client holds the name already, and may
        kind = _FOLDER if (folder / each.name).is_dir() else b""
        (folder / f"{_WITNESS}{each.name}").write_bytes(kind)


def taken_names_are_left(history: ClientHistory) -> Iterator[Observation]:
    """Judge files that another program has written, and folders that it has removed.

    Of a file that is saved again, its path is judged.
    """
    if history.case == ELSEWHERE:
        yield from files_are_saved_where_asked(history)
        return
    for outcome in history.calls("download"):
        if outcome.args["overwrite"]:
            yield from _is_replaced(history, outcome)
            continue
        sent = history.during(outcome)[-1:]
        names = [
            each.removeprefix(_WITNESS)
            for each, kind in outcome.files.items()
            if each.startswith(_WITNESS) and kind != _FOLDER
        ]
        for name in names:
            yield expect(
                outcome.files.get(name) == _OF_ANOTHER,
                f"{name} as another program wrote it while the file came",
                "it was replaced",
                *sent,
            )
        if outcome.kind == "value" and (sent or _FOLDER in outcome.files.values()):
            yield _is_saved(outcome, taken=bool(names))


def _is_replaced(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge a file that is there with other content, or none, and is to be overwritten."""
    if any(each.startswith(_WITNESS) for each in outcome.files):
        judge = expect if outcome.kind == "value" else warn_unless
        folder = _FOLDER in outcome.files.values()
        yield judge(
            _has_file(outcome) or (folder and outcome.kind == "error"),
            "the file of the result: it was asked to overwrite what is there",
            f"{outcome.shown}, with what another program had written",
            *history.during(outcome)[-1:],
        )


def _is_saved(outcome: CallOutcome, *, taken: bool) -> Observation:
    """Judge a path that was returned: a client may take what is there for the file, as it was.

    A folder is no file.
    """
    folder = _FOLDER in outcome.files.values()
    judge = warn_unless if taken and not folder else expect
    return judge(_has_file(outcome), "the file in the folder, or an error", outcome.shown)


def _has_file(outcome: CallOutcome) -> bool:
    """Return whether the path that was returned is that of the file; else whether any other is."""
    told = find_told_name(outcome)
    if told in outcome.files:
        return outcome.files[told] == JPEG
    return any(outcome.files[each] == JPEG for each in list_finished_files(outcome))
