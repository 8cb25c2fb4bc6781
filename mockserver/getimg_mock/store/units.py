"""Units of work: when one begins and ends, alone or in a group that one commit keeps."""

from __future__ import annotations

import threading
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from getimg_mock.errors import GetimgMockError, Refusal, StoreError
from getimg_mock.store.commit_groups import Awaited, AwaitedTogether, CommitGroup
from getimg_mock.store.views import UnitLock

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Coroutine
    from contextlib import AbstractContextManager

    from getimg_mock.store.commit_groups import Kept

_Result = TypeVar("_Result")


class UnitsOfWork:
    """The units of work of a store: a subclass says what beginning to read and ending one mean.

    One thread at a time is in a unit. It ends when what was entered first is left. A group of units
    ends at the end of the turn of the event loop, or before any other unit begins.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0
        self._has_begun = False
        self._is_broken = False
        # Whether the unit of work is to be the last of its group.
        self._is_last = False
        # How often the unit of work has taken a workspace, without earlier ones of its group.
        self._joined_now = 0
        self._group: CommitGroup | None = None
        self._unit = UnitLock(self._begin, self.leave)

    def _end(self) -> None:
        """Keep what has changed, or raise `StoreError`; nothing is kept where it is broken."""
        raise NotImplementedError

    def batch(self) -> AbstractContextManager[None]:
        """Make one unit of work of all that happens in the block."""
        return self._unit

    def run(
        self, coroutine: Coroutine[Any, Any, _Result], *, together: bool = False
    ) -> Awaitable[_Result]:
        """Make one unit of work of each step of a coroutine, from one suspension to the next."""
        if together:
            return AwaitedTogether(self, self._unit, coroutine)
        return Awaited(self._unit, coroutine)

    def _begin(self) -> None:
        self._lock.acquire()
        if self._group is not None and not self._depth:
            self._end_group()
        self._depth += 1
        self._owner = get_ident()

    def join_group(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a unit of work that is kept with others of the same turn of `loop`."""
        self._lock.acquire()
        if self._group is not None and self._group.is_full and not self._depth:
            self._end_group()
        if self._group is None:
            self._open_group(loop)
        self._depth += 1
        self._joined_now = 0
        self._owner = get_ident()

    def _open_group(self, loop: asyncio.AbstractEventLoop) -> None:
        self._group = CommitGroup(loop)
        loop.call_soon(self._end_open_group, self._group)

    def leave_group(self, error: BaseException | None, *, waits: bool) -> Kept | None:
        """End what `join_group` began; return what the request has to wait for."""
        failed, future = None, None
        try:
            if error is not None:
                self._note_error(error)
            is_broken = self._is_broken
            if waits and self._group is not None and self._has_begun and not self._is_last:
                future = None if is_broken else self._group.wait()
            if future is None and self._depth == 1 and (self._has_begun or is_broken):
                failed = self._end_group()
        finally:
            self._release()
        if failed is not None and not is_broken:
            raise failed
        return future

    def _end_open_group(self, group: CommitGroup) -> None:
        with self._lock:
            if self._group is group:
                self._end_group()

    def _end_group(self) -> StoreError | None:
        """Keep what the requests of the group have changed, and let them continue."""
        group, self._group = self._group, None
        if group is None:
            return None
        error: StoreError | None = None
        # What is read while changes are collected belongs to the unit that ends.
        self._depth += 1
        self._owner, owner = get_ident(), self._owner
        try:
            if self._is_broken:
                error = StoreError("Another request of the same moment has failed.")
            self._end()
        except StoreError as failed:
            error = failed
        except BaseException as failed:
            error = StoreError(f"The changes of a request cannot be kept: {failed!r}.")
            raise
        finally:
            self._depth -= 1
            self._owner = owner
            group.end(error)
        return error

    def leave(self, error: BaseException | None) -> None:
        """End what `enter` began; the outermost end keeps the changes or raises `StoreError`."""
        try:
            if error is not None:
                self._note_error(error)
            if self._depth == 1:
                self._end()
        finally:
            self._release()

    def _note_error(self, error: BaseException) -> None:
        is_ours = isinstance(error, (GetimgMockError, Refusal))
        if not is_ours or isinstance(error, StoreError):
            self._is_broken = True

    def _release(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
        self._lock.release()
