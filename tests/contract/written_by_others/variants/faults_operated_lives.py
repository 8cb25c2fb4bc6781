"""Faults of the lives of videos and of the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, refuse_unknown
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind


BATCH: Final = 4


@faulty("life", "major", "completed and failed are terminal (D)")
class StaleReplicaAfterTheEnd(Provider):
    """Every third look at a video that has ended comes from a replica where it is pending."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer from the replicas in turn."""
        answer = super().answer_status(work_id, workspace, request)
        work = self.find_status(work_id, workspace)
        if work.status != "pending":
            looks = work.notes["looks"] = work.notes.get("looks", 0) + 1
            if looks % 3 == 0:
                answer.set_value({"id": work.id, "status": "pending"})
        return answer


@faulty(
    "life", "blocker", "A video that was paid can be retrieved by its id; 404 is for unknown (D)"
)
class OnlyTheLastFiveAreKept(Provider):
    """The store of results holds five videos that ended; older ones are 404 from then on."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return a video that is pending, or among the last that ended."""
        work = super().find_status(work_id, workspace)
        ended = [
            each
            for each in workspace.works.values()
            if each.order.kind == "video" and each.status != "pending"
        ]
        kept = sorted(ended, key=lambda each: each.ends)[-5:]
        if work.status != "pending" and work not in kept:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("life", "blocker", "failed is terminal, and costs nothing from then on (D)")
class FailedVideosAreTriedAgain(Provider):
    """Every third video fails; four seconds later the queue's retry completes and charges it."""

    fail_every: ClassVar[int] = 3

    def settle(self, workspace: Workspace) -> None:
        """End what is due, and deliver failures for the second time."""
        super().settle(workspace)
        for work in workspace.works.values():
            if work.status == "failed" and work.ends + 4 <= self.now():
                work.status = "completed"
                self.on_completion(work)


@faulty("limits", "major", "The limits are counted for the workspace (D): each submission counts")
class EachReplicaCountsAlone(Provider):
    """Two replicas take turns and count their own: Remaining falls by every second submission."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return what the replica of the last submission has counted."""
        times = workspace.started[kind]
        begin = self.start_of_window()
        return sum(1 for at in times[(len(times) - 1) % 2 :: 2] if at >= begin)


@faulty("limits", "major", "X-RateLimit-Reset is in unix seconds, on the status as well (D)")
class ResetOfTheStatusInMilliseconds(Provider):
    """The status of a video tells its reset in milliseconds; submissions tell it in seconds."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status with the clock of another service."""
        answer = super().answer_status(work_id, workspace, request)
        reset = self.reset_at(workspace, "video")
        answer.set_header("X-RateLimit-Reset", str(reset * 1000))
        return answer
