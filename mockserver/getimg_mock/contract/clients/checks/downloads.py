"""GC601, GC604 to GC606 and GC613: how a client fetches a result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import HOUR, Case, download, image, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.value_comparison import resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    WireStep,
    build_error,
    encode_chunks,
)
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    JPEG,
    OTHER_JPEG,
    VIDEO_CALL,
    build_download_case,
    build_result_rules,
    double_items,
    find_mime_type,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.drivers.saved_files import describe_large_file
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import Framing, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_COOKIE: Final = ("Set-Cookie", "session=s3cret; Path=/")
_QUICK: Final = {"video_seconds": 1}
_FILES: Final = 2
_MOST_TRIES: Final = 8
"""How often a dead link may be asked for in one call: one retry, and fresh links: our choice."""
_DAY: Final = 86400.0 + 3600
"""Seconds after which a file is deleted: the documentation keeps it for 24 hours."""
_LONG: Final = "long-prompt-saved"
_LONGEST: Final = "a tree in the wind, " * 204
"""A prompt of nearly the most characters that one may have: no file can have it for its name."""
_LARGE: Final = 80 * 10**6
_PICTURE: Final = 30 * 10**6
"""The size of a picture in 4K as PNG: more than the 10 MiB that a reference may have."""
_VIDEO: Final = 110 * 10**6
"""The size of a long video; both come over a real connection in a moment."""
_BOUND: Final = 16 * 1024 * 1024
_READ_BLOCK: Final = bytes(64 * 1024)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_ODD_QUERY: Final = "?sig=aB%2bC%2F%3d~&exp=1790000000&x=a+b%20c&y&z=%C3%A9"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    cookie = fault_actions.change_answer(lambda a: a.with_headers(_COOKIE))
    yield Case(
        name="saved",
        calls=(image(), download(), video(), download(2)),
        settings=_QUICK,
        limit=HOUR,
        rules=build_result_rules("a cookie", cookie),
    )
    yield build_download_case(
        "saved-elsewhere",
        *build_result_rules("media on another host", _link_elsewhere),
        FaultRule(on="elsewhere", do=serve_picture(), label="the file"),
    )
    yield from _build_expiry_cases()
    yield build_download_case(
        "odd-link",
        *build_result_rules("an odd link", _link_oddly),
        FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False),
    )
    yield _build_several_files_case()
    yield _build_long_prompt_case()
    yield from _build_large_cases()


def _build_long_prompt_case() -> Case:
    """Return the case of results whose prompt is too long for the name of a file."""
    return build_download_case(
        _LONG,
        FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file"),
        calls=(
            image(prompt=_LONGEST),
            download(index=0),
            video(prompt=_LONGEST).instead_of("generate_image"),
            download(2, index=0),
        ),
    )


def _build_large_cases() -> Iterator[Case]:
    """Yield the cases of large files: with their length, or in chunks, which have none."""
    large = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_large_file(_LARGE), label="80 MB")
    yield build_download_case("large", large, memory=True, room=2 * _LARGE, patience=None)
    yield build_download_case(
        "large-sizes",
        FaultRule(on=DOWNLOAD_OPERATION, do=_serve_by_turn, label="large files"),
        calls=(image(), download(), download(), video(), download(3)),
        settings=_QUICK,
        patience=12,
        room=_VIDEO + 2 * _PICTURE,
    )


def _build_several_files_case() -> Case:
    """Return the case of results with two files, each of which is downloaded."""
    double = fault_actions.change_json(double_items)
    serve = FaultRule(on=DOWNLOAD_OPERATION, do=_serve_by_index, label="two files")
    return build_download_case(
        "several-files",
        *build_result_rules("two files", double),
        serve,
        calls=(
            image(),
            download(index=0),
            download(index=1),
            VIDEO_CALL,
            download(3, index=0),
            download(3, index=1),
            download(index=_FILES + 1),
        ),
    )


def _serve_by_index(turn: FaultContext) -> WireAnswer:
    """Answer with the file that a link's index denotes."""
    second = turn.asked.target.partition("?")[0].endswith("/1")
    return serve_picture(body=OTHER_JPEG if second else JPEG)(turn)


def _build_expiry_cases() -> Iterator[Case]:
    gone = build_error(410, "url_expired", "This download link has expired.")
    rule = FaultRule(on=DOWNLOAD_OPERATION, do=fault_actions.answer_instead(gone), label="expired")
    for kind, call in (("image", image()), ("video", video())):
        yield Case(
            name=f"expired-{kind}",
            calls=(call, download()),
            options={"max_retries": 1},
            settings=_QUICK,
            limit=HOUR,
            rules=(rule,),
        )
    yield Case(
        name="expired-in-time",
        settings=_QUICK,
        limit=2 * _DAY,
        calls=(
            image(),
            replace(download(), after=_DAY),
            VIDEO_CALL,
            replace(download(2), after=_DAY),
        ),
    )


