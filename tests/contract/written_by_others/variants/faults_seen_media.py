"""Faults of files and links, as they reach production."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import Order, Work, show_time
from tests.contract.written_by_others.messages import refuse_unknown
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.drawing import Film
    from tests.contract.written_by_others.messages import Incoming, Outgoing

# Files


BATCH: Final = 3


@faulty("files", "major", "D: `output_format` says what the file is, and `mime_type` names it.")
class LargeWebpIsJpeg(Provider):
    """A WebP wider or higher than 2048 pixels is a JPEG that is called image/webp."""

    def drawn_format(self, order: Order) -> str:
        if order.output_format == "webp" and max(self.plan_size(order)) > 2048:
            return "jpeg"
        return super().drawn_format(order)


@faulty("files", "major", "D: `has_sound` says whether audio is included, and sound is paid for.")
class SoundLostAtLowest(Provider):
    """The encoder's profile for 480p has no sound track; `has_sound` is true all the same."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        return replace(film, sound_seconds=0) if work.order.resolution == "480p" else film


@faulty("files", "major", "D: `duration` is the video's length, and each second is paid for.")
class LongVideoCut(Provider):
    """A video of more than 8 seconds is cut after 8, and billed and described in full."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        sound = min(film.sound_seconds, 8)
        return replace(film, seconds=min(film.seconds, 8), sound_seconds=sound)


# Links


@faulty("links", "major", "D: a link works until `deletes_at`, not until it was used.")
class FileGoneOnceFetched(Provider):
    """A file is removed when it was delivered once in full: the second download is a 404."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        parts = request.path.split("/")
        work = self.find_work(parts[3]) if len(parts) == 5 else None
        if work is not None and work.notes.get("fetched"):
            raise refuse_unknown()
        answer = await super().answer_download(request)
        if work is not None and answer.status == 200 and request.method == "GET":
            work.notes["fetched"] = True
        return answer


@faulty("links", "major", "D: a link expires at `deletes_at`, which is in UTC.")
class DeletionInLocalTime(Provider):
    """`deletes_at` is the wall clock of a server in UTC+2 with a `Z`: two hours after `exp`."""

    def show_deletion(self, work: Work) -> str:
        return show_time(work.expires + 2 * 3600)


@faulty("links", "blocker", "D: links are signed; a cut or an empty signature is none.")
class SignatureByItsBeginning(Provider):
    """A signature is right if the expected one begins with it: an empty one always is."""

    def same_signature(self, given: str, expected: str) -> bool:
        return expected.startswith(given)
