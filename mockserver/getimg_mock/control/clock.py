"""Commands on the clock of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import choice, duration, moment, number, text
from getimg_mock.control.generations import GENERATION, find_generation
from getimg_mock.errors import SettingsError
from getimg_mock.setting_values import MAX_SECONDS
from getimg_mock.world.clock import FASTEST

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace

# The units of a step in seconds, named as by timedelta.
STEPS: Final = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1, "milliseconds": 0.001}


def show(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the time, the rate and whether waiting moves the clock."""
    clock = workspace.clock
    return {"now": clock.now().isoformat(), "rate": clock.rate, "autojump": clock.autojump}


def advance(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Move the clock forward by the sum of the given steps."""
    step = values.get("duration", 0.0)
    step += sum(values.get(name, 0.0) * worth for name, worth in STEPS.items())
    if not values:
        raise SettingsError("Give a step: duration (10m, 1h30m) or " + ", ".join(STEPS) + ".")
    return workspace.advance(step).as_json()


def advance_to(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Move the clock forward to a moment; refuses one in the past."""
    moment_ = values["moment"]
    with workspace.lock:
        now = workspace.clock.now()
        if moment_ < now:
            raise SettingsError(
                f"moment: {moment_.isoformat()} is in the past, it is {now.isoformat()}; "
                "a clock cannot go backwards."
            )
        return workspace.advance_to(moment_).as_json()


def advance_to_next_event(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Move the clock to the next event; does nothing when no event is to come."""
    return workspace.advance_to_next_event().as_json()


def run_until(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Move the clock until a generation has a status."""
    with workspace.lock:
        find_generation(workspace, values[GENERATION])
        return workspace.run_until(values[GENERATION], values["status"]).as_json()


def freeze(fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Stop the clock."""
    workspace.clock.freeze()
    return show(fake, workspace, {})


def scale(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Set the rate of the clock."""
    workspace.clock.scale(values["rate"])
    return show(fake, workspace, {})


def _build_step_field(name: str) -> Any:
    return number(name, f"{name} to move forward", low=0, high=MAX_SECONDS)


ADVANCE_SUMMARY: Final = "the new time and the events in between, in order"
CLOCK_SUMMARY: Final = "the time, the rate and autojump"

COMMANDS: Final = (
    Command("clock", "GET", "/clock", "Show the time", show, answer=CLOCK_SUMMARY),
    Command(
        "clock.advance",
        "POST",
        "/clock/advance",
        "Move the clock forward by a step",
        advance,
        (duration("duration", "the step: 10m, 1h30m, or seconds"), *map(_build_step_field, STEPS)),
        answer=ADVANCE_SUMMARY,
    ),
    Command(
        "clock.advance_to",
        "POST",
        "/clock/advance-to",
        "Move the clock forward to a moment",
        advance_to,
        (moment("moment", "ISO 8601 with a zone", required=True),),
        answer=ADVANCE_SUMMARY,
    ),
    Command(
        "clock.advance_to_next_event",
        "POST",
        "/clock/advance-to-next-event",
        "Move the clock to the next event",
        advance_to_next_event,
        answer=ADVANCE_SUMMARY,
    ),
    Command(
        "clock.run_until",
        "POST",
        "/clock/run-until",
        "Move the clock until a generation has a status",
        run_until,
        (
            text(GENERATION, "the generation's id", required=True, longest=200),
            choice("status", "the status to wait for", "completed", "failed", required=True),
        ),
        answer=ADVANCE_SUMMARY,
    ),
    Command(
        "clock.freeze", "POST", "/clock/freeze", "Stop the clock", freeze, answer=CLOCK_SUMMARY
    ),
    Command(
        "clock.scale",
        "POST",
        "/clock/scale",
        "Set the rate of the clock",
        scale,
        (number("rate", "clock seconds per real second", low=0, high=FASTEST, required=True),),
        answer=CLOCK_SUMMARY,
    ),
)
