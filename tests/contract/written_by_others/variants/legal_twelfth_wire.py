"""Providers that write HTTP and JSON in other ways than most, and are right: bodies and files."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

BATCH: Final = 12
LARGEST_PART: Final = 16_384
PLACES: Final = 6
NO_GZIP: Final = re.compile(r"0(\.0*)?")
LENGTH: Final = re.compile(rb"(?im)^(content-length):[ \t]*(\d+)\r\n")
AMOUNT: Final = re.compile(rb'("(?:total_cost|unit_price|cost)": )(\d+\.?\d*)')
TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


def is_json(answer: Outgoing) -> bool:
    """Return whether an answer has a JSON body."""
    return (answer.header("content-type") or "").startswith("application/json")


@legal("RFC 8259 7: any character may be escaped; 2: whitespace may follow the value")
class JsonIsAsGoWritesIt(Provider):
    """JSON has escapes for `&`, `<` and `>`, so in each link, too, and ends in a line feed."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Escape what HTML would read."""
        if is_json(answer):
            for each in (b"&", b"<", b">"):
                answer.body = answer.body.replace(each, f"\\u{each[0]:04x}".encode())
            answer.body += b"\n"
        return answer


@legal("RFC 8259 6: 0.040000 is the number 0.04; D asks for numbers, not for a number of digits")
class NumbersHaveTrailingNoughts(Provider):
    """Costs and prices that are numbers are written `0.040000`, as columns of databases are."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Fill the numbers up with noughts."""
        if is_json(answer):
            answer.body = AMOUNT.sub(self.fill_up, answer.body)
        return answer

    def fill_up(self, match: re.Match[bytes]) -> bytes:
        """Return a number with six places at least."""
        whole, _, fraction = match[2].partition(b".")
        return match[1] + whole + b"." + fraction.ljust(PLACES, b"0")


@legal("RFC 9112 6.3: without length or chunks a body ends with the connection; a SHOULD at most")
class BodiesEndWithTheConnection(Provider):
    """No body has a length or chunks: it ends where the connection does, as `close` announces."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Close the connection after the answer."""
        answer.close = True
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave out the length of what has a body."""
        return (LENGTH.sub(b"", head) if body else head), body


@legal("RFC 9110 8.6: Content-Length is one or more digits, and the first ones may be noughts")
class LengthsHaveLeadingNoughts(Provider):
    """`Content-Length: 0000000123`: the place is kept, and the digits are filled in at the end."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Write ten digits."""
        return LENGTH.sub(lambda m: m[1] + b": " + m[2].rjust(10, b"0") + b"\r\n", head), body


@legal("RFC 9110 9.3.2: an answer to HEAD may lack fields that depend on making the content")
class HeadsTellNoLength(Provider):
    """Answers to HEAD have no `Content-Length`; all other fields are as those of GET."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave out the length of HEAD."""
        return (LENGTH.sub(b"", head) if request.method == "HEAD" else head), body


