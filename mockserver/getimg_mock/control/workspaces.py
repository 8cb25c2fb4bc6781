"""Commands on a workspace as a whole: what it is, its settings, reset, snapshot, restore, fork."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import mapping, setting, text
from getimg_mock.errors import ControlError, SettingsError

if TYPE_CHECKING:
    from getimg_mock.control.command import Json
    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

# What a workspace asks its settings for after it was opened; the others would change nothing.
CHANGEABLE: Final = ("image_seconds", "video_seconds", "fail_rate", "retention", "charge_at")


def show(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return what there is in the workspace, in numbers."""
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


def settings(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the settings that can be changed."""
    return {name: _written(getattr(workspace.settings, name)) for name in CHANGEABLE}


def change_settings(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Change settings for what is still to be made."""
    if not values:
        raise SettingsError(f"Say which: {', '.join(CHANGEABLE)}.")
    with workspace.lock:
        now = workspace.settle()
        pending = any(each.at(now) == "pending" for each in workspace.generations.values())
        if pending and values.get("charge_at", workspace.settings.charge_at) != (
            workspace.settings.charge_at
        ):
            raise ControlError(
                "conflict",
                "charge_at: generations are pending, and what they cost is booked already.",
                status=409,
            )
        workspace.settings = replace(workspace.settings, **values)
        return settings(fake, workspace, {})


def reset(fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Begin again: a new workspace in the place of this one."""
    fresh = fake.reset(workspace.key)
    return show(fake, fresh, {})


def snapshot(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return everything that the workspace is, for restore and fork."""
    return {"state": workspace.snapshot()}


def restore(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Make the workspace what a snapshot says."""
    return show(fake, fake.restore(workspace.key, values["state"]), {})


def fork(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Copy the workspace to another key, which must not be this one."""
    key = values["key"]
    if key == workspace.key:
        raise SettingsError("key: a workspace cannot be forked onto itself.")
    return show(fake, fake.restore(key, workspace.snapshot()), {})


def _written(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else str(value)


SUMMARY: Final = "the workspace in numbers"

COMMANDS: Final = (
    Command("workspace", "GET", "/workspace", "Show the workspace", show, answer=SUMMARY),
    Command(
        "settings", "GET", "/settings", "Show the settings of the workspace", settings,
        answer="settings",
    ),
    Command(
        "settings.change", "PATCH", "/settings", "Change settings of the workspace",
        change_settings, tuple(map(setting, CHANGEABLE)), answer="settings",
    ),
    Command("reset", "POST", "/reset", "Begin again", reset, answer=SUMMARY),
    Command(
        "snapshot", "GET", "/snapshot", "Take a snapshot", snapshot,
        answer="the state, for restore",
    ),
    Command(
        "restore", "POST", "/restore", "Go back to a snapshot", restore,
        (mapping("state", "what a snapshot gave", required=True),), answer=SUMMARY,
    ),
    Command(
        "fork", "POST", "/fork", "Copy the workspace to another key", fork,
        (text("key", "the key of the copy", required=True, longest=512),), answer=SUMMARY,
    ),
)  # fmt: skip
