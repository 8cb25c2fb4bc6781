"""Names a workspace without its key, for requests of a page that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.errors import ControlError
from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

ID_HEADER: Final = "x-mock-workspace"


def derive_workspace_id(key: str) -> str:
    """Return the id of the workspace of a key: 16 hexadecimal digits, the same on every fake."""
    return digest("workspace id", key, size=8).hex()


def look_up_workspace(fake: Fake, workspace_id: str | None) -> Workspace | None:
    """Return the workspace with that id, or None."""
    return next(
        (each for each in fake.store if derive_workspace_id(each.key) == workspace_id), None
    )


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
