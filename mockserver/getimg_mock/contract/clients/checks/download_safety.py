"""GC608 and GC610: file names and redirects of downloads that come from the server."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import NO_RETRIES, download, image, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.value_comparison import resolve_pointer
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    build_download_case,
    build_result_rules,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_SAFE_SUFFIXES: Final = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".mp4",
    ".webm",
    ".avif",
    ".gif",
    ".mov",
    ".bin",
    ".dat",
    "",
    ".media",
    ".img",
}
_FILE_NAMES: Final = {
    "disposition": ("image/jpeg", 'attachment; filename="../../escaped.sh"'),
    "absolute": ("image/jpeg", 'attachment; filename="/tmp/escaped-absolute.jpg"'),
    "encoded": ("image/jpeg", "attachment; filename*=UTF-8''..%2F..%2Fescaped.jpg"),
    "kind": ("application/x-sh", ""),
    "kind-path": ("image/../../escaped", ""),
}
"""The media type and the Content-Disposition of a file, by name of the case."""

_LOCAL_LINKS: Final = (
    "file://{path}",
    "file://{path}",
    "FILE://localhost{path}",
    " file://{path}",
    "{path}",
    "",
)
"""Links to a local file, in forms that lists of schemes miss; the last one redirects there."""
_LOCAL: Final = b"\xff\xd8\xff\xe0LOCAL" + bytes(range(256)) * 16
_OWN_FOLDER: Final = "1000000"

_STRANGE_ID: Final = "../escaped-by-its-id"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    for name, (kind, disposition) in _FILE_NAMES.items():
        more = (("Content-Disposition", disposition),) if disposition else ()
        typed = fault_actions.change_json(fault_actions.change_items(_set_mime_type(kind)))
        yield build_download_case(
            f"name-{name}",
            *build_result_rules("a strange type", typed),
            FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(*more, kind=kind), label="the file"),
        )
    strange_id = fault_actions.change_json(fault_actions.merge_fields({"id": _STRANGE_ID}))
    yield build_download_case(
        "name-id",
        *build_result_rules("a strange id", strange_id),
        FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False),
    )
    yield _build_local_link_case()
    yield from _build_redirect_cases()


def _build_local_link_case() -> Case:
    """Return the case of links that lead to a file of the caller's machine, and not to media."""
    return build_download_case(
        "name-link",
        *(
            FaultRule(on=on, do=_link_to_a_local_file, label="now and then bad", legal=False)
            for on in ("images.generate", "videos.retrieve")
        ),
        FaultRule(
            on=DOWNLOAD_OPERATION,
            do=_lead_to_a_local_file,
            label="302 there",
            must=False,
            legal=False,
        ),
        calls=tuple(
            call
            for n in range(0, 2 * len(_LOCAL_LINKS), 2)
            for call in (video() if n == 0 else image(), download(n))
        ),
        settings={"video_seconds": 1},
        options=NO_RETRIES | {"poll_interval": 1},
    )


def _place_local_file(turn: FaultContext) -> str:
    """Write a file that is no business of the client's; return its path."""
    # In a folder of digits as each call has: what is beside those counts as written by the client.
    folder = turn.adversary.place / _OWN_FOLDER
    folder.mkdir(exist_ok=True)
    folder.joinpath("holiday.jpg").write_bytes(_LOCAL)
    return folder.joinpath("holiday.jpg").as_posix()


