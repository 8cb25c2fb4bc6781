"""GP4: how files are transferred: whole, in parts, on conditions, and by HEAD."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_length
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.verdicts import OK, check, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_CONTENT_RANGE: Final = re.compile(
    r"bytes (?P<first>\d{1,20})-(?P<last>\d{1,20})/(?P<total>\d{1,20}|\*)"
)
_SHORT: Final = 1024
"""A part that is shorter than this was not cut to what a service sends at most."""


@check(
    "GP409",
    "Lengths are exact, Range is honoured or ignored, HEAD agrees with GET",
    severity="major",
    evidence="standard",
    cost="T",
    why="Resumed downloads are built on it (RFC 9110).",
    fix="Serve files with a library that implements Range, or ignore Range and send the whole "
    "file.",
)
def transfers_are_exact(history: History) -> Iterator[Observation]:
    """Require exact lengths, a Range that is honoured or ignored, and a HEAD that agrees.

    Applies to downloads before expiry. Fails on a wrong Content-Length, a wrong part, or a HEAD
    unlike its GET. Source: our choice.
    """
    whole: dict[str, HttpExchange] = {}
    for got, _result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if gone is not None and got.at >= gone:
            continue
        where = f"{got.path}?{got.query}"
        asked = dict(got.request_headers)
        ranged = asked.get("range")
        if asked.keys() & {"if-none-match", "if-range"}:
            if where in whole:
                yield from _check_condition(got, whole[where], asked, own=history.own)
        elif got.status == 200 and got.method == "GET" and ranged is None:
            whole.setdefault(where, got)
            length = got.fields.get("content-length")
            yield expect(
                length is None or parse_length(length) == len(got.body),
                f"Content-Length {len(got.body)}",
                length,
                got,
            )
        elif ranged is not None and got.method == "GET" and where in whole and not got.coding:
            yield from _check_range(got, whole[where], ranged, own=history.own)
        elif got.method == "HEAD" and where in whole:
            yield _check_head(history, got, whole[where])


def _check_condition(
    got: HttpExchange, full: HttpExchange, asked: dict[str, str], *, own: bool
) -> Iterator[Observation]:
    """Require what the tag of the file allows: no file or a part of it only for the right tag."""
    tag = full.fields.get("etag")
    right = tag is not None and tag in {asked.get("if-none-match"), asked.get("if-range")}
    if "if-range" in asked and (right or tag is None):
        yield from _check_range(got, full, asked["range"], own=own)
    elif right and got.status == 304:
        yield expect(not got.body, "304 without a body", f"{len(got.body)} bytes", full, got)
    else:
        wanted = "the whole file, unless the tag is that of the file"
        whole = got.status == 200 and got.body == full.body
        yield expect(whole, wanted, f"{got.status}, {len(got.body)} bytes", full, got)
    again = got.fields.get("etag", tag)
    yield expect(again == tag, f"one ETag of one file, {tag}", again, full, got)


def _check_head(history: History, got: HttpExchange, full: HttpExchange) -> Observation:
    """Require that a HEAD has the status and the length of its GET, or 405.

    A service may leave the length out of either.
    """
    lengths = [each.fields.get("content-length") for each in (got, full)]
    sizes = [parse_length(each) for each in lengths]
    agree = lengths[0] == lengths[1] or (sizes[0] == sizes[1] and sizes[0] is not None)
    open_ = not history.own and None in lengths
    if not history.own and got.status >= 400:
        return OK  # HEAD is not documented; a link may be signed for GET alone
    same = got.status == full.status and (open_ or agree)
    for name in ("etag", "content-type"):
        same = same and got.fields.get(name, full.fields.get(name)) == full.fields.get(name)
    return expect(
        same or got.status == 405,
        "HEAD as GET, without the body",
        f"{got.status}, {lengths[0]}, {got.kind}, {got.fields.get('etag')}",
        full,
        got,
    )


def _is_asked_part(got: HttpExchange, whole: HttpExchange, asked: range, *, own: bool) -> bool:
    """Return whether a 206 is the part that was asked for, and says so.

    By RFC 9110, sections 14.4 and 15.3.7, a service need not tell the total, and may send less.
    """
    found = _CONTENT_RANGE.fullmatch(got.fields.get("content-range", ""))
    if found is None or int(found["first"]) != asked.start:
        return False
    end, size = int(found["last"]) + 1, str(len(whole.body))
    less = not own and asked.start + _SHORT <= end < asked.stop
    told = found["total"] == size or (found["total"] == "*" and not own)
    return got.body == whole.body[asked.start : end] != b"" and told and (end == asked.stop or less)


def _check_range(
    got: HttpExchange, whole: HttpExchange, asked: str, *, own: bool
) -> Iterator[Observation]:
    size = len(whole.body)
    if not re.search(r"\d", asked):
        return  # it was to begin at a length that was not said
    came = f"{got.status}, {len(got.body)} bytes"
    if not asked.startswith("bytes="):
        good = got.status in {200, 416}  # GP410 compares the bytes of whole files
        yield expect(good, "the whole file, for a range in no known unit", came, whole, got)
        return
    first, end = _resolve_range(asked, size)
    if got.status == 206:
        shown = got.fields.get("content-range", "none")
        yield expect(
            _is_asked_part(got, whole, range(first, end), own=own),
            f"Content-Range bytes {first}-{end - 1}/{size}, and that part of the file",
            f"{len(got.body)} bytes, Content-Range {shown}",
            whole,
            got,
        )
    elif got.status == 416:
        yield expect(first >= size, "416 for a range past the end only", got.status, whole, got)
    else:
        good = got.status == 200 and got.body == whole.body
        yield expect(good, "206, or the whole file with 200", came, whole, got)


def _resolve_range(asked: str, size: int) -> tuple[int, int]:
    """Return the first byte of a range, and the one after its last; a suffix has no first."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
