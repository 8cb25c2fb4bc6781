"""Providers that differ in headers, framings and forms of JSON, and are right."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.files import RANGE
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 11
REQUESTS: Final = 5
MOST_RANGES: Final = 8
LARGEST_CHUNK: Final = 65_536
AMOUNT: Final = re.compile(
    rb'("(?:total_cost|cost|unit_price|quantity|duration|fps)": )(-?\d[\d.eE+-]*)'
)


def _is_json(answer: Outgoing) -> bool:
    return answer.header("content-type") == "application/json"


@legal("RFC 8259 7: any character may be escaped, and a slash too, as PHP's json_encode does it")
class JsonEscapesSlashesAndLetters(Provider):
    r"""JSON is ASCII: links have `\/`, and other letters, those beyond U+FFFF too, are `\u...`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Escape what need not be."""
        if _is_json(answer):
            answer.body = json.dumps(answer.value).replace("/", "\\/").encode()
        return answer


@legal("RFC 8259 6: 4E-2 is the same number as 0.04; only integers (width, height) stay plain")
class AmountsAreWrittenWithExponents(Provider):
    """Costs, prices, quantities, seconds and frames are numbers such as `4E-2` and `5E+0`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write numbers in scientific form."""
        if _is_json(answer):
            answer.body = AMOUNT.sub(
                lambda found: found[1] + f"{Decimal(found[2].decode()):E}".encode(), answer.body
            )
        return answer


@legal("RFC 9110 8.4.1 and 12.5.3: a coding that the client accepts; `deflate` is the zlib format")
class JsonIsDeflatedWhereAccepted(Provider):
    """JSON is sent with `Content-Encoding: deflate` or `gzip`, to those who accept one of them."""

    def accepts(self, request: Incoming, coding: str) -> bool:
        """Return whether a client names a coding, with a weight above nought."""
        for part in ",".join(request.values("accept-encoding")).lower().split(","):
            name, _, weight = part.partition(";")
            if name.strip() == coding:
                return re.fullmatch(r"q=0(\.0*)?", weight.strip()) is None
        return False

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress JSON."""
        if not _is_json(answer):
            return answer
        answer.headers.append(("Vary", "Accept-Encoding"))
        for coding, bits in (("deflate", zlib.MAX_WBITS), ("gzip", zlib.MAX_WBITS | 16)):
            if self.accepts(request, coding):
                packer = zlib.compressobj(wbits=bits)
                answer.body = packer.compress(answer.body) + packer.flush()
                answer.headers.append(("Content-Encoding", coding))
                break
        return answer


@legal("RFC 9112 7.1.1, 7.1.2: unknown chunk extensions must be ignored, and trailers may be")
class ChunksHaveExtensionsAndATrailer(Provider):
    """Files and JSON are chunked: sizes with noughts and extensions, a trailer at the end."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Send chunks."""
        answer.chunked = True
        answer.headers.append(("Trailer", "Server-Timing"))
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the one chunk into chunks that grow."""
        if not body or b"transfer-encoding: chunked" not in head.lower():
            return head, body
        line, _, rest = body.partition(b"\r\n")
        left, size, chunks = memoryview(rest)[: int(line, 16)], 1, []
        while left:
            piece, left = left[:size], left[size:]
            chunks.append(b'%06X;node="a b"\r\n%b\r\n' % (len(piece), bytes(piece)))
            size = min(3 * size, LARGEST_CHUNK)
        return head, b"".join(chunks) + b"000;last\r\nServer-Timing: total;dur=12.5\r\n\r\n"


@legal("RFC 9112 9.6: a server may end a connection after any answer that says so")
class ConnectionsLastForFiveRequests(Provider):
    """`Keep-Alive: timeout=75, max=4` counts down; the fifth answer closes the connection."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Count the requests of a connection."""
        counts: dict[int, int] = self.notes.setdefault("connections", {})
        count = counts[request.connection] = counts.get(request.connection, 0) + 1
        answer.close = count >= REQUESTS
        if not answer.close:
            left = f"timeout=75, max={REQUESTS - count}"
            answer.headers += [("Connection", "keep-alive"), ("Keep-Alive", left)]
        return answer