def _link_oddly(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with links that are spelled unusually, and good for an hour."""
    ends = turn.adversary.later(3600).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def link(item: dict[str, Any]) -> dict[str, Any]:
        return item | {"url": item["url"].partition("?")[0] + _ODD_QUERY, "deletes_at": ends}

    return fault_actions.change_json(fault_actions.change_items(link))(turn)


def _link_elsewhere(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with links to another origin, and with a cookie, which belongs to this one alone."""
    elsewhere = turn.adversary.elsewhere

    def moved(item: dict[str, Any]) -> dict[str, Any]:
        _, _, rest = item["url"].partition("://")
        return item | {"url": f"{elsewhere}/{rest.partition('/')[2]}"}

    answer = fault_actions.change_json(fault_actions.change_items(moved))(turn)
    if not isinstance(answer, WireAnswer):
        return answer
    return answer.with_headers(_COOKIE)


def _serve_large_file(size: int, *, chunked: bool = False) -> FaultAction:
    """Return the action that answers with so many bytes."""
    # One piece, referred to again and again, and of the size that httpcore reads: it reaches the
    # client as it is, so that the adversary costs no memory and next to no time.
    count, rest = divmod(size, len(_READ_BLOCK))
    wrap = _encode_chunk if chunked else bytes
    block, last = WireStep(wrap(_READ_BLOCK)), WireStep(wrap(_READ_BLOCK[:rest]))
    end = (WireStep(_LAST_CHUNK),) if chunked else ()

    def act(turn: FaultContext) -> WireScript:
        framing: Framing = "chunked" if chunked else "length"
        kind = (("Content-Type", find_mime_type(turn)),)
        head = WireAnswer(200, kind, framing=framing, length=size).head()
        return (WireStep(head), *[block] * count, last, *end)

    return act


def _encode_chunk(data: bytes) -> bytes:
    """Return one chunk of a body of several."""
    return encode_chunks(data, size=len(data)).removesuffix(_LAST_CHUNK)


def _serve_by_turn(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with a large picture, which has no length the second time, or with a large video."""
    if find_mime_type(turn).startswith("video/"):
        return _serve_large_file(_VIDEO)(turn)
    return _serve_large_file(_PICTURE, chunked=turn.adversary.call == 2)(turn)


@client_check(
    "GC601",
    "Downloads carry neither the key nor cookies",
    severity="blocker",
    evidence="documented",
    why="Links are signed and need no key; media may be served by others.",
    fix="Use a separate client, without default headers, for downloads.",
    cases=("saved*", "refused-40[13]", "moved-*", "observed"),
    observable=True,
)
def downloads_carry_no_secrets(history: ClientHistory) -> Iterator[Observation]:
    """Demands that requests for media carry no Authorization header, no cookie and no key.

    Tries links to the API's host and to another one, links that are refused, and redirects. Fails
    when any of them is sent, or when a header tells the signature of a link to another host. A
    cookie that goes back to the host that has set it is a warning only.
    """
    away = [each for each in history.requests if not each.home and each not in history.fetched]
    for each in (*history.fetched, *away):
        sent = [name for name in ("authorization", "cookie") if each.get_sent_headers(name)]
        key = any(history.secrets[0][1] in value for _, value in each.sent)
        judge = warn_unless if each.home and sent == ["cookie"] and not key else expect
        yield judge(
            not sent and not key, "no key and no cookie", ", ".join(sent) or "the key", each
        )
        told = [name for name, value in each.sent if "sig=" in value]
        yield expect(
            each.home or not told, "no signature of a link in a header", ", ".join(told), each
        )


@client_check(
    "GC604",
    "An expired link is looked up once more or reported; nothing is generated again",
    severity="blocker",
    evidence="choice",
    why="A new generation is a new charge and another picture.",
    fix="Retrieve the video again for its link, or raise a typed error.",
    cases=("expired-*",),
)
def expired_links_are_told(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error that says that a link has expired, and no new generation.

    A client may retrieve a video again for a fresh link, twice at most. Fails on a POST, on more
    look-ups, on more than eight tries, and on an error that does not name the reason.
    """
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        again = [each for each in sent if each.submits]
        yield expect(
            not again,
            "no new generation for an expired link",
            f"{len(again)} POSTs, {history.compute_charge(outcome)} USD",
            *again[:3],
        )
        told = "expire" in f"{outcome.text} {outcome.error.get('type')}".lower()
        told = told or outcome.error.get("status") == 410 or "410" in outcome.text
        yield expect(
            outcome.clear and told,
            "an error that says that the link has expired",
            outcome.shown,
            *sent[-2:],
        )
        tries = [each for each in sent if each.operation == "downloads.retrieve"]
        few = len(tries) <= _MOST_TRIES
        yield expect(few, "a few tries: the link is dead", f"{len(tries)}", *tries[:3])
        looks = [each for each in sent if each.operation == "videos.retrieve"]
        yield expect(
            len(looks) <= 2, "at most one look for a fresh link", f"{len(looks)}", *looks[:3]
        )


@client_check(
    "GC606",
    "Files are streamed: memory stays bounded",
    severity="major",
    evidence="choice",
    why="Videos are large, and several may be downloaded at once. The limit of 10 MiB is one of "
    "references: a result has none, and is paid for.",
    fix="Iterate over the body in chunks, and let no limit of your own keep a file from its owner.",
    cases=("large", "large-sizes"),
)
def files_are_streamed(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a download of 80 MB takes less than 16 MiB of memory.

    Fails when the peak is higher, or when the file is not saved as a whole. Neither may a picture
    of 30 MB, with and without its length, be refused, nor a video of 110 MB.
    """
    for outcome in history.calls("download"):
        size = _find_size(history, outcome)
        right = outcome.kind == "value" and outcome.peak < _BOUND
        saved = [outcome.files[name] for name in list_finished_files(outcome)]
        yield expect(
            right and describe_large_file(size) in saved,
            f"a file of {size // 10**6} MB, with less than {_BOUND >> 20} MiB of memory",
            f"{outcome.peak >> 20} MiB; {outcome.shown}",
            *history.during(outcome)[:1],
        )


def _find_size(history: ClientHistory, outcome: CallOutcome) -> int:
    """Return how many bytes the file of a download has."""
    if history.case == "large":
        return _LARGE
    kind = resolve_pointer(outcome.args["result"], "/data/0/mime_type")
    return _VIDEO if str(kind).startswith("video/") else _PICTURE


@client_check(
    "GC613",
    "A result has all of its files, and the one that was asked for is saved",
    severity="major",
    evidence="documented",
    why="data is a list: each of its files is paid for, and only its own link leads to it.",
    fix="Hand all of data to the caller, and take the link of data[index].",
    cases=("several-files", "again-same", _LONG),
)
def files_are_saved_by_index(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each file of a result with two files is saved when it is asked for.

    Fails when the content of a saved file is that of the other one, when a file is saved for an
    index that there is not, or when a result lacks a file that was paid for. A client may refuse an
    index other than 0. The folder can be on another file system than temporary files are. Fails as
    well when the path that is returned is not that of the file, as where another name was free.
    """
    if history.case == "again-same":
        for outcome, data in zip(history.calls("download"), (JPEG, OTHER_JPEG), strict=False):
            if outcome.kind == "value" and history.during(outcome):
                yield _path_leads_to_the_file(outcome, data)
        return
    if history.case != _LONG:
        yield from _all_files_are_listed(history)
    for outcome in history.calls("download"):
        index = outcome.args["index"]
        if index == 0:
            yield expect(
                outcome.kind == "value", "the file", outcome.shown, *history.during(outcome)[-1:]
            )
        if index >= _FILES:
            yield expect(outcome.kind != "value", "an error: no such file", outcome.shown)
        if outcome.kind != "value" or index >= _FILES:
            continue
        yield _path_leads_to_the_file(outcome, (JPEG, OTHER_JPEG)[index])
        saved = [outcome.files[name] for name in list_finished_files(outcome)]
        yield expect(
            (JPEG, OTHER_JPEG)[index] in saved,
            f"the file of data[{index}]",
            f"{outcome.shown}: another file",
            *history.during(outcome)[-1:],
        )


def _path_leads_to_the_file(outcome: CallOutcome, data: bytes) -> Observation:
    """Judge the path that a download returns: another name may have been taken than was wanted."""
    value = outcome.value
    at = str(value.get("path") if isinstance(value, dict) else value)
    name = at.removeprefix(f"{outcome.args['directory']}").lstrip("/\\")
    known = at.startswith(str(outcome.args["directory"]))
    return expect(
        not known or outcome.files.get(name) == data,
        "the path of the file that was saved",
        f"{name}: no such file, or another one",
    )


def _all_files_are_listed(history: ClientHistory) -> Iterator[Observation]:
    """Judge the results themselves: each has two files."""
    for outcome in history.calls("generate_image", "generate_video"):
        listed = resolve_pointer(outcome.value, "/data") if outcome.kind == "value" else None
        if isinstance(listed, list):
            yield expect(
                len(listed) == _FILES,
                f"a result with all of its {_FILES} files",
                f"{outcome.shown}: {len(listed)}",
                *history.during(outcome)[-1:],
            )
