"""Faults of the life of a generation: states, ids, and what stays the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.accounts import show_time
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace

FINAL = "Section 4: completed and failed are terminal."


@faulty("life", "major", FINAL)
class PendingAgain(Provider):
    """One in twelve looks at a completed video shows it as pending, from a replica that lags."""

    turns = itertools.count(1)

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        done = work.order.kind == "video" and work.status == "completed"
        if done and next(self.turns) % 12 == 0:
            return {"id": work.id, "status": "pending"}
        return super().describe_work(work, origin)


@faulty("life", "major", "Section 4: the id of the 202 can be polled.")
class NotFoundAtFirst(Provider):
    """A new video is 404 for its first half second, until the replica has it."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = super().find_status(work_id, workspace)
        if self.now() - work.created < 0.5:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("life", "major", FINAL)
class FailureHeals(Provider):
    """Every third video fails, and is completed two seconds later by a retry."""

    fail_every: ClassVar[int] = 3

    def settle(self, workspace: Workspace) -> None:
        super().settle(workspace)
        for work in workspace.works.values():
            if work.status == "failed" and self.now() > work.ends + 2:
                work.status = "completed"
                self.on_completion(work)


@faulty("life", "major", "Section 4: pending, completed or failed; nothing else.")
class ProcessingBetween(Provider):
    """In the second half of its time a video is `processing`; it takes ten seconds."""

    def plan_seconds(self, order: Order) -> float:
        return 10.0

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        shown = super().describe_work(work, origin)
        if shown["status"] == "pending" and self.now() > (work.created + work.ends) / 2:
            shown["status"] = "processing"
        return shown


@faulty("life", "minor", "Section 5: deletes_at is when the file is deleted, one time.")
class DeletionMoves(Provider):
    """deletes_at is counted from each look, so it moves on; the link's `exp` does not."""

    def show_deletion(self, work: Work) -> str:
        return show_time(int(self.now()) + self.retention)


@faulty("life", "major", "Section 4: a failed generation is HTTP 200.")
class FailureIs500(Provider):
    """The status of a failed video is HTTP 500; every third video fails."""

    fail_every: ClassVar[int] = 3

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = super().find_status(work_id, workspace)
        if work.status == "failed":
            raise RefusedError(500, "server_error", "Upstream provider request timed out.")
        return work


@faulty("life", "major", "Section 4: pending, then completed or failed.")
class EveryFifthHangs(Provider):
    """Every fifth video stays pending for an hour."""

    def plan_seconds(self, order: Order) -> float:
        self.notes["video"] = self.notes.get("video", 0) + 1
        return 3600 if self.notes["video"] % 5 == 0 else super().plan_seconds(order)


@faulty("life", "major", "Section 4: the result names the model that was asked for.")
class NamesTheFamily(Provider):
    """A video of seedance-v1-pro says that its model is seedance-v1-5-pro."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        shown = super().describe_work(work, origin)
        if shown.get("model") == "seedance-v1-pro":
            shown["model"] = "seedance-v1-5-pro"
        return shown


@faulty("life", "blocker", "Common sense: an id names one generation.")
class IdsRepeat(Provider):
    """Ids have a counter that begins again after 25."""

    def make_id(self) -> str:
        self.notes["ids"] = (self.notes.get("ids", -1) + 1) % 25
        return f"req-01HXYZ{self.notes['ids']:08d}"


@faulty("life", "minor", "Section 4: the result of a completed video stays as it is.")
class SizesFade(Provider):
    """From the third look at a completed video on, width, height and fps are null."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        shown = super().describe_work(work, origin)
        if work.order.kind == "video" and shown["status"] == "completed":
            work.notes["looks"] = work.notes.get("looks", 0) + 1
            if work.notes["looks"] >= 3:
                shown["data"][0].update(width=None, height=None, fps=None)
        return shown


@faulty("life", "major", "Section 4: a completed video can be looked at until it is deleted.")
class ForgottenAfterTheFirstLook(Provider):
    """Four seconds after a video was first seen completed, its id is 404."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = super().find_status(work_id, workspace)
        if work.status == "completed":
            seen = work.notes.setdefault("seen", self.now())
            if self.now() - seen > 4:
                raise refuse_unknown("The generation was not found.")
        return work


@faulty("life", "major", "Section 3: the request is answered once, by one generation.")
class EqualBodiesAreOneVideo(Provider):
    """A video request equal to one of the last minute answers its id instead of a new video."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        work = super().prepare(order, workspace)
        for other in workspace.works.values():
            same = other.order == order and order.kind == "video"
            if same and self.now() - other.created < 60:
                return other
        return work


@faulty("life", "minor", "Section 3: the answer is exactly id and status pending.")
class SaysQueued(Provider):
    """The 202 says `queued`, and the status says `pending`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if answer.status == 202:
            answer.set_value({**answer.value, "status": "queued"})
        return answer


@faulty("life", "major", "Common sense: a link that a completed video shows has a file behind it.")
class CompletedBeforeTheFile(Provider):
    """A video is shown as completed three seconds before its file can be downloaded."""

    def find_work(self, work_id: str) -> Work | None:
        work = super().find_work(work_id)
        early = work is not None and self.now() < work.ends + 3 and work.order.kind == "video"
        return None if early else work
