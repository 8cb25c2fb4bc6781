"""Files to download, and what of them a client has saved."""

from __future__ import annotations

import os
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import (
    BASE,
    HOUR,
    Case,
    download,
    image,
    video,
)
from getimg_mock.contract.clients.cases.wire_script import WireAnswer
from getimg_mock.contract.clients.checks.message_variants import IMAGE_ANSWER
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext

DOWNLOAD_OPERATION: Final = "downloads.retrieve"
JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 64
VIDEO_CALL: Final = video().instead_of("generate_image")
DOWNLOAD_CALLS: Final = (image(), download(), VIDEO_CALL, download(2))
TWO_RESULTS: Final = (
    image(),
    image(prompt="another"),
    download(),
    download(1, into=2),
    VIDEO_CALL,
    VIDEO_CALL,
    download(4),
    download(5, into=6),
)
"""Of two images, and of two videos, each is downloaded; the second into the folder of the first."""

OTHER_JPEG: Final = b"\xff\xd8\xff\xe0OTHER" + bytes(reversed(range(256))) * 64

_UNFINISHED: Final = (".part", ".partial", ".tmp", ".download", ".incomplete", ".crdownload")


def build_download_case(name: str, *rules: FaultRule, **more: Any) -> Case:
    """Return a case that downloads an image and a video; `more` are further fields."""
    fields: dict[str, Any] = {
        "calls": DOWNLOAD_CALLS,
        "settings": {"video_seconds": 3},
        "limit": HOUR,
    }
    return Case(name=name, rules=rules, **fields | more)


def build_result_rules(label: str, act: FaultAction) -> tuple[FaultRule, ...]:
    """Return the rules that act on the answers in which results arrive."""
    return tuple(
        FaultRule(on=on, label=label, do=act) for on in ("images.generate", "videos.retrieve")
    )


def describe_result(name: str) -> dict[str, Any]:
    """Return a finished image whose link leads to the file of that name."""
    item = IMAGE_ANSWER["data"][0] | {"url": f"{BASE}/v2/downloads/{name}/0?exp=1790000000&sig=a1"}
    return IMAGE_ANSWER | {"id": name, "data": [item]}


def double_items(value: Any) -> Any:
    """Return a result with a second item, whose link differs in its index."""
    if not isinstance(value, dict) or not value.get("data"):
        return value
    first = value["data"][0]
    return value | {"data": [first, first | {"url": first["url"].replace("/0?", "/1?")}]}


def serve_picture(
    *headers: tuple[str, str], kind: str = "", body: bytes = JPEG
) -> Callable[[FaultContext], WireAnswer]:
    """Return the action that answers with a picture."""
    return lambda turn: WireAnswer(
        200, (("Content-Type", kind or find_mime_type(turn)), *headers), body
    )


def serve_own_picture(turn: FaultContext) -> WireAnswer:
    """Answer with a picture whose bytes no other link has: some clients name files by them."""
    path = turn.asked.target.partition("?")[0]
    return serve_picture(body=JPEG + path.encode("latin-1"))(turn)


def has_failed(history: ClientHistory, outcome: CallOutcome) -> bool:
    """Return whether a download has failed, or was about to be tried again when its case ended.

    A program may wait longer between its tries than a case can last.
    """
    waiting = outcome.kind == "abandoned" and not history.virtual
    between = waiting and len(history.during(outcome)) > 1
    return outcome.kind in {"error", "interrupted"} or between


def find_mime_type(turn: FaultContext) -> str:
    """Return the type of the file that is asked for."""
    generation = turn.adversary.workspace.generations.get(turn.asked.target.split("/")[3])
    return "image/jpeg" if generation is None else generation.product.mime_type


def serve_range(turn: FaultContext, body: bytes, tag: str) -> WireAnswer:
    """Answer with a whole file, or with the rest of it to a Range that may have it."""
    headers = {name.lower(): value for name, value in turn.asked.headers}
    wanted, condition = headers.get("range", ""), headers.get("if-range", tag)
    kind = (("Content-Type", find_mime_type(turn)), ("ETag", tag), ("Accept-Ranges", "bytes"))
    if not wanted.startswith("bytes=") or condition != tag:
        return WireAnswer(200, kind, body)
    start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0)
    where = ("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    return WireAnswer(206, (*kind, where), body[start:])


def serve_unasked_part(turn: FaultContext) -> WireAnswer:
    """Answer with the second half of the file, whatever was asked for."""
    half = len(JPEG) // 2
    where = ("Content-Range", f"bytes {half}-{len(JPEG) - 1}/{len(JPEG)}")
    return WireAnswer(206, (("Content-Type", find_mime_type(turn)), where), JPEG[half:])


def find_told_name(outcome: CallOutcome) -> str:
    """Return the name, among the files of a download, of the path that it returned.

    Empty where it returned none. A path that is not absolute is one in the folder of the call.
    """
    if not isinstance(outcome.value, str):
        return ""
    told = PurePath(outcome.value)
    if not told.is_absolute():
        return told.name
    asked, own = (os.path.realpath(each) for each in (outcome.args["directory"], told.parent))
    return os.path.relpath(PurePath(own, told.name), asked)


def list_finished_files(outcome: CallOutcome) -> list[str]:
    """Return the names of the files that a download left as finished."""
    return [
        name
        for name in outcome.files
        if not name.endswith(_UNFINISHED)
        and not name.startswith("$TMPDIR/")
        and not PurePosixPath(name).name.startswith(".")
    ]
