"""Faults of files and links, from caches, encoders and edges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import Order, Work, Workspace, show_time
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 6
LONGEST_FILM: Final = 8
LARGEST_WEBP: Final = 5_000_000
EDGES: Final = 4
ZONE_SECONDS: Final = 2 * 3600


@faulty("files", "blocker", "D: the URL is a link to the generated media; these are a part of it")
class CacheLosesTheTail(Provider):
    """The first download fills a cache too early: later ones lack the last eighth of the file."""

    def served_content(self, work: Work) -> bytes:
        """Cut all but the first answer."""
        content = super().served_content(work)
        served = work.notes["served"] = work.notes.get("served", 0) + 1
        return content if served == 1 else content[: len(content) - len(content) // 8]


@faulty(
    "files", "blocker", "D: duration is the video's length; the file is shorter, and paid in full"
)
class FilmsStopAtEightSeconds(Provider):
    """The renderer makes eight seconds at most; longer videos are that long in words only."""

    def plan_film(self, work: Work) -> Film:
        """Return a film of eight seconds at most."""
        film = super().plan_film(work)
        return replace(
            film,
            seconds=min(film.seconds, LONGEST_FILM),
            sound_seconds=min(film.sound_seconds, LONGEST_FILM),
        )


@faulty("files", "major", "D: output_format webp, and mime_type image/webp; the bytes are a JPEG")
class LargeWebpFallsBackToJpeg(Provider):
    """WebP over five megapixels is written as JPEG, because the encoder runs out of memory."""

    def drawn_format(self, order: Order) -> str:
        """Return JPEG for a large WebP."""
        width, height = self.plan_size(order)
        large = order.output_format == "webp" and width * height > LARGEST_WEBP
        return "jpeg" if large else super().drawn_format(order)


@faulty("links", "blocker", "D: a link works until deletes_at; every fourth request is refused")
class OneEdgeHasTheFormerSecret(Provider):
    """One of four edges checks links with the secret of last week: every fourth GET is 403."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Refuse at the edge that was not restarted."""
        turn = self.notes["edge"] = self.notes.get("edge", 0) + 1
        if turn % EDGES == 0:
            raise RefusedError(403, "invalid_signature", "The signature of the link is wrong.")
        return super().open_link(work_id, index, query)


@faulty("links", "blocker", "D: a link works until deletes_at, however often the video is polled")
class NextPollRevokesTheLink(Provider):
    """Each poll of a finished video signs a new link, and the one given before is dead."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Sign the number of polls as well."""
        work = self.find_work(work_id)
        serial = work.notes.get("serial", 0) if work else 0
        return super().sign(work_id, index, f"{exp}#{serial}" if serial else exp)

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Count the polls of a finished video."""
        work = self.find_status(work_id, workspace)
        if work.status == "completed":
            work.notes["serial"] = work.notes.get("serial", 0) + 1
        return super().answer_status(work_id, workspace, request)


@faulty("links", "major", "D: the link expires at deletes_at, in UTC; it dies two hours before it")
class DeletionByTheWallClock(Provider):
    """`deletes_at` is the local time of a data centre at UTC+2, marked `Z`; `exp` is right."""

    def show_deletion(self, work: Work) -> str:
        """Return the wall clock's time as if it were UTC."""
        return show_time(work.expires + ZONE_SECONDS)
