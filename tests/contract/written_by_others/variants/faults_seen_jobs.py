"""Faults of jobs and limits, as they reach production."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

# Lives


BATCH: Final = 3


@faulty("life", "blocker", "D: completed is terminal; nothing comes after it.")
class ReplicaBehind(Provider):
    """For 6 seconds after the first connection saw a video complete, another sees it pending."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_status(work_id, workspace, request)
        work = workspace.works[work_id]
        if work.status == "pending":
            return answer
        first, when = work.notes.setdefault("primary", (request.connection, self.now()))
        if first != request.connection and self.now() - when < 6:
            answer.set_value({"id": work.id, "status": "pending"})
        return answer


@faulty("life", "blocker", "D: 404 is for an unknown id; finished work is not lost.")
class ForgottenSoonAfterEnd(Provider):
    """The status is kept for 20 seconds after the end of a video; then its id is unknown."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = super().find_status(work_id, workspace)
        if work.status != "pending" and self.now() - work.ends > 20:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("life", "major", "D: `completed` comes with the file: its link works until `deletes_at`.")
class CompletedBeforeUpload(Provider):
    """A video is called completed 4 seconds before its file is there: the link is a 404 so long."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        work = super().open_link(work_id, index, query)
        if work.order.kind == "video" and self.now() - work.ends < 4:
            raise refuse_unknown()
        return work


# Limits


@faulty("limits", "major", "D: the limits are the workspace's, not those of a server among two.")
class CountersPerInstance(Provider):
    """Two instances behind a balancer count for themselves: a second connection begins anew."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 30, "video": 30}

    async def route(self, request: Incoming) -> Outgoing:
        self.notes["instance"] = request.connection % 2
        return await super().route(request)

    def started_here(self, workspace: Workspace, kind: Kind) -> list[float]:
        """Return when this instance counted a submission."""
        name = f"{kind} {self.notes['instance']}"
        started: list[float] = workspace.notes.setdefault(name, [])
        return started

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        begin = self.start_of_window()
        return sum(1 for at in self.started_here(workspace, kind) if at >= begin)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        self.started_here(workspace, kind).append(self.now())


@faulty("limits", "major", "D: a video holds its slot until it ends, not until that is seen.")
class SlotUntilPolled(Provider):
    """A slot is given back by the poll that sees the end: unwatched videos hold theirs for ever."""

    at_once: ClassVar[int] = 4

    def count_running(self, workspace: Workspace) -> int:
        ended = [work for work in workspace.works.values() if work.status != "pending"]
        videos = [work for work in ended if work.order.kind == "video"]
        unseen = sum(1 for work in videos if not work.notes.get("seen"))
        return super().count_running(workspace) + unseen

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_status(work_id, workspace, request)
        work = workspace.works[work_id]
        if work.status != "pending":
            work.notes["seen"] = True
        return answer


@faulty("limits", "minor", "D: `Retry-After` of a 429 over the limit is in seconds.")
class RetryAfterIsDate(Provider):
    """`Retry-After` is an HTTP date, as the new gateway writes it."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 20, "video": 20}

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        reset = datetime.fromtimestamp(self.reset_at(workspace, kind), UTC)
        return format_datetime(reset, usegmt=True)
