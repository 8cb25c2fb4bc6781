"""Saving files: beside their name first, under it when they are whole, and never the key along."""

from __future__ import annotations

import re
import tempfile
import time  # noqa: TID251 - a client reads its own clock
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from getimg_mock.world.randomness import generate_secret
from tests.contract.clients.reference import small_faults
from tests.contract.clients.reference.answers import SUFFIXES
from tests.contract.clients.reference.connections import littered_by_files
from tests.contract.clients.reference.errors import UNANSWERED, DownloadError, LinkExpiredError
from tests.contract.clients.reference.polling import looked_at
from tests.contract.clients.reference.requests import AGENT
from tests.contract.clients.reference.steps import STOPS, Send
from tests.contract.clients.reference.submissions import generate_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got, Steps


def download(
    core: Core,
    /,
    *,
    result: dict[str, Any],
    directory: str,
    index: int = 0,
    overwrite: bool = False,
) -> Steps:
    """Save a file and return its path."""
    item = small_faults.choose_item(core, result, 0 if core.faulty("first-file-saved") else index)
    path = place_of(core, result, item, directory, index)
    overwrite = small_faults.ask_to_overwrite(core, overwrite=overwrite) or confused(
        core, path, index
    )
    forget_others(core, path)
    before = small_faults.find_told_path(core, item, path)
    if before or copied(core, str(item["url"]), path) or taken_for_it(core, path):
        return before or str(path)
    for last in (False, True):
        try:
            saved = yield from save(core, item, path, overwrite=overwrite)
            if core.faulty("key-in-sidecar"):
                saved.with_suffix(".json").write_text(str({"key": core.key}))
            return small_faults.mark_result(core, item, str(saved))
        except DownloadError as error:
            small_faults.quote_result(core, error, result)
            if core.faulty("orders-when-download-fails"):
                yield from generate_image(core, model="seedream-5-lite", prompt="again")
            raise
        except LinkExpiredError as expired:
            item = yield from linked_again(core, result, index, expired, last=last)
    raise LinkExpiredError("the link has expired")


def confused(core: Core, path: Path, index: int) -> bool:
    """Return whether a fault takes a file for another one of the result, and overwrites it."""
    if not core.faulty("index-not-in-name"):
        return False
    other = bool(core.seen.get(str(path), index) != index)
    core.seen[str(path)] = index
    return other


def forget_others(core: Core, path: Path) -> None:
    """Forget the half of a file that is of another result, as all but faulty clients do."""
    if not core.faulty("resumes-anothers-part") and core.seen.get("half_of") != path.name:
        core.seen.pop("half", None)


def linked_again(
    core: Core, result: dict[str, Any], index: int, expired: LinkExpiredError, *, last: bool
) -> Steps:
    """Return an item with a new link; only videos can be asked for again, and once."""
    if core.faulty("expired-regenerates"):
        made = yield from generate_image(core, model="seedream-5-lite", prompt="again")
        return made["data"][0]
    for _ in range(20 if core.faulty("dead-links-hammered") else 0):
        yield Send("GET", link_of(core, result["data"][index]), headers_of(core))
    if core.faulty("expired-looks-for-ever"):
        for _ in range(20):
            yield from looked_at(core, result["id"])
        raise expired
    if core.seen.get("refused"):
        return result["data"][index]
    if last or not result["data"][index]["mime_type"].startswith("video/"):
        raise expired
    value = yield from looked_at(core, result["id"])
    return value["data"][index]


