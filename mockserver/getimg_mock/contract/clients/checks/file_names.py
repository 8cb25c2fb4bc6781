"""GC614: where the files of several results are saved."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    download,
    image,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep, cut
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    TWO_RESULTS,
    VIDEO_CALL,
    build_download_case,
    build_result_rules,
    describe_result,
    double_items,
    find_told_name,
    list_finished_files,
    serve_own_picture,
)
from getimg_mock.contract.clients.checks.separate_clients import OTHER_KEY
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import End, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ALIKE: Final = {
    "at-their-ends": ("req-01HXYZABCD1A34EFGH5678", "req-01HXYZABCD1B34EFGH5678"),
    "but-for-case": ("req-01HXYZABCDabcdEFGH5678", "req-01HXYZABCDABCDEFGH5678"),
    "at-first": ("req-01HXYZABCD1234EFGH567A", "req-01HXYZABCD1234EFGH567B"),
}
_TOGETHER: Final = "neighbours-together"
_EQUAL: Final = f"{_TOGETHER}-equal"
_NOT_THERE: Final = ("no such file", "enoent", "does not exist")
"""How errors say that a file is missing, in the words of operating systems and languages."""
_STEP: Final = 0.1
"""The seconds between any two pieces of files that come at the same time."""
_FILES: Final = {
    (name, index): b"\xff\xd8\xff\xe0" + f"{name} {index} ".encode() * 400
    for name, index in (
        ("req-01K6FILES00001", 0),
        ("req-01K6FILES00002", 0),
        ("req-01K6FILES00002", 1),
        ("req-01K6FILES00003", 0),
    )
}
"""The files by result and index; another client fetches the last one."""
_CUT_OFF: Final = "req-01K6FILES00004"
_STALLED: Final = "req-01K6FILES00005"
_UNENDING: Final[dict[str, End]] = {_CUT_OFF: "close", _STALLED: "hang"}
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
    yield from _build_together_cases()
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_tagged, label="the file", must=False)
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


def _serve_tagged(turn: FaultContext) -> WireAnswer:
    """Answer with a file of its own and a tag that others have too: it is of this link alone."""
    return serve_own_picture(turn).with_headers(("ETag", '"1"'))


def _build_alike_cases() -> Iterator[Case]:
    """Yield the cases of two results whose ids are alike: in all but one of their signs."""
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=serve_own_picture, label="the file", must=False)
    for name, pair in _ALIKE.items():
        alike = build_result_rules("ids that are alike", partial(_name_alike, pair))
        yield build_download_case(
            f"neighbours-alike-{name}", *alike, serve, calls=_ASKED_TO_REPLACE
        )


def _build_together_cases() -> Iterator[Case]:
    """Yield the cases of files that come at the same time, in pieces, into one folder.

    They are of several results, and of both indices of one. One fails, or is cancelled, meanwhile.
    """
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_in_pieces, label="files in pieces")
    *own, another = (_fetch(name, index) for name, index in _FILES)
    together = Case(
        name=_TOGETHER,
        calls=(_fetch(_CUT_OFF), *own, replace(another, key=OTHER_KEY)),
        rules=(serve,),
        options=NO_RETRIES,
        together=True,
        limit=HOUR,
    )
    yield together
    second = serve.with_changes(
        do=fault_actions.answer_late(_STEP / 2, _serve_in_pieces), nth=(2,), must=False
    )
    yield together.with_changes(
        name=_EQUAL, calls=(own[0],) * 2, rules=(serve.with_changes(nth=(1,)), second)
    )
    withdrawn = (_fetch(_STALLED), own[0])
    yield together.with_changes(
        name=f"{_TOGETHER}-withdrawn",
        calls=withdrawn,
        interrupt_after=5 * _STEP,
        patience=None,
    )


def _fetch(name: str, index: int = 0) -> ClientCall:
    """Return the call that downloads one of the two files of a result."""
    result = double_items(describe_result(name))
    return ClientCall(op="download", args={"result": result, "index": index}, into=0)


def _serve_in_pieces(turn: FaultContext) -> WireScript:
    """Send a file in two pieces; the first to begin is the last to end, and some never do."""
    name, index = turn.asked.target.partition("?")[0].split("/")[3:5]
    kind = (("Content-Type", "image/jpeg"),)
    if name in _UNENDING:
        answer = WireAnswer(200, kind, JPEG)
        head, end = cut(answer, end=_UNENDING[name])
        return (replace(head, delay=_STEP), replace(end, delay=2 * _STEP))
    place = list(_FILES).index((name, int(index)))
    body = _FILES[name, int(index)]
    first, rest = body[: len(body) // 2], body[len(body) // 2 :]
    return (
        WireStep(WireAnswer(200, kind, body).head()),
        WireStep(first, _STEP * (place + 1)),
        WireStep(rest, _STEP * 2 * (len(_FILES) - place)),
    )


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
    one file. A client may raise instead. Several that come at once, in pieces, are all saved with
    their own bytes, also beside one that fails or is cancelled. Of two that fetch the same file,
    the second may be refused; it fails where it misses what the first has moved away.
    """
    if history.case.startswith(_TOGETHER):
        yield from _files_are_their_own(history)
        return
    before: CallOutcome | None = None
    for outcome in history.calls("download"):
        yield from _bytes_are_of_the_link(history, outcome)
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


def _bytes_are_of_the_link(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge a file that was saved: it has the bytes of its own link, whatever tag they have."""
    sent = [each for each in history.during(outcome) if each.operation == DOWNLOAD_OPERATION]
    saved = outcome.files.get(find_told_name(outcome)) if outcome.kind == "value" else None
    if sent and saved is not None:
        right = saved == JPEG + sent[-1].path.encode("latin-1")
        yield expect(right, "the bytes of the file's own link", "others", sent[-1])


def _files_are_their_own(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads at the same time: each saves its own file, which the others leave alone."""
    calls = history.calls("download")
    for outcome in calls:
        wanted = _FILES.get((outcome.args["result"]["id"], outcome.args["index"]))
        if wanted is None or outcome.kind == "unsupported":
            continue
        if history.case != _EQUAL or _is_taken_away(outcome):
            yield expect(
                outcome.kind == "value",
                "the file: others that come meanwhile are not its",
                outcome.shown,
            )
        if outcome.kind == "value":
            name = find_told_name(outcome)
            later = [each.files.get(name) for each in calls if each.ended > outcome.ended]
            right = all(each == wanted for each in (outcome.files.get(name), *later))
            yield expect(right, "the bytes of its own file", f"others in {name}")


def _is_taken_away(outcome: CallOutcome) -> bool:
    """Return whether a call that fetches what another one fetches has lost its file to that.

    It may refuse what is there already, or what another call is at, but not fail by accident.
    """
    return outcome.raw or any(each in outcome.text.lower() for each in _NOT_THERE)
