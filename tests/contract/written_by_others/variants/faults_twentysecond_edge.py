"""Faults of the twenty-second batch: memories that outlive the request they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Charge, Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 22


@faulty("isolation", "blocker", "D: a video's status is retrieved by its id; no other may hide it")
class StrangersMissIsCachedForTheOwner(Provider):
    """Once another workspace asked for a video and got 404, its owner gets 404 as well."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, unless a miss of that path is remembered."""
        misses: set[str] = self.notes.setdefault("misses", set())
        try:
            if work_id in misses:
                return super().find_status("", workspace)
            return super().find_status(work_id, workspace)
        except RefusedError:
            misses.add(work_id)
            raise


@faulty("costs", "major", "D: the costs of a date are what its generations cost, as `usage` says")
class LedgerTakesTwinsForReplays(Provider):
    """Of charges of one amount within a minute, the costs show one; the balance pays for all."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges, each amount once a minute."""
        kept: dict[tuple[int, Decimal], Charge] = {}
        for charge in workspace.charges:
            kept.setdefault((int(charge.at // 60), charge.amount), charge)
        return list(kept.values())


@faulty("limits", "major", "D: the image limit is a number of requests a minute; each POST is one")
class HeavyPicturesWeighInTheQuota(Provider):
    """A picture in 4K takes four from the images a minute, all others take one."""

    def on_submission(self, work: Work) -> None:
        """Count a heavy picture three times more than the request did."""
        if work.order.resolution == "4K":
            work.workspace.started["image"] += [self.now()] * 3


@faulty("errors", "major", "D: a 401 has `param: null`; an error names fields of its own request")
class ErrorBuilderKeepsTheLastParam(Provider):
    """An error without a `param` shows that of the last refusal, whoever's it was."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal; the builder is never emptied."""
        if error.param is None:
            error.param = self.notes.get("param")
        self.notes["param"] = error.param
        return super().answer_error(error)


@faulty("http", "blocker", "RFC 9110, 15.3.7: a part is not the file; a 200 has all of its bytes")
class EdgeKeepsThePartAsTheFile(Provider):
    """After the first bytes of a file were asked for by range, they are all that is left of it."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer a range, and keep it in the cache if it begins where the file begins."""
        answer = super().answer_range(wanted, headers, content)
        if answer.status == 206 and content.startswith(answer.body):
            self.notes["part"] = answer.body
        return answer

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer a file, and store what the cache kept of it."""
        answer = super().answer_file(request, work, content)
        work.content = self.notes.pop("part", work.content)
        return answer


@faulty("money", "blocker", "D: a generation costs `unit_price * quantity`, as its `usage` says")
class BatchIsBookedAtThePriceOfItsLast(Provider):
    """Videos that end between two requests are each charged what the last of them costs."""

    def settle(self, workspace: Workspace) -> None:
        """End the videos whose time has come, and book them in one go."""
        due = [work for work in workspace.works.values() if work.status == "pending"]
        due = [work for work in due if work.ends <= self.now()]
        for work in due:
            work.notes["booked"] = self.compute_cost(due[-1])
        super().settle(workspace)

    def on_completion(self, work: Work) -> None:
        """Charge what was written into the batch."""
        self.charge(work, work.notes.get("booked", self.compute_cost(work)))


@faulty("life", "blocker", "D: a completed video is what its id ordered: duration, size and sound")
class RendersAreMatchedByArrival(Provider):
    """A video that overtakes an earlier one of its workspace swaps files with it."""

    def find_overtaker(self, work: Work) -> Work | None:
        """Return the first video that was ordered later and ended sooner."""
        works = [each for each in work.workspace.works.values() if each.order.kind == "video"]
        later = (each for each in works if each.number > work.number and each.ends < work.ends)
        return next(later, None)

    def draw(self, work: Work) -> bytes:
        """Return the bytes that the farm delivered when this one was waited for."""
        if work.order.kind != "video":
            return super().draw(work)
        overtaker = self.find_overtaker(work)
        if overtaker is None:
            works = work.workspace.works.values()
            overtaken = (each for each in works if each.order.kind == "video")
            overtaker = next((e for e in overtaken if self.find_overtaker(e) is work), None)
        return super().draw(overtaker or work)


@faulty("inputs", "blocker", "D: without `resolution` it is the model's first, and is paid as that")
class LastResolutionBecomesTheDefault(Provider):
    """An order without a resolution gets, and pays, the last that anyone named for the model."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return a ratio or a resolution; the settings of the model's form are remembered."""
        if name != "resolution":
            return super().choose(body, name, offer)
        remembered: dict[str, str] = self.notes.setdefault("resolutions", {})
        if name not in body:
            body = {**body, name: remembered.get(offer.id, offer.resolutions[0])}
        remembered[offer.id] = super().choose(body, name, offer)
        return remembered[offer.id]


@faulty("catalogue", "major", "D: `rates` are a model's prices; what is billed is among them")
class NestedRatesArePagedByFive(Provider):
    """The list of models has at most five rates a model; the model alone has them all."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with the first page of its rates."""
        shown = super().list_offer(offer)
        shown["pricing"]["rates"] = shown["pricing"]["rates"][:5]
        return shown


@faulty("links", "major", "D: a link opens until its `exp`, the `deletes_at` of the file")
class OnlyTheNewestLinkOpens(Provider):
    """Each look at a video's status makes another link, and those shown before answer 403."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature of a link, with how often the status was read."""
        found = (w.works[work_id] for w in self.workspaces if work_id in w.works)
        work = next(found, None)
        return super().sign(work_id, index, f"{exp}-{work.polls if work else 0}")
