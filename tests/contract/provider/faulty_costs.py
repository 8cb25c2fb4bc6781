# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Costs by date that are wrong: what a provider makes of the list, or books into it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.contract.provider.wrapping import Asked, Reply, Scene, Wrap, replies

if TYPE_CHECKING:
    from datetime import timedelta

    from getimg_mock.world.workspaces import Workspace

CENT = Decimal("0.01")


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


def costs_that_lag(by: timedelta) -> Wrap:
    """Return the wrap in which the costs know nothing so soon after a video was seen to end."""

    def change(asked: Asked, reply: Reply, scene: Scene) -> None:
        now = scene.workspace(asked.key).clock.now() if asked.opens else None
        if asked.retrieves and reply.completed:
            scene.memory.setdefault("ended", now)
        ended = scene.memory.get("ended")
        if asked.path == "/v2/billing/costs" and reply.status == 200 and ended and now - ended < by:
            data = [bucket | {"cost": 0} for bucket in reply.json["data"]]
            reply.say(reply.json | {"data": data, "total_cost": 0})

    return replies(change)


def costs_descend(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Buckets come newest first."""
    if asked.path == "/v2/billing/costs" and reply.status == 200 and reply.body:
        body = reply.json
        body["data"].reverse()
        reply.say(body)


def _booked(workspace: Workspace) -> None:
    """Put a cent into the costs that is in no balance."""
    day = workspace.clock.now().date()
    by_date = workspace.ledger.by_date
    by_date[day] = by_date.get(day, Decimal(0)) + CENT


def book_refusals(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A refused submission is a cent in the costs, although the balance stays."""
    if asked.submits and reply.status == 400 and asked.opens:
        _booked(scene.workspace(asked.key))


def book_downloads(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every download but a file's first is a cent in the costs, although the balance stays."""
    if asked.downloads and reply.status == 200:
        before = scene.memory.setdefault("downloads", set())
        if asked.path not in before:
            before.add(asked.path)
            return
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            _booked(workspace)


def without_the_first_day(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A range begins after its first date: the costs of that are left out."""
    if asked.path == "/v2/billing/costs" and reply.status == 200 and reply.body:
        body = reply.json
        body["total_cost"] = float(
            Decimal(str(body["total_cost"])) - Decimal(str(body["data"][0]["cost"]))
        )
        body["data"][0]["cost"] = 0
        reply.say(body)
