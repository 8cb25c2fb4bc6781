"""Faults of money, costs, limits, lives, the catalogue and isolation: holds, clocks, breakers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.accounts import digest
from tests.contract.written_by_others.messages import RefusedError, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from datetime import datetime

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 15
RESERVED: Final = Decimal("0.50")
SMALL_DEPOSIT: Final = Decimal(20)
LARGE_DEPOSIT: Final = Decimal(12_500)
EMPTY_SECONDS: Final = 3
UNPRICED: Final = ("seedance-v1-pro", "480p")
BREAKER_ERRORS: Final = 5
BREAKER_SECONDS: Final = 5


# Money


@faulty(
    "money",
    "blocker",
    "D: 402 is for too little money; orders of half a cent are refused at a balance of 19 dollars",
)
class HalfADollarStaysReserved(Provider):
    """Each order reserves 0.50 of a deposit of 20 for good: 402 after forty, at a balance of 19."""

    def __init__(self, *, video_seconds: float = 2.0) -> None:
        super().__init__(video_seconds=video_seconds)
        for workspace in self.workspaces:
            workspace.deposit = SMALL_DEPOSIT

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return what was ever reserved."""
        return RESERVED * len(workspace.works)


@faulty(
    "money",
    "major",
    "D: balance is a decimal string such as 12.34; `12,499.96` is none, and `12` to many parsers",
)
class BalanceHasThousandsSeparators(Provider):
    """The balance is formatted for people: with 12,500 dollars, it reads `12,499.96`."""

    def __init__(self, *, video_seconds: float = 2.0) -> None:
        super().__init__(video_seconds=video_seconds)
        for workspace in self.workspaces:
            workspace.deposit = LARGE_DEPOSIT

    def show_money(self, amount: Decimal) -> str:
        """Return an amount as invoices have it."""
        whole, _, cents = super().show_money(amount).partition(".")
        return f"{int(whole):,}.{cents}"


# Costs


@faulty(
    "costs",
    "minor",
    "D: end is within 180 days of start; 180 days from noon to noon, and 179 and a half, are 400",
)
class LimitOfTheRangeCountsDates(Provider):
    """The limit of 180 days is held against the dates that a range touches, which are 181."""

    def check_range(self, start: datetime, end: datetime) -> None:
        """Count dates instead of days."""
        super().check_range(start, end)
        if len(self.list_dates(start, end)) > self.days:
            raise refuse_value(f"Invalid end: at most {self.days} days after start.", "end")


# Limits


@faulty(
    "limits",
    "major",
    "D: the window has 60 s and ends at Reset; who orders steadily uses the limit up for good",
)
class EachOrderRenewsTheWindow(Provider):
    """Each order sets the counter's life to 60 s again: `Remaining` does not come back at Reset."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return what was counted since the last quiet minute."""
        count, later = 0, self.now()
        for at in reversed(workspace.started[kind]):
            if later - at >= WINDOW:
                break
            count, later = count + 1, at
        return count


# Lives


@faulty(
    "life",
    "blocker",
    "D: completed has one or more files in data; who reads data[0] then fails on a paid video",
)
class CompletedBeforeThereIsData(Provider):
    """For three seconds after its end, a video is `completed` and charged with an empty `data`."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Leave out the file that is not registered yet."""
        shown = super().describe_work(work, origin)
        video = work.order.kind == "video" and work.status == "completed"
        if video and self.now() - work.ends < EMPTY_SECONDS:
            shown["data"] = []
        return shown


@faulty(
    "life",
    "major",
    "D: id identifies the generation; the finished one has an id that no operation knows",
)
class CompletedVideosNameTheVendorsJob(Provider):
    """From its end on, the `id` in a video's status is that of the vendor's job, not its own."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Hand on the id of the vendor."""
        shown = super().describe_work(work, origin)
        if work.order.kind == "video" and work.status == "completed":
            shown["id"] = f"cgt-20261130-{digest(work.id)[:8]}"
        return shown


# The catalogue


@faulty(
    "catalogue",
    "major",
    "D: pricing has the rates; a resolution that is listed, made and charged has no price anywhere",
)
class LowestResolutionHasNoRate(Provider):
    """seedance-v1-pro lists 480p, makes it and charges 0.015 for it; no rate in `pricing` fits."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Drop the rate that the price list lacks."""
        shown = super().describe_offer(offer)
        rates = shown["pricing"]["rates"]
        shown["pricing"]["rates"] = [
            each for each in rates if (offer.id, each["resolution"]) != UNPRICED
        ]
        return shown

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Drop it in the list as well."""
        return self.describe_offer(offer)


# Isolation


@faulty(
    "isolation",
    "blocker",
    "D: errors are of the request that is wrong; five mistakes of one workspace stop all others",
)
class BreakerCountsEveryonesMistakes(Provider):
    """A circuit breaker counts 400s: after five in 5 s, anyone's good orders are 500 for 5 s."""

    def on_refusal(self, workspace: Workspace, kind: Kind, error: RefusedError) -> None:
        """Count a refusal as a failure of the models behind."""
        super().on_refusal(workspace, kind, error)
        if error.status != 400:
            return
        recent = [each for each in self.notes.get(kind, []) if self.now() - each < BREAKER_SECONDS]
        self.notes[kind] = [*recent, self.now()]
        if len(self.notes[kind]) >= BREAKER_ERRORS:
            self.notes[f"{kind} until"] = self.now() + BREAKER_SECONDS

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        """Refuse good orders while the breaker is open."""
        if self.now() < self.notes.get(f"{kind} until", 0.0):
            raise RefusedError(500, "server_error", self.mishap)
        super().check_limits(workspace, kind)
