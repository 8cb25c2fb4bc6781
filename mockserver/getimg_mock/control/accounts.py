"""Commands on the ledger and the rate limits of a workspace."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import setting, whole
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace

# Limits have the names of the settings; the world calls this one `window`.
_WINDOW: Final = "rate_window"


def show_ledger(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return balance, holds, charges and the last entries; `total` counts those that are kept."""
    with workspace.lock:
        workspace.settle()
        books = workspace.ledger
        total = len(books.entries)
        first = max(0, total - values.get("last", total))
        return {
            "currency": "USD",
            "balance": f"{books.available:f}",
            "held": f"{books.held:f}",
            "charged": f"{books.charged:f}",
            "credited": f"{books.credited:f}",
            "costs": {day.isoformat(): f"{cost:f}" for day, cost in sorted(books.by_date.items())},
            "total": total,
            "entries": [each.as_json() for each in islice(books.entries, first, None)],
        }


def top_up(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Add to the balance."""
    with workspace.lock:
        workspace.ledger.credit(values["amount"], workspace.settle())
        return show_ledger(fake, workspace, {})


def set_balance(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Set the balance; holds and charges stay."""
    with workspace.lock:
        now = workspace.settle()
        workspace.ledger.credit(values["balance"] - workspace.ledger.available, now)
        return show_ledger(fake, workspace, {})


def show_limits(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the rate limits and what is left of the current windows."""
    with workspace.lock:
        workspace.settle()
        held = workspace.limiter.limits
        return {
            "image_rpm": held.image_rpm,
            "video_rpm": held.video_rpm,
            "concurrent": held.concurrent,
            _WINDOW: held.window,
            "remaining": {
                "image": workspace.compute_allowance("image").remaining,
                "video": workspace.compute_allowance("video").remaining,
            },
        }


def set_limits(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Change the given limits; what was counted stays counted."""
    if not values:
        raise SettingsError(
            f"Name at least one limit: image_rpm, video_rpm, concurrent or {_WINDOW}."
        )
    changed = {"window" if name == _WINDOW else name: value for name, value in values.items()}
    with workspace.lock:
        workspace.set_limits(replace(workspace.limiter.limits, **changed))
        return show_limits(fake, workspace, {})


LEDGER_SUMMARY: Final = "balance, holds, charges and the last entries, in US dollars"
LIMITS_SUMMARY: Final = "the rate limits"

COMMANDS: Final = (
    Command(
        "ledger",
        "GET",
        "/ledger",
        "Show the money",
        show_ledger,
        (whole("last", "only the newest entries, at most this many", low=0, high=10**6),),
        answer=LEDGER_SUMMARY,
    ),
    Command(
        "ledger.top_up",
        "POST",
        "/ledger/top-up",
        "Add to the balance",
        top_up,
        (setting("balance", name="amount", required=True),),
        answer=LEDGER_SUMMARY,
    ),
    Command(
        "ledger.set",
        "PUT",
        "/ledger",
        "Set the balance",
        set_balance,
        (setting("balance", required=True),),
        answer=LEDGER_SUMMARY,
    ),
    Command("limits", "GET", "/limits", "Show the rate limits", show_limits, answer=LIMITS_SUMMARY),
    Command(
        "limits.set",
        "PUT",
        "/limits",
        "Change rate limits",
        set_limits,
        tuple(map(setting, ("image_rpm", "video_rpm", "concurrent", _WINDOW))),
        answer=LIMITS_SUMMARY,
    ),
)
