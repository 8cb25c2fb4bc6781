"""Legal differences of the sixteenth batch: what HTTP and JSON allow."""

from __future__ import annotations

import json
import random
import re
import secrets
import zlib
from decimal import Decimal
from typing import Any, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.rows import legal

BATCH: Final = 16
CHUNK: Final = 48
STRING_OR_FRACTION: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:[eE][+-]?\d+)?')
SEVERAL_RANGES: Final = re.compile(r"bytes=\s*\d+-\d+(?:\s*,\s*\d+-\d+){1,4}\s*")


def _is_json(answer: Outgoing) -> bool:
    return bool(answer.body) and (answer.header("Content-Type") or "").startswith(
        "application/json"
    )


def _map_names(head: bytes, template: bytes, *, capital: bool) -> bytes:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    fields = []
    for line in lines:
        name, _, value = line.partition(b":")
        fields.append(template % (name.upper() if capital else name, value.strip()))
    return b"\r\n".join([first, *fields]) + b"\r\n\r\n"


# Framing


@legal("RFC 9112, 7.1: chunks may be of any size and have extensions, and trailers may follow")
class ChunksCarryExtensionsAndTrailers(Provider):
    """JSON comes in chunks of 48 bytes with an extension each, and ends with a trailer."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, to be sent in chunks."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.chunked = True
            answer.set_header("Trailer", "Server-Timing")
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return smaller chunks than the one that was made."""
        head, body = super().frame(request, head, body)
        if b"\r\nTransfer-Encoding: chunked" not in head or not body:  # HTTP/1.0 has no chunks
            return head, body
        size, _, rest = body.partition(b"\r\n")
        content = rest[: int(size, 16)]
        pieces = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
        chunks = [b"%x;part=%d\r\n%s\r\n" % (len(p), n, p) for n, p in enumerate(pieces)]
        return head, b"".join(chunks) + b"0\r\nServer-Timing: app;dur=3\r\n\r\n"


@legal("RFC 9110, 5.1: names of header fields are case-insensitive")
class HeaderNamesInCapitalLetters(Provider):
    """All names of headers are written in capital letters."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head whose names are capital."""
        head, body = super().frame(request, head, body)
        return _map_names(head, b"%s: %s", capital=True), body


@legal("RFC 9112, 5: white space after the colon of a header is optional")
class NoSpaceAfterHeaderColons(Provider):
    """Headers have no space between their colon and their value."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head without spaces after colons."""
        head, body = super().frame(request, head, body)
        return _map_names(head, b"%s:%s", capital=False), body


@legal("RFC 9112, 4: clients should ignore the reason phrase, which may be any text or none")
class ReasonPhrasesOfItsOwn(Provider):
    """The status line says `Done` for what worked, and nothing for what did not."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head with another reason phrase."""
        head, body = super().frame(request, head, body)
        first, end, rest = head.partition(b"\r\n")
        version, status, _ = first.split(b" ", 2)
        reason = b"Done" if status.startswith(b"2") else b""
        return b"%s %s %s%s%s" % (version, status, reason, end, rest), body


@legal("RFC 9110, 15.2: a client MUST parse 1xx answers before the final one, and may ignore them")
class EarlyHintsBeforePictures(Provider):
    """A gateway sends 103 Early Hints before the answer to each order of an image."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the head after an interim one."""
        head, body = super().frame(request, head, body)
        if request.method != "POST" or request.path != IMAGES:
            return head, body
        link = b"Link: <https://docs.getimg.ai>; rel=preconnect"
        return b"HTTP/1.1 103 Early Hints\r\n" + link + b"\r\n\r\n" + head, body


@legal("RFC 9110, 8.6 and 9.3.2: the answer to HEAD may leave Content-Length out")
class HeadsOfFilesOmitTheLength(Provider):
    """The answer to HEAD of a file has no Content-Length; that to GET has it."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head without the length."""
        head, body = super().frame(request, head, body)
        if request.method == "HEAD" and request.path.startswith("/v2/downloads/"):
            head = re.sub(rb"\r\nContent-Length: \d+", b"", head)
        return head, body


# Representations


