"""Faults of files and of the links to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Order, Work
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 5
KEPT_FILES: Final = 12
LONGEST_FILM: Final = 10
NODES: Final = 3

# Files


@faulty(
    "files", "major", "The format of the file is `output_format`, and `mime_type` names it (D)."
)
class BigWebpFallsBackToPng(Provider):
    """A 4K picture that was ordered as WebP is a PNG under the type of WebP."""

    def drawn_format(self, order: Order) -> str:
        """Return PNG where the encoder of WebP has too little memory."""
        if (order.resolution, order.output_format) == ("4K", "webp"):
            return "png"
        return super().drawn_format(order)


@faulty("files", "blocker", "Finished work stays as it is until `deletes_at` (D).")
class RangeIsCachedAsWholeFile(Provider):
    """After a part of a file was asked for, a request for the whole is answered that part."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer a request for the whole from the cache."""
        cached = work.notes.get("cached")
        answer = super().answer_file(request, work, content)
        if answer.status == 206:
            work.notes["cached"] = answer.body
        elif answer.status == 200 and cached is not None:
            answer.body = cached
        return answer


@faulty("files", "major", "`duration` is the length of the video, and is paid for (D).")
class FilmIsCutAtTenSeconds(Provider):
    """A video of twelve seconds has a file of ten; the answer and the bill say twelve."""

    def plan_film(self, work: Work) -> Film:
        """Return a film that the encoder ended too early."""
        film = super().plan_film(work)
        return replace(
            film,
            seconds=min(film.seconds, LONGEST_FILM),
            sound_seconds=min(film.sound_seconds, LONGEST_FILM),
        )


# Links


@faulty("links", "blocker", "Links are signed (D): an id alone opens nobody's file.")
class SignatureIsComparedByItsPrefix(Provider):
    """A signature is compared as far as it is given, so an empty one opens the file."""

    def same_signature(self, given: str, expected: str) -> bool:
        """Return whether the right signature begins with the given one."""
        return expected.startswith(given)


@faulty("links", "blocker", "The file is there until `deletes_at` (D).")
class OlderFilesAreEvicted(Provider):
    """Only the twelve newest files of an account are there; links of older ones are dead."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link, if its file has not been evicted."""
        work = super().open_link(work_id, index, query)
        others = work.workspace.works.values()
        if sum(1 for each in others if each.number > work.number) >= KEPT_FILES:
            raise refuse_unknown()
        return work


@faulty("links", "blocker", "A signed link works until `deletes_at`, wherever it is opened (D).")
class OneNodeHasAnOldSecret(Provider):
    """One node of three knows a former secret: connections to it have all links refused."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Answer a download by the node of the connection."""
        answer = await super().answer_download(request)
        if request.connection % NODES == 0:
            raise RefusedError(403, "invalid_signature", "The signature of the link is wrong.")
        return answer
