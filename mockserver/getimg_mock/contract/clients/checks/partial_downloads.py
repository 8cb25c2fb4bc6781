"""GC602, GC603, GC607, GC609, GC611 and GC612: broken downloads, and files that exist already."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall, download, image
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    WireStep,
    build_error,
    build_json_answer,
    cut,
)
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    OTHER_JPEG,
    TWO_RESULTS,
    VIDEO_CALL,
    build_download_case,
    has_failed,
    list_finished_files,
    serve_picture,
    serve_range,
    serve_unasked_part,
)
from getimg_mock.contract.clients.checks.taken_names import TAKEN, taken_names_are_left
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


REFUSALS: Final = (
    (401, "invalid_api_key", "No."),
    (403, "invalid_signature", "No."),
    (404, "not_found", "No."),
    (410, "url_expired", "This link has expired."),
    (500, "server_error", "No."),
)
_CALLS_OF_OTHER: Final = (3, 7)
_DOWNLOADED_OFTEN: Final = (image(), download(), *(download(into=1),) * 3)
_NO_FILE: Final = {"error": {"message": "No such file.", "code": "not_found"}}
_IMPATIENT: Final[dict[str, Any]] = {"options": {"timeout": 2, "max_retries": 1}, "patience": 12}


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_repeated_cases()
    yield from _build_stalled_cases()
    yield from _build_cut_off_cases()
    yield from _build_cut_once_cases()
    often = build_download_case("cut-often", build_rule(fault_actions.truncate, "cut off"))
    yield often.with_changes(calls=_DOWNLOADED_OFTEN, options={"max_retries": 0}, patience=12)
    yield from _build_refused_cases()


def _build_repeated_cases() -> Iterator[Case]:
    half = build_rule(_serve_first_half, "half", nth=(1,))
    another = build_rule(_serve_other_file, "another file", must=False)
    yield build_download_case("resumed", half, another, calls=download_twice(), patience=12)
    yield build_download_case(
        "again",
        calls=(
            image(),
            download(),
            image(prompt="another"),
            download(2, into=1),
            VIDEO_CALL,
            download(4),
            VIDEO_CALL,
            download(6, into=5),
        ),
    )
    later = another.with_changes(nth=(2,))
    once = build_rule(serve_picture(), "the file", nth=(1,))
    cut_off = build_rule(
        lambda turn: cut(_serve_other_file(turn)), "half of another file", nth=(2,), must=False
    )
    asked = download_twice(overwrite=True, first={"overwrite": False})
    yield build_download_case("again-same", once, later, calls=download_twice())
    # What is asked for once is not for the next time.
    kept = download_twice(overwrite=False, first={"overwrite": True})
    yield build_download_case("again-kept", later, calls=kept)
    yield build_download_case("again-asked", later, calls=asked)
    yield build_download_case("again-cut", cut_off, calls=asked)
    refuse = fault_actions.answer_instead(build_error(*REFUSALS[1]))
    refused = build_rule(refuse, "403", nth=(2,), must=False)
    yield build_download_case("again-refused", refused, calls=asked)


def _build_stalled_cases() -> Iterator[Case]:
    always = build_rule(fault_actions.stall, "stalls")
    once = build_rule(_stall_halfway, "stalls", nth=(1,))
    then = build_rule(_serve_same_file, "the file", must=False)
    yield build_download_case("stalled", always, **_IMPATIENT)
    yield build_download_case("stalled-once", once, then, calls=download_twice(), **_IMPATIENT)


def build_rule(act: FaultAction, label: str, **more: Any) -> FaultRule:
    """Return the rule that acts on downloads; `more` are further fields."""
    return FaultRule(on=DOWNLOAD_OPERATION, do=act, label=label, **more)


def _build_cut_off_cases() -> Iterator[Case]:
    cut_off: dict[str, FaultAction] = {
        "truncated": fault_actions.truncate,
        "padded": fault_actions.promise_too_much,
        "reset": fault_actions.change_answer(lambda a: cut(a, end="reset")),
        "chunked": lambda turn: _break_chunks(turn.proceed()),
    }
    for name, act in cut_off.items():
        rule = build_rule(act, f"cut off: {name}")
        yield build_download_case(f"cut-{name}", rule, logs=True)


def _build_cut_once_cases() -> Iterator[Case]:
    """Yield the cases in which the first try breaks off, with and without ranges after that."""
    for name, serve in (("ranges", _serve_same_file), ("whole", serve_picture())):
        half = build_rule(partial(serve_half, serve), "half", nth=(1,))
        then = build_rule(serve, "the file", must=False)
        yield build_download_case(f"cut-once-{name}", half, then, calls=download_twice())
    yield _build_other_result_case()


def _build_other_result_case() -> Case:
    """Return the case in which one result's file always breaks off, and another's does not."""

    def serve(turn: FaultContext) -> WireAnswer | WireScript:
        other = turn.adversary.call in _CALLS_OF_OTHER
        return _serve_other_file(turn) if other else _serve_first_half(turn)

    return build_download_case(
        "cut-other",
        build_rule(serve, "half of one, all of another"),
        calls=TWO_RESULTS,
    )


def serve_half(serve: Callable[[FaultContext], WireAnswer], turn: FaultContext) -> WireScript:
    """Answer with the first half of what `serve` does."""
    return cut(serve(turn))


def _break_chunks(answer: WireAnswer) -> WireScript:
    head = WireAnswer(answer.status, answer.headers, framing="chunked").head()
    half = answer.body[: len(answer.body) // 2]
    return (WireStep(head + f"{len(half):x}\r\n".encode() + half + b"\r\n"), WireStep("close"))


def _build_refused_cases() -> Iterator[Case]:
    for status, code, message in REFUSALS:
        refuse = fault_actions.answer_instead(build_error(status, code, message))
        yield build_download_case(f"refused-{status}", build_rule(refuse, f"{status}"))
    for status in (202, 204):
        nothing = fault_actions.build_text_answer(status, "image/jpeg", b"")
        refuse = fault_actions.answer_instead(nothing)
        yield build_download_case(f"refused-{status}", build_rule(refuse, f"{status}, empty"))
    yield build_download_case("refused-206", build_rule(serve_unasked_part, "206, not asked for"))
    page = fault_actions.build_page(200)
    serve_page = fault_actions.answer_instead(page)
    yield build_download_case("html-200", build_rule(serve_page, "HTML with 200", legal=False))
    serve_json = fault_actions.answer_instead(build_json_answer(200, _NO_FILE))
    yield build_download_case("mistaken-200", build_rule(serve_json, "JSON with 200", legal=False))
    moved = fault_actions.build_text_answer(302, "image/jpeg", b"moved")
    nowhere = build_rule(fault_actions.answer_instead(moved), "302 to nowhere", legal=False)
    yield build_download_case("refused-302", nowhere)
    empty = fault_actions.answer_instead(fault_actions.build_text_answer(202, "image/jpeg", b""))
    often = build_download_case("refused-often", build_rule(empty, "202, empty"))
    yield often.with_changes(calls=_DOWNLOADED_OFTEN, options={"max_retries": 0})


def download_twice(first: Any = None, **more: Any) -> tuple[ClientCall, ...]:
    """Return the calls that save one result twice in one place; `more` is for the second time."""
    return (
        image(),
        download(**(first or {})),
        download(into=1, **more),
        VIDEO_CALL,
        download(3, **(first or {})),
        download(3, into=4, **more),
    )


def _serve_same_file(turn: FaultContext) -> WireAnswer:
    return serve_range(turn, JPEG, '"one"')


def _serve_other_file(turn: FaultContext) -> WireAnswer:
    return serve_range(turn, OTHER_JPEG, '"two"')


def _serve_first_half(turn: FaultContext) -> WireScript:
    return cut(_serve_same_file(turn))


def _stall_halfway(turn: FaultContext) -> WireScript:
    return cut(_serve_same_file(turn), end="hang")


@client_check(
    "GC602",
    "A file that was cut off is an error and is not left under its name",
    severity="blocker",
    evidence="standard",
    why="The result is deleted after a day: an incomplete file is noticed too late.",
    fix="Check the length; write to a temporary name and rename at the end.",
    source="RFC 9112, section 8",
    cases=("cut-*", "again-cut"),
)
@client_check(
    "GC603",
    "An answer other than 200 is never saved as the picture",
    severity="blocker",
    evidence="choice",
    why="Public clients have saved the JSON of an error as a .png.",
    fix="Raise for the status before writing.",
    cases=("refused-*", "again-refused*"),
)
@client_check(
    "GC611",
    "A page or JSON with 200 is not saved as the picture",
    severity="major",
    evidence="choice",
    why="Captive portals and proxies answer 200.",
    fix="Compare the media type with mime_type of the result.",
    cases=("html-200", "mistaken-200"),
)
def broken_files_are_not_kept(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error, and no file under its final name, when a download is not the media.

    The case decides what comes: a body that is cut off, a refusal, an HTML page, or a stall that
    the caller ends. Fails when the call succeeds or leaves a finished file. Where only the first
    try breaks off, a further one may succeed: with the whole file, and nothing else. So must the
    download of another result into the same folder. What was there before stays.
    """
    if history.case.startswith("again-"):
        yield from files_are_replaced_when_asked(history)
        return
    if history.case == "cut-other":
        yield from _others_files_are_whole(history)
        return
    if history.case.startswith("cut-once"):
        yield from _saved_files_are_whole(history)
        return
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        yield expect(has_failed(history, outcome), "an error", outcome.shown, *sent)
        # Of a full disk the caller knows, and has to make room anyway.
        left = [] if history.case == "cut-by-a-full-disk" else list_finished_files(outcome)
        yield expect(not left, "no file under its final name", ", ".join(left), *sent[-1:])


