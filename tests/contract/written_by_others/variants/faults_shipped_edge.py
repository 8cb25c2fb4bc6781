"""Faults of the limits, and of what stands between the service and the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 5
NODES: Final = 2
CLOCK_IS_LATE: Final = 10
CUT_EVERY: Final = 6

# Limits


@faulty(
    "limits", "blocker", "A pending video holds a slot until it ends (D), not until it is seen."
)
class SlotIsHeldUntilTheEndIsSeen(Provider):
    """An ended video holds its slot until its status is asked for, for ever if it never is."""

    at_once: ClassVar[int] = 8

    def count_running(self, workspace: Workspace) -> int:
        """Return how many slots are taken, by videos whose end nobody saw as well."""
        ended = (each for each in workspace.works.values() if each.status != "pending")
        unseen = sum(1 for each in ended if each.order.kind == "video" and "seen" not in each.notes)
        return super().count_running(workspace) + unseen

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status of a video, and free its slot if it has ended."""
        answer = super().answer_status(work_id, workspace, request)
        work = self.find_status(work_id, workspace)
        if work.status != "pending":
            work.notes["seen"] = True
        return answer


@faulty("limits", "major", "Requests are counted for the workspace (D), over all connections.")
class EachNodeCountsForItself(Provider):
    """Two nodes behind a balancer have counts of their own; the connection says which."""

    async def respond(self, request: Incoming) -> Outgoing:
        """Answer a request on the node of its connection."""
        self.notes["node"] = request.connection % NODES
        return await super().respond(request)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission on this node."""
        at_node = workspace.started.setdefault(f"{kind}-{self.notes['node']}", [])
        at_node.append(self.now())

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations this node counted in the running window."""
        begin = self.start_of_window()
        at_node = workspace.started.get(f"{kind}-{self.notes['node']}", [])
        return sum(1 for at in at_node if at >= begin)


@faulty("limits", "major", "A request is tried again after `Retry-After` seconds (D).")
class RetryAfterIsTenSecondsShort(Provider):
    """`Retry-After` is 10 s too short, so who obeys it is refused again."""

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        """Return the seconds by a clock that is wrong."""
        wait = super().retry_after(workspace, kind)
        return None if wait is None else str(max(1, int(wait) - CLOCK_IS_LATE))


# HTTP


@faulty("http", "major", "Answers are JSON (D), which is UTF-8.")
class ErrorsAreLatin1(Provider):
    """The body of an error is encoded as ISO 8859-1: no JSON where it repeats other letters."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        answer = super().finish(request, answer)
        if answer.status >= 400:
            answer.body = answer.body.decode().encode("latin-1", "replace")
        return answer


@faulty("http", "major", "Orders are JSON over HTTP/1.1 (D), which has chunked bodies.")
class ChunkedRequestIsReadAsEmpty(Provider):
    """A body that comes in chunks, without `Content-Length`, is taken for an empty one."""

    async def respond(self, request: Incoming) -> Outgoing:
        """Answer a request with as many bytes of its body as its header tells."""
        if request.header("content-length") is None:
            request = replace(request, body=b"")
        return await super().respond(request)


@faulty("http", "blocker", "A download answers the bytes of the file (D), all of them.")
class EachSixthDownloadBreaksOff(Provider):
    """Each sixth whole file breaks off in the middle, and the connection ends."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, and choose whether it will break off."""
        answer = super().finish(request, answer)
        whole = answer.status == 200 and request.method == "GET"
        if whole and request.path.startswith("/v2/downloads/"):
            self.notes["sent"] = self.notes.get("sent", 0) + 1
            if self.notes["sent"] % CUT_EVERY == 0:
                self.notes["cut"] = request
                answer.close = True
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the head and the half of the body, where it breaks off."""
        head, body = super().frame(request, head, body)
        if self.notes.get("cut") is request:
            body = body[: len(body) // 2]
        return head, body
