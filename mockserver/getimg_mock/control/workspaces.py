"""Commands on a workspace as a whole: summary, settings, reset, snapshot, restore, fork."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command, StreamedAnswer
from getimg_mock.control.exchange_summaries import summarise
from getimg_mock.control.fields import mapping, read_fields, setting, text
from getimg_mock.control.streaming import iterate_json
from getimg_mock.errors import ControlError, GetimgMockError, SettingsError
from getimg_mock.schemas import violations
from getimg_mock.world import snapshots
from getimg_mock.world.identities import derive_workspace_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.settings import Settings
    from getimg_mock.world.journal import Exchange
    from getimg_mock.world.workspaces import Workspace

# Settings that a workspace reads after it was opened; changing others has no effect.
CHANGEABLE: Final = ("image_seconds", "video_seconds", "fail_rate", "retention", "charge_at")
_SETTINGS: Final = tuple(map(setting, CHANGEABLE))


def show(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return a summary of the workspace."""
    return summarise_workspace(workspace)


def summarise_workspace(workspace: Workspace) -> Json:
    """Return time, money and counts of a workspace."""
    with workspace.lock:
        now = workspace.settle()
        states = [each.at(now) for each in workspace.generations.values()]
        return {
            "now": now.isoformat(),
            "opened_at": workspace.opened_at.isoformat(),
            "rate": workspace.clock.rate,
            "balance": f"{workspace.ledger.available:f}",
            "generations": {
                status: states.count(status) for status in ("pending", "completed", "failed")
            },
            "rules": len(workspace.scenarios),
            "exchanges": len(workspace.journal),
        }


def describe_workspace(workspace: Workspace) -> Json:
    """Return what identifies a workspace without its key, and its summary."""
    last = workspace.journal.find(workspace.journal.newest)
    return {
        "id": workspace.identity.id,
        "key": workspace.identity.shown_key,
        "last_used": None if last is None else last.wall.isoformat(),
        **summarise_workspace(workspace),
    }


def list_workspaces(fake: Fake, _values: Json) -> Json:
    """Return the workspaces, the last used one first, and the requests that reached none."""
    found = [describe_workspace(each) for each in fake.store]
    found.sort(key=lambda each: each["last_used"] or "", reverse=True)
    return {
        "workspaces": found,
        "unassigned": [
            summarise(each, {}) | {"authorization": _find_authorization(each)}
            for each in list(fake.journal)[-_MAX_UNASSIGNED:]
        ],
    }


def _find_authorization(exchange: Exchange) -> str | None:
    """Return the header that was sent, its key shortened as the journal keeps it."""
    found = (v for name, v in exchange.request_headers if name == b"authorization")
    value = next(found, None)
    return None if value is None else value.decode("latin-1")[:80]


def show_settings(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the settings that can be changed."""
    return read_settings(workspace=workspace)


def read_settings(*, workspace: Workspace) -> Json:
    """Return the settings of a workspace that can be changed."""
    return {name: _render_snapshot(getattr(workspace.settings, name)) for name in CHANGEABLE}


def change_settings(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Change settings for new generations."""
    if not values:
        raise SettingsError(f"Name at least one setting: {', '.join(CHANGEABLE)}.")
    with workspace.lock:
        now = workspace.settle()
        pending = any(each.at(now) == "pending" for each in workspace.generations.values())
        if pending and values.get("charge_at", workspace.settings.charge_at) != (
            workspace.settings.charge_at
        ):
            raise ControlError(
                "conflict",
                "charge_at: cannot change while generations are pending, as their cost is booked.",
                status=409,
            )
        workspace.settings = replace(workspace.settings, **values)
        return show_settings(fake, workspace, {})


def reset(fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Replace the workspace by a new one."""
    with workspace.lock:
        fresh = fake.store.renew(workspace)
        # The same journal object, emptied: its subscribers stay subscribed.
        fresh.journal = workspace.journal
        fresh.journal.clear()
    return show(fake, fresh, {})


def snapshot(_fake: Fake, workspace: Workspace, _values: Json) -> StreamedAnswer:
    """Return the state of the workspace without its journal, for restore."""
    state = snapshots.take_lazy_snapshot(workspace)
    state |= {"settings": read_settings(workspace=workspace)}
    return StreamedAnswer("application/json", iterate_json({"state": state}))


def restore(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Restore the workspace from a snapshot; its journal continues."""
    return show(fake, _replace_state(fake, workspace, values["state"]), {})


def fork(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Copy the workspace to another key, replacing the workspace of that key."""
    key = check_key(values["key"], fake.settings)
    if derive_workspace_id(key) == workspace.identity.id:
        raise SettingsError("key: a workspace cannot be forked onto itself.")
    copy = _replace_state(fake, fake.store.get_or_create(key), _build_state(workspace))
    copy.journal.clear()
    return show(fake, copy, {})


def check_key(key: str, settings: Settings) -> str:
    """Return `key`, or raise `SettingsError` for one that the API would refuse."""
    if settings.strictness == "full" and not re.fullmatch(settings.key_pattern, key):
        raise SettingsError(f"{key[:40]!r} is not a valid key: use sk_ and any characters.")
    return key


def _build_state(workspace: Workspace) -> Json:
    return snapshots.take_snapshot(workspace) | {"settings": read_settings(workspace=workspace)}


def _replace_state(fake: Fake, workspace: Workspace, state: Mapping[str, Any]) -> Workspace:
    for found in violations("own/snapshot", state):
        raise SettingsError(f"state{found.path}: {found.message}.")
    kept = dict(state)
    changed = read_fields(_SETTINGS, kept.pop("settings", {}), free=False)
    with workspace.lock:
        inherited = replace(workspace.settings, **changed)
        try:
            restored = snapshots.restore_workspace(
                workspace.key, kept, inherited, workspace.identity
            )
        except SettingsError:
            raise
        except GetimgMockError as error:
            raise SettingsError(f"state: {error}") from None
        restored.journal = workspace.journal
        restored.clock.autojump = workspace.clock.autojump
        return fake.store.replace(restored)


def _render_snapshot(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else str(value)


# Requests to unknown paths or with invalid keys that the list shows.
_MAX_UNASSIGNED: Final = 50

SUMMARY: Final = "a summary of the workspace"

COMMANDS: Final = (
    Command(
        "workspaces",
        "GET",
        "/workspaces",
        "List the workspaces of all keys",
        None,
        answer="the workspaces with shortened keys, and requests that belong to none",
        run_keyless=list_workspaces,
    ),
    Command("workspace", "GET", "/workspace", "Show the workspace", show, answer=SUMMARY),
    Command(
        "settings",
        "GET",
        "/settings",
        "Show the settings of the workspace",
        show_settings,
        answer="settings",
    ),
    Command(
        "settings.change",
        "PATCH",
        "/settings",
        "Change settings of the workspace",
        change_settings,
        _SETTINGS,
        answer="settings",
    ),
    Command(
        "reset", "POST", "/reset", "Replace the workspace by an empty one", reset, answer=SUMMARY
    ),
    Command(
        "snapshot",
        "GET",
        "/snapshot",
        "Take a snapshot",
        snapshot,
        answer="the state, for restore",
    ),
    Command(
        "restore",
        "POST",
        "/restore",
        "Restore a snapshot",
        restore,
        (mapping("state", "the state of a snapshot", required=True),),
        answer=SUMMARY,
    ),
    Command(
        "fork",
        "POST",
        "/fork",
        "Copy the workspace to another key",
        fork,
        (text("key", "the key of the copy", required=True, longest=512),),
        answer=SUMMARY,
    ),
)
