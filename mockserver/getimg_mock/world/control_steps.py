"""Control commands that changed a workspace, as its journal keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

MAX_STEPS: Final = 500
"""How many control commands are kept, for the timeline."""


class ControlStep(NamedTuple):
    """A control command that changed the workspace: `values` are its values as JSON.

    `at` and `ended_at` are the workspace's time before and after it, `wall` is real time.
    """

    number: int
    at: datetime
    ended_at: datetime
    wall: datetime
    command: str
    values: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the step as control answers show it."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "wall": self.wall.isoformat(),
            "command": self.command,
            "values": self.values,
        }