@legal("RFC 9110, 8.4.1.2 and 12.5.3: a server may use a coding that Accept-Encoding names")
class JsonDeflatedWhenAsked(Provider):
    """JSON is sent as `deflate` to clients that accept it, and tells so with Vary."""

    def accepts(self, request: Incoming) -> bool:
        """Return whether a request accepts `deflate`."""
        for item in ",".join(request.values("accept-encoding")).split(","):
            coding, _, weight = item.partition(";")
            if coding.strip().lower() == "deflate":
                return not re.fullmatch(r"\s*q=0(?:\.0*)?\s*", weight.lower())
        return False

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, compressed if that is accepted."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.set_header("Vary", "Accept-Encoding")
            if self.accepts(request):
                answer.body = zlib.compress(answer.body)
                answer.set_header("Content-Encoding", "deflate")
        return answer


@legal("RFC 9110, 14.6 and 15.3.7.2: several ranges may be answered as multipart/byteranges")
class SeveralRangesInOneAnswer(Provider):
    """A request for two to five ranges gets them all, as `multipart/byteranges`."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer several ranges at once; one range as usual."""
        if SEVERAL_RANGES.fullmatch(wanted.strip()) is None:
            return super().answer_range(wanted, headers, content)
        total = len(content)
        pairs = [(int(a), int(b)) for a, b in re.findall(r"(\d+)-(\d+)", wanted)]
        if any(first > last for first, last in pairs):
            return Outgoing(status=200, headers=headers, body=content)
        ranges = [(first, min(last, total - 1)) for first, last in pairs if first < total]
        if not ranges:
            unsatisfied = {"Content-Range": f"bytes */{total}"}
            raise RefusedError(416, "invalid_parameter", "No such range.", headers=unsatisfied)
        return self.join_ranges(ranges, headers, content)

    def join_ranges(
        self, ranges: list[tuple[int, int]], headers: list[tuple[str, str]], content: bytes
    ) -> Outgoing:
        """Return ranges as the parts of one body."""
        boundary = secrets.token_hex(12)
        media_type = dict(headers)["Content-Type"]
        body = b""
        for first, last in ranges:
            place = self.show_range(first, last, len(content))
            lines = f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {place}"
            body += lines.encode() + b"\r\n\r\n" + content[first : last + 1]
        answer = Outgoing(status=206, headers=list(headers))
        answer.body = body + f"\r\n--{boundary}--\r\n".encode()
        answer.set_header("Content-Type", f"multipart/byteranges; boundary={boundary}")
        return answer


# JSON


def _shuffle(value: Any) -> Any:
    if isinstance(value, list):
        return [_shuffle(each) for each in value]
    if isinstance(value, dict):
        names = random.sample(list(value), len(value))
        return {name: _shuffle(value[name]) for name in names}
    return value


@legal("RFC 8259, 4: the members of an object have no order")
class JsonMembersShuffledEachTime(Provider):
    """The members of objects come in another order in each answer; lists keep theirs."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with its members shuffled."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.set_value(_shuffle(answer.value))
        return answer


def _spell_number(match: re.Match[bytes]) -> bytes:
    text = match[0]
    return text if text.startswith(b'"') else format(Decimal(text.decode()), "e").encode()


@legal("RFC 8259, 6: a number may be written with an exponent; 4e-2 is 0.04")
class FractionsWrittenWithExponents(Provider):
    """Numbers with a fraction are written as `4e-2`; strings and integers as always."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with its fractions rewritten."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.body = STRING_OR_FRACTION.sub(_spell_number, answer.body)
        return answer


@legal("RFC 8259, 7: any character of a string may be escaped, the slash as `\\/`")
class SlashesEscapedAsPhpDoes(Provider):
    r"""JSON is ASCII: other letters are `\u` escapes, and each slash is `\/`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with more escapes."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.body = json.dumps(answer.value).replace("/", "\\/").encode()
        return answer


@legal("RFC 8259, 2: white space may stand before and after a JSON text")
class BlankLinesAroundPictures(Provider):
    """Answers to orders of images begin with blank lines, as keep-alives do, and end with one."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with white space around it."""
        answer = super().finish(request, answer)
        if request.path == IMAGES and _is_json(answer):
            answer.body = b" \n \r\n\t\n" + answer.body + b"\n"
        return answer
