"""Runs a coroutine at once as far as it goes, and makes a task only of one that waits."""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


def start(
    coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
) -> asyncio.Task[None] | None:
    """Run a coroutine until it suspends; return a task that continues it, or None at its end.

    There is no current task until it suspends first, so it must not ask for one. It has a context
    of its own, as tasks have. What it raises before it suspends is raised here.
    """
    context = copy_context()
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration:
        return None
    return loop.create_task(_Started(coroutine, awaited), context=context)


class _Started(Coroutine[Any, Any, None]):
    """A coroutine that has suspended once already, for a task that has not seen on what."""

    __slots__ = ("_awaited", "_coroutine", "_is_seen")

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited
        self._is_seen = False

    def send(self, value: Any) -> Any:
        """Continue the coroutine; first say what it waits for."""
        if self._is_seen:
            return self._coroutine.send(value)
        self._is_seen = True
        awaited, self._awaited = self._awaited, None
        return awaited

    def throw(self, *error: Any) -> Any:
        """Raise an error where the coroutine waits."""
        self._is_seen = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Any:
        return self
