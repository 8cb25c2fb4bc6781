"""What earlier plans of a run left behind at a target: videos that have not ended, full windows.

A service may charge for a video when it ends. A plan that compares balances would then see the
charges of an earlier plan as its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from getimg_mock.contract.exchanges import read_balance, read_total_cost
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.targets.plan_run import PlanRun, TargetSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from getimg_mock.contract.history import BalanceInterval, History

    Models = Sequence[dict[str, Any]]

_POLL_INTERVAL: Final = 1.0
_BALANCE: Final = "/v2/billing/balance"

_BOOKING_INTERVAL: Final = 1.5
_MOST_READS: Final = 8
"""How often, and at which interval, balances are read until they stay."""

_MOST_ERRORS: Final = 3
"""So many looks at a video that get an error say that it is gone."""

_KEYS: Final = ("a", "b")


class WaitingSession(TargetSession, Protocol):
    """A session whose waits have a bound."""

    @property
    def patience(self) -> float:
        """The longest wait in seconds."""


@dataclass(slots=True)
class EarlierWork:
    """The videos that the plans of a run have begun, and not seen end.

    `unfinished` has the name of the key of each, by its id. `unending` are those that did not end
    within the longest wait, or that the service knows no more: they are not waited for again.
    """

    unfinished: dict[str, str] = field(default_factory=dict)
    unending: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    """The keys whose balance did not show a purchase at once."""
    _errors: Counter[str] = field(default_factory=Counter)

    def note(self, history: History) -> None:
        """Remember what a plan has begun and not followed to its end."""
        self.late |= {
            span.after.key for span in history.settled_intervals if _shows_late(history, span)
        }
        for name in history.ended:
            self.unfinished.pop(name, None)
        for name, submission in history.submitted.items():
            if name not in history.ended and submission.key in {"a", "b"}:
                self.unfinished[name] = submission.key

    @property
    def keys(self) -> frozenset[str]:
        """The keys of which a video may still be charged."""
        return frozenset(self.unfinished.values())

    def settle(self, plan: Plan, session: WaitingSession, models: Models) -> None:
        """Poll the videos of earlier plans until they end, before a plan that reads balances."""
        if not any(getattr(step, "path", "") == _BALANCE for step in plan.steps):
            return
        waited = 0.0
        while self._poll(session, models) and waited < session.patience:
            if not session.wait(_POLL_INTERVAL):
                break
            waited += _POLL_INTERVAL
        self.unending |= self.unfinished.keys()
        if self.late:
            self._await_booking(session, models)

    def _await_booking(self, session: WaitingSession, models: Models) -> None:
        """Read balances until they stay: what earlier plans bought is booked late."""
        reads = Plan(
            name="balances of earlier plans",
            steps=tuple(get(_BALANCE, key=key) for key in sorted(self.late) if key in _KEYS),
        )
        before = None
        for _ in range(_MOST_READS):
            shown = [read_balance(each) for each in PlanRun(session, reads, models).run()]
            if shown == before or not session.wait(_BOOKING_INTERVAL):
                return
            before = shown

    def _poll(self, session: WaitingSession, models: Models) -> bool:
        """Poll each video once; returns whether some are worth another look."""
        open_ = [each for each in self.unfinished.items() if each[0] not in self.unending]
        if not open_:
            return False
        looks = Plan(
            name="videos of earlier plans",
            steps=tuple(
                get(f"/v2/videos/generations/{quote(name, safe='')}", key=key)
                for name, key in open_
            ),
        )
        history = PlanRun(session, looks, models).run()
        self.note(history)
        for (name, _), look in zip(open_, history, strict=False):  # a budget may end the looks
            self._errors[name] += look.status not in {200, 429}
            if self._errors[name] >= _MOST_ERRORS:
                self.unending.add(name)
        return any(name in self.unfinished and name not in self.unending for name, _ in open_)


def _shows_late(history: History, span: BalanceInterval) -> bool:
    """Whether a balance fell by less than what was delivered between two reads."""
    ends = [history.ended.get(each.generation) for each in span.between if each.accepted]
    costs = [read_total_cost(end) for end in ends if end is not None and end.completed]
    spent = span.spent
    return spent is not None and sum(cost for cost in costs if cost is not None) > spent
