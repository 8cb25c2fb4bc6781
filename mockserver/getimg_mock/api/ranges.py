"""Range requests and conditional requests for files (RFC 9110, sections 13 and 14).

Whether getimg.ai supports them is unknown; supporting all of them is our choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.formatting import format_http_date
from getimg_mock.api.messages import Answer
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.journal import Headers

_RANGE: Final = re.compile(r"([0-9]*)-([0-9]*)")
_ENTITY_TAG: Final = re.compile(r'(W/)?"[^"]*"')
_MOST_RANGES: Final = 16
_MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class File:
    """A file with its metadata; `etag` has no quotes."""

    data: bytes
    mime_type: str
    name: str
    etag: str
    modified: datetime


def serve_file(call: Call, file: File) -> Answer:
    """Return the file, the requested ranges of it, or 304, 412 or 416."""
    headers: Headers = [
        (b"etag", f'"{file.etag}"'.encode()),
        (b"last-modified", format_http_date(file.modified.astimezone(UTC))),
        (b"accept-ranges", b"bytes"),
    ]
    condition = _evaluate_preconditions(call, file)
    if condition is not None:
        return Answer(condition, b"", headers)
    headers.append((b"content-disposition", f'inline; filename="{file.name}"'.encode()))
    ranges = _parse_ranges(call, file) if call.method == "GET" else None
    kind = (b"content-type", file.mime_type.encode())
    if ranges is None:
        return Answer(200, file.data, [kind, *headers])
    if not ranges:
        return _build_unsatisfiable(file, headers)
    if len(ranges) == 1:
        first, last = ranges[0]
        headers.append((b"content-range", _format_content_range(first, last, file)))
        return Answer(206, file.data[first : last + 1], [kind, *headers])
    return _build_multipart(file, ranges, headers)


def _evaluate_preconditions(call: Call, file: File) -> int | None:
    """Return 412 or 304 if a precondition fails, in the order of RFC 9110, section 13.2.2."""
    match, none_match = call.header(b"if-match"), call.header(b"if-none-match")
    if match is not None:
        if not _matches_etag(match, file.etag, weak=False):
            return 412
    elif (since := _parse_date(call.header(b"if-unmodified-since"))) and _truncate_to_second(
        file
    ) > since:
        return 412
    if none_match is not None:
        return 304 if _matches_etag(none_match, file.etag, weak=True) else None
    since = _parse_date(call.header(b"if-modified-since"))
    return 304 if since and _truncate_to_second(file) <= since else None


def _parse_ranges(call: Call, file: File) -> list[tuple[int, int]] | None:
    """Return the requested (first, last) pairs; None for the whole file, [] if none fits."""
    header = call.header(b"range")
    condition = call.header(b"if-range")
    if header is None or (condition is not None and not _is_unchanged(condition, file)):
        return None
    unit, _, text = header.partition("=")
    asked = [each.strip() for each in text.split(",") if each.strip()]
    if unit.strip().lower() != "bytes" or not asked or len(asked) > _MOST_RANGES:
        return None
    size, found = len(file.data), []
    for each in asked:
        parts = _RANGE.fullmatch(each)
        if parts is None or each == "-":
            return None
        begin, end = _parse_position(parts[1]), _parse_position(parts[2])
        first = begin if parts[1] else max(0, size - end)
        last = min(end, size - 1) if parts[1] and parts[2] else size - 1
        if parts[1] and parts[2] and _is_less(parts[2], parts[1]):
            return None
        if first <= last:
            found.append((first, last))
    return found


def _parse_position(digits: str) -> int:
    """Return a position; one of very many digits is beyond every file, whatever its value."""
    significant = digits.lstrip("0")
    return int(significant or 0) if len(significant) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _is_less(digits: str, others: str) -> bool:
    """Compare whole numbers of any length."""
    one, other = digits.lstrip("0"), others.lstrip("0")
    return (len(one), one) < (len(other), other)


def _build_multipart(file: File, ranges: list[tuple[int, int]], headers: Headers) -> Answer:
    boundary = f"part-{file.etag[:24]}".encode()
    parts = [
        b"--%b\r\ncontent-type: %b\r\ncontent-range: %b\r\n\r\n%b\r\n"
        % (
            boundary,
            file.mime_type.encode(),
            _format_content_range(first, last, file),
            file.data[first : last + 1],
        )
        for first, last in ranges
    ]
    kind = (b"content-type", b"multipart/byteranges; boundary=" + boundary)
    return Answer(206, b"".join(parts) + b"--" + boundary + b"--\r\n", [kind, *headers])


def _build_unsatisfiable(file: File, headers: Headers) -> Answer:
    answer = render_problem(
        Refusal(
            "range_not_satisfiable",
            f"The range lies outside the file, which has {len(file.data)} bytes.",
        )
    )
    answer.headers += [*headers, (b"content-range", b"bytes */%d" % len(file.data))]
    return answer


def _format_content_range(first: int, last: int, file: File) -> bytes:
    return b"bytes %d-%d/%d" % (first, last, len(file.data))


def _is_unchanged(condition: str, file: File) -> bool:
    if '"' in condition:
        return condition.strip() == f'"{file.etag}"'
    return _parse_date(condition) == _truncate_to_second(file)


def _matches_etag(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    tags = [found[0] for found in _ENTITY_TAG.finditer(header)]
    return any((each.removeprefix("W/") if weak else each) == f'"{etag}"' for each in tags)


def _truncate_to_second(file: File) -> datetime:
    return file.modified.astimezone(UTC).replace(microsecond=0)


def _parse_date(header: str | None) -> datetime | None:
    if header is None:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few downloads have such a header, and cold start matters

    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
