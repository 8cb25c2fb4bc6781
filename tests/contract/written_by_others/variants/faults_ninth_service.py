"""Faults of a service in operation: vendors' steps, caches, debugging, queues and counters."""

from __future__ import annotations

import codecs
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from datetime import date

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 9
BLOCK_SECONDS: Final = 5
KEPT_SECONDS: Final = 60


@faulty(
    "money",
    "blocker",
    "D: total_cost = unit_price * seconds, and that is drawn on the balance; 6 s are paid as 10 s",
)
class FilmsArePaidInBlocksOfFive(Provider):
    """The vendor bills blocks of 5 s: 6 s take 10 s' money, while `usage` still says 6."""

    def compute_cost(self, work: Work) -> Decimal:
        """Round the seconds up to whole blocks."""
        if work.order.kind == "image":
            return super().compute_cost(work)
        blocks = -(-work.quantity // BLOCK_SECONDS)
        return work.unit_price * blocks * BLOCK_SECONDS


@faulty(
    "isolation",
    "blocker",
    "D: a video is its workspace's, 404 for others; a stranger gets its link, once it was read",
)
class FinishedStatusIsCachedByIdAlone(Provider):
    """Finished answers are cached a minute by id, and the cache is asked before the owner is."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return what the cache has, whoever asks."""
        cache: dict[str, tuple[float, Work]] = self.notes.setdefault("finished", {})
        at, kept = cache.get(work_id, (0.0, None))
        if kept is not None and self.now() - at < KEPT_SECONDS:
            return kept
        work = super().find_status(work_id, workspace)
        if work.status == "completed":
            cache[work_id] = (self.now(), work)
        return work


@faulty(
    "keys",
    "blocker",
    "Common sense: a key is a secret; error bodies are logged by clients, and this one has the key",
)
class RefusedValuesDumpTheHeaders(Provider):
    """Debugging was left on: a 400 has `debug` with all headers of the request, the key as well."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add what was received."""
        if answer.status == 400:
            value = answer.value
            value["error"]["debug"] = {"method": request.method, "headers": dict(request.headers)}
            answer.set_value(value)
        return answer


@faulty(
    "files",
    "blocker",
    "D: data describes the file behind its url; who orders two videos at once gets the other's",
)
class VideosOfTheSameTimeSwapFiles(Provider):
    """The vendor's two callbacks are told apart by arrival: videos that run together swap files."""

    def on_submission(self, work: Work) -> None:
        """Pair a video with another one that runs and has no partner."""
        super().on_submission(work)
        if work.order.kind == "image":
            return
        others = [each for one in self.workspaces for each in one.works.values()]
        for other in others:
            free = other.status == "pending" and "partner" not in other.notes
            if other is not work and other.order.kind == "video" and free:
                work.notes["partner"], other.notes["partner"] = other, work
                return

    def plan_film(self, work: Work) -> Film:
        """Return the film of the partner."""
        return super().plan_film(work.notes.get("partner", work))


@faulty(
    "costs",
    "major",
    "D: a bucket is a UTC date; asked with +10:00 the dates, and what lies in them, are Sydney's",
)
class BucketsFollowTheZoneOfTheQuestion(Provider):
    """Costs are summed by the calendar of `start`'s zone: right with `Z`, shifted with others."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Keep the zone of the question."""
        instant = super().read_instant(text, name)
        return instant.astimezone(datetime.fromisoformat(text).tzinfo)

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Sum by the dates of that zone."""
        days = (end.astimezone(start.tzinfo).date() - start.date()).days + 1
        dates = [start.date() + timedelta(days=index) for index in range(days)]
        totals = dict.fromkeys(dates, Decimal(0))
        for charge in self.list_charges(workspace):
            day = datetime.fromtimestamp(charge.at, start.tzinfo).date()
            if day in totals:
                totals[day] += charge.amount
        return totals


@faulty(
    "http",
    "major",
    "RFC 8259 8.1: a byte order mark MUST NOT be added; parsers of text refuse the whole answer",
)
class BillingBeginsWithAByteOrderMark(Provider):
    """Balance and costs come from another framework, whose UTF-8 writer begins with EF BB BF."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Put the mark before the value."""
        if request.path.startswith("/v2/billing/") and answer.status == 200:
            answer.body = codecs.BOM_UTF8 + answer.body
        return answer


@faulty(
    "limits",
    "major",
    "D: images and videos have a limit each; pictures use up the minute of the videos as well",
)
class OneCounterForImagesAndVideos(Provider):
    """The counter is by workspace alone: an image takes one from the videos' `Remaining`, too."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Count both kinds."""
        count = super().count_started
        return count(workspace, "image") + count(workspace, "video")


@faulty(
    "errors",
    "major",
    "D: every error is JSON with error.message; a model, ratio or type with a quote breaks it",
)
class ErrorsArePastedTogether(Provider):
    """The gateway pastes texts into a template unescaped: a `"` in a value ends the JSON."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Paste the message as it is."""
        plain = RefusedError(error.status, error.code, "@@", error.param, error.headers)
        answer = super().answer_error(plain)
        answer.body = answer.body.replace(b"@@", error.message.encode("utf-8", "replace"), 1)
        return answer