@legal("RFC 9110 5.1: unknown fields are to be ignored; the three documented ones are there, too")
class LimitsAreAlsoInTheDraftsForm(Provider):
    """Beside `X-RateLimit-*` stand `RateLimit-Policy` and `RateLimit` of the IETF's draft."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        """Add the structured fields."""
        shown = super().show_limits(workspace, kind)
        left = max(0, int(shown["X-RateLimit-Reset"]) - int(self.now()))
        limit, remaining = shown["X-RateLimit-Limit"], shown["X-RateLimit-Remaining"]
        return {
            "RateLimit-Policy": f'"{kind}";q={limit};w={WINDOW}',
            "RateLimit": f'"{kind}";r={remaining};t={left}',
            **shown,
        }


@legal("RFC 9112 4 and 5: the reason phrase may be missing, and space after the colon is optional")
class HeadsHaveNoReasonAndNoSpaces(Provider):
    """The status line is `HTTP/1.1 200 `, and no header has a space after its colon."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Leave out what is optional."""
        first, *lines = head.split(b"\r\n")
        status = b" ".join(first.split(b" ")[:2]) + b" "
        fields = [line.partition(b":") for line in lines]
        return b"\r\n".join([status, *(n + c + v.lstrip() for n, c, v in fields)]), body


@legal("RFC 9110 14.2 and 15.3.7.2: several ranges may be answered as multipart/byteranges")
class SeveralRangesAreMultipartAgain(Provider):
    """`Range: bytes=0-9,20-29` answers 206 with two parts; one range is as ever."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer several ranges."""
        unit, _, text = wanted.partition("=")
        found = [RANGE.fullmatch(f"bytes={each.strip()}") for each in text.split(",")]
        total = len(content)
        spans = [self.read_range(m[1], m[2], total) for m in found if m and (m[1] or m[2])]
        good = [span for span in spans if span[0] < total and span[0] <= span[1]]
        if unit != "bytes" or not 1 < len(found) <= MOST_RANGES or len(good) < len(found):
            return super().answer_range(wanted, headers, content)
        mark, body = hashlib.sha256(content).hexdigest()[:24], b""
        for first, last in good:
            head = f"Content-Type: {headers[0][1]}\r\nContent-Range: "
            head = f"--{mark}\r\n{head}{self.show_range(first, last, total)}\r\n\r\n"
            body += head.encode() + content[first : last + 1] + b"\r\n"
        shown = [("Content-Type", f"multipart/byteranges; boundary={mark}"), *headers[1:]]
        return Outgoing(status=206, headers=shown, body=body + f"--{mark}--\r\n".encode())


@legal("RFC 9110 8.3.1: types are case-insensitive, and values of parameters may be quoted")
class TypesOfFilesAreInCapitals(Provider):
    """Files are `Image/JPEG` or `Video/MP4`, JSON is `application/json;charset="UTF-8"`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the type differently."""
        kind, _, form = (answer.header("content-type") or "").partition("/")
        if kind in {"image", "video"}:
            answer.set_header("Content-Type", f"{kind.title()}/{form.upper()}")
        elif kind:
            answer.set_header("Content-Type", f'{kind}/{form};charset="UTF-8"')
        return answer


@legal("X: paths with a slash at the end are not documented; RFC 9110 15.4.8: 307 keeps the method")
class SlashesAtTheEndAreRedirectedAgain(Provider):
    """`/v2/models/` answers 307 to `/v2/models`, as web frameworks do, before any key is read."""

    async def route(self, request: Incoming) -> Outgoing:
        """Redirect to the path without the slash."""
        path = request.path.rstrip("/")
        if path == request.path or not self.allowed_methods(path):
            return await super().route(request)
        place = path + request.target.removeprefix(request.path)
        return Outgoing(status=307, headers=[("Location", place)])


@legal("X: the statuses of links that do not open are settings; the error is in the envelope")
class StorageRefusesEveryLinkAlike(Provider):
    """A link that is tampered with, expired or of nothing is 403 `access_denied`, whichever."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Say nothing about the reason."""
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise RefusedError(403, "access_denied", "Access denied.") from None


@legal("RFC 9110 11.6.1: a 401 has a challenge; RFC 6750 3 gives its form, the body is as ever")
class RefusedKeysAreChallenged(Provider):
    """A 401 has `WWW-Authenticate: Bearer` with a realm and the reason."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Add the challenge."""
        answer = super().answer_error(error)
        if error.status == 401:
            value = 'Bearer realm="getimg.ai, v2", error="invalid_token"'
            answer.headers.append(("WWW-Authenticate", value))
        return answer
