"""The seventeenth batch of legal services: other ways of writing the same on the wire."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 17
JSON_TYPE: Final = "application/json"
AMOUNT: Final = re.compile(r'("(?:total_cost|unit_price|cost)": )(\d+\.\d+)')
LAST_CHUNK: Final = b"0\r\n\r\n"


def _is_json(answer: Outgoing) -> bool:
    return (answer.header("content-type") or "").startswith(JSON_TYPE)


@legal("the facts say that sig is hex, and neither its case nor its length")
class SignaturesAreShortUppercaseHex(Provider):
    """The signature of a link is 24 hex digits in upper case."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return a short signature."""
        return super().sign(work_id, index, exp)[:24].upper()


@legal("RFC 9112 allows chunks and trailers in any answer, and clients may drop the trailers")
class JsonComesInChunksWithATrailer(Provider):
    """JSON is sent chunked, with a Server-Timing field after the last chunk."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return JSON as chunks."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.chunked = True
            answer.headers.append(("Trailer", "Server-Timing"))
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the chunks with a trailer."""
        head, body = super().frame(request, head, body)
        if b"\r\nTrailer: " in head and body.endswith(LAST_CHUNK):
            body = body.removesuffix(LAST_CHUNK) + b"0\r\nServer-Timing: app;dur=3.1\r\n\r\n"
        return head, body


@legal("RFC 9112: the reason phrase may be empty, and clients should ignore it")
class StatusLinesHaveNoReason(Provider):
    """The status line ends after the number and a space."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head without a reason."""
        head, body = super().frame(request, head, body)
        line, end, fields = head.partition(b"\r\n")
        return b" ".join(line.split(b" ")[:2]) + b" " + end + fields, body


@legal("RFC 9112: optional whitespace, none or tabs too, may stand around a field's value")
class FieldsHaveUnusualSpacing(Provider):
    """Header values follow the colon at once or after a tab, and may end in spaces."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head of other whitespace."""
        head, body = super().frame(request, head, body)
        line, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        spaced = [
            name + (b":" if index % 2 else b":\t") + value + (b"  " if index % 3 else b"")
            for index, (name, _, value) in enumerate(each.partition(b": ") for each in fields)
        ]
        return b"\r\n".join([line, *spaced]) + b"\r\n\r\n", body


@legal("RFC 8259: a slash may be escaped, and any character may be written as \\u")
class JsonEscapesItsSlashes(Provider):
    r"""JSON is written without spaces, with `\/` for each slash and all else in ASCII."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return JSON as PHP would write it."""
        answer = super().finish(request, answer)
        if _is_json(answer) and answer.body:
            text = json.dumps(answer.value, separators=(",", ":"))
            answer.body = text.replace("/", "\\/").encode()
        return answer


@legal("RFC 8259: 4E-2 is the number 0.04; the facts ask for JSON numbers")
class AmountsComeInExponentForm(Provider):
    """Amounts of usage and costs are written as 4E-2."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return JSON with exponents."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            text = AMOUNT.sub(self.write_exponent, answer.body.decode())
            answer.body = text.encode()
        return answer

    def write_exponent(self, match: re.Match[str]) -> str:
        """Return a field with its number in scientific notation."""
        sign, digits, exponent = Decimal(match[2]).as_tuple()
        del sign
        return f"{match[1]}{int(''.join(map(str, digits)))}E{exponent}"


@legal("HTTP: a server may end the connection after any answer, and says so")
class ConnectionsEndAfterRefusals(Provider):
    """Every answer of 400 or more carries `Connection: close`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return a refusal that ends the connection."""
        answer = super().finish(request, answer)
        answer.close = answer.close or answer.status >= 400
        return answer


@legal("HTTP: a balancer may set cookies; the facts name no header that is forbidden here")
class BalancerSetsTwoCookies(Provider):
    """Each answer has two Set-Cookie fields for stickiness, which need not come back."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with the cookies of a balancer."""
        answer = super().finish(request, answer)
        value = f"{request.connection:08x}; Path=/; Max-Age=604800"
        answer.headers.append(("Set-Cookie", f"AWSALB={value}"))
        answer.headers.append(("Set-Cookie", f"AWSALBCORS={value}; SameSite=None; Secure"))
        return answer


@legal("further fields are allowed; the three X-RateLimit ones stand beside them as documented")
class LimitsAreToldInTheDraftFormToo(Provider):
    """Limits are told by RateLimit and RateLimit-Policy as well, with seconds to wait."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        """Return the limits in both forms."""
        limits = super().show_limits(workspace, kind)
        wait = max(0, int(self.reset_at(workspace, kind) - self.now()))
        remaining = limits["X-RateLimit-Remaining"]
        return {
            "RateLimit-Policy": f'"{kind}";q={self.per_minute[kind]};w=60',
            "RateLimit": f'"{kind}";r={remaining};t={wait}',
            **limits,
        }


@legal("RFC 9110: a client must be able to parse 1xx answers before the final one")
class ImagesAreAnnouncedByProcessing(Provider):
    """The answer of an image order is preceded by `102 Processing`."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the head with an interim answer before it."""
        head, body = super().frame(request, head, body)
        if request.method == "POST" and request.path == IMAGES and b" 200 " in head[:16]:
            head = b"HTTP/1.1 102 Processing\r\n\r\n" + head
        return head, body


@legal("X: Content-Disposition is open; RFC 6266 allows attachment and filename*")
class DownloadsAreNamedAttachments(Provider):
    """A download is an attachment, named twice: in ASCII and in UTF-8."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return a download with another disposition."""
        answer = super().finish(request, answer)
        shown = answer.header("content-disposition") or ""
        if shown.startswith("inline; filename="):
            name = shown.partition('"')[2].strip('"')
            encoded = f"filename=\"{name}\"; filename*=UTF-8''getimg%20%E2%80%93%20{name}"
            answer.set_header("Content-Disposition", f"attachment; {encoded}")
        return answer


@legal("X: ETag is open; RFC 9110 has weak tags, which match If-None-Match but not If-Range")
class FilesHaveWeakTags(Provider):
    """The entity tags of downloads are weak, as behind a compressing proxy."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with a weak tag."""
        answer = super().finish(request, answer)
        tag = answer.header("etag")
        if tag is not None:
            answer.set_header("ETag", f"W/{tag}")
        return answer

    def tag_matches(self, condition: str, tag: str) -> bool:
        """Return that no weak tag is strong enough for a part."""
        del condition, tag
        return False
