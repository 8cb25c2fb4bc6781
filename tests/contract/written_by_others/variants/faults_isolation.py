"""Faults of isolation: what one workspace sees or takes of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

OWN = "Section 1: the workspace is the boundary."


@faulty("isolation", "blocker", "Section 4: another workspace's id is 404.")
class CompletedVideosAreSeen(Provider):
    """A completed video is shown to any workspace; a pending one is not."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = self.find_work(work_id)
        if work is not None and work.order.kind == "video" and work.status == "completed":
            return work
        return super().find_status(work_id, workspace)


@faulty("isolation", "minor", "Section 4: another workspace's id is 404, as an unknown one.")
class ForbiddenTells(Provider):
    """Another workspace's video is 403, so an id can be tested."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = self.find_work(work_id)
        if work is not None and work.workspace is not workspace:
            raise RefusedError(403, "forbidden", "This generation is not yours.")
        return super().find_status(work_id, workspace)


@faulty("isolation", "blocker", OWN)
class CostsOfAll(Provider):
    """The costs sum the charges of all workspaces."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        return [charge for each in self.workspaces for charge in each.charges]


@faulty("isolation", "blocker", OWN)
class BalanceFromTheCache(Provider):
    """The answer of the balance is kept for a second, for whichever key asks."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        kept_at, body = self.notes.get("balance", (0.0, None))
        if body is None or self.now() - kept_at >= 1:
            body = super().answer_balance(workspace).value
            self.notes["balance"] = (self.now(), body)
        return answer_json(body)


@faulty("isolation", "blocker", OWN)
class EqualPromptsShareAPicture(Provider):
    """An image that any workspace ordered in equal words is answered with its id and link."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        for other in self.workspaces:
            for work in other.works.values():
                if other is not workspace and work.order == order and order.kind == "image":
                    return replace(work, workspace=workspace)
        return super().prepare(order, workspace)


@faulty("isolation", "major", "Section 9: limits are per workspace.")
class LimitsOfAll(Provider):
    """The limit a minute counts all workspaces together."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        return sum(super(LimitsOfAll, self).count_started(each, kind) for each in self.workspaces)


@faulty("isolation", "major", "Section 9: slots are per workspace.")
class SlotsOfAll(Provider):
    """The concurrent limit counts all workspaces together."""

    def count_running(self, workspace: Workspace) -> int:
        return sum(super(SlotsOfAll, self).count_running(each) for each in self.workspaces)


@faulty("isolation", "blocker", OWN)
class ConnectionKeepsItsOwner(Provider):
    """A connection belongs to the workspace of its first key, whichever good key follows."""

    def authenticate(self, request: Incoming) -> Workspace:
        owners: dict[int, Workspace] = self.notes.setdefault("owners", {})
        workspace = super().authenticate(request)
        return owners.setdefault(request.connection, workspace)


@faulty("isolation", "blocker", OWN)
class PaidByTheFirst(Provider):
    """Videos of the second workspace are charged to the first."""

    def charge(self, work: Work, amount: object) -> None:
        owner = work.workspace
        if work.order.kind == "video":
            work.workspace = self.workspaces[0]
        super().charge(work, self.compute_cost(work))
        work.workspace = owner


@faulty("isolation", "minor", "Section 1: keys of one workspace share its generations.")
class VideosBelongToAKey(Provider):
    """A video ordered with one key of a workspace is 404 for the other key of it."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        token = self.read_token(request)
        work = self.find_status(work_id, workspace)
        if work.notes.setdefault("key", token) != token:
            raise RefusedError(404, "not_found", "The generation was not found.")
        return super().answer_status(work_id, workspace, request)
