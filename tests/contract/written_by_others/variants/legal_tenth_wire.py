"""Providers that speak HTTP and JSON, and name things, in other ways, all of them right."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from decimal import Decimal
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import ALPHABET, digest
from tests.contract.written_by_others.files import RANGE
from tests.contract.written_by_others.messages import Incoming, Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

BATCH: Final = 10
GZIP: Final = re.compile(r"(^|,)\s*gzip\s*(;\s*q=(1|0\.\d*[1-9])[\d.]*\s*)?(,|$)", re.IGNORECASE)
CHUNK: Final = 37
MOST_RANGES: Final = 8
JSON: Final = "application/json"


@legal("RFC 9110 12.5.3: a coding that the client accepts may be used; Vary names what chose it")
class JsonIsGzippedForWhoAcceptsIt(Provider):
    """JSON has `Content-Encoding: gzip` if `Accept-Encoding` allows it; files are sent plain."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress JSON."""
        if answer.header("content-type") == JSON:
            answer.set_header("Vary", "Accept-Encoding")
            if GZIP.search(",".join(request.values("accept-encoding"))):
                answer.body = gzip.compress(answer.body, mtime=0)
                answer.set_header("Content-Encoding", "gzip")
        return answer


@legal("RFC 9112 7.1: any number of chunks, extensions to be ignored, and a trailer may follow")
class ChunksAreSmallAndATrailerFollows(Provider):
    """JSON comes in chunks of 37 bytes with an extension each; `Server-Timing` is a trailer."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Announce the trailer."""
        if answer.header("content-type") == JSON:
            answer.chunked = True
            answer.set_header("Trailer", "Server-Timing")
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the one chunk into many."""
        if not body or b"\r\ntransfer-encoding: chunked\r\n" not in head.lower():
            return head, body
        size, _, rest = body.partition(b"\r\n")
        text = rest[: int(size, 16)]
        parts = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
        chunks = [b"%x;part=%d\r\n%b\r\n" % (len(each), i, each) for i, each in enumerate(parts)]
        return head, b"".join(chunks) + b"0\r\nServer-Timing: app;dur=12.5\r\n\r\n"


@legal("RFC 9112 9.6: a server may end a connection after any answer, and says so with close")
class ConnectionsCloseAfterThreeAnswers(Provider):
    """Every third answer of a connection closes it; the others say how many are left."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Count the answers of the connection."""
        key = f"answers {request.connection}"
        count = self.notes[key] = self.notes.get(key, 0) + 1
        answer.close = count % 3 == 0
        if not answer.close:
            left = f"timeout=75, max={3 - count % 3}"
            answer.headers += [("Connection", "keep-alive"), ("Keep-Alive", left)]
        return answer


@legal("RFC 9110 5.3: a list may be spread over several lines of one name; order is kept")
class ListsOfHeadersComeInSeveralLines(Provider):
    """`Cache-Control`, `Vary` and `Server-Timing` stand twice each, with a comma in quotes."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add each header twice."""
        file = answer.header("cache-control") is not None
        answer.set_header("Cache-Control", "private")
        answer.headers += [
            ("Cache-Control", "max-age=600, immutable" if file else "no-store"),
            ("Vary", "Origin"),
            ("Vary", "Accept-Encoding"),
            ("Server-Timing", 'db;desc="find, lock";dur=3.1'),
            ("Server-Timing", "app;dur=9, cache;desc=miss"),
        ]
        return answer


@legal("RFC 9112 4 and 5.1: the reason may be empty, and no space is needed after a colon")
class GatewayWritesBareHeads(Provider):
    """The status line is `HTTP/1.1 200 ` without a reason, and headers are `Name:value`."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave out what need not be there."""
        first, *lines = head.split(b"\r\n")
        first = b" ".join(first.split(b" ")[:2]) + b" "
        return b"\r\n".join([first, *(each.replace(b": ", b":", 1) for each in lines)]), body


@legal("RFC 8259 7: any character may be escaped, `/` as `\\/`, and 2: no whitespace is needed")
class JsonEscapesSlashes(Provider):
    r"""JSON is as PHP writes it: compact, `http:\/\/` in links, and `\uXXXX` beyond ASCII."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the value anew."""
        if answer.header("content-type") == JSON:
            text = json.dumps(answer.value, separators=(",", ":"))
            answer.body = text.replace("/", "\\/").encode()
        return answer


@legal("RFC 8259 6: a number may have an exponent; 4E-2 is the number 0.04")
class FractionsHaveExponents(Provider):
    """Numbers with a fraction are written `4E-2` and `1.55E-2`; whole ones are as ever."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write fractions as a decimal library does."""
        if answer.header("content-type") == JSON:
            marked = json.loads(answer.body, parse_float=lambda text: f"\0{Decimal(text):E}")
            text = re.sub(r'"\\u0000([-+.0-9E]+)"', r"\1", json.dumps(marked))
            answer.body = text.encode()
        return answer


