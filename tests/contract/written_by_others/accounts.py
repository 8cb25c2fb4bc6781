"""Keys, workspaces, money and the lives of generations."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import string
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_value,
)

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind, Offer

KEY_HELP: Final = "https://docs.getimg.ai/guides/authentication"
WRONG_KEY: Final = (
    "Incorrect API key provided. You can manage your API keys at "
    "https://getimg.ai/app/developer/api-keys"
)
ALPHABET: Final = string.digits + "ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request for a generation that passed all checks."""

    offer: Offer
    prompt: str
    ratio: str
    resolution: str
    output_format: str = "jpeg"
    duration: int = 0
    sound: bool = False
    references: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> Kind:
        """`image` or `video`."""
        return self.offer.type


@dataclass(kw_only=True)
class Work:
    """A generation: what was ordered, when it ends, and what became of it."""

    id: str
    workspace: Workspace
    order: Order
    created: float
    ends: float
    size: tuple[int, int]
    number: int
    fails: bool = False
    status: str = "pending"
    unit_price: Decimal = Decimal(0)
    quantity: int = 1
    expires: int = 0
    content: bytes = b""
    polls: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """An amount of US dollars at a time; a refund is negative."""

    at: float
    amount: Decimal
    work: str


@dataclass(kw_only=True)
class Workspace:
    """An account: its keys, its money, its generations and its counts against the limits."""

    name: str
    keys: tuple[str, ...]
    deposit: Decimal = Decimal(500)
    charges: list[Charge] = field(default_factory=list)
    works: dict[str, Work] = field(default_factory=dict)
    started: dict[str, list[float]] = field(default_factory=lambda: {"image": [], "video": []})
    running_images: int = 0
    leaked_slots: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


