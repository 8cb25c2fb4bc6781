"""Names a workspace without its key: an id for requests, and a shortened key for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.errors import ControlError
from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

ID_HEADER: Final = "x-mock-workspace"

_HEAD: Final = 7
_TAIL: Final = 4


def derive_workspace_id(key: str) -> str:
    """Return the id of the workspace of a key: 16 hexadecimal digits, the same on every fake."""
    return digest("workspace id", key, size=8).hex()


def shorten_key(key: str) -> str:
    """Return a key with its middle left out, so that several keys can be told apart.

    Of a short key at least a quarter is left out; of a real one nearly all.
    """
    head = min(_HEAD, len(key) // 2)
    tail = min(_TAIL, len(key) // 4)
    return f"{key[:head]}...{key[len(key) - tail :]}"


def find_workspace(fake: Fake, workspace_id: str) -> Workspace:
    """Return the workspace with that id; raises `ControlError` (404) where there is none."""
    for each in fake.store:
        if derive_workspace_id(each.key) == workspace_id:
            return each
    raise ControlError(
        "unknown_workspace",
        f"No workspace has the id {workspace_id[:40]!r}: GET /__mock__/workspaces lists them.",
        status=404,
    )
