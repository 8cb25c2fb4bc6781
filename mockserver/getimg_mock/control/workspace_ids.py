"""Names a workspace without its key, for requests of a page that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

ID_HEADER: Final = "x-mock-workspace"


def look_up_workspace(fake: Fake, workspace_id: str | None) -> Workspace | None:
    """Return the workspace with that id, or None."""
    return None if workspace_id is None else fake.store.find_by_id(workspace_id)


def find_workspace(fake: Fake, workspace_id: str) -> Workspace:
    """Return the workspace with that id; raises `ControlError` (404) where there is none."""
    found = look_up_workspace(fake, workspace_id)
    if found is None:
        raise ControlError(
            "unknown_workspace",
            f"No workspace has the id {workspace_id[:40]!r}: GET /__mock__/workspaces lists them.",
            status=404,
        )
    return found
