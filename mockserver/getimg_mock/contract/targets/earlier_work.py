"""What earlier plans of a run left behind at a target: videos that have not ended, full windows.

A service may charge for a video when it ends, and show a charge late. A plan that compares balances
would then see the charges of an earlier plan as its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, unquote

from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.targets.plan_run import PlanRun, TargetSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets.request_gate import Gate

    Models = Sequence[dict[str, Any]]

_POLL_INTERVAL: Final = 1.0

_BOOKING_INTERVAL: Final = 1.5
_MOST_READS: Final = 8
"""How often, and at which interval, balances are read until they show what was bought."""

_MOST_ERRORS: Final = 3
"""So many looks at a video that get an error say that it is gone."""


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
    unpaid: bool = False
    """Whether a balance never showed what results said they cost: it is not waited for again."""
    _errors: Counter[str] = field(default_factory=Counter)

    def note(self, history: History) -> None:
        """Remember what a plan has begun and not followed to its end."""
        for name in history.ended:
            self.unfinished.pop(name, None)
        for name, submission in history.submitted.items():
            if name not in history.ended and submission.key in {"a", "b"}:
                self.unfinished[name] = submission.key
        # What its own plan has given up is not waited for again.
        given_up = history.with_role("poll-given-up")
        self.unending |= {unquote(each.path.rpartition("/")[2]) for each in given_up}

    @property
    def keys(self) -> frozenset[str]:
        """The keys of which a video may still be charged."""
        return frozenset(self.unfinished.values())

    def settle(
        self, plan: Plan, session: WaitingSession, models: Models, gate: Gate | None = None
    ) -> None:
        """Wait until earlier videos end, and are paid, before a plan that reads balances."""
        if not plan.reads_balance:
            return
        waited = 0.0
        while self._poll(session, models) and waited < session.patience:
            if not session.wait(_POLL_INTERVAL):
                break
            waited += _POLL_INTERVAL
        self.unending |= self.unfinished.keys()
        if gate is not None and not self.unpaid:
            self._await_booking(session, gate)

    def _await_booking(self, session: WaitingSession, gate: Gate) -> None:
        """Read balances until they show what earlier plans bought."""
        for _ in range(_MOST_READS):
            if not gate.is_owed():
                return
            if not session.wait(_BOOKING_INTERVAL):
                break
        self.unpaid = gate.is_owed()

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
