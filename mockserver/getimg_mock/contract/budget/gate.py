"""The money ceiling: every request to a service that costs money passes it, or is not sent.

A submission is priced from the catalogue before it is sent, and its worst case is reserved.
Amounts that are unknown count as spent: a submission with an unknown price is refused, and one with
an unknown outcome keeps its reservation. What a refused request did not cost is released only when
the balance confirms it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.budget.reconciliation import ZERO, Account, Booking
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.budget.statements import Statements, TargetStatements
from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.prices import compute_plan_price, compute_worst_price, could_cost
from getimg_mock.contract.targets.execution import RefusedError
from getimg_mock.contract.targets.first_looks import fetch_catalogue
from getimg_mock.isolation.connection_audit import audit_connections
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
    from getimg_mock.contract.targets.http_target import HttpTarget


_LOOKS_FOR_TRUST: Final = 8
"""After how many requests that could cost the balance is read once a plan, not each time."""

EARLIER_SPEND: Final = "because other runs spent"
"""In the reason of a plan that is left out: without those runs it could be paid."""


@dataclass(slots=True)
class Budget:
    """The gate that requests pass. `ceiling` is the most to spend on one day, over all runs.

    `keys` are the secrets by name. A request with any other key counts for the first of them.
    """

    ceiling: Decimal
    models: Sequence[dict[str, Any]]
    record: SpendRecord = field(default_factory=SpendRecord)
    statements: Statements | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    """Requests that were let through."""
    left: int = 0
    """Requests that were sent while spending was watched, and connections past the gate."""
    accounts: dict[str, Account] = field(default_factory=dict)
    added: dict[str, Decimal] = field(default_factory=dict)
    """The amount that this run has booked, by day."""
    earlier: dict[str, Decimal] = field(default_factory=dict)
    """The amount that other runs had booked before this run booked anything, by day."""
    stopped: str = ""
    """Why nothing more is bought: the service took more than the books explain."""
    _before: Decimal = field(init=False)
    _busy: set[str] = field(default_factory=set)
    _reserved: dict[int, Booking] = field(default_factory=dict)
    _running: dict[str, Booking] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Read what other runs have booked so far."""
        self._before = self.record.total

    @property
    def spent(self) -> Decimal:
        """The most that this run can have spent."""
        return sum((each.booked for each in self.accounts.values()), ZERO)

    @property
    def beyond(self) -> Decimal | None:
        """What the service took beyond the books; None where it does not state it."""
        known = self.compute_overruns()
        return sum(known.values(), ZERO) if known else None

    def compute_daily_spend(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """Return, for each day, what this run has spent and what was left of the ceiling before."""
        return tuple(
            (amount, max(ZERO, self.ceiling - self.earlier[day]))
            for day, amount in self.added.items()
        )

    def compute_overruns(self) -> dict[str, Decimal]:
        """Return what was taken beyond the books, for each key of which the service states it."""
        return {key: each.beyond for key, each in self.accounts.items() if each.taken is not None}

    def find_obstacle(self, plan: Plan) -> str:
        """Return why the worst case of a whole plan cannot be paid now, or an empty text."""
        price = compute_plan_price(plan, self.models)
        if not price.submissions:
            return ""
        if self.stopped:
            return self.stopped
        if price.worst is None:
            return f"the price of {', '.join(price.unknown[:3])} is unknown"
        today, worst = self.record.today, Decimal(price.worst)
        left = max(self.ceiling - today, ZERO)
        if worst <= left:
            return ""
        others = today - sum(self.added.values(), ZERO)
        why = f", {EARLIER_SPEND} {others} USD today" if worst <= left + others else ""
        return f"it could cost {worst} USD, and {left} USD are left{why}"

    def before_request(self, sent: PreparedRequest, step: Send) -> None:
        """Reserve the worst case of a request; raises `RefusedError` when it does not fit."""
        del step
        with self._lock:
            if could_cost(sent.method, sent.headers):
                self._reserve(sent)
            self.requests += 1

    def _reserve(self, sent: PreparedRequest) -> None:
        if self.stopped:
            raise RefusedError(self.stopped)
        price = compute_worst_price(sent.body, self.models)
        if price is None:
            raise RefusedError("its price is unknown")
        known = self._find_key(sent)
        key = known or next(iter(self.keys), "a")
        if key not in self._busy:
            self._read_balance(key)
            self._busy.add(key)
        day = self._reserve_today(price)
        if day is None and any(each.doubts for each in self.accounts.values()):
            self._settle()
            self._busy.add(key)
            day = self._reserve_today(price)
        if day is None:
            raise RefusedError(
                f"it could cost {price} USD; {self.record.today} of {self.ceiling} USD are spent "
                "or reserved today"
            )
        self._add(price, day)
        self.accounts[key].open += price
        self._reserved[id(sent)] = Booking(price, day, key, foreign=not known)

    def _reserve_today(self, price: Decimal) -> str | None:
        """Book a price under today's date and return the date; None when it does not fit."""
        found = self.record.reserve(price, self.ceiling)
        if found is None:
            return None
        day, others = found
        self.earlier.setdefault(day, others)
        return day

    def _find_key(self, sent: PreparedRequest) -> str:
        """Return the name of the key that a request has; empty where it is none of them."""
        told = {v.partition(" ")[2].strip() for n, v in sent.headers if n == "authorization"}
        return next((name for name, secret in self.keys.items() if secret in told), "")

    def after_request(
        self, sent: PreparedRequest, step: Send, received: ReceivedResponse | None
    ) -> None:
        """Book what a response says that its request cost; an unknown cost stays reserved."""
        del step
        with self._lock:
            reserved = self._reserved.pop(id(sent), None)
            if received is None:
                return
            body = read_json(received.body)[0] if len(received.body) < 1 << 20 else None
            answer = body if isinstance(body, dict) else {}
            if reserved is None:
                self._note_video(sent, received, answer)
            elif 400 <= received.status < 500:
                self._doubt(reserved, reserved.amount)
            elif received.status == 202 and isinstance(answer.get("id"), str):
                self._running[answer["id"]] = reserved
            elif received.status == 200:
                self._note_result(reserved, answer)
            if reserved is not None:
                self._verify_charge(reserved.key)

    def _verify_charge(self, key: str) -> None:
        """Read balance and costs after a request that could cost, until the service is trusted."""
        account = self.accounts[key]
        if account.looks >= _LOOKS_FOR_TRUST or self.statements is None:
            return
        account.looks += 1
        before, account.last_costs = account.last_costs, self.statements.costs(key)
        self._read_balance(key, release=False)  # what is charged late must stay reserved
        account.last_costs = before  # costs count when they are read at the end, or here and now

    def _note_video(
        self, sent: PreparedRequest, received: ReceivedResponse, answer: dict[str, Any]
    ) -> None:
        path = sent.target.partition("?")[0]
        if received.status != 200 or find_operation(sent.method, path) != "videos.retrieve":
            return
        status, name = answer.get("status"), path.rpartition("/")[2]
        if status in {"completed", "failed"} and name in self._running:
            reserved = self._running.pop(name)
            if status == "completed":
                self._note_result(reserved, answer)
            else:
                self._doubt(reserved, reserved.amount)

    def _note_result(self, reserved: Booking, answer: dict[str, Any]) -> None:
        """Book what a result says that it cost, also beyond what was reserved."""
        usage = answer.get("usage")
        cost = parse_decimal(usage.get("total_cost")) if isinstance(usage, dict) else None
        if cost is None or cost < 0:
            return
        account = self.accounts[reserved.key]
        account.claimed += cost
        account.foreign += cost if reserved.foreign else ZERO
        if cost > reserved.amount:
            self._book(cost - reserved.amount)
        self._doubt(reserved, max(ZERO, reserved.amount - cost))
        account.open -= min(cost, reserved.amount)

    def _doubt(self, reserved: Booking, amount: Decimal) -> None:
        account = self.accounts[reserved.key]
        account.open -= amount
        if amount:
            account.doubts.append(Booking(amount, reserved.day))

    def _book(self, amount: Decimal) -> None:
        day, others = self.record.add(amount)
        self.earlier.setdefault(day, others)
        self._add(amount, day)

    def _add(self, amount: Decimal, day: str) -> None:
        self.added[day] = self.added.get(day, ZERO) + amount

    def open(self) -> None:
        """Read the balance of each key, before anything else is sent with it."""
        with self._lock:
            for key in self.keys:
                self._read_balance(key)

    def settle(self) -> None:
        """Compare the books with the balances: release what they confirm, book what they lost."""
        with self._lock:
            self._settle()

    def is_owed(self) -> bool:
        """Return whether a balance has yet to show what results said they cost.

        What a service charges late is read anew; the books are compared with it as after a plan.
        """
        with self._lock:
            for key in [name for name, each in self.accounts.items() if each.owed]:
                self._read_balance(key)
            return any(each.owed for each in self.accounts.values())

    def _settle(self) -> None:
        self._poll_videos()
        for key in sorted(self._busy):
            self._read_balance(key)
        self._busy.clear()

    def _poll_videos(self) -> None:
        """Poll the videos that no plan has followed to their end."""
        if self.statements is None:
            return
        for key in self.accounts:
            running = [name for name, each in self._running.items() if each.key == key]
            self.statements.look(key, running)

    def close(self) -> None:
        """Compare balance and costs of every key with the books."""
        with self._lock:
            self._poll_videos()
            for key, account in self.accounts.items():
                if self.statements is not None:
                    account.last_costs = self.statements.costs(key)
                self._read_balance(key)
            self._busy.clear()

    def _read_balance(self, key: str, *, release: bool = True) -> None:
        """Read a balance; the first is read before anything is reserved, and is the reference.

        With `release`, doubtful amounts that it confirms are given back.
        """
        account = self.accounts.get(key)
        found = self.statements.balance(key) if self.statements is not None else None
        if account is None:
            account = self.accounts[key] = Account(opening=found, closing=found)
            if self.statements is not None:
                account.first_costs = account.last_costs = self.statements.costs(key)
            return
        if found is not None:
            account.closing = found
        self._compare(
            account, confirmed=release and found is not None and account.opening is not None
        )

    def _compare(self, account: Account, *, confirmed: bool) -> None:
        """Release doubtful amounts that the balance did not lose; book what it lost beyond them."""
        taken = account.taken
        if taken is None:
            return
        if confirmed:
            lost = max(ZERO, taken - account.claimed - account.beyond)
            self._give_back(account, account.doubtful - lost)
        # Other runs may have spent what they booked meanwhile with the same key.
        others = self.record.total - self._before - sum(self.added.values(), ZERO)
        more = taken - account.booked - max(ZERO, others)
        if more > 0:
            account.beyond += more
            self._book(more)
            self.stopped = (
                f"the service took {more} USD more than its answers and prices explain, so "
                "nothing more is bought"
            )

    def _give_back(self, account: Account, amount: Decimal) -> None:
        """Release an amount of what is doubtful, under the dates that it was booked under."""
        while account.doubts and amount > 0:
            oldest = account.doubts.pop(0)
            back = min(oldest.amount, amount)
            amount -= back
            if back < oldest.amount:
                account.doubts.insert(0, oldest._replace(amount=oldest.amount - back))
            self.record.add(-back, oldest.day)
            self._add(-back, oldest.day)

    def as_event(self) -> dict[str, Any]:
        """Return the event with the cost of the run."""
        return {
            "event": "budget",
            "ceiling": str(self.ceiling),
            "spent": str(self.spent),
            "today": str(self.record.today),
            "requests": self.requests,
            "beyond": None if self.beyond is None else str(self.beyond),
            "keys": {name: account.as_json() for name, account in self.accounts.items()},
        }


@contextmanager
def watch_spending(address: HttpTarget, budget: Budget) -> Iterator[None]:
    """Compare the books with balances before and after, and count connections past the gate."""
    with audit_connections() as audit:
        budget.open()
        yield
        budget.close()
    budget.left = address.left + len(audit.refused)


def install_budget(address: HttpTarget, ceiling: Decimal, record: SpendRecord) -> Budget:
    """Install a budget as the gate of a target, with the prices of the target's own catalogue.

    Raises `SettingsError` when the target does not answer, or refuses a key.
    """
    budget = Budget(
        ceiling, address.models, record, statements=TargetStatements(address), keys=address.keys
    )
    address.gate = budget
    address.models = budget.models = fetch_catalogue(address)
    return budget