@legal("X: paths that end in a slash are not documented; RFC 9110 15.4.9: 308 keeps the method")
class SlashesAtTheEndAreRedirected(Provider):
    """`/v2/models/` is 308 to `/v2/models`, as frameworks do; the query is kept."""

    async def route(self, request: Incoming) -> Outgoing:
        """Point to the path without the slash."""
        path = request.path.rstrip("/")
        if path == request.path or request.method not in self.allowed_methods(path):
            return await super().route(request)
        target = path + request.target.removeprefix(request.path)
        return Outgoing(status=308, headers=[("Location", target)])


@legal("RFC 9110 15.5.2: a 401 has WWW-Authenticate; RFC 6750 3: the error, if a key was sent")
class WrongKeysAreChallenged(Provider):
    """401 carries `WWW-Authenticate: Bearer realm=...`, and `Vary: Authorization` is on all."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add the challenge."""
        answer.set_header("Vary", "Authorization")
        if answer.status == 401:
            error = ', error="invalid_token"' if request.values("authorization") else ""
            answer.set_header("WWW-Authenticate", f'Bearer realm="getimg.ai API v2"{error}')
        return answer


@legal("RFC 9110 14.6 and 15.3.7.2: several ranges may be answered as multipart/byteranges")
class SeveralRangesAreMultipart(Provider):
    """`Range: bytes=0-9,20-29` is 206 with a part for each; one range is as ever."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer a part for each range, if all can be satisfied."""
        texts = wanted.strip().removeprefix("bytes=").split(",")
        found = [RANGE.fullmatch(f"bytes={each.strip()}") for each in texts]
        pairs = [self.read_range(m[1], m[2], len(content)) for m in found if m and m[0][6:] != "-"]
        good = [pair for pair in pairs if pair[0] <= pair[1] < len(content)]
        if not 1 < len(good) <= MOST_RANGES or len(good) < len(texts):
            return super().answer_range(wanted, headers, content)
        mark, body = secrets.token_hex(12), b""
        for first, last in good:
            shown = self.show_range(first, last, len(content))
            part = f"--{mark}\r\nContent-Type: {headers[0][1]}\r\nContent-Range: {shown}\r\n\r\n"
            body += part.encode() + content[first : last + 1] + b"\r\n"
        body += f"--{mark}--\r\n".encode()
        kind = ("Content-Type", f"multipart/byteranges; boundary={mark}")
        return Outgoing(status=206, headers=[kind, *headers[1:]], body=body)


@legal("RFC 9110 8.8.2 and 13.1.3: a file may have a date, which If-Modified-Since is held against")
class StorageDatesItsFiles(Provider):
    """Downloads have `Last-Modified`, 304 for `If-Modified-Since`, and headers of a storage."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Add the date, and answer 304 to those who have the file."""
        answer = super().answer_file(request, work, content)
        answer.set_header("Last-Modified", formatdate(int(work.ends), usegmt=True))
        answer.headers += [("Server", "AmazonS3"), ("x-amz-request-id", secrets.token_hex(8))]
        given = request.header("if-modified-since")
        if given and request.header("if-none-match") is None and self.is_older(work, given):
            answer.set_header("Content-Type", None)
            answer.set_header("Content-Range", None)
            return Outgoing(status=304, headers=answer.headers)
        return answer

    def is_older(self, work: Work, given: str) -> bool:
        """Return whether a file has not changed since a date; what is no date is ignored."""
        try:
            return int(work.ends) <= parsedate_to_datetime(given).timestamp()
        except (TypeError, ValueError, OverflowError):
            return False


@legal("RFC 9110 13.1.2: any GET may have a tag; RFC 9111: the asker's own cache may keep models")
class CatalogueHasATag(Provider):
    """`GET /v2/models` has `ETag` and `private, max-age=60`; `If-None-Match` answers 304."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer 304 to those who have the list."""
        answer = super().answer_models(request)
        tag = f'"{digest(answer.body.decode())[:20]}"'
        kept = [("ETag", tag), ("Cache-Control", "private, max-age=60"), ("Vary", "Authorization")]
        known = re.split(r"\s*,\s*", (request.header("if-none-match") or "").strip())
        if "*" in known or tag in [each.removeprefix("W/") for each in known]:
            return Outgoing(status=304, headers=kept)
        answer.headers += kept
        return answer


@legal("D: an id is a string such as req-01HXYZABCD1234, which is a ULID cut short; this is whole")
class IdsHaveAllOfTheUlid(Provider):
    """Ids are `req-` and the 26 characters of a ULID: the time first, and then chance."""

    def make_id(self) -> str:
        """Return a ULID."""
        number = int(self.now() * 1000) << 80 | secrets.randbits(80)
        return "req-" + "".join(ALPHABET[number >> bits & 31] for bits in range(125, -1, -5))
