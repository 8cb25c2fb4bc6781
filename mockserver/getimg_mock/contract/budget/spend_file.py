"""The record of spend by day: a file that outlives a run and that several runs may share."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.budget.process_lock import ProcessLock
from getimg_mock.errors import BudgetError
from getimg_mock.user_files import find_state_folder
from getimg_mock.world.clock import pause, stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

ZERO: Final = Decimal(0)

_MAX_WAIT: Final = 30.0
_POLL_INTERVAL: Final = 0.02
_BLOCK: Final = 512
"""The size of the file is a multiple of this, so that few changes alter it."""


Amount = Decimal | str | float | int
"""An amount in US dollars; a text, such as `0.50`, says exactly how much."""


def parse_amount(given: Amount) -> Decimal:
    """Return an amount in US dollars; raises `BudgetError` unless it is finite and not negative."""
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount >= 0):
        raise BudgetError(
            f"{str(given)!r} is not an amount in US dollars. Write 0.50, for example."
        )
    return amount


def find_default_record(url: str = "", key: str = "") -> Path:
    """Return the default file for the spend of each day at a target, with a key.

    The money of one service, such as the play money of a fake, does not count for another. Without
    a `url` it is the record of the getimg.ai API, which all keys share: another key must not lift
    the ceiling of a day.
    """
    if not url:
        return find_state_folder() / "spend.json"
    digest = hashlib.sha256(f"{url.rstrip('/')}\n{key}".encode()).hexdigest()[:16]
    return find_state_folder() / f"spend-{digest}.json"


_UNREADABLE: Final = (
    "{path}, the record of what was spent, cannot be read. Repair it, or remove it if you know "
    "what was spent today; until then nothing is sent."
)


@dataclass(slots=True)
class SpendRecord:
    """Spend by UTC date, in a file; without a `path`, in memory.

    Each change locks the file and reads it again, so that a ceiling also holds over runs at the
    same time. Raises `BudgetError` for a file that cannot be read or written, and when another
    process holds its lock for more than `max_wait` real seconds.
    """

    path: Path | None = None
    clock: Callable[[], datetime] = wall_time
    max_wait: float = _MAX_WAIT
    _days: dict[str, Decimal] = field(default_factory=dict)
    _content: bytes = b""
    """What the file held when `_days` was read from it or written to it."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _file_lock: ProcessLock | None = None
    _depth: int = 0

    def __post_init__(self) -> None:
        """Check that the file can be read and written."""
        _ = self.days

    @property
    def days(self) -> dict[str, Decimal]:
        """The most that can have been spent on each day."""
        with self._lock_record():
            return dict(self._read_days())

    @property
    def today(self) -> Decimal:
        """The most that can have been spent on the current UTC date."""
        return self.days.get(self._format_today(), ZERO)

    @property
    def total(self) -> Decimal:
        """The most that can have been spent on all days."""
        return sum(self.days.values(), ZERO)

    def reserve(self, amount: Decimal, ceiling: Decimal) -> tuple[str, Decimal] | None:
        """Book an amount under today's date unless the day would then be above `ceiling`.

        Returns the date and what was booked on it before; None when it does not fit.
        """
        with self._lock_record():
            days, today = self._read_days(), self._format_today()
            if days.get(today, ZERO) + amount > ceiling:
                return None
            return self._book(amount, today, days)

    def add(self, amount: Decimal, day: str = "") -> tuple[str, Decimal]:
        """Book an amount (negative: given back) under a date, or today's.

        Returns the date and what was booked on it before.
        """
        with self._lock_record():
            return self._book(amount, day or self._format_today(), self._read_days())

    def _read_days(self) -> dict[str, Decimal]:
        if self.path is not None:
            content = _read_content(self.path)
            if content and content != self._content:
                self._days = _parse_days(content, self.path)
            self._content = content
        return self._days

    def _book(self, amount: Decimal, day: str, days: dict[str, Decimal]) -> tuple[str, Decimal]:
        before = days.get(day, ZERO)
        changed = {**days, day: before + amount}
        if self.path is not None:
            content = _format_days(changed)
            known, self._content = self._content, b""
            _write_content(self.path, content, in_place=len(content) == len(known))
            self._content = content
        self._days = changed
        return day, before

    def _format_today(self) -> str:
        return self.clock().date().isoformat()

    @contextmanager
    def _lock_record(self) -> Iterator[None]:
        """Lock the record against other threads and runs; raises `BudgetError`."""
        with self._lock:
            if self.path is None or self._depth:
                yield
                return
            if self._file_lock is None:
                self._file_lock = ProcessLock(self.path.with_suffix(".lock"))
            _acquire_lock(self._file_lock, self.path, self.max_wait)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                self._file_lock.release()


def _read_content(path: Path) -> bytes:
    """Return what a file holds, nothing where there is no file; raises `BudgetError`."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - half the time of `Path.open`
            # An empty file is a damaged one.
            return file.read() or b" "
    except FileNotFoundError:
        return b""
    except OSError:
        raise BudgetError(_UNREADABLE.format(path=path)) from None


def _parse_days(content: bytes, path: Path | None) -> dict[str, Decimal]:
    """Return the spend of each day; raises `BudgetError`."""
    try:
        found = json.loads(content.decode())
        return {str(day): Decimal(amount) for day, amount in found["days"].items()}
    except (ValueError, KeyError, AttributeError, TypeError, ArithmeticError, RecursionError):
        raise BudgetError(_UNREADABLE.format(path=path)) from None


def _format_days(days: dict[str, Decimal]) -> bytes:
    """Return the content of the file, one day a line, filled up with spaces."""
    # `json.dumps` with an indent is the slow, pure form.
    lines = ",\n".join(f"  {json.dumps(day)}: {json.dumps(str(days[day]))}" for day in days)
    content = f'{{\n "days": {{\n{lines}\n }}\n}}'.encode()
    return content.ljust(-(-(len(content) + 1) // _BLOCK) * _BLOCK - 1) + b"\n"


def _write_content(path: Path, content: bytes, *, in_place: bool) -> None:
    """Write the file while its lock is held; raises `BudgetError`.

    A content of the same size is written in place, by one call that leaves no half of it when this
    process ends. Replacing a file makes some file systems write to the disk, which takes
    milliseconds.
    """
    place = path if in_place else path.with_suffix(".new")
    flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(place, flags if in_place else flags | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            written = os.write(handle, content)
        finally:
            os.close(handle)
        if written == len(content) and not in_place:
            place.replace(path)
    except OSError as error:
        raise _build_write_error(path, error.strerror) from None
    if written != len(content):
        raise _build_write_error(path, "the disk is full")


def _build_write_error(path: Path, reason: str | None) -> BudgetError:
    return BudgetError(f"{path}, the record of what was spent, cannot be written: {reason}.")


def _acquire_lock(lock: ProcessLock, path: Path, max_wait: float) -> None:
    """Acquire the lock of a record; raises `BudgetError`."""
    deadline = stopwatch() + max_wait
    while not _try_lock(lock, path):
        if stopwatch() >= deadline:
            raise BudgetError(
                f"{path}, the record of what was spent, is locked by another process, and was "
                f"not released within {max_wait:g} seconds. Try again when that run has ended."
            )
        pause(_POLL_INTERVAL)


def _try_lock(lock: ProcessLock, path: Path) -> bool:
    try:
        try:
            return lock.try_acquire()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            return lock.try_acquire()
    except OSError as error:
        raise _build_write_error(path, error.strerror) from None
