"""Runs a coroutine at once as far as it goes, and makes a task only of one that waits."""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from getimg_mock.store.commit_groups import Kept

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context


def start(
    coroutine: Coroutine[Any, Any, None],
    loop: asyncio.AbstractEventLoop,
    note_task: Callable[[asyncio.Task[None]], None],
    end: Callable[[], None],
) -> None:
    """Run a coroutine until it suspends; `note_task` gets a task that continues it.

    There is no current task until it suspends first, so it must not ask for one. It has a context
    of its own, as tasks have. One that waits for a commit alone continues without a task, too, as
    that comes within the same turn of the event loop. `end` is called at its end. What it raises
    before it suspends is raised here.
    """
    context = copy_context()
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration:
        end()
        return
    _Run(coroutine, loop, context, note_task, end).wait_for(awaited)


class _Run:
    """A coroutine that has suspended, and has no task yet."""

    __slots__ = ("_context", "_coroutine", "_end", "_loop", "_note_task")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        context: Context,
        note_task: Callable[[asyncio.Task[None]], None],
        end: Callable[[], None],
    ) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._context = context
        self._note_task = note_task
        self._end = end

    def wait_for(self, awaited: Any) -> None:
        """Continue when what it awaits has come, by a task unless that is a commit."""
        if type(awaited) is Kept:
            awaited.continue_without_task(self._step)
            return
        started = _Started(self._coroutine, awaited)
        task = self._loop.create_task(started, context=self._context)
        self._note_task(task)
        task.add_done_callback(lambda _task: self._end())

    def _step(self, _kept: object) -> None:
        try:
            awaited = self._context.run(self._coroutine.send, None)
        except BaseException as error:
            self._end()
            if not isinstance(error, StopIteration):
                raise
        else:
            self.wait_for(awaited)


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
