"""The money ceiling: every request to a service that costs money passes here, or is not sent.

A submission is priced from the catalogue before it is sent and its worst case is reserved. What is
spent is kept by day in a file, so that a ceiling holds across runs. Whatever is unknown counts as
spent: an unknown price refuses, an unknown outcome keeps its reservation.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.addresses import catalogue_of
from getimg_mock.contract.corpus.choices import price_of
from getimg_mock.contract.exchanges import decimal, read_json
from getimg_mock.contract.execution import RefusedError
from getimg_mock.contract.plans import Price, operation_of
from getimg_mock.errors import GetimgMockError
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from getimg_mock.contract.addresses import Address
    from getimg_mock.contract.execution import Received, Sent
    from getimg_mock.contract.plans import Plan, Send

ZERO: Final = Decimal(0)


class BudgetError(GetimgMockError):
    """The budget does not allow what was asked, or its record cannot be read."""


def amount_of(text: str) -> Decimal:
    """Return how many US dollars a text says; raises `BudgetError` where it says none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount >= 0):
        raise BudgetError(f"{text!r} is no amount of money: write 0.50.")
    return amount


def default_record() -> Path:
    """Return the file in which the spend of each day is kept, unless another is named."""
    state = os.environ.get("XDG_STATE_HOME")
    place = Path(state) if state else Path.home() / ".local" / "state"
    return place / "getimg-mock" / "spend.json"


def worst_price(body: bytes | None, models: Sequence[dict[str, Any]]) -> Decimal | None:
    """Return the most that a request could cost, whatever a provider makes of it; None if unknown.

    A request whose model is known costs at most that model's dearest rate for its longest video;
    one that should be refused anyway could be served by any model, at the dearest price of all.
    """
    value, _ = read_json(body or b"") if len(body or b"") < 1 << 20 else (None, "")
    asked = value if isinstance(value, dict) else {}
    model = next((m for m in models if m.get("id") == asked.get("model")), None)
    candidates = [model] if model is not None else list(models)
    prices = [_dearest(each) for each in candidates]
    if model is not None:
        prices.append(_exact(model, asked))
    if not prices or any(price is None for price in prices):
        return None
    return max(price for price in prices if price is not None)


def _exact(model: dict[str, Any], asked: dict[str, Any]) -> Decimal | None:
    """Return what the catalogue says; an odd body costs at most the dearest, which is there too."""
    known = set(map(str, model.get("supported_resolutions") or ()))
    if not model.get("pricing", {}).get("rates"):
        return None
    if str(asked.get("resolution")) not in known:
        return ZERO
    try:
        price = price_of(model, asked)
    except (TypeError, KeyError, ArithmeticError):
        return ZERO
    if price is None:
        return None
    seconds = decimal(asked.get("duration"))
    lengths = [decimal(each) for each in model.get("supported_durations") or ()]
    return price if seconds in lengths or seconds is None else ZERO


def _dearest(model: dict[str, Any]) -> Decimal | None:
    rates = [decimal(rate.get("unit_price")) for rate in model.get("pricing", {}).get("rates", ())]
    if not rates or any(rate is None for rate in rates):
        return None
    most = max(rate for rate in rates if rate is not None)
    if model.get("type") != "video":
        return most
    lengths = [decimal(each) for each in model.get("supported_durations") or ()]
    known = [each for each in lengths if each is not None]
    return most * max(known) if known else None


def price_of_plan(plan: Plan, models: Sequence[dict[str, Any]]) -> Price:
    """Return the most that a plan could cost."""
    total, unknown = ZERO, []
    for step in plan.submissions:
        price = worst_price(step.body, models)
        if price is None:
            unknown.append(step.name or step.field or step.path)
        else:
            total += price
    worst = None if unknown else str(total)
    return Price(worst, len(plan.submissions), tuple(unknown))


