"""Records the control commands that change a workspace, for its timeline."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.redaction import shorten_key
from getimg_mock.world.clock import wall_time
from getimg_mock.world.control_steps import ControlStep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

# Commands that only wait, or that empty the record.
_UNRECORDED: Final = frozenset({"journal.wait", "journal.clear"})
# Commands whose values are a whole workspace.
_WITHOUT_VALUES: Final = frozenset({"restore"})
_MAX_VALUES: Final = 2000


@contextmanager
def record_step(
    fake: Fake, workspace: Workspace, command: str, values: Mapping[str, Any]
) -> Iterator[None]:
    """Keep the command of this block in the journal, unless it raises."""
    at, wall = workspace.clock.now(), wall_time()
    given = {} if command in _WITHOUT_VALUES else _render_values(values)
    yield
    if command in _UNRECORDED:
        return
    present = fake.store.find_by_id(workspace.identity.id) or workspace
    ended_at = present.clock.now()
    workspace.journal.record_step(ControlStep(0, at, ended_at, wall, command, given))


def _render_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON without keys; large ones are left out."""
    return {
        name: rendered
        for name, value in values.items()
        if len(json.dumps(rendered := _hide_keys(name, value))) <= _MAX_VALUES
    }


def _hide_keys(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {str(inner): _hide_keys(str(inner), each) for inner, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hide_keys(name, each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return shorten_key(str(value)) if name == "key" else str(value)
