"""What is kept of a workspace as a whole: its core and its plan, as JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from getimg_mock.settings import Settings, list_options
from getimg_mock.store.encoding import decode_costs, dump_json, encode_costs
from getimg_mock.world.identities import Identity
from getimg_mock.world.limits import Limits
from getimg_mock.world.magic import KEY_PREFIX
from getimg_mock.world.transitions import Transitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.store.rows import Head
    from getimg_mock.store.stored_journal import StoredJournal
    from getimg_mock.store.views import StoredEntries
    from getimg_mock.world.workspaces import Workspace


def encode_core(
    workspace: Workspace,
    entries: StoredEntries,
    journal: StoredJournal,
    recent: Sequence[Sequence[Any]],
) -> str:
    """Return what most requests change.

    `recent` are the generations that changed last, each with its version and whether it is pending.
    """
    clock, ledger = workspace.clock, workspace.ledger
    origin, anchor, rate = clock.state
    return dump_json(
        {
            "clock": [origin.isoformat(), anchor, rate, clock.autojump],
            "money": [str(ledger.credited), str(ledger.held), str(ledger.charged)],
            "costs": encode_costs(ledger.by_date),
            "counts": workspace.limiter.get_counts(),
            "rules": workspace.scenarios.added,
            "hits": [[each.id, each.seen, each.hits] for each in workspace.scenarios if each.seen],
            "generations": len(workspace.generations),
            "recent": recent,
            "entries": [entries.total, entries.cleared],
            "exchanges": [journal.recorded, journal.first, journal.weight],
            "steps": [journal.stepped, journal.first_step],
        }
    )


def build_fingerprint(workspace: Workspace) -> Any:
    """Return values that are equal as long as the plan is."""
    rules = workspace.transitions
    return (
        workspace.settings,
        workspace.limiter.limits,
        workspace.opened_at,
        rules.workspace,
        tuple(rules.models.items()),
        tuple(rules.upcoming),
        workspace.scenarios.ids,
        tuple(workspace.media.rules),
    )


def encode_plan(workspace: Workspace, base: Settings) -> str:
    """Return what few requests change; `base` are the settings that need not be kept."""
    return dump_json(
        {
            "seed": workspace.seed.hex(),
            "magic_key": _find_magic_key(workspace.key),
            "opened_at": workspace.opened_at.isoformat(),
            "limits": asdict(workspace.limiter.limits),
            "transitions": workspace.transitions.as_json(),
            "media": workspace.media.as_json(),
            "scenarios": [
                each.as_json() | {"added_at": each.added_at.isoformat(), "ordinals": {}}
                for each in workspace.scenarios
            ],
            "settings": {
                each.name: _encode_setting(getattr(workspace.settings, each.name))
                for each in list_options()
                if getattr(workspace.settings, each.name) != getattr(base, each.name)
            },
        }
    )


def decode_identity(head: Head) -> tuple[Identity, str | None]:
    """Return the identity that a row has, and its key where it is magic."""
    plan = json.loads(head.plan)
    return Identity(head.id, head.shown_key, bytes.fromhex(plan["seed"])), plan["magic_key"]


def _find_magic_key(key: str) -> str | None:
    """Return a key that is magic, as it is no secret; None for another."""
    return key if key.startswith(KEY_PREFIX) else None


def _encode_setting(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _change_settings(base: Settings, values: dict[str, Any]) -> Settings:
    read = Settings.of(**values)
    given = {name: getattr(read, name) for name in values}
    return replace(base, **given) if given else base


def load_plan(workspace: Workspace, plan: str, base: Settings) -> None:
    """Give a workspace what `encode_plan` described."""
    values = json.loads(plan)
    workspace.opened_at = datetime.fromisoformat(values["opened_at"])
    workspace.limiter.limits = Limits(**values["limits"])
    workspace.transitions = Transitions.from_json(values["transitions"])
    workspace.scenarios.restore(values["scenarios"], datetime.fromisoformat)
    workspace.media.restore(values.get("media", ()))
    workspace.settings = _change_settings(base, values["settings"])


def load_core(
    workspace: Workspace, core: str, entries: StoredEntries, journal: StoredJournal
) -> None:
    """Give a workspace what `encode_core` described; its plan is loaded before."""
    values = json.loads(core)
    origin, anchor, rate, workspace.clock.autojump = values["clock"]
    workspace.clock.state = (datetime.fromisoformat(origin), anchor, rate)
    ledger = workspace.ledger
    ledger.credited, ledger.held, ledger.charged = map(Decimal, values["money"])
    ledger.by_date = decode_costs(values["costs"])
    workspace.limiter.restore({kind: (w, n) for kind, (w, n) in values["counts"].items()})
    workspace.scenarios.added = values["rules"]
    for rule_id, seen, hits in values["hits"]:
        rule = workspace.scenarios.get(rule_id)
        if rule is not None:
            rule.seen, rule.hits = seen, hits
    entries.total, entries.cleared = values["entries"]
    journal.recorded, journal.first, journal.weight = values["exchanges"]
    journal.stepped, journal.first_step = values["steps"]


def read_generations(core: str) -> tuple[int, list[tuple[int, str, bool]]]:
    """Return how many generations there are, and those that changed last."""
    values = json.loads(core)
    return values["generations"], [(at, name, pending) for at, name, pending in values["recent"]]


def read_totals(core: str) -> tuple[int, int]:
    """Return how many generations and exchanges there are."""
    values = json.loads(core)
    recorded, first, _ = values["exchanges"]
    return values["generations"], recorded - first + 1


def copy_state(plain: Workspace, kept: Workspace) -> None:
    """Give the new workspace `kept` the state of one in memory, except the time."""
    kept.settings, kept.opened_at = plain.settings, plain.opened_at
    kept.clock.autojump = plain.clock.autojump
    kept.limiter.limits = plain.limiter.limits
    kept.limiter.restore(plain.limiter.get_counts())
    kept.transitions = plain.transitions
    kept.scenarios.restore(plain.scenarios.as_json(), datetime.fromisoformat)
    kept.scenarios.added = plain.scenarios.added
    kept.media.restore(plain.media.as_json())
    kept.ordinals.update(plain.ordinals)
    ledger, theirs = kept.ledger, plain.ledger
    ledger.credited, ledger.held = theirs.credited, theirs.held
    ledger.charged, ledger.by_date = theirs.charged, dict(theirs.by_date)
    ledger.entries.extend(theirs.entries)
    books, new = plain.settlement, kept.settlement
    for order, made in enumerate(plain.generations.values(), 1):
        new.generations[made.id] = made
        if made.id in books.charged:
            new.charged[made.id] = books.charged[made.id]
            new.schedule(made, order)
    kept.polls.update(plain.polls)
