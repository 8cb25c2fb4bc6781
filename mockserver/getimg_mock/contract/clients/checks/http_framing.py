"""GC803, GC805 to GC807 and GC811: the forms that an HTTP response can legally have."""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    NO_RETRIES,
    Case,
    balance,
    download,
    image,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.encodings import ENCODINGS, accepts_encoding
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep, encode_chunks
from getimg_mock.contract.clients.checks import piecewise_answers
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    VIDEO_CALL,
    build_download_case,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import (
        FaultAction,
        FaultContext,
        ReceivedRequest,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_EARLY_HINTS: Final = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    b"HTTP/1.1 102 Processing\r\n\r\n"
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield a case for each form of a response, and for a wrong length or Date."""
    for name, form in _list_forms().items():
        yield _build_case(
            f"framing-{name}",
            fault_actions.change_answer(form),
            label=name,
            when=_build_condition(name.removeprefix("encoding-")),
        )
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_in_forms, label="a file in another form")
    yield build_download_case(
        "framing-download",
        serve,
        calls=(image(), *(download(),) * 3, VIDEO_CALL, *(download(4),) * 3),
    )
    yield _build_case("mismatch", fault_actions.promise_too_much, label="Content-Length too large")
    for name, days in (("ahead", 1), ("behind", -1)):
        rule = FaultRule(on="*", do=_shift_date(days * 86400), label=f"Date a day {name}")
        yield Case(
            name=f"skew-{name}",
            calls=(balance(), image(), FALLBACK_CALLS[1]),
            limit=HOUR,
            rules=(rule,),
        )


def _build_case(
    name: str,
    act: FaultAction,
    *,
    label: str,
    when: Callable[[ReceivedRequest], bool] | None = None,
) -> Case:
    return Case(
        name=name,
        calls=(balance(), models(), image(), FALLBACK_CALLS[1]),
        options=NO_RETRIES,
        limit=HOUR,
        rules=(FaultRule(on="*", do=act, label=label, when=when),),
    )


def _list_forms() -> dict[str, Callable[[WireAnswer], WireAnswer | WireScript]]:
    """Return what makes each form of an answer, by name."""
    forms: dict[str, Callable[[WireAnswer], WireAnswer | WireScript]] = {
        "encoding-identity": lambda a: a.with_headers(("Content-Encoding", "identity")),
        "chunks": lambda a: WireAnswer(a.status, a.headers, a.body, "chunked"),
        "chunk-extension": lambda a: _send_chunked(a, extension=';a="b c"'),
        "several-extensions": lambda a: _send_chunked(a, extension=';a=b;c="d e"'),
        "trailers": lambda a: _send_chunked(a, trailers="X-Checksum: abc\r\nX-More: 1\r\n"),
        "single-bytes": lambda a: _send_chunked(a, size=1),
        "informational": lambda a: (WireStep(_EARLY_HINTS), *a.to_script()),
        "until-close": lambda a: WireAnswer(a.status, a.headers, a.body, "close"),
        "old-style": _send_as_http_1_0,
        "connection-close": lambda a: (
            *a.with_headers(("Connection", "close")).to_script(),
            WireStep("close", 0.1),
        ),
    }
    return forms | {f"encoding-{name}": _encode_with(name) for name in ENCODINGS}


def _serve_in_forms(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with a file: in chunks that come in pieces, until the end, and packed if it may be."""
    answer = serve_picture()(turn)
    place = turn.adversary.call % 4
    if place == 1:
        return piecewise_answers.cut_up(answer, chunked=True)
    if place < 3:
        return replace(answer, framing="close")
    may = _build_condition("gzip")
    return _encode_with("gzip")(answer) if may and may(turn.asked) else answer


def _send_as_http_1_0(answer: WireAnswer) -> WireScript:
    head = WireAnswer(answer.status, answer.headers, answer.body, "close").head()
    return (
        WireStep(head.replace(b"HTTP/1.1", b"HTTP/1.0") + answer.body),
        WireStep("close"),
    )


def _encode_with(encoding: str) -> Callable[[WireAnswer], WireAnswer]:
    return lambda a: WireAnswer(
        a.status, (*a.headers, ("Content-Encoding", encoding)), ENCODINGS[encoding](a.body)
    )


def _build_condition(encoding: str) -> Callable[[ReceivedRequest], bool] | None:
    """Return whether a request may be answered so; None where any may."""
    if encoding not in ENCODINGS:
        return None
    return lambda asked: accepts_encoding(
        encoding, [value for name, value in asked.headers if name.lower() == "accept-encoding"]
    )


def _send_chunked(
    answer: WireAnswer, *, extension: str = "", trailers: str = "", size: int = 100
) -> WireScript:
    head = WireAnswer(answer.status, answer.headers, framing="chunked").head()
    return (
        WireStep(
            head + encode_chunks(answer.body, extension=extension, trailers=trailers, size=size)
        ),
    )


def _shift_date(seconds: float) -> FaultAction:
    def act(turn: FaultContext) -> WireAnswer:
        date = format_datetime(turn.adversary.later(seconds).replace(microsecond=0), usegmt=True)
        return turn.proceed().with_headers(("Date", date), drop=("date",))

    return act


@client_check(
    "GC803",
    "Legal encodings and framings are read",
    severity="major",
    evidence="standard",
    why="A proxy may change the encoding or the framing.",
    fix="Leave decoding to an HTTP library.",
    source="RFC 9110, section 8.4, and RFC 9112, section 7",
    cases=(
        "framing-encoding-*",
        "framing-chunk*",
        "framing-several-*",
        "framing-trailers",
        "framing-single-bytes",
        "framing-download",
        "framing-pieces*",
    ),
)
def framings_are_read(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each legal content encoding and chunked form of an answer is read.

    Files are served so, too, and until the connection closes. Some answers, and a file, arrive in
    pieces that end within a letter, an escape, a number or the end of a line. Fails when the call
    does not return the value as it was sent, or does not save the file. For several
    extensions of one chunk, which common parsers refuse, a clear error is also accepted.
    """
    if history.case == "framing-download":
        yield from _files_are_read(history)
        return
    if history.case.startswith("framing-pieces"):
        yield from piecewise_answers.pieces_are_joined(history)
        return
    if history.case != "framing-several-extensions":
        yield from legal_http_is_read(history)
        return
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value" or outcome.clear,
            "the value, or a clear error",
            outcome.shown,
            *history.during(outcome)[:2],
        )


def _files_are_read(history: ClientHistory) -> Iterator[Observation]:
    """Judge the files that came in chunks, without a length, or packed."""
    for outcome in history.calls("download"):
        saved = [outcome.files[name] for name in list_finished_files(outcome)]
        yield expect(
            outcome.kind == "value" and JPEG in saved,
            f"the file, {len(JPEG)} bytes",
            f"{outcome.shown}; {[len(each) for each in saved]} bytes",
            *history.during(outcome)[-1:],
        )


@client_check(
    "GC805",
    "Informational answers are passed over",
    severity="minor",
    evidence="standard",
    why="HTTP allows any number of them.",
    fix="Continue reading after a 1xx answer.",
    source="RFC 9110, section 15.2",
    cases=("framing-informational",),
)
@client_check(
    "GC806",
    "A body that ends with the connection is read",
    severity="major",
    evidence="standard",
    why="HTTP/1.0 has no other framing.",
    fix="Read to the end of the connection when there is no length.",
    source="RFC 9112, section 6.3",
    cases=("framing-until-close", "framing-old-style"),
)
@client_check(
    "GC811",
    "A server's Date that is a day off changes nothing",
    severity="minor",
    evidence="choice",
    why="Server clocks can be wrong.",
    fix="Do not compute with the Date header.",
    cases=("skew-*",),
)
def legal_http_is_read(history: ClientHistory) -> Iterator[Observation]:
    """Demands that an answer in an unusual but legal form of HTTP is returned as a value.

    The case decides the form: 1xx answers, a body that ends with the connection, or a wrong Date.
    Fails when the call raises.
    """
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value", "the value", outcome.shown, *history.during(outcome)[:2]
        )


@client_check(
    "GC807",
    "Fewer bytes than Content-Length says are an error",
    severity="major",
    evidence="standard",
    why="The missing bytes may matter.",
    fix="Compare the bytes received with Content-Length.",
    source="RFC 9112, section 8",
    cases=("mismatch",),
)
def lengths_are_checked(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error when an answer has fewer bytes than its Content-Length.

    Fails when the call returns a value.
    """
    for outcome in history.calls():
        yield expect(
            outcome.kind == "error",
            "an error: bytes are missing",
            outcome.shown,
            *history.during(outcome)[:1],
        )
