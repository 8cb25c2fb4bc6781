"""Faults of money, costs and limits: lost updates, joins, caches and counters."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    answer_json,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from datetime import datetime

    from tests.contract.written_by_others.accounts import Charge, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 8
HOLD_SECONDS: Final = 45
EGRESS: Final = Decimal("0.01")
RANGE_SECONDS: Final = 60
FINE_FRACTION: Final = re.compile(r"\.\d{4,}")
LARGE: Final = ("3K", "4K")
SLOT_SECONDS: Final = 30


# Money


@faulty(
    "money",
    "blocker",
    "D: every generation draws on the balance; what ends while a video runs is paid by nobody",
)
class BalanceIsWrittenFromASnapshot(Provider):
    """The balance is read at the order and written at the end: what overlaps is overwritten."""

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return what was written last."""
        written: Decimal = workspace.notes.get("balance", workspace.deposit)
        return written

    def on_submission(self, work: Work) -> None:
        """Read the balance."""
        work.notes["read"] = self.compute_balance(work.workspace)

    def on_completion(self, work: Work) -> None:
        """Write what was read less the cost."""
        super().on_completion(work)
        work.workspace.notes["balance"] = work.notes["read"] - self.compute_cost(work)


@faulty(
    "money",
    "major",
    "D: a generation draws total_cost on the balance; a finished video takes it twice for a while",
)
class HoldsOutliveTheCharge(Provider):
    """The hold of a video ends 45 seconds after it was charged: till then it is taken twice."""

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return the holds of what runs, and of what ended just now."""
        recent = (
            self.compute_cost(work)
            for work in workspace.works.values()
            if work.order.kind == "video"
            and work.status == "completed"
            and self.now() - work.ends < HOLD_SECONDS
        )
        return super().sum_held(workspace) + sum(recent, Decimal(0))

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what is free."""
        free = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(free), "currency": "USD"})


@faulty(
    "money",
    "blocker",
    "D: generations draw on the balance, downloads do not; reading a file again costs a cent",
)
class EgressIsBilledFromTheSecondDownload(Provider):
    """Traffic is billed by mistake: every download of a file after the first costs 0.01."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Charge what is read again."""
        answer = await super().answer_download(request)
        if request.method == "GET" and answer.status in {200, 206}:
            work = self.find_work(request.path.split("/")[3])
            if work is not None:
                read = work.notes["read"] = work.notes.get("read", 0) + 1
                if read > 1:
                    self.charge(work, EGRESS)
        return answer


# Costs


@faulty(
    "costs",
    "major",
    "D: costs are what was spent by day; the videos of a silent model were paid and do not show",
)
class CostsLoseTheFallbackRate(Provider):
    """Costs join on `sound_on` and `sound_off`: videos at a `not_applicable` rate are left out."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that the join keeps."""
        charges = super().list_charges(workspace)
        orders = {work.id: work.order for work in workspace.works.values()}
        lost = {
            key for key, each in orders.items() if each.kind == "video" and not each.offer.sound
        }
        return [each for each in charges if each.work not in lost]


@faulty(
    "costs",
    "major",
    "D: start and end are ISO 8601, and the SDKs send microseconds; every SDK call is refused",
)
class MicrosecondsAreNoTime(Provider):
    """The parser of `start` and `end` knows milliseconds: six digits after the point are 400."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Refuse fine fractions."""
        if FINE_FRACTION.search(text):
            raise refuse_value(f"Invalid {name}: use ISO 8601 with a zone.", name)
        return super().read_instant(text, name)


@faulty(
    "costs",
    "major",
    "D: one bucket for each date from start to end; another range is answered than was asked for",
)
class CostsAreKeptByTheirStart(Provider):
    """A cache of a minute knows ranges by `start`: a later question has the `end` of the first."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the first range that began there."""
        answer = super().answer_costs(workspace, request)
        start, end = request.query["start"], request.query["end"]
        at, kept = workspace.notes.get(f"range {start}", (0.0, end))
        if self.now() - at >= RANGE_SECONDS:
            workspace.notes[f"range {start}"] = (self.now(), end)
            return answer
        target = f"{request.path}?start={quote(start, safe='')}&end={quote(kept, safe='')}"
        return super().answer_costs(workspace, replace(request, target=target))


# Limits


@faulty(
    "limits",
    "major",
    "D: the limit counts POSTs of images in a minute; large ones use it up four times as fast",
)
class LargeImagesCountAsFour(Provider):
    """An image of 3K or 4K takes four from `X-RateLimit-Remaining` instead of one."""

    def on_submission(self, work: Work) -> None:
        """Count a large image three times more."""
        super().on_submission(work)
        if work.order.resolution in LARGE:
            for _ in range(3):
                self.count(work.workspace, "image")


@faulty(
    "limits",
    "major",
    "D: a video holds its slot until it ends; orders are refused while nothing runs",
)
class SlotsAreFreedHalfAMinuteLate(Provider):
    """A sweeper frees slots: six at once, and each finished video holds one for 30 seconds more."""

    at_once: ClassVar[int] = 6

    def count_running(self, workspace: Workspace) -> int:
        """Count what ended a short while ago."""
        late = sum(
            1
            for work in workspace.works.values()
            if work.order.kind == "video"
            and work.status != "pending"
            and self.now() - work.ends < SLOT_SECONDS
        )
        return super().count_running(workspace) + late


@faulty(
    "limits",
    "major",
    "D: the limit is the workspace's, counted at submission; twice as many pass, and the rest lies",
)
class NodesKeepCountsApart(Provider):
    """Two nodes in turn count what they see: `Remaining` falls at every second order only."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return what the node of the last order has counted."""
        return (super().count_started(workspace, kind) + 1) // 2