def place_of(
    core: Core, result: dict[str, Any], item: dict[str, Any], directory: str, index: int
) -> Path:
    """Return where a file goes: its name is of our own making."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(result["id"]))
    if core.faulty("ids-cut-in-names"):
        name = name[:6]
    if core.faulty("name-from-id"):
        name = str(result["id"])
    suffix = SUFFIXES.get(item["mime_type"], ".bin")
    if core.faulty("suffix-from-type"):
        suffix = "." + item["mime_type"].rpartition("/")[2].removeprefix("x-")
    if core.faulty("links-in-names"):
        name = re.sub(r"[^A-Za-z0-9_-]", "_", str(item["url"]))[-150:]
    if core.faulty("overwrites"):
        name = "output"
    if core.faulty("names-by-second"):
        name = time.strftime("%Y%m%d-%H%M%S")
    if core.faulty("index-not-in-name"):
        return Path(directory, f"{name}{suffix}")
    return Path(directory, f"{name}-{index}{suffix}")


def save(core: Core, item: dict[str, Any], path: Path, *, overwrite: bool) -> Steps:
    """Save a file once; returns the path that it got."""
    if core.faulty("never-overwrites") and overwrite and path.exists():
        raise DownloadError(f"{path} is there already")
    if core.faulty("name-chosen-early") and not overwrite:
        path, overwrite = unused(path), True
    part = part_of(core, path, overwrite=overwrite)
    send = Send(
        "GET",
        link_of(core, item),
        headers_of(core),
        save=part,
        follow=core.faulty("downloads-follow"),
    )

    def accepts(status: int, kind: str, disposition: str) -> None:
        acceptable(core, item, status, kind)
        if core.faulty("name-from-server") and "filename=" in disposition:
            name = disposition.partition("filename=")[2].strip('"')
            core.seen["path"] = path.parent / name

    send.accepts = accepts
    yield from ask_for_head(core, send)
    if core.faults & {"refused-parts-left", "parts-left-beside"}:
        path.with_name(f".{path.name}{generate_secret()}.part").touch()
    try:
        with cleared_when_stopped(core, part):
            got = yield send
    except UNANSWERED as error:
        ignored = core.faulty("cut-chunks-ignored") and "chunked" in str(error)
        if (ignored or core.faulty("truncation-ignored")) and part.exists():
            return part.rename(path)
        if core.faulty("appends-the-whole") and error.code == "truncated" and part.exists():
            core.seen["begun"] = part.read_bytes()
        clear(core, part)
        small_faults.log_link(core, "links-logged-at-loss", send.url)
        raise DownloadError(f"the download broke off: {error}") from None
    begun = core.seen.pop("begun", b"")
    if begun and part.read_bytes().startswith(begun):
        part.write_bytes(begun + part.read_bytes())
    joined(core, got, part)
    named = core.seen.pop("path", path)
    keep = not overwrite and not core.faults & {
        "overwrites",
        "names-by-second",
        "overwrites-though-told-not-to",
    }
    saved = part.rename(unused(named) if keep and named != part else named)
    littered_by_files(core, saved)
    return named if core.faulty("wanted-path-told") else saved


def ask_for_head(core: Core, send: Send) -> Steps:
    """Ask for the head of a file before the file, as some do; only faulty ones depend on it."""
    if not core.faults & {"heads-first", "heads-needed"}:
        return
    try:
        got = yield Send("HEAD", send.url, send.headers)
    except UNANSWERED:
        return
    if core.faulty("heads-needed") and got.status != HTTPStatus.OK:
        raise DownloadError(f"the link is refused with status {got.status}")


def taken_for_it(core: Core, path: Path) -> bool:
    """Return whether a faulty client takes what has the name for the file, whatever it is."""
    folder = core.faulty("folders-taken-for-files") and path.is_dir()
    link = core.faulty("links-taken-for-files") and path.is_symlink()
    empty = core.faulty("empty-taken-for-files") and path.exists() and not path.stat().st_size
    there = core.faulty("takes-what-is-there") and path.exists()
    return folder or link or empty or there


def copied(core: Core, link: str, path: Path) -> bool:
    """Return whether a faulty client has a local file copied."""
    named = urlsplit(link) if link.startswith("file:") else None
    local = named.path if named and core.faulty("local-files-copied") else ""
    if core.faulty("paths-copied") and link.startswith("/"):
        local = link
    if local:
        path.write_bytes(Path(local).read_bytes())
    return bool(local)


def joined(core: Core, got: Got, part: Path) -> None:
    """Put a part behind what came before; raises where it is another one than was asked for."""
    if got.status != 206 or not core.seen.get("half"):
        return
    joins = f"bytes {len(core.seen['half'])}-"
    if not (core.faulty("offsets-unread") or got.headers["content-range"].startswith(joins)):
        clear(core, part)
        raise DownloadError("another part than was asked for")
    part.write_bytes(core.seen["half"] + part.read_bytes())


def part_of(core: Core, path: Path, *, overwrite: bool) -> Path:
    """Return where a file is written until it is whole."""
    shared = core.faults & {"part-in-the-way", "equal-downloads-share-a-part"}
    part = path.with_name(f".{path.name}.{'' if shared else generate_secret()}.part")
    in_place = core.faults & {"written-in-place", "cleans-up-after-errors-alone"}
    if in_place or (core.faulty("replaced-in-place") and path.exists()):
        part = path
    if core.faulty("emptied-before-it-comes") and overwrite:
        path.unlink(missing_ok=True)
    if core.faulty("one-part-for-all"):
        part = path.with_name(".download.part")
    if core.faulty("indices-share-a-part"):
        part = path.with_name(f".{path.stem.rpartition('-')[0]}.part")
    if core.faulty("moved-by-rename"):
        part = Path(tempfile.gettempdir(), part.name)
    return part


def link_of(core: Core, item: dict[str, Any]) -> str:
    """Return an item's link, as it was given."""
    url = str(item["url"])
    here = time.strftime("%Y-%m-%dT%H:%M:%S")
    if core.faulty("links-end-by-local-time") and here > str(item["deletes_at"]):
        raise LinkExpiredError("the link has expired")
    if core.faulty("links-rebuilt"):
        parts = urlsplit(url)
        pairs = [each.partition("=")[::2] for each in parts.query.split("&")]
        query = urlencode(sorted((k, v) for k, v in pairs))
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"
    return url


