"""Legal differences on the wire: framing, informational answers, encodings and spelling."""

from __future__ import annotations

import re
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import IMAGES, VIDEOS, Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 20
JSON: Final = "application/json"
CHUNK: Final = 100
ANSWERS_OF_A_CONNECTION: Final = 3
MONEY: Final = re.compile(rb'("(?:total_cost|unit_price|cost)": )(\d+(?:\.\d+)?)(?=[,}])')


@legal("RFC 9112, 7.1: recipients ignore unknown chunk extensions, and may discard trailers")
class ChunksCarryExtensionsAndATrailer(Provider):
    """JSON comes in chunks of 100 bytes, each with an extension, and a trailer at the end."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, without a length."""
        if answer.header("Content-Type") == JSON:
            answer.chunked = True
            answer.headers.append(("Trailer", "X-Body-Length"))
        return super().finish(request, answer)

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the bytes, with the one chunk cut into many."""
        if b"transfer-encoding: chunked" not in head.lower() or not body:
            return head, body
        size, _, rest = body.partition(b"\r\n")
        content = rest[: int(size, 16)]
        parts = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
        chunks = [b"%x;part=%d\r\n%b\r\n" % (len(p), n, p) for n, p in enumerate(parts)]
        end = b"0;last\r\nX-Body-Length: %d\r\n\r\n" % len(content)
        return super().frame(request, head, b"".join(chunks) + end)


@legal("RFC 9110, 15.2: a client parses 1xx answers before the final one, expected or not")
class SendsEarlyHintsBeforeGenerations(Provider):
    """Before the answer to a submission comes `103 Early Hints` with a link to the docs."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the bytes, after an informational answer."""
        if request.method == "POST" and request.path in {IMAGES, VIDEOS}:
            link = b"Link: <https://docs.getimg.ai>; rel=preconnect"
            head = b"HTTP/1.1 103 Early Hints\r\n" + link + b"\r\n\r\n" + head
        return super().frame(request, head, body)


@legal("RFC 8259, 6: a number may have an exponent; `4e-2` and `0.04` are the same number")
class WritesMoneyNumbersWithExponents(Provider):
    """`usage` and costs have numbers such as `4e-2`; strings stay as they are."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with exponents."""

        def spell(found: re.Match[bytes]) -> bytes:
            return found[1] + f"{Decimal(found[2].decode()):e}".encode()

        if answer.header("Content-Type") == JSON:
            answer.body = MONEY.sub(spell, answer.body)
        return super().finish(request, answer)


@legal("RFC 8259, 7: a slash in a string may be escaped, as encoders of PHP do by default")
class EscapesSlashesAsPhpDoes(Provider):
    r"""Slashes in JSON are written `\/`, those of links and media types included."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with escaped slashes."""
        if answer.header("Content-Type") == JSON:
            answer.body = answer.body.replace(b"/", b"\\/")
        return super().finish(request, answer)


@legal("RFC 9112, 9.6: a server may close after any answer, when it says `Connection: close`")
class RetiresAConnectionAfterThreeAnswers(Provider):
    """Each third answer of a connection is its last, as gateways with a limit do it."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, and close after the third."""
        counts: dict[int, int] = self.notes.setdefault("answers of connections", {})
        counts[request.connection] = counts.get(request.connection, 0) + 1
        answer.close = answer.close or counts[request.connection] >= ANSWERS_OF_A_CONNECTION
        return super().finish(request, answer)


@legal("RFC 9110, 8.4 and 12.5.3: a client that sends `Accept-Encoding: deflate` may get it")
class PacksJsonWithDeflateWhenAsked(Provider):
    """JSON has `Content-Encoding: deflate` for clients that accept it, and `Vary` for all."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, packed if the client accepts that."""
        if answer.header("Content-Type") == JSON:
            answer.headers.append(("Vary", "Accept-Encoding"))
            if self.accepts_deflate(request):
                answer.headers.append(("Content-Encoding", "deflate"))
                answer.body = zlib.compress(answer.body)
        return super().finish(request, answer)

    def accepts_deflate(self, request: Incoming) -> bool:
        """Return whether the client names `deflate`, with a weight above zero."""
        for part in ",".join(request.values("accept-encoding")).split(","):
            name, _, weight = part.partition(";")
            if name.strip().lower() == "deflate":
                return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight, re.IGNORECASE) is None
        return False
