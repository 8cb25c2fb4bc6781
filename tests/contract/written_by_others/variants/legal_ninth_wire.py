"""Providers whose HTTP and JSON have other forms than usual, and are right."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.files import RANGE
from tests.contract.written_by_others.messages import Incoming, Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

BATCH: Final = 9
LISTS: Final = ("allow", "cache-control", "vary")
COSTS: Final = re.compile(rb'("(?:total_cost|unit_price|cost)": )(\d+(?:\.\d+)?)(?![\d.eE])')
HTTP_DATE: Final = re.compile(r" GMT$|:\d\d \d{4}$")
PIECE: Final = 24_001


def _accepts_gzip(request: Incoming) -> bool:
    for each in ",".join(request.values("accept-encoding")).lower().split(","):
        name, _, weight = each.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def _is_json(answer: Outgoing) -> bool:
    return bool(answer.body) and answer.header("content-type") == "application/json"


@legal("RFC 9110 8.4 and 12.5.3: who sends Accept-Encoding: gzip gets it; Vary says so")
class LongerJsonIsGzipped(Provider):
    """JSON of 200 bytes or more is gzipped and chunked for those who accept it, errors too."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress for those who ask."""
        if _is_json(answer):
            answer.set_header("Vary", "Accept-Encoding")
            if len(answer.body) >= 200 and _accepts_gzip(request):
                answer.body = gzip.compress(answer.body, 5)
                answer.set_header("Content-Encoding", "gzip")
                answer.chunked = True
        return answer


@legal("RFC 9112 7.1: unknown chunk extensions MUST be ignored, and trailers may be dropped")
class ChunksAreNumberedAndHaveATrailer(Provider):
    """Answers come in chunks with an extension, and `Server-Timing` follows them as a trailer."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Announce chunks and the trailer."""
        if answer.body:
            answer.chunked = True
            answer.set_header("Trailer", "Server-Timing")
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the only chunk into several."""
        size, _, rest = body.partition(b"\r\n")
        if b"\r\nTransfer-Encoding: chunked\r\n" not in head or size in {b"", b"0"}:
            return head, body
        text = rest[: int(size, 16)]
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        chunks = [b"%X;part=%d\r\n%b\r\n" % (len(p), i, p) for i, p in enumerate(pieces)]
        return head, b"".join(chunks) + b"0\r\nServer-Timing: app;dur=12.5\r\n\r\n"


@legal("RFC 9112 5: whitespace after the colon of a field is optional")
class NoSpaceFollowsTheColons(Provider):
    """Fields are written `Content-Type:application/json`, in capitals, as an old balancer does."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Write the fields closely."""
        first, *lines = head.split(b"\r\n")
        fields = [line.partition(b": ") for line in lines]
        close = [name.upper() + colon.strip() + value for name, colon, value in fields]
        return b"\r\n".join([first, *close]), body


@legal("RFC 8259 6: 4E-2 is the number 0.04; the facts say numbers and no more")
class CostsAreWrittenWithExponents(Provider):
    """Numbers of `usage` and of costs are written `4E-2`, as decimal types of databases do."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write costs in scientific form."""
        if _is_json(answer):
            answer.body = COSTS.sub(
                lambda m: m[1] + format(Decimal(m[2].decode()), "E").encode(), answer.body
            )
        return answer


@legal("No time of an answer is documented; the SDKs wait for minutes")
class EveryEighthAnswerStalls(Provider):
    """Each eighth answer of any kind takes 1.5 s longer, as when a node wakes up."""

    async def respond(self, request: Incoming) -> Outgoing:
        """Wait at each eighth request."""
        self.notes["seen"] = self.notes.get("seen", 0) + 1
        if self.notes["seen"] % 8 == 0:
            await asyncio.sleep(1.5)
        return await super().respond(request)


@legal("RFC 9112 9.6: a server may close after any answer, if it says so")
class FourthRequestEndsTheConnection(Provider):
    """A connection is good for four requests: the fourth answer says `Connection: close`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Count the requests of a connection."""
        lines: dict[int, int] = self.notes.setdefault("lines", {})
        left = lines[request.connection] = lines.get(request.connection, 4) - 1
        answer.close = answer.close or left <= 0
        return answer