@dataclass(slots=True)
class Record:
    """What was spent by day, in a file that outlives the run; without a file, in memory."""

    path: Path | None = None
    clock: Callable[[], datetime] = wall_time
    days: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what earlier runs spent."""
        if self.path is None or not self.path.exists():
            return
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            self.days = {str(day): str(Decimal(amount)) for day, amount in found["days"].items()}
        except (OSError, ValueError, KeyError, AttributeError, ArithmeticError):
            raise BudgetError(
                f"{self.path}, the record of what was spent, cannot be read. "
                "Nothing is sent until it is mended, or removed by somebody who knows the spend."
            ) from None

    @property
    def today(self) -> Decimal:
        """What was spent, or may have been, on the present UTC date."""
        return Decimal(self.days.get(self._day(), "0"))

    def add(self, amount: Decimal) -> None:
        """Book an amount (negative: given back) under the present date, and keep it at once."""
        self.days[self._day()] = str(self.today + amount)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps({"days": self.days}, indent=1) + "\n", encoding="utf-8")
            fresh.replace(self.path)

    def _day(self) -> str:
        return f"{self.clock():%Y-%m-%d}"


@dataclass(slots=True)
class Budget:
    """The choke point. `ceiling` is what may be spent on one day, over all runs of the record."""

    ceiling: Decimal
    models: Sequence[dict[str, Any]]
    record: Record = field(default_factory=Record)
    spent: Decimal = ZERO
    requests: int = 0
    """Requests that were let through or refused."""
    sent: int = 0
    """Requests of which the outcome was told: those that left."""
    _reserved: dict[int, Decimal] = field(default_factory=dict)
    _running: dict[str, Decimal] = field(default_factory=dict)

    def lacks(self, plan: Plan) -> str:
        """Return why a plan cannot be paid for now, whole and at its worst, or an empty text."""
        price = price_of_plan(plan, self.models)
        left = self.ceiling - self.record.today
        if price.worst is None:
            return f"the price of {', '.join(price.unknown[:3])} is unknown"
        if Decimal(price.worst) > left:
            return f"it could cost {price.worst} USD, and {left} USD are left"
        return ""

    def before(self, sent: Sent, step: Send) -> None:
        """Reserve the worst case of a request; raises `RefusedError` when it does not fit."""
        del step
        self.requests += 1
        if not could_cost(sent):
            return
        price = worst_price(sent.body, self.models)
        if price is None:
            raise RefusedError("its price is unknown")
        if self.record.today + price > self.ceiling:
            raise RefusedError(
                f"it could cost {price} USD; {self.record.today} of {self.ceiling} USD are spent "
                "or reserved today"
            )
        self.record.add(price)
        self.spent += price
        self._reserved[id(sent)] = price

    def after(self, sent: Sent, step: Send, received: Received | None) -> None:
        """Give back what a request surely did not cost; anything doubtful stays booked."""
        del step
        self.sent += 1
        reserved = self._reserved.pop(id(sent), None)
        if received is None:
            return
        body = read_json(received.body)[0] if len(received.body) < 1 << 20 else None
        answer = body if isinstance(body, dict) else {}
        if reserved is None:
            self._settle_video(sent, received, answer)
        elif 400 <= received.status < 500:
            self._give_back(reserved)
        elif received.status == 202 and isinstance(answer.get("id"), str):
            self._running[answer["id"]] = reserved
        elif received.status == 200:
            self._settle(reserved, answer)

    def _settle_video(self, sent: Sent, received: Received, answer: dict[str, Any]) -> None:
        path = sent.target.partition("?")[0]
        if received.status != 200 or operation_of(sent.method, path) != "videos.retrieve":
            return
        status, name = answer.get("status"), path.rpartition("/")[2]
        if status in {"completed", "failed"} and name in self._running:
            reserved = self._running.pop(name)
            if status == "completed":
                self._settle(reserved, answer)

    def _settle(self, reserved: Decimal, answer: dict[str, Any]) -> None:
        """Book what a result says it cost; more than was reserved is booked too, and stays."""
        usage = answer.get("usage")
        cost = decimal(usage.get("total_cost")) if isinstance(usage, dict) else None
        if cost is not None and cost >= 0:
            self._give_back(reserved - cost)

    def _give_back(self, amount: Decimal) -> None:
        self.record.add(-amount)
        self.spent -= amount

    def reconcile(self, before: Decimal | None, after: Decimal | None) -> Decimal | None:
        """Return by how much the service's balance fell beyond what is booked, and book it."""
        if before is None or after is None:
            return None
        beyond = (before - after) - self.spent
        if beyond > 0:
            self.record.add(beyond)
            self.spent += beyond
        return beyond


def could_cost(sent: Sent) -> bool:
    """Whether a service could make a generation of a request: any POST with a key."""
    keyed = any(
        name == "authorization" and value.partition(" ")[2].strip() for name, value in sent.headers
    )
    return sent.method not in {"GET", "HEAD", "OPTIONS"} and keyed


def affordable(
    plans: Iterable[Plan], models: Sequence[dict[str, Any]], ceiling: Decimal
) -> tuple[list[Plan], list[tuple[Plan, str]]]:
    """Return the plans that would be run under `ceiling`, and the others with the reason.

    What R1 reserves is given back when it is refused, so each of its plans has to fit alone; the
    worst cases of R2 and R3 are added up.
    """
    chosen: list[Plan] = []
    left: list[tuple[Plan, str]] = []
    total = ZERO
    for plan in plans:
        price = price_of_plan(plan, models)
        if price.worst is None:
            left.append((plan, f"the price of {', '.join(price.unknown[:3])} is unknown"))
        elif total + Decimal(price.worst) > ceiling:
            left.append((plan, f"its worst case, {price.worst} USD, does not fit in the budget"))
        else:
            total += Decimal(price.worst) if plan.tier >= "R2" else ZERO
            chosen.append(plan)
    return chosen, left


def guarded(address: Address, ceiling: Decimal, record: Record) -> Budget:
    """Put a budget before an address, with the prices of the address's own catalogue.

    Raises `SettingsError` when nothing answers there.
    """
    budget = Budget(ceiling, address.models, record)
    address.gate = budget
    address.models = budget.models = catalogue_of(address)
    return budget
