"""Endings and money: the books of a workspace's generations.

A generation's cost is held when it is accepted, and booked at the moment at which the generation
ends. Time is passed in; the workspace's lock protects every call.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from getimg_mock.errors import GetimgMockError, Refusal
from getimg_mock.world.journal import Effect, record_effect, withhold_effects
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.world.generations import Ending, Generation
    from getimg_mock.world.holdings import Holdings
    from getimg_mock.world.ledger import Ledger


class Settlement:
    """The generations of one workspace, and what their endings do to its ledger.

    `generations` is by id, in the order of submission; `polls` counts the status requests of the
    videos that polls can end; `charged` has the pending ones, and whether each was charged when it
    was submitted.
    """

    def __init__(self, ledger: Ledger, holdings: Holdings) -> None:
        self.ledger = ledger
        self.generations = holdings.generations
        self.polls = holdings.polls
        self.charged = holdings.charged
        self._unreported = holdings.unreported
        self._due: list[tuple[datetime, int, str]] = []

    @property
    def running(self) -> int:
        """How many generations were pending when the books were last settled."""
        return len(self.charged)

    def is_running(self, generation_id: str) -> bool:
        """Return whether a generation was pending when the books were last settled."""
        return generation_id in self.charged

    def accept(self, generation: Generation, now: datetime, *, charged: bool) -> None:
        """Hold a new generation's cost, and with `charged` charge it; then wait for its ending."""
        generation_id, cost, ending = (
            generation.id,
            generation.product.total_cost,
            generation.ending,
        )
        record_effect(create_record(Effect, ("generation", now, None, generation_id)))
        if ending is not None and ending.at == now and ending.failure is None:
            # Most images: charged now, whether at submission or at their end.
            self.generations[generation_id] = generation
            record_effect(*self.ledger.spend(generation_id, cost, now))
            return
        self.ledger.hold(generation_id, cost, now)
        if charged:
            self.ledger.charge(generation_id, cost, now)
        if ending is not None and ending.at <= now:
            self.generations[generation_id] = generation
            self._book(generation, ending, charged=charged)
        else:
            self.adopt(generation, charged=charged)

    def adopt(self, generation: Generation, *, charged: bool, pending: bool = True) -> None:
        """Add a generation whose cost is booked already; a `pending` one is settled at its end."""
        self.generations[generation.id] = generation
        if pending:
            self.charged[generation.id] = charged
            self.schedule(generation, len(self.generations))

    def forget_schedule(self) -> None:
        """Forget when generations end; `schedule` adds them again."""
        self._due.clear()

    def schedule(self, generation: Generation, order: int) -> None:
        """Settle a pending generation at its end; `order` decides between equal moments."""
        if generation.ending is not None:
            heappush(self._due, (generation.ending.at, order, generation.id))

    def find(self, generation_id: str) -> Generation:
        """Return a generation; raises the 404 `Refusal` for an unknown id."""
        generation = self.generations.get(generation_id)
        if generation is None:
            raise build_not_found(generation_id)
        return generation

    def stays_pending(self, generation_id: str, now: datetime) -> bool:
        """Return whether a video is pending, counts no polls and is not replayed.

        Then nothing has to be booked before it is reported at `now`.
        """
        due = self._due
        if due and due[0][0] <= now:
            return False
        generation = self.generations.get(generation_id)
        return (
            generation is not None
            and generation.product.kind == "video"
            and generation.product.recording is None
            and not generation.transition.polls
            and generation.at(now) == "pending"
        )

    def find_pending(self, generation_id: str, now: datetime) -> Generation:
        """Return a pending generation; raises `GetimgMockError` if it has ended."""
        generation = self.find(generation_id)
        status = generation.at(now)
        if status != "pending":
            raise GetimgMockError(f"{generation_id} is {status} already: endings are final.")
        return generation

    def list_endless(self) -> list[Generation]:
        """Return the pending generations that time alone does not end, by id."""
        running = (self.generations[each] for each in sorted(self.charged))
        return [each for each in running if each.ending is None]

    def settle(self, now: datetime) -> None:
        """Book every ending that has come by `now`, each at its own moment."""
        while self._due and self._due[0][0] <= now:
            at, _, generation_id = heappop(self._due)
            generation = self.generations[generation_id]
            ending = generation.ending
            # An entry is stale when the generation was held or decided otherwise since.
            if not self.is_running(generation_id) or ending is None or ending.at != at:
                continue
            charged = self.charged.pop(generation_id)
            self.polls.pop(generation_id, None)
            # The request that happens to settle the books did not cause this: the effects wait for
            # the request that reports how the generation ended.
            with withhold_effects(self._unreported.setdefault(generation_id, [])):
                self._book(generation, ending, charged=charged)

    def decide(self, generation: Generation, ending: Ending) -> Generation:
        """Give a pending generation another ending, and settle up to that moment."""
        decided = self.generations[generation.id] = generation._replace(ending=ending)
        self.schedule(decided, len(self.generations))
        self.settle(ending.at)
        return decided

    def count_poll(self, generation_id: str) -> int:
        """Count one status request of a video, and return how many there were."""
        self.polls[generation_id] = count = self.polls.get(generation_id, 0) + 1
        return count

    def report(self, generation_id: str) -> None:
        """Count what a generation's end did to the books among the effects of this request."""
        unreported = self._unreported.pop(generation_id, None)
        if unreported:
            record_effect(*unreported)

    def _book(self, generation: Generation, ending: Ending, *, charged: bool) -> None:
        cost = generation.product.total_cost
        if ending.failure is None:
            if not charged:
                self.ledger.charge(generation.id, cost, ending.at)
        elif charged:
            self.ledger.refund(generation.id, cost, generation.created_at, ending.at)
        else:
            self.ledger.release(generation.id, cost, ending.at)


def build_not_found(generation_id: str) -> Refusal:
    """Return the 404 for an id that the workspace does not know."""
    return Refusal(
        "not_found",
        f"Generation '{generation_id[:80]}' not found.",
        hint="ids are known only to the workspace (API key) that made them",
    )
