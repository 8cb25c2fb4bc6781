"""Calls of the scripts that Redis runs, over a connection of their own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        # Scripts that the server has, as long as the connection stays.
        self._loaded: set[str] = set()
        # What takes the answer that has not been waited for yet, or the error.
        self._finish: Callable[[Any, Exception | None], object] | None = None

    def note_connection(self) -> None:
        """Note a new connection: its server may lack the scripts."""
        self._loaded.clear()

    def call(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Return what a script answers; raises the errors of the client."""
        words = (len(keys), *keys, *values)
        self._send("EVALSHA", _compute_hash(script), *words)
        try:
            answer = self._connection.read_response()
        except self._missing:
            self._send("EVAL", script, *words)
            answer = self._connection.read_response()
        self._loaded.add(script)
        return answer

    def call_later(
        self,
        script: str,
        values: Sequence[Any],
        finish: Callable[[Any, Exception | None], object],
    ) -> bool:
        """Begin a call of a script that the server has; return False where it may lack it.

        Before another call ends, `finish` gets the answer, or the error.
        """
        if script not in self._loaded:
            return False
        self._send("EVALSHA", _compute_hash(script), 0, *values)
        self._finish = finish
        return True

    def _send(self, *words: Any) -> None:
        """Send a command, and take the answer that has not been waited for: it comes first."""
        try:
            self._connection.send_command(*words)
        except Exception as error:
            self._end_call(None, error)
            raise
        self.settle()

    def settle(self) -> None:
        """Wait for the answer that has not been waited for, if there is one."""
        if self._finish is None:
            return
        try:
            answer = self._connection.read_response()
        except Exception as error:  # noqa: BLE001 - what began the call tells them apart
            self._end_call(None, error)
        else:
            self._end_call(answer, None)

    def _end_call(self, answer: Any, error: Exception | None) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(answer, error)

    def close(self) -> None:
        """Wait for what has not been waited for, and close the connection."""
        self.settle()
        self._connection.disconnect()


_HASHES: Final[dict[str, str]] = {}


def _compute_hash(script: str) -> str:
    found = _HASHES.get(script)
    if found is None:
        # By which Redis finds a script: no secret.
        found = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        _HASHES[script] = found
    return found
