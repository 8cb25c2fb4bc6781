"""Faults of lives, errors and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 6
RETRY_SECONDS: Final = 1.0
LAG_SECONDS: Final = 0.8
REPLICAS: Final = 3
NODES: Final = 3


@faulty("life", "blocker", "D: failed is terminal; this video completes later, and is charged")
class FailureIsTriedAgain(Provider):
    """Every third video fails; a second after a client saw that, the queue has it completed."""

    fail_every: ClassVar[int] = 3

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Complete what was seen to fail."""
        work = self.find_status(work_id, workspace)
        if work.status == "failed":
            seen = work.notes.setdefault("failed_at", self.now())
            if self.now() - seen >= RETRY_SECONDS:
                work.fails = False
                self.end(work)
        return super().answer_status(work_id, workspace, request)


@faulty("life", "major", "D: completed is terminal; every third look says pending again")
class ReplicaStillSaysPending(Provider):
    """One of three read replicas is behind: every third poll of a finished video is `pending`."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return what the replica knows."""
        if work.order.kind == "video" and work.status != "pending":
            turn = work.notes["looks"] = work.notes.get("looks", 0) + 1
            if turn % REPLICAS == 0:
                return {"id": work.id, "status": "pending"}
        return super().describe_work(work, origin)


@faulty("life", "major", "D: the id of a 202 is polled, with 200; 404 is for unknown ids")
class UnseenOnOtherConnections(Provider):
    """For 0.8 s a new video is 404 on any connection but the one that ordered it."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Note the connection."""
        work = await super().submit(request, workspace, kind)
        work.notes["line"] = request.connection
        return work

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer 404 where the video has not arrived."""
        work = self.find_status(work_id, workspace)
        elsewhere = request.connection != work.notes.get("line")
        if elsewhere and self.now() - work.created < LAG_SECONDS:
            raise refuse_unknown("The generation was not found.")
        return super().answer_status(work_id, workspace, request)


@faulty("errors", "major", "D: a wrong value is 400 invalid_parameter in the error envelope")
class WrongTypesFromTheFramework(Provider):
    """A field of a wrong type gets the web framework's own 422, `{"detail": [...]}`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer as the framework does."""
        if not error.message.startswith("Invalid type"):
            return super().answer_error(error)
        detail = {"type": "type_error", "loc": ["body", error.param], "msg": error.message}
        answer = answer_json({"detail": [detail]}, 422)
        answer.headers += list(error.headers.items())
        return answer


@faulty("errors", "major", "D: the error of a failed video has a code and a message")
class FailureIsAText(Provider):
    """Every third video fails, and its `error` is a text instead of an object."""

    fail_every: ClassVar[int] = 3

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the message alone."""
        value = super().describe_work(work, origin)
        if "error" in value:
            value["error"] = value["error"]["message"]
        return value


@faulty("errors", "major", 'D: the body of an error is {"error": {...}}')
class OneNodeUnwrapsItsErrors(Provider):
    """One of three nodes is of a new version: its refusals lack the `error` around them."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Unwrap every third refusal."""
        answer = super().answer_error(error)
        turn = self.notes["refusals"] = self.notes.get("refusals", 0) + 1
        if turn % NODES == 0:
            answer.set_value(answer.value["error"])
        return answer


@faulty("limits", "major", "D: polling is a read and takes nothing from the generation limits")
class LooksAtFinishedWorkCount(Provider):
    """A poll of a video that has ended is counted as a submission; one before the end is not."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Count a look at what has ended."""
        if self.find_status(work_id, workspace).status != "pending":
            self.count(workspace, "video")
        return super().answer_status(work_id, workspace, request)


@faulty("limits", "blocker", "D: a pending video holds a slot until it ends, and failing is an end")
class FailuresKeepTheirSlots(Provider):
    """Every second video fails and keeps its slot of six: soon everything is 429."""

    fail_every: ClassVar[int] = 2
    at_once: ClassVar[int] = 6

    def on_failure(self, work: Work) -> None:
        """Leak the slot."""
        super().on_failure(work)
        work.workspace.leaked_slots += 1


@faulty("limits", "major", "D: images a minute are counted on the path of images alone")
class VideosCountAsImagesToo(Provider):
    """A video takes one from the images a minute as well as from the videos."""

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a video in both windows."""
        super().count(workspace, kind)
        if kind == "video":
            super().count(workspace, "image")
