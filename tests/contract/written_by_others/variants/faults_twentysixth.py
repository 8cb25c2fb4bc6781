"""Faults of the twenty-sixth batch: caches, queues, joins and gateways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 26


@faulty("isolation", "blocker", "common sense: a stranger's request cannot take away one's video")
class MissOfAStrangerIsCachedForItsOwner(Provider):
    """After another workspace asked for a video, its owner is told as well that there is none."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, unless somebody was told lately that there is none."""
        missing: dict[str, float] = self.notes.setdefault("missing", {})
        if self.now() < missing.get(work_id, 0):
            raise refuse_unknown("The generation was not found.")
        try:
            return super().find_status(work_id, workspace)
        except RefusedError:
            missing[work_id] = self.now() + 60
            raise


@faulty("costs", "major", "D: `cost` is what was spent on a date, by the usage of each generation")
class JoinWithReferencesMultipliesTheCosts(Provider):
    """The costs hold a generation once for each of its reference pictures."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges as a join with the references gives them."""
        return [
            charge
            for charge in workspace.charges
            for _ in range(max(1, len(workspace.works[charge.work].order.references)))
        ]


@faulty("money", "blocker", "D: total_cost = unit_price * quantity; this is drawn from the balance")
class PaddingOfTheSoundTrackIsBilled(Provider):
    """A video with sound is charged one second more than its usage says."""

    def on_completion(self, work: Work) -> None:
        """Charge the length of the file, which the sound makes longer, rounded up to seconds."""
        extra = 1 if self.has_sound(work.order) else 0
        self.charge(work, self.compute_cost(work) + work.unit_price * extra)


@faulty("inputs", "blocker", "D: quantity is 1 for an image; one pays for what one gets")
class OldNumberOfImagesIsStillPriced(Provider):
    """The unknown field `number_of_images` multiplies the price; there is one picture only."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order, with the number that v1 knew."""
        order = super().read_order(body, kind)
        number = body.get("number_of_images")
        if kind == "image" and isinstance(number, int) and 1 < number <= 10:
            return replace(order, duration=number)
        return order

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation, priced by that number."""
        work = super().prepare(order, workspace)
        work.quantity = max(1, order.duration)
        return work


@faulty("life", "blocker", "D: `completed` is terminal; common sense: a generation is charged once")
class QueueRedeliversLongVideos(Provider):
    """A video of 8 s or more is pending again soon after completion, and is charged again."""

    def settle(self, workspace: Workspace) -> None:
        """End videos; the queue gives the long ones to a second worker, once."""
        super().settle(workspace)
        for work in workspace.works.values():
            if work.order.kind != "video" or work.order.duration < 8 or work.status != "completed":
                continue
            seen: float = work.notes.setdefault("seen", self.now())
            if "again" not in work.notes and self.now() - seen >= 1:
                work.notes["again"] = True
                work.status = "pending"
                work.ends = self.now() + self.plan_seconds(work.order)


@faulty("errors", "major", "D: `param` names what is wrong in this request; it is null with a 401")
class SharedErrorKeepsTheLastParam(Provider):
    """An error that has no `param` carries the one of the refusal before it, of any client."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal from an object that is filled again and again."""
        if error.param is None:
            error.param = self.notes.get("param")
        self.notes["param"] = error.param
        return super().answer_error(error)


@faulty("http", "major", "RFC 9112, 9.3: the body of a request is read or the connection is closed")
class UnreadBodySpoilsTheNextRequest(Provider):
    """After a POST with a wrong key, the next request of the same connection is answered 400."""

    async def respond(self, request: Incoming) -> Outgoing:
        """Answer a request, or the rest of a body that was taken for one."""
        unread: set[int] = self.notes.setdefault("unread", set())
        if request.connection in unread:
            unread.discard(request.connection)
            message = "The request is not valid HTTP/1.1."
            answer = self.answer_error(RefusedError(400, "invalid_parameter", message))
            answer.close = True
            return answer
        answer = await super().respond(request)
        if answer.status == 401 and request.body:
            unread.add(request.connection)
        return answer


@faulty("limits", "major", "D: the limits of a minute are per workspace, whatever the model")
class EachModelHasABucketOfItsOwn(Provider):
    """Generations are counted for each model; with another model `Remaining` is full again."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation; its model chooses the bucket."""
        workspace.notes[f"bucket-{order.kind}"] = order.offer.id
        return super().prepare(order, workspace)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission in the bucket of its model."""
        super().count(workspace, kind)
        bucket = workspace.notes[f"bucket-{kind}"]
        workspace.notes.setdefault(f"counts-{bucket}", []).append(self.now())

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations are in the bucket of the last model."""
        counts = workspace.notes.get(f"counts-{workspace.notes.get(f'bucket-{kind}')}", [])
        return sum(1 for at in counts if at >= self.start_of_window())


@faulty("keys", "major", "D: 401 is for a missing, malformed, revoked or wrong key alone")
class FiveWrongKeysLockOutGoodOnes(Provider):
    """After five wrong keys within a minute, good keys are refused too for ten seconds."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key, and guard against guessing."""
        if self.now() < self.notes.get("locked", 0):
            return None
        found = super().find_workspace(token)
        if found is None:
            wrong = [at for at in self.notes.get("wrong", []) if at > self.now() - 60]
            wrong.append(self.now())
            if len(wrong) >= 5:
                self.notes["locked"] = self.now() + 10
                wrong = []
            self.notes["wrong"] = wrong
        return found


@faulty("files", "blocker", "O: bytes have the requested size; nobody gets the picture of another")
class TemporaryFileIsNamedByTheSecond(Provider):
    """Pictures of one format that are finished in the same second are all the same file."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of the temporary file of a second."""
        if work.order.kind == "video":
            return super().draw(work)
        name = f"{int(work.ends)}.{work.order.output_format}"
        if name not in self.notes:
            self.notes[name] = super().draw(work)
        content: bytes = self.notes[name]
        return content
