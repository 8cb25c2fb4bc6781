"""Providers that travel otherwise: framings, headers, ranges and validators; all are right."""

from __future__ import annotations

import json
import re
import secrets
import zlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

BATCH: Final = 13
PIECE: Final = 48
REQUESTS: Final = 5
MOST_RANGES: Final = 8
PLACES: Final = re.compile(r"\s*(\d*)-(\d*)\s*")
NO_QUALITY: Final = re.compile(r"q=0(\.0*)?")
TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:e[+-]?\d+)?', re.IGNORECASE)
DOWNLOADS: Final = "/v2/downloads/"


def _is_json(answer: Outgoing) -> bool:
    return answer.header("content-type") == "application/json"


def _drop_length(head: bytes) -> bytes:
    return re.sub(rb"content-length: *\d+\r\n", b"", head, flags=re.IGNORECASE)


@legal("RFC 9112 7.1: recipients ignore unknown extensions of chunks, and may drop trailers")
class ChunksHaveExtensionsAndTrailers(Provider):
    """JSON is chunked, each chunk has extensions, and `Server-Timing` follows as a trailer."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Send JSON in chunks."""
        answer.chunked = _is_json(answer)
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the one chunk into many."""
        size, _, rest = body.partition(b"\r\n")
        if b"Transfer-Encoding: chunked" not in head or size in {b"", b"0"}:
            return head, body
        content = rest[: int(size, 16)]
        pieces = [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
        chunks = [b'%x;last=no;by="a;\\"b"\r\n%s\r\n' % (len(each), each) for each in pieces]
        end = b"0;last=yes\r\nServer-Timing: total;dur=12.5\r\n\r\n"
        head = head[:-2] + b"Trailer: Server-Timing\r\n\r\n"
        return head, b"".join(chunks) + end


@legal("RFC 9110 12.5.3: gzip where it is accepted; RFC 1951 3.2.4: blocks may be empty")
class JsonIsGzippedInFlushedPieces(Provider):
    """JSON is gzipped for who accepts it, flushed every 48 bytes as a streaming gateway does."""

    def accepts(self, request: Incoming) -> bool:
        """Return whether gzip is named, and not with a quality of 0."""
        named = ",".join(request.values("accept-encoding")).replace(" ", "").lower().split(",")
        codings = dict(each.partition(";")[::2] for each in named)
        return "gzip" in codings and not NO_QUALITY.fullmatch(codings["gzip"])

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress piece by piece."""
        if not _is_json(answer):
            return answer
        answer.headers.append(("Vary", "Accept-Encoding"))
        if self.accepts(request):
            stream, body = zlib.compressobj(wbits=31), b""
            for at in range(0, len(answer.body), PIECE):
                body += stream.compress(answer.body[at : at + PIECE])
                body += stream.flush(zlib.Z_SYNC_FLUSH)
            answer.body, answer.chunked = body + stream.flush(), True
            answer.headers.append(("Content-Encoding", "gzip"))
        return answer


@legal("RFC 8259 6 and 7: any number of digits, any escape; the texts and the doubles are the same")
class JsonIsWrittenByPhp(Provider):
    r"""JSON is PHP's: no spaces, `\/`, `\u00e9`, and 0.04 is written `0.040000000000000001`."""

    def write_token(self, token: str) -> str:
        """Return a string or a fraction as PHP writes it."""
        return token.replace("/", "\\/") if token[0] == '"' else format(float(token), ".17g")

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the value anew."""
        if _is_json(answer) and answer.body:
            text = json.dumps(answer.value, separators=(",", ":"))
            answer.body = TOKEN.sub(lambda match: self.write_token(match[0]), text).encode()
        return answer


@legal("RFC 9110 15.3.7.2: several ranges are answered as multipart/byteranges; ranges are X")
class RangesAreMultipartOnceMore(Provider):
    """`Range: bytes=0-9,20-29` answers 206 `multipart/byteranges` instead of the whole file."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer a part for each range that there is."""
        unit, _, text = wanted.partition("=")
        places = [PLACES.fullmatch(each) for each in text.split(",")]
        good = [each for each in places if each is not None and each[0].strip() != "-"]
        if unit.strip() != "bytes" or not 1 < len(places) == len(good) <= MOST_RANGES:
            return super().answer_range(wanted, headers, content)
        spans = [self.read_range(each[1], each[2], len(content)) for each in good]
        if any(first > last for first, last in spans):
            return super().answer_range(wanted, headers, content)
        mark, kind, body = secrets.token_hex(12), dict(headers)["Content-Type"], b""
        for first, last in spans:
            place = self.show_range(first, last, len(content))
            top = f"\r\n--{mark}\r\nContent-Type: {kind}\r\nContent-Range: {place}\r\n\r\n"
            body += top.encode() + content[first : last + 1]
        answer = Outgoing(status=206, headers=headers, body=body + f"\r\n--{mark}--\r\n".encode())
        answer.set_header("Content-Type", f"multipart/byteranges; boundary={mark}")
        return answer


