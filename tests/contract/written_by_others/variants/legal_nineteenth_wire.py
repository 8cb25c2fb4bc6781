"""Right services that write the same in other ways: JSON, headers, framing, connections."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 19
AMOUNT: Final = re.compile(rb'"(total_cost|unit_price|cost)": ([0-9]+\.[0-9]+)')
CHUNK: Final = 700


def _is_json(answer: Outgoing) -> bool:
    return answer.header("content-type") == "application/json"


@legal("RFC 8259, 7: `/` may be escaped, and so may any character; parsers read the same text")
class SlashesAreEscaped(Provider):
    r"""JSON is written as PHP does: links have `\/`, all but ASCII is escaped, no spaces."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the JSON anew."""
        if _is_json(answer):
            text = json.dumps(answer.value, separators=(",", ":"))
            answer.body = text.replace("/", "\\/").encode()
        return super().finish(request, answer)


def _spell_power(match: re.Match[bytes]) -> bytes:
    parts = Decimal(match[2].decode()).as_tuple()
    digits = "".join(map(str, parts.digits))
    return b'"%s": %se%s' % (match[1], digits.encode(), str(parts.exponent).encode())


@legal("RFC 8259, 6: a number may have an exponent; 4e-2 is the number 0.04")
class AmountsAreWrittenAsPowersOfTen(Provider):
    """Amounts that are JSON numbers are written with an exponent: `4e-2` for 0.04."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the amounts anew."""
        if _is_json(answer):
            answer.body = AMOUNT.sub(_spell_power, answer.body)
        return super().finish(request, answer)


@legal("RFC 9112, 7.1: chunks may be of any size, with extensions, and trailers may follow")
class JsonChunksHaveExtensions(Provider):
    """JSON comes in several chunks with extensions, and a trailer with a digest ends it."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Send JSON in chunks."""
        if _is_json(answer) and request.method != "HEAD":
            answer.chunked = True
            answer.headers.append(("Trailer", "X-Content-Digest"))
        return super().finish(request, answer)

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the one chunk into several, and add the trailer."""
        if b"transfer-encoding: chunked" not in head.lower():
            return head, body
        size, _, rest = body.partition(b"\r\n")
        content = rest[: int(size, 16)]
        parts = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
        chunks = b"".join(
            b"%x;part=%d\r\n%s\r\n" % (len(part), number, part) for number, part in enumerate(parts)
        )
        trailer = f"X-Content-Digest: {hashlib.sha256(content).hexdigest()}\r\n"
        return head, chunks + b"0;last\r\n" + trailer.encode() + b"\r\n"


GATEWAY: Final = (
    ("Server", "edge"),
    ("Via", "1.1 edge-fra-07"),
    ("Set-Cookie", "__edge=a8Kd3; Path=/; HttpOnly; SameSite=None"),
    ("Set-Cookie", "route=7; Path=/; Max-Age=1800"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server-Timing", "edge;dur=1, origin;dur=12"),
    ("Alt-Svc", "clear"),
)


@legal("gateways add headers of their own; a client of the API has no need of any of them")
class GatewayAddsCookiesAndPolicies(Provider):
    """Every answer carries what a gateway adds: two cookies, `Via`, timings and policies."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add the headers of the gateway."""
        answer.headers += GATEWAY
        return super().finish(request, answer)


@legal("RFC 9112, 4: the reason phrase is optional, and clients should ignore it")
class ReasonPhrasesAreEmpty(Provider):
    """The status line has no reason phrase, as that of HTTP/2 gateways: `HTTP/1.1 200 `."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Take the phrase off the status line."""
        line, end, rest = head.partition(b"\r\n")
        version, status = line.split(b" ")[:2]
        return super().frame(request, version + b" " + status + b" " + end + rest, body)


@legal("RFC 9112, 9.6: a server may end a connection after any answer, if it says so")
class RefusalsCloseTheConnection(Provider):
    """Every answer of 400 and above says `Connection: close`, and the connection ends."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Close after refusals."""
        answer.close = answer.close or answer.status >= 400
        return super().finish(request, answer)
