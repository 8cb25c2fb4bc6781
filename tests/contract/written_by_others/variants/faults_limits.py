"""Faults of the limits and of the headers that tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

TOLD = "Section 9: X-RateLimit-* tell the limit, what remains, and the reset in unix seconds."
WAIT = "Section 9: over RPM is 429 with Retry-After in seconds."


class Limited(Provider):
    """The right provider with limits that a test can reach."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 60, "video": 45}
    at_once: ClassVar[int] = 10


@faulty("limits", "major", TOLD)
class RemainingGoesUp(Limited):
    """On every fourth submission Remaining is three higher, as told by another node."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        shown = super().show_limits(workspace, kind)
        if self.count_started(workspace, kind) % 4 == 0:
            more = int(shown["X-RateLimit-Remaining"]) + 3
            shown["X-RateLimit-Remaining"] = str(min(more, self.per_minute[kind]))
        return shown


@faulty("limits", "major", "Section 9: a limit of n serves n.")
class OneMoreThanTheLimit(Limited):
    """One submission more than the limit is served."""

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        started = workspace.started[kind]
        last = started.pop() if started else None
        try:
            super().check_limits(workspace, kind)
        finally:
            if last is not None:
                started.append(last)


@faulty("limits", "major", TOLD)
class ResetInMilliseconds(Limited):
    """Reset is in unix milliseconds."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        shown = super().show_limits(workspace, kind)
        return {**shown, "X-RateLimit-Reset": shown["X-RateLimit-Reset"] + "000"}


@faulty("limits", "major", TOLD)
class ResetIsADelay(Limited):
    """Reset is the number of seconds that are left."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        left = max(0, int(self.reset_at(workspace, kind) - self.now()))
        return {**super().show_limits(workspace, kind), "X-RateLimit-Reset": str(left)}


@faulty("limits", "major", WAIT)
class NoRetryAfter(Limited):
    """The 429 over RPM has no Retry-After."""

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        return None


@faulty("limits", "major", WAIT)
class RetryAfterOne(Limited):
    """Retry-After is always 1, however long the window still is."""

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        return "1"


@faulty("limits", "major", "Section 4: polling takes nothing from the limits.")
class PollingCounts(Limited):
    """Every fourth look at a video counts as a submission."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        work = self.find_status(work_id, workspace)
        if work.polls % 4 == 3:
            self.count(workspace, "video")
        return super().answer_status(work_id, workspace, request)


@faulty("limits", "major", "Section 9: a video holds a slot until it ends.")
class FailuresLeakSlots(Limited):
    """A submission that is refused for its references keeps a slot for ever."""

    def on_refusal(self, workspace: Workspace, kind: Kind, error: RefusedError) -> None:
        if (error.param or "").startswith("images"):
            workspace.leaked_slots += 1


@faulty("limits", "major", "Section 9: the three headers are on the status GET, too.")
class NoHeadersOnTheStatus(Limited):
    """The status of a completed video has no rate limit headers."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_status(work_id, workspace, request)
        if workspace.works[work_id].status == "completed":
            for name in ("Limit", "Remaining", "Reset"):
                answer.set_header(f"X-RateLimit-{name}", None)
        return answer


@faulty("limits", "major", "Section 9: image RPM and video RPM are two limits.")
class OneCounterForBoth(Limited):
    """Images and videos are counted together."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        return super().count_started(workspace, "image") + super().count_started(workspace, "video")


@faulty("limits", "minor", "Section 8: the code of 429 is rate_limit.")
class OtherCode(Limited):
    """The code of the 429 is rate_limit_exceeded."""

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        try:
            super().check_limits(workspace, kind)
        except RefusedError as error:
            error.code = "rate_limit_exceeded"
            raise


@faulty("limits", "major", "Section 9: a video holds a slot until it ends.")
class SlotUntilItIsSeen(Limited):
    """A video that ended keeps its slot until its status is read."""

    def count_running(self, workspace: Workspace) -> int:
        unseen = (
            work
            for work in workspace.works.values()
            if work.order.kind == "video" and not work.notes.get("seen")
        )
        return super().count_running(workspace) + sum(1 for _ in unseen)

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        if work.status != "pending":
            work.notes["seen"] = True
        return super().describe_work(work, origin)


@faulty("limits", "major", "Section 9: video RPM is a limit.")
class VideosAreNotLimited(Limited):
    """Remaining never falls below 1, and the limit a minute is not enforced for videos."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        counted = super().count_started(workspace, kind)
        return min(counted, self.per_minute[kind] - 1) if kind == "video" else counted


@faulty("limits", "major", TOLD)
class ResetOfTheLastWindow(Limited):
    """Reset is the begin of the running window, so it is always in the past."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        begin = str(int(self.start_of_window()))
        return {**super().show_limits(workspace, kind), "X-RateLimit-Reset": begin}