@legal("X: ETag; RFC 9110 8.8.2 and 13.1.3: a date is a validator too, where it is the same one")
class FilesHaveADateAndNoTag(Provider):
    """Downloads have `Last-Modified` and no `ETag`; the same `If-Modified-Since` answers 304."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Compare dates, never tags."""
        made = format_datetime(datetime.fromtimestamp(int(work.ends), UTC), usegmt=True)
        since, tags = request.header("if-modified-since"), request.header("if-none-match")
        if tags is None and since == made:
            headers = [("Last-Modified", made), ("Cache-Control", "private, max-age=3600")]
            return Outgoing(status=304, headers=headers)
        answer = super().answer_file(request, work, content)
        answer.set_header("ETag", None)
        answer.set_header("Last-Modified", made)
        return answer


@legal("RFC 9112 9.6: a server may end a connection with any answer, and says so by `close`")
class ConnectionsServeFiveRequests(Provider):
    """`Keep-Alive: timeout=60, max=4` counts down; the fifth answer of a connection closes it."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Count the requests of the connection."""
        left: int = self.notes.get(f"line {request.connection}", REQUESTS) - 1
        self.notes[f"line {request.connection}"] = left
        if left <= 0:
            answer.close = True
        else:
            answer.headers.append(("Connection", "keep-alive"))
            answer.headers.append(("Keep-Alive", f"timeout=60, max={left}"))
        return answer


@legal("RFC 9110 5.3: list fields may come in several lines; 5.6.4: commas may stand within quotes")
class ListFieldsComeInSeveralLines(Provider):
    """`Cache-Control`, `Vary`, `Server-Timing`, `Allow` and cookies come in two lines each."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add lines, and part those that there are."""
        if allowed := answer.header("allow"):
            answer.set_header("Allow", None)
            answer.headers += [("Allow", each.strip()) for each in allowed.split(",")]
        answer.headers += [
            ("Cache-Control", 'private="set-cookie, x-request-id", no-transform'),
            ("Cache-Control", "no-store" if _is_json(answer) else "must-revalidate"),
            ("Vary", "Accept-Encoding"),
            ("Vary", "Origin, Authorization"),
            ("Server-Timing", 'edge;desc="MISS, \\"cold\\"", db;dur=2.1'),
            ("Server-Timing", "total;dur=12"),
            ("Set-Cookie", "lb=a1; Expires=Fri, 01 Jan 2038 00:00:00 GMT; Path=/"),
            ("Set-Cookie", "region=eu-central; Path=/; Secure; HttpOnly"),
        ]
        return answer


@legal("RFC 9112 4 and 5: the reason may be empty, the space after a colon is optional")
class HeadersAreTerse(Provider):
    """Lines read `Name:value`, there is no reason phrase, and the charset of JSON is quoted."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Name the charset."""
        if _is_json(answer):
            answer.set_header("Content-Type", 'application/json;charset="UTF-8"')
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Write as little as is allowed."""
        first, *lines = head.split(b"\r\n")
        short = [line.replace(b": ", b":", 1) for line in lines]
        return b"\r\n".join([first[: len("HTTP/1.1 200 ")], *short]), body


@legal("RFC 9110 9.3.2: HEAD may leave out fields that are determined while content is generated")
class HeadAnswersHaveNoLength(Provider):
    """Answers to HEAD have neither `Content-Length` nor a body; those to GET are as ever."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave the length out."""
        return (_drop_length(head) if request.method == "HEAD" else head), body


@legal("RFC 9112 6.3, 8: a body without length ends with the connection; X: Content-Length")
class FilesEndWithTheConnection(Provider):
    """Downloads have no `Content-Length`: they end as the connection does, `Connection: close`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Close after a file."""
        answer.close = request.path.startswith(DOWNLOADS) and answer.status in {200, 206}
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave the length of a file out."""
        return (_drop_length(head) if b"\r\nConnection: close\r\n" in head else head), body


@legal("D: every operation needs a key; X: whether a path is known at all is told to none without")
class GuardStandsBeforeTheRoutes(Provider):
    """Without a good key all but downloads is 401, also unknown paths and wrong methods."""

    async def route(self, request: Incoming) -> Outgoing:
        """Ask for the key first."""
        if not request.path.startswith(DOWNLOADS):
            self.authenticate(request)
        return await super().route(request)
