"""Faults of HTTP: lengths, ranges, tags, framing, caches."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING

from tests.contract.written_by_others.messages import Incoming, Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

RANGES = "Section 5 (ranges) and RFC 9110, 14."


@faulty("http", "minor", "RFC 9110, 8.6: the length of HEAD is that of GET.")
class HeadOneOff(Provider):
    """HEAD of a download names a length that is one byte more than GET sends."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if request.method != "HEAD" or "/downloads/" not in request.path:
            return head, body
        lines = head.split(b"\r\n")
        for index, line in enumerate(lines):
            if line.lower().startswith(b"content-length: "):
                lines[index] = b"Content-Length: %d" % (int(line.split(b": ")[1]) + 1)
        return b"\r\n".join(lines), body


@faulty("http", "major", RANGES)
class RangeLosesItsLastByte(Provider):
    """The last byte of a range is left out, though Content-Range names it."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        answer = super().answer_file(request, work, content)
        if answer.status == 206:
            answer.body = answer.body[:-1]
        return answer


@faulty("http", "major", RANGES)
class SuffixIsAPrefix(Provider):
    """`bytes=-100` answers the first 101 bytes."""

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        return super().read_range(first or "0", last, total)


@faulty("http", "minor", RANGES)
class TotalIsTheLength(Provider):
    """Content-Range names the length of the part as that of the whole file."""

    def show_range(self, first: int, last: int, total: int) -> str:
        return super().show_range(first, last, last - first + 1)


@faulty("http", "minor", RANGES)
class PastTheEndIsEmpty(Provider):
    """A range past the end is 206 with no bytes."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        first = wanted.removeprefix("bytes=").partition("-")[0]
        if first.isdigit() and int(first) >= len(content):
            return Outgoing(status=206, headers=headers)
        return super().answer_range(wanted, headers, content)


@faulty("http", "major", "RFC 9110, 8.8.3: a tag names one representation.")
class TagIsTheSize(Provider):
    """The ETag is the size in pixels, so files of one size share it."""

    def make_tag(self, work: Work, content: bytes) -> str:
        return f'"{work.size[0]}x{work.size[1]}-{work.order.output_format}"'


@faulty("http", "minor", "RFC 9110, 8.8.3: a tag changes when the file does, and only then.")
class TagChanges(Provider):
    """The ETag is another one at every download."""

    turns = itertools.count(1)

    def make_tag(self, work: Work, content: bytes) -> str:
        return f'"{next(self.turns):08x}"'


@faulty("http", "major", "RFC 9110, 8.4: a coding that the client did not accept.")
class GzipUnasked(Provider):
    """Error bodies of over 100 bytes are compressed, whatever the client accepts."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if answer.status >= 400 and len(answer.body) > 100:
            answer.body = gzip.compress(answer.body)
            answer.headers.append(("Content-Encoding", "gzip"))
        return answer


@faulty("http", "blocker", "RFC 9110, 9.3.2: HEAD has no body; the next answer is shifted.")
class HeadWithBody(Provider):
    """HEAD of the models is answered with the body, on a connection that goes on."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if request.method == "HEAD" and request.path == "/v2/models":
            length = next(
                int(line.split(b": ")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length: ")
            )
            return head, b"[" + b" " * (length - 2) + b"]"
        return head, body


@faulty("http", "minor", "RFC 8259, 8.1: JSON has no byte order mark.")
class ByteOrderMark(Provider):
    """The costs begin with a byte order mark."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if request.path == "/v2/billing/costs" and answer.status == 200:
            answer.body = b"\xef\xbb\xbf" + answer.body
        return answer


@faulty("http", "blocker", "RFC 9112, 6.1: a message has one framing.")
class TwoFramings(Provider):
    """Answers of 429 and 404 have both Content-Length and Transfer-Encoding: chunked."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer.chunked = answer.status in {404, 429} and request.method != "HEAD"
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if b"transfer-encoding: chunked\r\n" in head.lower():
            head = head.removesuffix(b"\r\n") + b"Content-Length: 30\r\n\r\n"
        return head, body


@faulty("http", "blocker", "Common sense: GET changes nothing.")
class MethodOverride(Provider):
    """X-HTTP-Method-Override turns a GET into a POST that creates and charges."""

    async def route(self, request: Incoming) -> Outgoing:
        method = request.header("x-http-method-override") or request.method
        changed = Incoming(
            method=method.upper(),
            target=request.target,
            headers=request.headers,
            body=request.body,
            connection=request.connection,
        )
        return await super().route(changed)


@faulty("http", "major", "Common sense: what a key sees is kept by no shared cache.")
class BalanceIsCacheable(Provider):
    """Balance and costs say `Cache-Control: public, max-age=300`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if request.path.startswith("/v2/billing/"):
            answer.headers.append(("Cache-Control", "public, max-age=300"))
        return answer


@faulty("http", "minor", "RFC 9110, 13.1.5: If-Range with another tag asks for the whole.")
class IfRangeIsIgnored(Provider):
    """If-Range with a tag of an older file is answered with a part."""

    def tag_matches(self, condition: str, tag: str) -> bool:
        return True


@faulty("http", "blocker", "RFC 9112, 6.3: the length is that of the body.")
class ExtraBytesAfterErrors(Provider):
    """A 400 is followed by two bytes that belong to no message."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        return (head, body + b"\n0") if head.startswith(b"HTTP/1.1 400") else (head, body)


@faulty("http", "major", "RFC 9110, 15.4.5: 304 is for the same file.")
class NotModifiedForAnyTag(Provider):
    """Any If-None-Match is answered 304."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        answer = super().answer_file(request, work, content)
        if request.header("if-none-match"):
            return Outgoing(status=304, headers=answer.headers[1:4])
        return answer
