"""GC614: where the files of several results are saved."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    BASE,
    HOUR,
    Case,
    ClientCall,
    download,
    image,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    OTHER_JPEG,
    TWO_RESULTS,
    VIDEO_CALL,
    build_download_case,
    build_result_rules,
    double_items,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.checks.message_variants import IMAGE_ANSWER
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ALIKE: Final = {
    "at-their-ends": ("req-01HXYZABCD1A34EFGH5678", "req-01HXYZABCD1B34EFGH5678"),
    "but-for-case": ("req-01HXYZABCDabcdEFGH5678", "req-01HXYZABCDABCDEFGH5678"),
    "at-first": ("req-01HXYZABCD1234EFGH567A", "req-01HXYZABCD1234EFGH567B"),
}
_TOGETHER: Final = "neighbours-together"
_FILES: Final = {"req-01K6FILES00001": JPEG, "req-01K6FILES00002": OTHER_JPEG}
_ASKED_TO_REPLACE: Final = (
    image(),
    image(prompt="another"),
    download(overwrite=True),
    download(1, into=2, overwrite=True),
    VIDEO_CALL,
    VIDEO_CALL,
    download(4, overwrite=True),
    download(5, into=6, overwrite=True),
)
"""As `TWO_RESULTS`; what may be replaced is an earlier file of the same result."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: two downloads at one moment, into one folder."""
    yield from _build_alike_cases()
    yield _build_together_case()
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


def _build_alike_cases() -> Iterator[Case]:
    """Yield the cases of two results whose ids are alike: in all but one of their signs."""
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False)
    for name, pair in _ALIKE.items():
        alike = build_result_rules("ids that are alike", partial(_name_alike, pair))
        yield build_download_case(
            f"neighbours-alike-{name}", *alike, serve, calls=_ASKED_TO_REPLACE
        )


def _build_together_case() -> Case:
    """Return the case of two files that come at the same time, in pieces, into one folder."""
    files = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_in_pieces, label="files in pieces")
    return Case(
        name=_TOGETHER,
        calls=tuple(
            ClientCall(op="download", args={"result": _describe_result(name)}, into=0)
            for name in _FILES
        ),
        rules=(files,),
        together=True,
        limit=HOUR,
        patience=None,
    )


def _describe_result(name: str) -> dict[str, Any]:
    """Return a finished image whose link leads to the file of that name."""
    item = IMAGE_ANSWER["data"][0] | {"url": f"{BASE}/v2/downloads/{name}/0?exp=1790000000&sig=a1"}
    return IMAGE_ANSWER | {"id": name, "data": [item]}


def _serve_in_pieces(turn: FaultContext) -> WireScript:
    """Send the file of a name in two pieces, seconds apart."""
    body = _FILES.get(turn.asked.target.split("/")[3], b"")
    head = WireAnswer(200, (("Content-Type", "image/jpeg"),)).head(length=len(body))
    half = len(body) // 2
    return (WireStep(head), WireStep(body[:half], 1.0), WireStep(body[half:], 2.0))


def _name_alike(pair: tuple[str, str], turn: FaultContext) -> WireAnswer:
    """Give the results of every other call the same id."""
    answer = turn.proceed()
    finished = isinstance(answer.json, dict) and "data" in answer.json
    name = pair[turn.adversary.call % 2]
    return answer.with_json(answer.json | {"id": name}) if finished else answer


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

    The downloads are of two results, or of both files of one. The ids may be alike, and files of
    the same result may be replaced. Fails when the second call returns a value and the folder has
    one file. A client may raise instead. Two that come at once, in pieces, have their own bytes.
    """
    if history.case == _TOGETHER:
        yield from _files_are_their_own(history)
        return
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


def _files_are_their_own(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads at the same time: what each call has saved is the file of its result."""
    for outcome in history.calls("download"):
        if outcome.kind == "value":
            name = PurePath(str(outcome.value)).name
            right = outcome.files.get(name) == _FILES[outcome.args["result"]["id"]]
            yield expect(right, "the bytes of its own file", f"others in {name}")
