"""Files to download, and what of them a client has saved."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.cases import download, image, video
from getimg_mock.contract.clients.cases.wire_script import Answer

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import Outcome
    from getimg_mock.contract.clients.server.fault_server import Act, Turn

ON: Final = "downloads.retrieve"
JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 64
FILM: Final = video().instead_of("generate_image")
SAVED: Final = (image(), download(), FILM, download(2))
OTHER: Final = b"\xff\xd8\xff\xe0OTHER" + bytes(reversed(range(256))) * 64

_UNFINISHED: Final = (".part", ".partial", ".tmp", ".download", ".incomplete", ".crdownload")


def picture(*headers: tuple[str, str], kind: str = "") -> Act:
    """Return what answers with a picture."""
    return lambda turn: Answer(200, (("Content-Type", kind or kind_of(turn)), *headers), JPEG)


def kind_of(turn: Turn) -> str:
    """Return the type of the file that is asked for."""
    generation = turn.adversary.workspace.generations.get(turn.asked.target.split("/")[3])
    return "image/jpeg" if generation is None else generation.product.mime_type


def parted(turn: Turn, body: bytes, tag: str) -> Answer:
    """Answer with a whole file, or with the rest of it to a Range that may have it."""
    headers = {name.lower(): value for name, value in turn.asked.headers}
    wanted, condition = headers.get("range", ""), headers.get("if-range", tag)
    kind = (("Content-Type", kind_of(turn)), ("ETag", tag), ("Accept-Ranges", "bytes"))
    if not wanted.startswith("bytes=") or condition != tag:
        return Answer(200, kind, body)
    start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0)
    where = ("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    return Answer(206, (*kind, where), body[start:])


def final(outcome: Outcome) -> list[str]:
    """Return the names of the files that a download left as finished."""
    return [
        name
        for name in outcome.files
        if not name.endswith(_UNFINISHED) and not PurePosixPath(name).name.startswith(".")
    ]
