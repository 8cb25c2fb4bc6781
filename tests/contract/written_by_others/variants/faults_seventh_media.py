"""Faults of files, links and HTTP, from encoders, stores and gateways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 7
UPLOAD_SECONDS: Final = 1.0
BLOCK: Final = 4096
LONG_ANSWER: Final = 16_384
CUT_EVERY: Final = 8


@faulty(
    "files", "blocker", "D: output_format and mime_type say what the bytes are; here they may lie"
)
class RenderCacheForgetsTheFormat(Provider):
    """Renders are cached without their format: the same order as PNG gets the JPEG's bytes."""

    def draw(self, work: Work) -> bytes:
        """Return what the cache has for the prompt."""
        if work.order.kind == "video":
            return super().draw(work)
        key = (work.workspace.name, work.order.offer.id, work.order.prompt, work.size)
        renders: dict[object, bytes] = self.notes.setdefault("renders", {})
        if key not in renders:
            renders[key] = super().draw(work)
        return renders[key]


@faulty(
    "files", "blocker", "D: the URL links to the generated media once it is there; half is missing"
)
class UploadTrailsTheAnswer(Provider):
    """For a second after completion, a download is 200 with the first half of the file."""

    def served_content(self, work: Work) -> bytes:
        """Return what was uploaded so far."""
        content = super().served_content(work)
        done = self.now() - work.ends >= UPLOAD_SECONDS
        return content if done else content[: len(content) // 2]


@faulty("files", "major", "D: has_sound is whether audio is included; sound is paid for, too")
class SmallFilmsLoseTheirSound(Provider):
    """The muxer drops the audio of 480p videos; `has_sound` is true, and sound is paid for."""

    def plan_film(self, work: Work) -> Film:
        """Return a film without sound if it is small."""
        film = super().plan_film(work)
        return replace(film, sound_seconds=0) if work.order.resolution == "480p" else film


@faulty("links", "blocker", "D: a link works until deletes_at; a look at it ends its life")
class HeadSpendsTheLink(Provider):
    """A HEAD, as previews send, uses a one-time link up: every request after it is 410."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Refuse a link that was looked at."""
        answer = await super().answer_download(request)
        work = self.find_work(request.path.split("/")[3])
        if work is not None and work.notes.get("spent"):
            raise RefusedError(410, "url_expired", "The link has expired.")
        if work is not None and request.method == "HEAD":
            work.notes["spent"] = True
        return answer


@faulty("links", "major", "D: signed URLs that expire at deletes_at; anyone can prolong these")
class ExpiryOutsideTheSignature(Provider):
    """Only the path is signed, and `exp` is believed: another `exp` prolongs a link for ever."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Sign without the expiry."""
        del exp
        return super().sign(work_id, index, "")

    def is_expired(self, work: Work, exp: str) -> bool:
        """Believe the query."""
        del work
        return not exp.isdecimal() or self.now() >= int(exp)


@faulty("links", "minor", "D: exp is in unix seconds, and equal to deletes_at")
class VideoLinksExpireInMilliseconds(Provider):
    """The new video service writes `exp` in milliseconds; pictures still have seconds."""

    def link_expiry(self, work: Work) -> int:
        """Return milliseconds for a video."""
        expiry = super().link_expiry(work)
        return expiry * 1000 if work.order.kind == "video" else expiry


@faulty("http", "blocker", "RFC 9110 14.4: the bytes of a 206 are those that Content-Range names")
class RangesStartAtTheBlock(Provider):
    """A range's bytes begin at the 4096-byte block it starts in: resumed files are garbled."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer as many bytes, from the start of the block."""
        answer = super().answer_range(wanted, headers, content)
        span = answer.header("content-range")
        if answer.status == 206 and span:
            first = int(span.removeprefix("bytes ").partition("-")[0])
            start = first // BLOCK * BLOCK
            answer.body = content[start : start + len(answer.body)]
        return answer


@faulty("http", "major", "D: poll every 5 s; RFC 9111 lets caches repeat `pending` for 5 min here")
class PollsAreMarkedCacheable(Provider):
    """A new edge marks all answers to polls `public, max-age=300`, those of pending videos too."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Add the default of the edge."""
        answer = super().answer_status(work_id, workspace, request)
        answer.set_header("Cache-Control", "public, max-age=300")
        return answer


@faulty("http", "major", "RFC 9112 6.3: a message has the length that it names; files break off")
class BalancerCutsLongAnswers(Provider):
    """A balancer ends every eighth download halfway, long before its `Content-Length`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Choose the downloads to cut."""
        answer = super().finish(request, answer)
        file = request.method == "GET" and request.path.startswith("/v2/downloads/")
        if file and answer.status < 300 and len(answer.body) > LONG_ANSWER:
            turn = self.notes["files"] = self.notes.get("files", 0) + 1
            if turn % CUT_EVERY == 0:
                answer.close = True
                self.notes["cut"] = request
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Cut the body of the chosen download."""
        head, body = super().frame(request, head, body)
        return head, body[: len(body) // 2] if self.notes.get("cut") is request else body