def _others_files_are_whole(history: ClientHistory) -> Iterator[Observation]:
    """Judge the files of results whose neighbour in the folder broke off."""
    for outcome in history.calls("download"):
        for name in list_finished_files(outcome):
            yield expect(
                outcome.files[name] == OTHER_JPEG,
                f"the whole file of this result, {len(OTHER_JPEG)} bytes",
                f"{name}: {len(outcome.files[name])} bytes, or others",
                *history.during(outcome)[-2:],
            )


def _saved_files_are_whole(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads that break off once: what they save has each byte once."""
    for outcome in history.calls("download"):
        saved = list_finished_files(outcome)
        if outcome.kind == "value":
            yield expect(bool(saved), "a file", outcome.shown, *history.during(outcome)[-1:])
        for name in saved:
            data = outcome.files[name]
            yield expect(
                data == JPEG,
                f"the whole file, {len(JPEG)} bytes",
                f"{name}: {len(data)} bytes, or others",
                *history.during(outcome)[-2:],
            )


@client_check(
    "GC607",
    "A download is resumed only where validator and length agree",
    severity="minor",
    evidence="standard",
    why="Otherwise the file combines parts of two.",
    fix="Send If-Range, or start again.",
    source="RFC 9110, sections 13.1.5 and 14.2",
    cases=("resumed",),
)
def resuming_fits_together(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a download that is made again contains one version of the file.

    The first attempt is cut off and the file then changes. Fails when the saved file combines parts
    of both, or when an error is not clear.
    """
    for outcome in history.calls("download"):
        if outcome.kind != "value":
            yield expect(outcome.clear, "a file or a clear error", outcome.shown)
            continue
        for name in list_finished_files(outcome):
            data = outcome.files[name]
            whole = data in {JPEG, OTHER_JPEG}
            yield expect(
                whole, "one whole file", f"{name}: parts of two", *history.during(outcome)[-2:]
            )


@client_check(
    "GC609",
    "A file is overwritten only when asked, and by a whole one",
    severity="major",
    evidence="choice",
    why="The existing file may be the only copy.",
    fix="Choose another name unless asked; write a temporary file and rename it at the end.",
    cases=("again*",),
)
def files_are_replaced_when_asked(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a saved file stays as it was, unless the caller asks to overwrite it.

    Fails when a second download replaces it although `overwrite` is false, or when an interrupted
    one damages it. It is a warning when the argument is not given, or when a requested overwrite
    does not happen. Fails as well when a file is replaced that another program writes meanwhile,
    or when a file is said to be saved that is not: what was there is taken for it, though it was to
    be overwritten, empty, a link or a folder; or its folder was removed; or the path is that of an
    earlier call, whose folder is another one, or whose file has been deleted since.
    """
    if history.case in TAKEN:
        yield from taken_names_are_left(history)
        return
    judge = warn_unless if history.case in {"again", "again-same", "again-asked"} else expect
    downloads = history.calls("download")
    if len(downloads) != 2 or downloads[0].kind != "value":
        return
    before, after = downloads
    sent = history.during(after)[-1:]
    if history.case == "again-asked":
        replaced = after.kind == "value" and (not sent or OTHER_JPEG in after.files.values())
        yield judge(replaced, "the new file: it was asked to overwrite", after.shown, *sent)
        return
    for name, data in before.files.items():
        yield judge(
            after.files.get(name) == data,
            f"{name} as it was",
            "another file, or half of one, under its name",
            *sent,
        )


@client_check(
    "GC612",
    "A download that stalls ends in an error, and can be taken up again",
    severity="major",
    evidence="choice",
    why="A stalled read never ends, while the file is still available.",
    fix="Set a read timeout; make sure that leftovers do not block the next attempt.",
    cases=("stalled*",),
)
def stalled_downloads_can_be_taken_up(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error when a download stalls, and the whole file from the next attempt.

    Fails when the stalled call succeeds or leaves a finished file, or when a leftover prevents the
    next attempt. A client may try again by itself: in real time, a further try shows that the one
    before has ended.
    """
    if history.case == "stalled":
        yield from _stalls_end(history)
        return
    downloads = history.calls("download")
    if downloads:
        last = downloads[-1]
        whole = any(last.files.get(name) == JPEG for name in list_finished_files(last))
        yield expect(
            whole and any(each.kind == "value" for each in downloads),
            "the whole file, the second time",
            last.shown,
            *history.during(last)[-1:],
        )


def _stalls_end(history: ClientHistory) -> Iterator[Observation]:
    """Judge calls whose every try stalls."""
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        goes_on = outcome.kind == "abandoned" and not history.virtual and len(sent) > 1
        yield expect(outcome.kind == "error" or goes_on, "an error", outcome.shown, *sent)
        left = list_finished_files(outcome)
        yield expect(not left, "no file under its final name", ", ".join(left), *sent[-1:])
