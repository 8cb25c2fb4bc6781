"""Services that are right and differ on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 18
END_OF_LINE: Final = b"\r\n"
JSON_TYPE: Final = b"content-type: application/json"
HINTS: Final = b'HTTP/1.1 103 Early Hints\r\nLink: <https://getimg.ai>; rel="preconnect"\r\n\r\n'
PHRASES: Final = {b"2": b"Fine", b"3": b"As Before", b"4": b"Not Like This", b"5": b"Our Mistake"}


def _is_json(head: bytes) -> bool:
    return JSON_TYPE in head.lower()


@legal("RFC 9112, 5: any white space may stand around a header's value, and names have no case")
class PadsHeaderValuesWithTabs(Provider):
    """Header values stand between a tab and blanks, after names in capitals."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the answer with white space around each value."""
        first, *lines = super().frame(request, head, body)[0].rstrip().split(END_OF_LINE)
        padded = []
        for line in lines:
            name, _, value = line.partition(b":")
            padded.append(name.upper() + b":\t" + value.strip() + b"  ")
        return END_OF_LINE.join([first, *padded, b"", b""]), body


@legal("RFC 8259, 7: any character of a string may be escaped; blanks may stand between tokens")
class EscapesSlashesInJson(Provider):
    r"""JSON has `\/` for a slash, `\u003d` and `\u0026` in links, and new lines between fields."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with its JSON spelled in another way."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            text = json.dumps(answer.value, indent=2)
            for mark in "=&<>'":
                text = text.replace(mark, f"\\u{ord(mark):04x}")
            answer.body = text.replace("/", "\\/").encode() + b"\n"
        return answer


@legal("RFC 9112, 7.1: an answer may be chunked, with extensions, which a recipient ignores")
class ChunksJsonWithExtensions(Provider):
    """JSON comes in chunks of 48 bytes, each with a chunk extension."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the answer in chunks."""
        head, body = super().frame(request, head, body)
        # HTTP/1.0 has no chunks, and its answers end the connection.
        if not _is_json(head) or not body or b"\r\nConnection: close" in head:
            return head, body
        lines = [
            b"Transfer-Encoding: chunked" if line.lower().startswith(b"content-length:") else line
            for line in head.split(END_OF_LINE)
        ]
        parts = [body[start : start + 48] for start in range(0, len(body), 48)]
        chunks = b"".join(
            b"%x;part=%d\r\n%s\r\n" % (len(part), index, part) for index, part in enumerate(parts)
        )
        return END_OF_LINE.join(lines), chunks + b"0\r\n\r\n"


@legal("RFC 9112, 4: the reason phrase is free text, which a client should ignore")
class SpeaksOwnReasonPhrases(Provider):
    """The status line says `200 Fine` or `404 Not Like This`."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the answer with another reason phrase."""
        head, body = super().frame(request, head, body)
        first, _, rest = head.partition(END_OF_LINE)
        version, status = first.split(b" ")[:2]
        phrase = PHRASES.get(status[:1], b"")
        return b"%s %s %s\r\n%s" % (version, status, phrase, rest), body


@legal("RFC 9110, 15.2: interim answers may precede any final one, and a client must read past")
class HintsEarlyBeforeJson(Provider):
    """An interim `103 Early Hints` comes before each JSON answer."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the answer after an interim one."""
        head, body = super().frame(request, head, body)
        return (HINTS + head if _is_json(head) else head), body


@legal("X: ETag and Content-Disposition are free; RFC 9110, 13.1.5: a weak tag fits no If-Range")
class TagsFilesWeaklyAsAttachments(Provider):
    """Files have a weak `ETag`, and are attachments with a `filename*`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with other headers of a file."""
        answer = super().finish(request, answer)
        tag = answer.header("etag")
        if tag is not None:
            name = request.path.split("/")[3]
            answer.set_header("ETag", f"W/{tag}")
            shown = f"attachment; filename*=UTF-8''getimg%20{name}"
            answer.set_header("Content-Disposition", shown)
        return answer