class Accounts:
    """The part of the provider that knows keys and money."""

    retention: ClassVar[int] = 24 * 3600
    fail_every: ClassVar[int] = 0
    days: ClassVar[int] = 180

    def __init__(self, *, video_seconds: float = 2.0) -> None:
        self.video_seconds = video_seconds
        self.workspaces = [
            Workspace(name="one", keys=("sk_mQ7vXw2LpT9aRf4Z", "sk_Hn3kYb8cJs6dWe1G")),
            Workspace(name="two", keys=("sk_Zt5gUo0iPx4yNq8B",)),
        ]
        self.secret = secrets.token_bytes(32)
        self.numbers = itertools.count(1)
        self.video_numbers = itertools.count(1)
        self.notes: dict[str, Any] = {}

    def now(self) -> float:
        """Return the time in unix seconds."""
        return time.time()

    # Keys

    def read_token(self, request: Incoming) -> str | None:
        """Return the key that a request carries."""
        values = request.values("authorization")
        if len(values) != 1:
            return None
        scheme, _, token = values[0].partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def matches(self, token: str, key: str) -> bool:
        """Return whether a token is a key."""
        return secrets.compare_digest(token.encode("utf-8", "replace"), key.encode())

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key."""
        for workspace in self.workspaces:
            if any(self.matches(token, key) for key in workspace.keys):
                return workspace
        return None

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of a request."""
        token = self.read_token(request)
        workspace = self.find_workspace(token) if token else None
        if workspace is None:
            raise RefusedError(401, "invalid_api_key", WRONG_KEY)
        self.settle(workspace)
        return workspace

    # Lives

    def make_id(self) -> str:
        """Return an id for a generation."""
        return "req-01" + "".join(secrets.choice(ALPHABET) for _ in range(14))

    def plan_seconds(self, order: Order) -> float:
        """Return how long a video takes."""
        return self.video_seconds * (0.8 + 0.4 * (order.duration / 12))

    def plan_failure(self, number: int) -> bool:
        """Return whether the video of a number fails."""
        return bool(self.fail_every) and number % self.fail_every == 0

    def settle(self, workspace: Workspace) -> None:
        """End the videos whose time has come."""
        for work in list(workspace.works.values()):
            if work.status == "pending" and work.ends <= self.now():
                self.end(work)

    def end(self, work: Work) -> None:
        """Complete a generation, or let it fail."""
        work.expires = int(work.ends + self.retention)
        if work.fails:
            work.status = "failed"
            self.on_failure(work)
        else:
            work.status = "completed"
            self.on_completion(work)

    def on_submission(self, work: Work) -> None:
        """Account for a generation that was accepted."""

    def on_completion(self, work: Work) -> None:
        """Account for a generation that was completed."""
        self.charge(work, self.compute_cost(work))

    def on_failure(self, work: Work) -> None:
        """Account for a generation that failed."""

    def on_refusal(self, workspace: Workspace, kind: Kind, error: RefusedError) -> None:
        """Account for a generation that was refused."""

    # Money

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price of a unit."""
        return order.offer.find_price(order.resolution, sound=order.sound and order.offer.sound)

    def compute_cost(self, work: Work) -> Decimal:
        """Return what a generation is charged."""
        return work.unit_price * work.quantity

    def charge(self, work: Work, amount: Decimal) -> None:
        """Book an amount."""
        work.workspace.charges.append(Charge(at=self.now(), amount=amount, work=work.id))

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return what the pending videos will cost."""
        pending = (work for work in workspace.works.values() if work.status == "pending")
        return sum((self.compute_cost(work) for work in pending), Decimal(0))

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance."""
        return workspace.deposit - sum((each.amount for each in workspace.charges), Decimal(0))

    def show_money(self, amount: Decimal) -> str:
        """Return an amount as text, with two decimals or more."""
        plain = format(amount.normalize(), "f")
        whole, _, cents = plain.partition(".")
        return f"{whole}.{cents.ljust(2, '0')}"

    def show_usage(self, work: Work) -> dict[str, Any]:
        """Return what a generation used."""
        return {
            "total_cost": float(work.unit_price * work.quantity),
            "billable_unit": work.order.offer.unit,
            "unit_price": float(work.unit_price),
            "quantity": work.quantity,
        }

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the balance."""
        balance = self.show_money(self.compute_balance(workspace))
        return answer_json({"balance": balance, "currency": "USD"})

    # Costs

    def read_instant(self, text: str, name: str) -> datetime:
        """Return a time of a query; a zone is required."""
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            raise refuse_value(f"Invalid {name}: use ISO 8601 with a zone.", name) from None
        if instant.tzinfo is None:
            raise refuse_value(f"Invalid {name}: the zone is missing.", name)
        try:
            return instant.astimezone(UTC)
        except OverflowError:
            raise refuse_value(f"Invalid {name}: out of range.", name) from None

    def date_of(self, charge: Charge) -> date:
        """Return the date to which a charge belongs."""
        return datetime.fromtimestamp(charge.at, UTC).date()

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that the costs show."""
        return workspace.charges

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the dates of a range, both ends included."""
        count = (end.date() - start.date()).days + 1
        return [start.date() + timedelta(days=index) for index in range(count)]

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the costs of each date of a range."""
        totals = dict.fromkeys(self.list_dates(start, end), Decimal(0))
        for charge in self.list_charges(workspace):
            day = self.date_of(charge)
            if day in totals:
                totals[day] += charge.amount
        return totals

    def check_range(self, start: datetime, end: datetime) -> None:
        """Refuse a range that is empty or too long."""
        if end <= start:
            raise refuse_value("Invalid end: it must be after start.", "end")
        if end - start > timedelta(days=self.days):
            raise refuse_value(f"Invalid end: at most {self.days} days after start.", "end")

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range."""
        query = request.query
        for name in ("start", "end"):
            if not query.get(name):
                message = f"Missing required parameter: '{name}'."
                raise RefusedError(400, "parameter_missing", message, name)
        start, end = (self.read_instant(query[name], name) for name in ("start", "end"))
        self.check_range(start, end)
        totals = self.sum_dates(workspace, start, end)
        data = [{"date": day.isoformat(), "cost": float(cost)} for day, cost in totals.items()]
        total = float(sum(totals.values(), Decimal(0)))
        return answer_json(
            {
                "currency": "USD",
                "data": data,
                "start": show_time(start.timestamp()),
                "end": show_time(end.timestamp()),
                "total_cost": total,
            }
        )


def show_time(seconds: float) -> str:
    """Return a time in UTC with milliseconds."""
    instant = datetime.fromtimestamp(seconds, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(*parts: str) -> str:
    """Return a short digest of texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
