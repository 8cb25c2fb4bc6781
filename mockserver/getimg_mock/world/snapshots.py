"""Workspaces as JSON and back: for snapshots, restoring them and forks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import GetimgMockError
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.generations import Ending, Generation, Product
from getimg_mock.world.journal import Effect
from getimg_mock.world.limits import Limits
from getimg_mock.world.transitions import Failure, Transition, Transitions
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.settings import Settings
    from getimg_mock.world.identities import Identity

FORMAT: Final = 1

# Beyond it, a sum with a price of 12 decimals is not exact in the 28 digits of Decimal.
_MOST_MONEY: Final = Decimal("1e15")


def take_snapshot(workspace: Workspace) -> dict[str, Any]:
    """Return the state of a workspace as JSON, without its journal."""
    state = take_lazy_snapshot(workspace)
    return state | {"generations": list(state["generations"])}


def take_lazy_snapshot(workspace: Workspace) -> dict[str, Any]:
    """Return what `take_snapshot` returns, with an iterator in place of the list of generations.

    The state is that of this moment, whatever changes while the iterator is read.
    """
    with workspace.lock:
        now, ledger = workspace.settle(), workspace.ledger
        return {
            "format": FORMAT,
            "now": now.isoformat(),
            "rate": workspace.clock.rate,
            "opened_at": workspace.opened_at.isoformat(),
            "limits": asdict(workspace.limiter.limits),
            "counts": {kind: list(count) for kind, count in workspace.limiter.get_counts().items()},
            "transitions": workspace.transitions.as_json(),
            "scenarios": workspace.scenarios.as_json(),
            "media": workspace.media.as_json(),
            "ordinals": {key.hex(): count for key, count in workspace.ordinals.items()},
            "polls": dict(workspace.polls),
            "ledger": {
                "credited": str(ledger.credited),
                "held": str(ledger.held),
                "charged": str(ledger.charged),
                "by_date": {f"{day}": str(cost) for day, cost in ledger.by_date.items()},
                "entries": [entry.as_json() for entry in ledger.entries],
            },
            "generations": _dump_generations(
                [(each, workspace.is_running(each.id)) for each in workspace.generations.values()]
            ),
        }


def restore_workspace(
    key: str, values: Mapping[str, Any], settings: Settings, identity: Identity | None = None
) -> Workspace:
    """Return the workspace that `take_snapshot` described, under the key `key`.

    `identity` is given where the key is not known.

    Raises `GetimgMockError` when `values` is not a snapshot.
    """
    if values.get("format") != FORMAT:
        raise GetimgMockError(f"This is not a snapshot of format {FORMAT}: {str(values)[:80]}")
    try:
        return _build_workspace(key, values, settings, identity)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise GetimgMockError(f"This snapshot is invalid: {error!r:.200}.") from None


def _build_workspace(
    key: str, values: Mapping[str, Any], settings: Settings, identity: Identity | None
) -> Workspace:
    clock = VirtualClock(start=datetime.fromisoformat(values["now"]), rate=values["rate"])
    workspace = Workspace(key, settings=settings, clock=clock, identity=identity)
    workspace.opened_at = datetime.fromisoformat(values["opened_at"])
    workspace.limiter.limits = Limits(**values["limits"])
    workspace.limiter.restore({kind: (w, n) for kind, (w, n) in values["counts"].items()})
    workspace.transitions = Transitions.from_json(values["transitions"])
    workspace.scenarios.restore(values["scenarios"], datetime.fromisoformat)
    workspace.media.restore(values.get("media", []))
    workspace.ordinals.update({bytes.fromhex(k): int(n) for k, n in values["ordinals"].items()})
    workspace.polls.update({str(k): int(n) for k, n in values["polls"].items()})
    ledger, kept = workspace.ledger, values["ledger"]
    ledger.credited, ledger.held, ledger.charged = (
        _read_amount(kept[name]) for name in ("credited", "held", "charged")
    )
    ledger.by_date = {
        date.fromisoformat(k): _read_amount(cost) for k, cost in kept["by_date"].items()
    }
    ledger.entries.clear()
    ledger.entries.extend(_restore_effect(each) for each in kept["entries"])
    for each in values["generations"]:
        workspace.adopt(_restore_generation(each), pending=each["running"])
    _check_books(workspace)
    return workspace


def _check_books(workspace: Workspace) -> None:
    """Raise `ValueError` where the ledger cannot pay for the pending generations."""
    ledger, booked = workspace.ledger, dict[date, Decimal]()
    for each in workspace.generations.values():
        if workspace.is_running(each.id):
            day = each.created_at.astimezone(UTC).date()
            booked[day] = booked.get(day, Decimal()) + each.product.total_cost
    if workspace.settings.charge_at == "submission":
        # An ending that fails refunds the charge of that day.
        is_covered = all(ledger.by_date.get(day, 0) >= cost for day, cost in booked.items())
        total = ledger.charged
    else:
        is_covered, total = True, ledger.held
    if ledger.available < 0 or total < sum(booked.values()) or not is_covered:
        raise ValueError(
            "its ledger does not add up: use credited >= held + charged, "
            "with the cost of each pending generation booked"
        )


def _read_amount(value: str) -> Decimal:
    amount = Decimal(value)
    if not (amount.is_finite() and 0 <= amount <= _MOST_MONEY):
        raise ValueError(f"{str(value)[:40]} is not an amount from 0 to {_MOST_MONEY:g} US dollars")
    return amount.copy_abs()  # -0 is 0


def _dump_generations(found: list[tuple[Generation, bool]]) -> Iterator[dict[str, Any]]:
    for generation, running in found:
        yield _dump_generation(generation) | {"running": running}


def _dump_generation(generation: Generation) -> dict[str, Any]:
    product = asdict(generation.product)
    product |= {name: str(product[name]) for name in ("unit_price", "total_cost")}
    ending = generation.ending
    return {
        "id": generation.id,
        "prompt": generation.prompt,
        "product": product,
        "created_at": generation.created_at.isoformat(),
        "transition": asdict(generation.transition),
        "retention": generation.retention,
        "ending": None
        if ending is None
        else {"at": ending.at.isoformat(), "failure": ending.failure and asdict(ending.failure)},
    }


def _restore_generation(values: Mapping[str, Any]) -> Generation:
    product = dict(values["product"])
    product |= {name: _read_amount(product[name]) for name in ("unit_price", "total_cost")}
    transition, ending = dict(values["transition"]), values["ending"]
    transition["failure"] = _restore_failure(transition["failure"])
    return Generation(
        id=values["id"],
        prompt=values["prompt"],
        product=Product(**product),
        created_at=datetime.fromisoformat(values["created_at"]),
        transition=Transition(**transition),
        retention=values["retention"],
        ending=ending
        and Ending(datetime.fromisoformat(ending["at"]), _restore_failure(ending["failure"])),
    )


def _restore_failure(values: Mapping[str, str] | None) -> Failure | None:
    return None if values is None else Failure(**values)


def _restore_effect(values: Mapping[str, Any]) -> Effect:
    amount = None if values["amount"] is None else Decimal(values["amount"])
    if amount is not None:
        _read_amount(str(abs(amount)))
    return Effect(
        values["what"],
        datetime.fromisoformat(values["at"]),
        amount,
        values["generation"],
    )