def _link_to_a_local_file(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with a link that leads to a local file; one leads to the API, and from there on."""
    form = _LOCAL_LINKS[turn.adversary.call // 2 % len(_LOCAL_LINKS)]
    link = form.format(path=_place_local_file(turn))
    change = fault_actions.change_items(lambda item: item | ({"url": link} if link else {}))
    return fault_actions.change_json(change)(turn)


def _lead_to_a_local_file(turn: FaultContext) -> WireAnswer | WireScript:
    """Redirect to a local file the request for a link as it should be."""
    where = _LOCAL_LINKS[0].format(path=_place_local_file(turn))
    return fault_actions.redirect(302, where)(turn)


def _set_mime_type(kind: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda item: item | {"mime_type": kind}


def _build_redirect_cases() -> Iterator[Case]:
    for name, where in (
        ("plain", "http://api.getimg.ai/v2/stolen"),
        ("loopback", "https://127.0.0.1:9/latest"),
        ("metadata", "http://169.254.169.254/latest/meta-data"),
        ("private", "https://10.0.0.8/internal"),
    ):
        rule = FaultRule(
            on=DOWNLOAD_OPERATION,
            do=fault_actions.redirect(302, where),
            label=f"302 to {where}",
            legal=False,
        )
        yield build_download_case(f"moved-{name}", rule, patience=None, ours="other hosts")
    # Where the network is real, another port of this machine: plain HTTP, and a private address.
    lure = fault_actions.redirect(302, lambda turn: f"{turn.adversary.elsewhere}/v2/stolen")
    rule = FaultRule(on=DOWNLOAD_OPERATION, do=lure, label="302 elsewhere", legal=False)
    yield build_download_case("moved-elsewhere", rule, real=True)


@client_check(
    "GC608",
    "Names, types and links from the server cannot leave the directory or choose a program",
    severity="blocker",
    evidence="choice",
    why="Paths from outside are a known vulnerability. A link to a local file has it handed on.",
    fix="Create the name in the client; map known media types to extensions; fetch http and https "
    "alone.",
    cases=("name-*",),
)
def names_stay_inside(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a download stays in the given directory and gets a harmless extension.

    The server sends ids, file names and media types that try to leave it. Fails on a file or path
    outside, on an extension such as .sh, and on an error that is not clear. Links to a local file,
    also as a path alone and by a redirect, have to end in an error.
    """
    if history.case == "name-link":
        yield from _local_files_are_left(history)
        return
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        strange = [name for name in outcome.files if name.startswith(("..", "/"))]
        yield expect(not strange, "files in the given directory only", ", ".join(strange), *sent)
        at = str(outcome.value.get("path") if isinstance(outcome.value, dict) else outcome.value)
        inside = at.startswith(str(outcome.args["directory"])) and ".." not in at
        yield expect(outcome.kind != "value" or inside, "a path in the given directory", at, *sent)
        suffixes = [
            name
            for name in list_finished_files(outcome)
            if PurePosixPath(name).suffix.lower() not in _SAFE_SUFFIXES
        ]
        yield expect(not suffixes, "a harmless extension", ", ".join(suffixes), *sent)
        yield expect(
            outcome.kind == "value" or outcome.clear,
            "a file or a clear error",
            outcome.shown,
            *sent,
        )


def _local_files_are_left(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads whose link leads to a local file."""
    for outcome in history.calls("download"):
        link = str(resolve_pointer(outcome.args["result"], "/data/0/url"))
        contents = [outcome.files[name] for name in list_finished_files(outcome)]
        if link.startswith("http"):  # what else is saved of a redirect is no picture: see GC603
            is_left = _LOCAL not in contents
        else:
            is_left = outcome.kind != "value" and not any(contents)
        yield expect(
            is_left,
            "an error: the link leads to no media, but to a file of this machine",
            f"{outcome.shown}, for {link.partition(':')[0]}",
            *history.during(outcome)[-1:],
        )


@client_check(
    "GC610",
    "A redirect of a download to plain HTTP or a private address is refused",
    severity="minor",
    evidence="choice",
    why="The request would reach the caller's internal network. Nothing documented forbids it, and "
    "most HTTP libraries follow: that no key goes along is what GC702 demands.",
    fix="Do not follow redirects, or check their target first.",
    cases=("moved-*",),
)
def redirects_stay_safe(history: ClientHistory) -> Iterator[Observation]:
    """Asks that a download does not follow a redirect to plain HTTP or a private address.

    Warns when a request is sent there, or when a file from there is saved.
    """
    for outcome in history.calls("download"):
        off = [each for each in history.during(outcome) if not each.home]
        yield expect(not off, "no request there", off[0].origin if off else "", *off[:2])
        yield expect(
            not off or not list_finished_files(outcome), "no file from there", "saved", *off[:1]
        )
