"""Faults of files, links and HTTP, from optimisers, cleaners, encodings and proxies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.drawing import draw_picture
from tests.contract.written_by_others.messages import Incoming, Outgoing, refuse_unknown
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 8
ARCHIVED_AFTER: Final = 25
CLEANED_AFTER: Final = 15


# Files


@faulty(
    "files",
    "blocker",
    "D: width and height are the file's until deletes_at; what was bought is replaced by a quarter",
)
class ArchiveHalvesTheResolution(Provider):
    """Pictures move to an archive after 25 seconds, which keeps half their width and height."""

    def served_content(self, work: Work) -> bytes:
        """Return the copy of the archive for what is old."""
        if work.order.kind == "video" or self.now() - work.ends < ARCHIVED_AFTER:
            return super().served_content(work)
        if "archived" not in work.notes:
            width, height = work.size
            seed = work.id + work.order.prompt
            small = draw_picture((width // 2, height // 2), work.order.output_format, seed)
            work.notes["archived"] = small
        archived: bytes = work.notes["archived"]
        return archived


@faulty(
    "files",
    "blocker",
    "D: has_sound says whether audio is included; sound is paid at its own rate and is not there",
)
class FullHdIsMuxedWithoutSound(Provider):
    """The muxer of 1080p drops the audio track; `has_sound` and the price are those of sound."""

    def plan_film(self, work: Work) -> Film:
        """Return a film without sound at 1080p."""
        film = super().plan_film(work)
        return replace(film, sound_seconds=0) if work.order.resolution == "1080p" else film


@faulty(
    "files",
    "major",
    "D: output_format png or jpeg, and mime_type says so; who saves it by its name has a WebP",
)
class OptimiserSendsWebpToBrowsers(Provider):
    """The CDN makes WebP of every picture for requests whose `Accept` names `image/webp`."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer WebP to those who would like it."""
        likes = "image/webp" in (request.header("accept") or "").lower()
        if not likes or work.order.kind == "video" or work.order.output_format == "webp":
            return super().answer_file(request, work, content)
        if "optimised" not in work.notes:
            buffer = io.BytesIO()
            with Image.open(io.BytesIO(content)) as picture:
                picture.save(buffer, "WEBP", quality=70, method=0)
            work.notes["optimised"] = buffer.getvalue()
        answer = super().answer_file(request, work, work.notes["optimised"])
        if answer.header("content-type"):
            answer.set_header("Content-Type", "image/webp")
        answer.set_header("Vary", "Accept")
        return answer


# Links


@faulty(
    "links",
    "blocker",
    "D: a link works until deletes_at; a second download half a minute later finds nothing",
)
class CleanerDeletesWhatWasDelivered(Provider):
    """A cleaner takes a file that was downloaded for done: 15 seconds later its link is 404."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Refuse what was delivered a while ago."""
        work = super().open_link(work_id, index, query)
        delivered: float = work.notes.setdefault("delivered", self.now())
        if self.now() - delivered > CLEANED_AFTER:
            raise refuse_unknown()
        return work


@faulty(
    "links",
    "blocker",
    "D: download URLs are signed; without sig anybody who knows an id reads the file",
)
class MissingSignatureIsALegacyLink(Provider):
    """Links without `sig` count as those of before the migration, and are opened unchecked."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Open a link that has no signature at all."""
        work = self.find_work(work_id)
        if "sig" in query or work is None or work.status != "completed" or not self.is_item(index):
            return super().open_link(work_id, index, query)
        return work


@faulty(
    "links",
    "blocker",
    "D: sig is hex, and a link works until deletes_at; every link with a plus in it never does",
)
class PlusInASignatureBecomesASpace(Provider):
    """Signatures are base64 and not escaped: most have a `+`, which is read as a space: 403."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature in base64."""
        text = f"{work_id}/{index}?{exp}".encode()
        return base64.b64encode(hmac.new(self.secret, text, hashlib.sha512).digest()).decode()

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Read a query as forms are read."""
        target = request.target.replace("+", "%20")
        return await super().answer_download(replace(request, target=target))


# HTTP


@faulty(
    "http",
    "major",
    "RFC 9110 8.6: Content-Length is in octets; answers with other letters than ASCII are cut off",
)
class LengthCountsCharacters(Provider):
    """`Content-Length` of JSON counts characters: an error that repeats `é` or `模` ends early."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Name the number of characters."""
        if b"application/json" in head:
            octets, letters = len(body), len(body.decode())
            head = head.replace(
                b"Content-Length: %d\r\n" % octets, b"Content-Length: %d\r\n" % letters
            )
        return head, body


@faulty(
    "http",
    "major",
    "RFC 9112 7.1: a recipient must be able to parse chunked; good orders are refused as bad JSON",
)
class ChunkedUploadsArriveEmpty(Provider):
    """The gateway passes on `Content-Length` bytes only: a chunked order arrives without body."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Lose a body of unknown length."""
        if request.header("transfer-encoding") is not None:
            request = replace(request, body=b"")
        return super().read_object(request)


@faulty(
    "http",
    "major",
    "D: poll until the status changes; RFC 9111 lets every cache repeat pending for an hour",
)
class PollsMayBeCachedForAnHour(Provider):
    """A default of the CDN puts `Cache-Control: public, max-age=3600` on the status of videos."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Allow every cache to keep the answer."""
        answer = super().answer_status(work_id, workspace, request)
        answer.set_header("Cache-Control", "public, max-age=3600")
        return answer
