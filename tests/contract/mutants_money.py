# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that miscount money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.contract.mutants import Mutant
from tests.contract.wrapping import Asked, Reply, Scene, replies, workspaces

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.world.workspaces import Workspace

CENT = Decimal("0.01")


def _charge(scene: Scene, key: str, amount: Decimal = CENT) -> None:
    workspace = scene.workspace(key)
    now = workspace.clock.now()
    workspace.ledger.hold("req-fault", amount, now)
    workspace.ledger.charge("req-fault", amount, now)


def _known(key: str) -> bool:
    return key.startswith("sk_")


def charge_refusals(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A refused submission costs a cent."""
    if asked.submits and 400 <= reply.status < 500 and _known(asked.key):
        _charge(scene, asked.key)


def charge_rate_limited(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A 429 costs a cent."""
    if asked.submits and reply.status == 429:
        _charge(scene, asked.key)


def charge_polls(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every status request costs a cent."""
    if asked.retrieves and reply.status == 200:
        _charge(scene, asked.key)


def charge_downloads(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every download costs the owner a cent."""
    if asked.downloads and reply.status == 200:
        for workspace in scene.fake.store.holders(asked.path.split("/")[3]):
            _charge(scene, workspace.key)


def _edit_usage(name: str, factor: str) -> Any:
    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.completed:
            body = reply.json
            body["usage"][name] = float(Decimal(str(body["usage"][name])) * Decimal(factor))
            reply.say(body)

    return change


def total_as_string(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Usage's total cost is a text."""
    if reply.completed:
        body = reply.json
        body["usage"]["total_cost"] = str(body["usage"]["total_cost"])
        reply.say(body)


def binary_noise(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Totals carry the noise of binary floats."""
    if reply.completed:
        text = reply.body.decode()
        total = str(reply.json["usage"]["total_cost"])
        noisy = f"{Decimal(total) + Decimal('0.00000000000000004')}"
        reply.raw(text.replace(f'"total_cost":{total}', f'"total_cost":{noisy}').encode())


def balance_as_number(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The balance is a number."""
    if asked.path == "/v2/billing/balance" and reply.status == 200 and reply.body:
        body = reply.json
        body["balance"] = float(body["balance"])
        reply.say(body)


def costs_total_wrong(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The total of the costs is not the sum of its buckets."""
    if asked.path == "/v2/billing/costs" and reply.status == 200 and reply.body:
        body = reply.json
        body["total_cost"] = body["total_cost"] + 0.01
        reply.say(body)


def costs_skip_a_day(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Dates without costs have no bucket."""
    if asked.path == "/v2/billing/costs" and reply.status == 200 and reply.body:
        body = reply.json
        body["data"] = [each for each in body["data"] if each["cost"]]
        reply.say(body)


def costs_descend(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Buckets come newest first."""
    if asked.path == "/v2/billing/costs" and reply.status == 200 and reply.body:
        body = reply.json
        body["data"].reverse()
        reply.say(body)


def _never_book(workspace: Workspace) -> None:
    ledger: Any = _Open(workspace.ledger)
    workspace.ledger = ledger


class _Open:
    """A ledger whose money never reaches the costs by date."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @property
    def by_date(self) -> dict[Any, Decimal]:
        return {}


class _Twice(_Open):
    """A ledger that charges each generation twice."""

    def charge(self, generation: str, amount: Decimal, at: datetime) -> None:
        self._ledger.charge(generation, amount, at)
        self._ledger.hold(generation, amount, at)
        self._ledger.charge(generation, amount, at)

    @property
    def by_date(self) -> dict[Any, Decimal]:
        found: dict[Any, Decimal] = self._ledger.by_date
        return found


class _Overdraft(_Open):
    """A ledger that asks nobody whether the money is there."""

    def require(self, _amount: Decimal) -> None:
        return None

    @property
    def by_date(self) -> dict[Any, Decimal]:
        found: dict[Any, Decimal] = self._ledger.by_date
        return found


class _ChargesFailures(_Overdraft):
    """A ledger that keeps the money of failed generations."""

    def require(self, amount: Decimal) -> None:
        self._ledger.require(amount)

    def release(self, generation: str, amount: Decimal, at: datetime) -> None:
        self._ledger.charge(generation, amount, at)


def _ledger(kind: type[_Open]) -> Any:
    def change(workspace: Workspace) -> None:
        wrapped: Any = kind(workspace.ledger)
        workspace.ledger = wrapped

    return workspaces(change)


def longer_is_cheaper(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Nine seconds and more cost a tenth, and the books agree."""
    if asked.retrieves and reply.completed:
        body = reply.json
        if body["usage"]["quantity"] >= 9:
            body["usage"]["unit_price"] = float(
                Decimal(str(body["usage"]["unit_price"])) / Decimal(10)
            )
            old = Decimal(str(body["usage"]["total_cost"]))
            body["usage"]["total_cost"] = float(old / 10)
            seen = scene.memory.setdefault("seen", set())
            if body["id"] not in seen:
                seen.add(body["id"])
                workspace = scene.workspace(asked.key)
                workspace.ledger.credit(old * 9 / 10, workspace.clock.now())
            reply.raw(json.dumps(body).encode())


MONEY: tuple[Mutant, ...] = (
    Mutant(name="charges-refusals", kind="money", breaks="GP216", blocker=True,
           wrap=replies(charge_refusals)),
    Mutant(name="charges-429", kind="money", breaks="GP605", blocker=True,
           wrap=replies(charge_rate_limited)),
    Mutant(name="charges-polls", kind="money", breaks="GP313", blocker=True,
           wrap=replies(charge_polls)),
    Mutant(name="charges-downloads", kind="money", breaks="GP507", blocker=True,
           wrap=replies(charge_downloads)),
    Mutant(name="charges-twice", kind="money", breaks="GP504", blocker=True, wrap=_ledger(_Twice)),
    Mutant(name="charges-failures", kind="money", breaks="GP506", blocker=True,
           wrap=_ledger(_ChargesFailures)),
    Mutant(name="lets-balance-go-negative", kind="money", breaks="GP512", blocker=True,
           wrap=_ledger(_Overdraft)),
    Mutant(name="costs-never-booked", kind="money", breaks="GP509", blocker=True,
           wrap=_ledger(_Open)),
    Mutant(name="total-is-not-the-product", kind="money", breaks="GP501", blocker=True,
           wrap=replies(_edit_usage("total_cost", "2"))),
    Mutant(name="quantity-is-wrong", kind="money", breaks="GP502", blocker=True,
           wrap=replies(_edit_usage("quantity", "2"))),
    Mutant(name="unit-price-is-not-listed", kind="money", breaks="GP503", blocker=True,
           wrap=replies(_edit_usage("unit_price", "1.01"))),
    Mutant(name="total-is-a-text", kind="money", breaks="GP110", wrap=replies(total_as_string)),
    Mutant(name="total-has-binary-noise", kind="money", breaks="GP109",
           wrap=replies(binary_noise)),
    Mutant(name="balance-is-a-number", kind="money", breaks="GP110",
           wrap=replies(balance_as_number)),
    Mutant(name="costs-total-is-wrong", kind="money", breaks="GP508",
           wrap=replies(costs_total_wrong)),
    Mutant(name="costs-skip-empty-days", kind="money", breaks="GP508",
           wrap=replies(costs_skip_a_day)),
    Mutant(name="costs-descend", kind="money", breaks="GP508", wrap=replies(costs_descend)),
    Mutant(name="longer-is-cheaper", kind="money", breaks="GP513",
           wrap=replies(longer_is_cheaper)),
)  # fmt: skip
