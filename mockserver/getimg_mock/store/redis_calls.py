"""Calls of the scripts that Redis runs, over a connection of their own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis


class RedisScripts:
    """Calls scripts by the hash of their text, and sends the text to a server without it.

    The client takes a connection from its pool for each command, asks the system whether it is
    still open, and counts what it does: that takes longer than a script of ours does. Here a
    connection that was closed is noticed when it is used, and opened again by the next call.
    """

    def __init__(self, client: Redis) -> None:
        import redis  # noqa: PLC0415 - an optional package

        self._missing = redis.exceptions.NoScriptError
        self._connection: Any = client.connection_pool.make_connection()

    def call(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Return what a script answers; raises the errors of the client."""
        words = (len(keys), *keys, *values)
        try:
            return self._send("EVALSHA", _compute_hash(script), *words)
        except self._missing:
            return self._send("EVAL", script, *words)

    def _send(self, *words: Any) -> Any:
        self._connection.send_command(*words)
        return self._connection.read_response()

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()


_HASHES: Final[dict[str, str]] = {}


def _compute_hash(script: str) -> str:
    found = _HASHES.get(script)
    if found is None:
        # By which Redis finds a script: no secret.
        found = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        _HASHES[script] = found
    return found