def headers_of(core: Core) -> dict[str, str]:
    """Return the headers of a download: the key is not for those who store files."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if core.faulty("packed-files-kept"):
        headers["Accept-Encoding"] = "gzip"
    if core.faulty("key-on-downloads") or core.seen.pop("refused", False):
        headers["Authorization"] = f"Bearer {core.key}"
    if core.seen.get("half"):
        headers["Range"] = f"bytes={len(core.seen['half'])}-"
    return headers


def names_link(core: Core, item: dict[str, Any], status: int) -> None:
    """Raise an error that has the link in it, as faulty clients do."""
    if core.faulty("links-in-errors") and status in {403, 410}:
        raise LinkExpiredError(f"{item['url']} has expired", status=status)
    if core.faulty("working-links-in-errors") and status >= 500:
        raise DownloadError(f"{item['url']} answers {status}", status=status)


def acceptable(core: Core, item: dict[str, Any], status: int, kind: str) -> None:
    """Raise unless an answer is the file that was promised."""
    if core.faulty("any-body-saved") or (core.faulty("404-saved") and status == 404):
        return
    if core.faulty("any-2xx-saved") and 200 < status < 300:
        return
    names_link(core, item, status)
    small_faults.misname_dead_link(core, status)
    if core.faulty("key-when-refused") and status in {401, 403}:
        core.seen["refused"] = True
    if status in {403, 410}:
        if core.faulty("expired-untyped"):
            raise DownloadError("no")
        raise LinkExpiredError(f"{status}: the link has expired", status=status)
    if status != 200 and not (status == 206 and core.seen.get("half")):
        raise DownloadError(f"the answer is {status}", status=status)
    if core.faulty("json-saved") and kind == "application/json":
        return
    kind = kind if core.faulty("file-types-by-case") else kind.lower()
    same = kind.partition("/")[0] == item["mime_type"].partition("/")[0]
    if not same and not core.faulty("html-saved"):
        raise DownloadError(f"{kind} instead of {item['mime_type']}")


def unused(path: Path) -> Path:
    """Return a path, numbered when there is such a file already."""
    found, number = path, 2
    while found.exists():
        found, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return found


@contextmanager
def cleared_when_stopped(core: Core, part: Path) -> Iterator[None]:
    """Leave nothing of a file whose download the caller has cancelled."""
    try:
        yield
    except STOPS:
        if not core.faults & {"cancelled-parts-pile-up", "cleans-up-after-errors-alone"}:
            clear(core, part)
        raise


def clear(core: Core, part: Path) -> None:
    """Leave nothing of a file that is not whole."""
    if core.faulty("scratch-files-left"):
        tempfile.mkstemp()
    if core.faulty("failure-clears-all-parts"):
        for each in part.parent.glob(".*.part"):
            each.unlink(missing_ok=True)
    if (
        core.faults & {"resumes-blindly", "resumes-anothers-part", "offsets-unread"}
        and part.exists()
    ):
        core.seen["half"], core.seen["half_of"] = part.read_bytes(), name_of(part)
    if core.faults & {"written-in-place", "part-in-the-way", "parts-pile-up"}:
        return
    if not core.faulty("part-left-under-name"):
        part.unlink(missing_ok=True)
    elif part.exists():
        part.rename(part.with_name(name_of(part)))


def name_of(part: Path) -> str:
    """Return the name that a file has once it is whole."""
    return part.name[1:].rsplit(".", 2)[0]
