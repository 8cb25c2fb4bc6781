"""Units of work: when one begins and ends, alone or in a group that one commit keeps."""

from __future__ import annotations

import threading
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from getimg_mock.errors import GetimgMockError, Refusal, StoreError
from getimg_mock.store.commit_groups import (
    LONGEST_SECONDS,
    Awaited,
    AwaitedTogether,
    CommitGroup,
)
from getimg_mock.store.views import UnitLock

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager
    from typing import Unpack

    from getimg_mock.store.commit_groups import Kept

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class UnitsOfWork:
    """The units of work of a store: a subclass says what beginning to read and ending one mean.

    One thread at a time is in a unit. It ends when what was entered first is left. A group of units
    ends with the first turn of the event loop that brings nothing, or before any other unit begins;
    one of reads may take longer.
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

    def _end(self, failed: Callable[[StoreError], object] | None = None) -> None:
        """Keep what has changed, or raise `StoreError`; nothing is kept where it is broken.

        With `failed`, the journal may be kept later; where it cannot be, `failed` is called with
        the error.
        """
        raise NotImplementedError

    def batch(self) -> AbstractContextManager[None]:
        """Make one unit of work of all that happens in the block."""
        return self._unit

    def _has_changed(self) -> bool:
        """Return whether the unit of work has changed more than the journal."""
        raise NotImplementedError

    def _is_shared(self) -> bool:
        """Return whether other processes have changed the same workspaces lately."""
        raise NotImplementedError

    def run(
        self,
        coroutine: Coroutine[Any, Any, _Result],
        *,
        together: bool = False,
        reads: bool = False,
    ) -> Awaitable[_Result]:
        """Make one unit of work of each step of a coroutine, from one suspension to the next."""
        if together:
            return AwaitedTogether(self, self._unit, coroutine, reads=reads)
        return Awaited(self._unit, coroutine)

    def do_together(
        self,
        work: Callable[[Unpack[_Arguments]], bool],
        arguments: tuple[*_Arguments],
        loop: asyncio.AbstractEventLoop,
        *,
        reads: bool,
    ) -> tuple[bool, Kept | None]:
        """Make a unit of work of what does not suspend, kept with others of the same moment.

        `work` gets `arguments`, and returns whether it has done anything. So does this, with what
        has to be waited for.
        """
        self.join_group(loop)
        try:
            is_done = work(*arguments)
        except BaseException as error:
            self.leave_group(error, waits=False)
            raise
        if not is_done:
            self._release()
            return False, None
        return True, self.leave_group(None, waits=True, reads=reads)

    def _begin(self) -> None:
        if self._owner != get_ident():
            self._lock.acquire()
            if self._group is not None:
                self._end_group()
            self._owner = get_ident()
        self._depth += 1

    def join_group(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a unit of work that is kept with others of the same moment of `loop`."""
        if self._owner != get_ident():
            self._lock.acquire()
            if self._group is not None and self._group.is_full:
                self._end_group()
            self._owner = get_ident()
        if self._group is None:
            self._open_group(loop)
        self._depth += 1
        self._joined_now = 0

    def _open_group(self, loop: asyncio.AbstractEventLoop) -> None:
        self._group = CommitGroup(loop)
        loop.call_soon(self._end_open_group, self._group)

    def leave_group(
        self, error: BaseException | None, *, waits: bool, reads: bool = False
    ) -> Kept | None:
        """End what `join_group` began; return what the request has to wait for.

        One that `reads`, and has changed nothing, waits for none if no other of its group does: all
        that it has seen is kept.
        """
        group = self._group
        if reads and group is not None and not (group.is_awaited or self._has_changed()):
            group.count_read()
            self._release()
            return None
        failed, future = None, None
        try:
            if error is not None:
                self._note_error(error)
            is_broken = self._is_broken
            if waits and self._group is not None and self._has_begun and not self._is_last:
                future = None if is_broken else self._wait_for(self._group)
            if future is None and self._depth == 1 and (self._has_begun or is_broken):
                failed = self._end_group()
        finally:
            self._release()
        if failed is not None and not is_broken:
            raise failed
        return future

    def _wait_for(self, group: CommitGroup) -> Kept:
        if group.is_open_longer:
            group.is_open_longer = False
            group.loop.call_soon(self._end_open_group, group)
        return group.wait()

    def _end_open_group(self, group: CommitGroup) -> None:
        """End a group at the end of a turn that brought no further request that waits.

        Where only the journal would have it kept, it goes on for some turns, as long as no other
        process has to wait for its workspaces.
        """
        with self._lock:
            if self._group is not group or group.is_open_longer:
                return
            is_shared = self._is_shared()
            if group.has_grown() or (is_shared and not group.is_extended):
                # While these were answered, or waited for workspaces, clients have sent others.
                group.is_extended = True
                group.loop.call_soon(self._end_open_group, group)
                return
            if self._has_begun and not (group.is_awaited or group.is_full or is_shared):
                group.is_open_longer = True
                group.loop.call_later(LONGEST_SECONDS, self._end_long_group, group)
                return
            self._end_group(waits=False)

    def _end_long_group(self, group: CommitGroup) -> None:
        with self._lock:
            if self._group is group:
                self._end_group(waits=False)

    def _end_group(self, *, waits: bool = True) -> StoreError | None:
        """Keep what the requests of the group have changed, and let them continue.

        Where none of them waits for it, the store need not wait either.
        """
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
            self._end(None if waits or group.is_awaited else group.report)
        except StoreError as failed:
            error = failed
        except BaseException as failed:
            error = StoreError(f"The changes of a request cannot be kept: {failed!r}.")
            raise
        finally:
            self._depth -= 1
            self._owner = owner
            if error is not None:
                group.report(error)
            group.end(error)
        return error

    def leave(self, error: BaseException | None) -> None:
        """End what `enter` began; the outermost end keeps the changes or raises `StoreError`."""
        if error is None and self._depth > 1:
            self._depth -= 1
            return
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
