"""Faults of limits, keys and isolation, from gateways, counters and caches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.accounts import WRONG_KEY, Work, Workspace
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 7
IDLE_SECONDS: Final = 1.5
GATEWAYS: Final = 2


@faulty("limits", "major", "D: a pending video holds a slot until it ends, not until it is polled")
class SlotIsFreedByThePoll(Provider):
    """Slots come back when a result is fetched: five unpolled videos, though ended, block all."""

    at_once: ClassVar[int] = 5

    def count_running(self, workspace: Workspace) -> int:
        """Count what was not fetched."""
        return sum(
            1
            for work in workspace.works.values()
            if work.status == "pending"
            or (work.order.kind == "video" and "fetched" not in work.notes)
        )

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Give the slot of a video back that has ended."""
        work = self.find_status(work_id, workspace)
        if work.status != "pending":
            work.notes["fetched"] = True
        return super().answer_status(work_id, workspace, request)


@faulty("limits", "major", "D: the limit is the workspace's, counted at each submission")
class TwoGatewaysCountApart(Provider):
    """Two gateways count apart: `Remaining` falls every other time, twice the limit passes."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return the count of the gateway that has the turn."""
        started = workspace.started[kind]
        begin = self.start_of_window()
        turn = (len(started) - 1) % GATEWAYS
        return sum(1 for at in started[turn::GATEWAYS] if at >= begin)


@faulty("limits", "major", "D: Retry-After is in seconds; SDKs ignore what is over 60")
class RetryAfterInMilliseconds(Provider):
    """`Retry-After` is in milliseconds: who obeys waits for hours, the SDK does not wait at all."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 48, "video": 36}

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        """Return milliseconds."""
        return str(max(1, int((self.reset_at(workspace, kind) - self.now()) * 1000)))


@faulty("keys", "blocker", "D: a wrong or missing key is 401, whatever the connection was used for")
class UsedConnectionsPassAnyKey(Provider):
    """After one good request on a connection, others on it pass with a wrong key or none."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Fall back to the account of the connection."""
        lines: dict[int, Workspace] = self.notes.setdefault("lines", {})
        try:
            workspace = super().authenticate(request)
        except RefusedError:
            if request.connection not in lines:
                raise
            workspace = lines[request.connection]
            self.settle(workspace)
        lines[request.connection] = workspace
        return workspace


@faulty("keys", "blocker", "D: 401 is for wrong keys, and not retryable; this key is right")
class IdleKeysAreRefusedOnce(Provider):
    """A key unused for 1.5 s drops out of a cache, and the request that reloads it is 401."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Refuse a key that was not used for a while."""
        workspace = super().authenticate(request)
        uses: dict[str | None, float] = self.notes.setdefault("uses", {})
        token, now = self.read_token(request), self.now()
        before = uses.get(token, now)
        uses[token] = now
        if now - before > IDLE_SECONDS:
            raise RefusedError(401, "invalid_api_key", WRONG_KEY)
        return workspace


@faulty("keys", "major", "D: every operation but a download needs a valid key")
class OneModelNeedsNoRealKey(Provider):
    """The newer `GET /v2/models/{model}` checks a key's form alone: any `sk_...` is let in."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Let anything in that looks like a key."""
        try:
            return super().authenticate(request)
        except RefusedError:
            formed = (self.read_token(request) or "").startswith("sk_")
            if formed and request.path.startswith("/v2/models/"):
                return Workspace(name="nobody", keys=())
            raise


@faulty("isolation", "blocker", "D: another workspace's id is 404; here its result and link show")
class FinishedVideosAreEveryones(Provider):
    """Once its owner polled a finished video, every workspace gets its status and link by id."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Look into the cache of finished videos for what is not the caller's."""
        finished: dict[str, Work] = self.notes.setdefault("finished", {})
        try:
            work = super().find_status(work_id, workspace)
        except RefusedError:
            if work_id not in finished:
                raise
            return finished[work_id]
        if work.status == "completed":
            finished[work_id] = work
        return work


@faulty("isolation", "major", "D: limits are per workspace; a neighbour's orders count here")
class NeighboursShareACounter(Provider):
    """The limiter counts all workspaces as one: a neighbour's orders lower what remains."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Count for all workspaces."""
        del workspace
        return sum(
            super(NeighboursShareACounter, self).count_started(each, kind)
            for each in self.workspaces
        )


@faulty("isolation", "blocker", "D: costs are those of the workspace; another's are shown")
class CostReportsAreCachedByRange(Provider):
    """Reports are cached by range alone: another workspace that asks for it sees these costs."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer from the cache, whoever filled it."""
        reports: dict[object, tuple[Workspace, int, Outgoing]]
        reports = self.notes.setdefault("reports", {})
        key = (request.query.get("start"), request.query.get("end"))
        owner, spent, answer = reports.get(key, (workspace, -1, Outgoing(status=500)))
        if spent != len(owner.charges):
            answer = super().answer_costs(workspace, request)
            reports[key] = (workspace, len(workspace.charges), answer)
        return replace(answer, headers=list(answer.headers))
