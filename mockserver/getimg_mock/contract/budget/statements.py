"""What a service states of the money of a key: balance and costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from getimg_mock.contract.exchanges import parse_decimal, read_balance
from getimg_mock.contract.instants import build_days_query
from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.targets.http_target import HttpSession
from getimg_mock.contract.targets.plan_run import PlanRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.http_target import HttpTarget


class Statements(Protocol):
    """The balance and costs of a key, as the service states them; None where it does not."""

    def balance(self, key: str) -> Decimal | None:
        """Return the balance."""

    def costs(self, key: str) -> Decimal | None:
        """Return the costs since the day before the run."""

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Poll videos; the requests pass the gate, as all others do."""


@dataclass(slots=True)
class TargetStatements:
    """The statements of a target, each read on a new connection."""

    address: HttpTarget
    days: str = field(init=False)

    def __post_init__(self) -> None:
        """Fix the range of days for costs, once for the run."""
        self.days = build_days_query(self.address.clock())

    def balance(self, key: str) -> Decimal | None:
        """Return the balance; None unless the response has status 200."""
        return next(map(read_balance, self._ask(get_balance(key=key))), None)

    def costs(self, key: str) -> Decimal | None:
        """Return the costs; None unless the response has status 200."""
        asked = get("/v2/billing/costs", query=self.days, key=key)
        return next((parse_decimal(e.object.get("total_cost")) for e in self._ask(asked)), None)

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Poll each video once."""
        self._ask(
            *[get(f"/v2/videos/generations/{quote(name, safe='')}", key=key) for name in videos]
        )

    def _ask(self, *steps: Send) -> Iterable[HttpExchange]:
        if not steps:
            return ()
        session = HttpSession(self.address)
        try:
            history = PlanRun(session, Plan(name="the money", steps=steps), ()).run()
        finally:
            session.close()
        return [each for each in history if each.status == 200]
