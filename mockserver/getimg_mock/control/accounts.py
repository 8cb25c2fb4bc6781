"""Commands on what a workspace may spend and how much it may do: ledger and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import setting
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from getimg_mock.control.command import Json
    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

# The limits by the names that settings give them; the window is `window` in the world.
_WINDOW: Final = "rate_window"


def ledger(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return balance, holds and charges, and the last movements."""
    with workspace.lock:
        workspace.settle()
        books = workspace.ledger
        return {
            "currency": "USD",
            "balance": f"{books.available:f}",
            "held": f"{books.held:f}",
            "charged": f"{books.charged:f}",
            "credited": f"{books.credited:f}",
            "entries": [each.as_json() for each in books.entries],
        }


def top_up(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Add to the balance."""
    with workspace.lock:
        workspace.ledger.credit(values["amount"], workspace.settle())
        return ledger(fake, workspace, {})


def set_balance(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Make the balance what was given; holds and charges stay."""
    with workspace.lock:
        now = workspace.settle()
        workspace.ledger.credit(values["balance"] - workspace.ledger.available, now)
        return ledger(fake, workspace, {})


def limits(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the rate limits and what is left of the present windows."""
    with workspace.lock:
        workspace.settle()
        held = workspace.limiter.limits
        return {
            "image_rpm": held.image_rpm,
            "video_rpm": held.video_rpm,
            "concurrent": held.concurrent,
            _WINDOW: held.window,
            "remaining": {
                "image": workspace.allowance("image").remaining,
                "video": workspace.allowance("video").remaining,
            },
        }


def set_limits(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Change the given limits; what was counted stays counted."""
    if not values:
        raise SettingsError(f"Say which: image_rpm, video_rpm, concurrent or {_WINDOW}.")
    changed = {"window" if name == _WINDOW else name: value for name, value in values.items()}
    with workspace.lock:
        workspace.set_limits(replace(workspace.limiter.limits, **changed))
        return limits(fake, workspace, {})


LEDGER: Final = "balance, holds, charges and the last movements, in US dollars"
LIMITS: Final = "the rate limits"

COMMANDS: Final = (
    Command("ledger", "GET", "/ledger", "Show the money", ledger, answer=LEDGER),
    Command(
        "ledger.top_up",
        "POST",
        "/ledger/top-up",
        "Add to the balance",
        top_up,
        (setting("balance", name="amount", required=True),),
        answer=LEDGER,
    ),
    Command(
        "ledger.set",
        "PUT",
        "/ledger",
        "Set the balance",
        set_balance,
        (setting("balance", required=True),),
        answer=LEDGER,
    ),
    Command("limits", "GET", "/limits", "Show the rate limits", limits, answer=LIMITS),
    Command(
        "limits.set",
        "PUT",
        "/limits",
        "Change rate limits",
        set_limits,
        tuple(map(setting, ("image_rpm", "video_rpm", "concurrent", _WINDOW))),
        answer=LIMITS,
    ),
)