@legal("RFC 9110 14.6 and 15.3.7.2: several ranges may be answered as multipart/byteranges")
class SeveralRangesComeAsMultipart(Provider):
    """Two to five ranges at once are answered 206 in parts, each with its `Content-Range`."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer several ranges in parts."""
        matches = [RANGE.fullmatch(f"bytes={each.strip()}") for each in wanted[6:].split(",")]
        pairs = [each.groups() for each in matches if each is not None and any(each.groups())]
        if not 2 <= len(pairs) <= 5 or len(pairs) != len(matches) or wanted[:6] != "bytes=":
            return super().answer_range(wanted, headers, content)
        ends = [self.read_range(first, last, len(content)) for first, last in pairs]
        good = [(first, last) for first, last in ends if first <= last and first < len(content)]
        if len(good) != len(ends) or sum(last + 1 - first for first, last in good) > len(content):
            return Outgoing(status=200, headers=headers, body=content)
        mark, kind, body = secrets.token_hex(12), dict(headers)["Content-Type"], b""
        for first, last in good:
            where = self.show_range(first, last, len(content))
            start = f"--{mark}\r\nContent-Type: {kind}\r\nContent-Range: {where}\r\n\r\n"
            body += start.encode() + content[first : last + 1] + b"\r\n"
        multipart = ("Content-Type", f"multipart/byteranges; boundary={mark}")
        body += f"--{mark}--\r\n".encode()
        return Outgoing(status=206, headers=[multipart, *headers[1:]], body=body)


@legal("RFC 9110 8.8.3: any answer may have a tag, and 304 answers who has it already")
class CatalogueIsRevalidatedByTag(Provider):
    """Lists and models have `ETag` and `Cache-Control: private, no-cache`, and can be 304."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Tag the catalogue."""
        if request.path.startswith("/v2/models") and answer.status == 200:
            tag = f'"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
            known = ",".join(request.values("if-none-match"))
            if tag in known or known.strip() == "*":
                answer = Outgoing(status=304)
            answer.headers += [("ETag", tag), ("Cache-Control", "private, no-cache")]
        return answer


@legal("RFC 9110 5.3: a list may be spread over several fields of a name; RFC 6265: so are cookies")
class ListsAreSpreadOverSeveralLines(Provider):
    """`Allow`, `Cache-Control`, `Vary`, `Via` and cookies have a line for each of their members."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Spread the lists."""
        if answer.header("cache-control") is None:
            answer.set_header("Cache-Control", "private, no-store")
        answer.headers.append(("Vary", "Authorization, Origin"))
        spread = [(k, v.split(", ") if k.lower() in LISTS else [v]) for k, v in answer.headers]
        answer.headers = [(k, each) for k, values in spread for each in values]
        answer.headers += [("Via", "1.1 edge"), ("Via", "1.1 pool-7")]
        answer.headers += [("Set-Cookie", "lb=7; Path=/"), ("Set-Cookie", "r=waw; Path=/; Secure")]
        return answer


@legal("RFC 9110 15.5.2 and 11.6.1: 401 has a challenge, and a challenge may have parameters")
class RefusedKeysSeeAChallenge(Provider):
    """A 401 has `WWW-Authenticate: Bearer realm=...` beside the envelope of errors."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add the challenge."""
        if answer.status == 401:
            answer.set_header("WWW-Authenticate", 'Bearer realm="getimg.ai", error="invalid_token"')
        return answer


@legal("RFC 9110 15.4.9 and 10.2.2: no such path is documented, and Location may be relative")
class TrailingSlashesAreRedirected(Provider):
    """A path with a slash too many, such as `/v2/models/`, is 308 to the one without."""

    async def route(self, request: Incoming) -> Outgoing:
        """Redirect to the path without slash."""
        if (plain := request.path.rstrip("/")) == request.path or not self.allowed_methods(plain):
            return await super().route(request)
        location = plain + request.target.removeprefix(request.path)
        return Outgoing(status=308, headers=[("Location", location)])


@legal("RFC 9110 8.8.2 and 13.1.3: files may have a time of change beside their tag")
class FilesHaveATimeOfChange(Provider):
    """Downloads have `Last-Modified`, and `If-Modified-Since` of that time or later is 304."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Add the time, and compare the time where no tag is given."""
        since = request.header("if-modified-since")
        if since and not request.values("if-none-match") and self.is_older(work, since):
            kept = tuple(each for each in request.headers if each[0] != "range")
            whole = super().answer_file(replace(request, headers=kept), work, content)
            whole.set_header("Content-Type", None)
            return Outgoing(status=304, headers=whole.headers)
        answer = super().answer_file(request, work, content)
        modified = datetime.fromtimestamp(int(work.ends), UTC)
        answer.set_header("Last-Modified", format_datetime(modified, usegmt=True))
        return answer

    def is_older(self, work: Work, since: str) -> bool:
        """Return whether the file was made before a time; what is no time is ignored."""
        try:
            given = parsedate_to_datetime(since).replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return False
        return HTTP_DATE.search(since) is not None and int(work.ends) <= given.timestamp()