@legal("RFC 9110 8.4 and 12.5.3: content may be coded as the client accepts; the tag is another")
class DownloadsAreGzippedWhereAccepted(Provider):
    """A file without `Range` is `Content-Encoding: gzip` if accepted; its tag ends in `-gzip`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress a whole file."""
        if not request.path.startswith("/v2/downloads/") or answer.status not in {200, 206, 304}:
            return answer
        answer.headers.append(("Vary", "Accept-Encoding"))
        if not self.compresses(request):
            return answer
        answer.set_header("ETag", f'{(answer.header("etag") or "")[:-1]}-gzip"')
        if answer.status == 200:
            answer.headers.append(("Content-Encoding", "gzip"))
            answer.body = gzip.compress(answer.body, 1, mtime=0)
        return answer

    def compresses(self, request: Incoming) -> bool:
        """Return whether a client accepts gzip, and asks for no range."""
        for each in ",".join(request.values("accept-encoding")).lower().split(","):
            name, _, rest = each.replace(" ", "").partition(";")
            if name == "gzip" and NO_GZIP.fullmatch(rest.removeprefix("q=")) is None:
                return request.header("range") is None
        return False

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Compare tags of a condition with that of the compressed file, if it is sent so."""
        condition = request.header("if-none-match")
        if condition is not None and condition.strip() != "*" and self.compresses(request):
            tags = [each for each in TAG.findall(condition) if each.endswith('-gzip"')]
            kept = [each for each in request.headers if each[0] != "if-none-match"]
            plain = ",".join(each.replace('-gzip"', '"') for each in tags)
            request = replace(request, headers=(*kept, ("if-none-match", plain)))
        return super().answer_file(request, work, content)


@legal("RFC 9110 15.3.7: a server might send a subset of what is asked for, as Content-Range says")
class LongRangesAreAnsweredInPart(Provider):
    """A range is answered with its first 16 KiB at most; the client asks for the rest."""

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        """Cut a range short."""
        begin, end = super().read_range(first, last, total)
        return begin, min(end, begin + LARGEST_PART - 1)


@legal("RFC 9110 14.2: a server may ignore Range; some cloud storages know no ranges from the end")
class RangesFromTheEndAreIgnored(Provider):
    """`Range: bytes=-500` is answered 200 with the whole file; other ranges are as ever."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer the whole file."""
        if wanted.strip().startswith("bytes=-"):
            return Outgoing(status=200, headers=headers, body=content)
        return super().answer_range(wanted, headers, content)


@legal("RFC 9110 14.4: the complete length in Content-Range may be `*`; a SHOULD at most")
class RangesDoNotTellTheTotal(Provider):
    """A part has `Content-Range: bytes 0-9/*`, as from a proxy that passes on a stream."""

    def show_range(self, first: int, last: int, total: int) -> str:
        """Leave the total open."""
        return f"bytes {first}-{last}/*"


@legal("RFC 9110 8.8.3: a tag may have any visible character but quotes, commas too")
class TagsHaveCommasInThem(Provider):
    """Entity tags of files are such as `"v1,83a0;size=4711"`, and all conditions work with them."""

    def make_tag(self, work: Work, content: bytes) -> str:
        """Join version, digest and size."""
        return f'"v1,{super().make_tag(work, content)[1:17]};size={len(content)}"'

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Read the tags of a condition as what stands in quotes."""
        condition = ",".join(request.values("if-none-match"))
        if condition.strip() not in {"", "*"}:
            same = self.make_tag(work, content) in TAG.findall(condition)
            kept = [each for each in request.headers if each[0] != "if-none-match"]
            request = replace(request, headers=(*kept, *([("if-none-match", "*")] * same)))
        return super().answer_file(request, work, content)


@legal("X: what a body over 25 MiB is answered with; its size is a value that is not supported")
class TooLargeBodiesAreWrongValues(Provider):
    """A body over 25 MiB is 400 `invalid_parameter` with `param: null`, instead of 413."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Refuse a large body as a wrong one."""
        try:
            return super().read_object(request)
        except RefusedError as error:
            if error.status != 413:
                raise
            raise refuse_value(error.message, None) from None


@legal("X: what another Content-Type does; D: JSON in, no multipart, which is no JSON either")
class AnyTypeOfBodyIsReadAsJson(Provider):
    """The `Content-Type` of a request is not looked at: JSON is taken, all else is 400."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Take a body for JSON."""
        kept = [each for each in request.headers if each[0] != "content-type"]
        typed = replace(request, headers=(*kept, ("content-type", "application/json")))
        return super().read_object(typed)


@legal("RFC 9110 15.5.6 asks for 405 nowhere by a MUST; D says only which operations there are")
class WrongMethodsAreNotFound(Provider):
    """A method that a path does not have is 404 `not_found`, as routers by method and path do."""

    async def route(self, request: Incoming) -> Outgoing:
        """Find operations by method and path."""
        allowed = self.allowed_methods(request.path)
        if allowed and request.method not in allowed:
            raise refuse_unknown()
        return await super().route(request)
