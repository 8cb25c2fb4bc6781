"""What identifies a workspace where its key is not known."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from getimg_mock.redaction import shorten_key
from getimg_mock.world.randomness import digest

KEY_IN_SCOPE: Final = "getimg_mock.key"
"""Where requests of the page have the key of their workspace, which may be a stand-in."""


class Identity(NamedTuple):
    """What identifies a workspace without its key; `seed` is secret, as links are signed by it.

    `id` has 16 hexadecimal digits, the same on every fake; `shown_key` has the ends of the key.
    """

    id: str
    shown_key: str
    seed: bytes

    @classmethod
    def of(cls, seed: str, key: str) -> Identity:
        """Return the identity of a key in a fake with the seed `seed`."""
        return cls(derive_workspace_id(key), shorten_key(key), digest(seed, key))


class KeyStandIn(str):
    """Stands for a key that is not known: its text is the shortened key, it has the workspace's id.

    Stores keep no keys. A workspace that was found by its id has this as its key.
    """

    __slots__ = ("workspace_id",)

    workspace_id: str

    @classmethod
    def of(cls, workspace_id: str, shown_key: str) -> KeyStandIn:
        """Return the stand-in for the key of a workspace."""
        made = cls(shown_key)
        made.workspace_id = workspace_id
        return made


def derive_workspace_id(key: str) -> str:
    """Return the id of the workspace of a key: 16 hexadecimal digits, the same on every fake."""
    if isinstance(key, KeyStandIn):
        return key.workspace_id
    return _derive_id(key)


@lru_cache(maxsize=1024)  # a client sends the same key with every request
def _derive_id(key: str) -> str:
    return digest("workspace id", key, size=8).hex()
