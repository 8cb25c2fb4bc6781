"""The record of spend by day: a file that outlives a run and that several runs may share."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

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
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _file_lock: FileLock | None = None

    def __post_init__(self) -> None:
        """Check that the file can be read and written."""
        with self._lock_record():
            _ = self.days

    @property
    def days(self) -> dict[str, Decimal]:
        """The most that can have been spent on each day."""
        if self.path is not None:
            found = _read_days(self.path)
            if found is not None:
                self._days = found
        return self._days

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
            days, today = self.days, self._format_today()
            if days.get(today, ZERO) + amount > ceiling:
                return None
            return self._book(amount, today, days)

    def add(self, amount: Decimal, day: str = "") -> tuple[str, Decimal]:
        """Book an amount (negative: given back) under a date, or today's.

        Returns the date and what was booked on it before.
        """
        with self._lock_record():
            return self._book(amount, day or self._format_today(), self.days)

    def _book(self, amount: Decimal, day: str, days: dict[str, Decimal]) -> tuple[str, Decimal]:
        before = days.get(day, ZERO)
        days[day] = before + amount
        if self.path is not None:
            fresh = self.path.with_suffix(".new")
            kept = {name: str(spent) for name, spent in days.items()}
            fresh.write_text(json.dumps({"days": kept}, indent=1) + "\n", encoding="utf-8")
            fresh.replace(self.path)
        return day, before

    def _format_today(self) -> str:
        return f"{self.clock():%Y-%m-%d}"

    @contextmanager
    def _lock_record(self) -> Iterator[None]:
        """Lock the record against other threads and runs; raises `BudgetError`."""
        with self._lock:
            if self.path is None:
                yield
                return
            if self._file_lock is None:
                # Shared by the threads, which the other lock keeps apart: making one takes as long
                # as acquiring it.
                self._file_lock = FileLock(str(self.path.with_suffix(".lock")), thread_local=False)
            _acquire_lock(self._file_lock, self.path, self.max_wait)
            try:
                yield
            finally:
                self._file_lock.release()


def _read_days(path: Path) -> dict[str, Decimal] | None:
    """Return the spend of each day, None where there is no file; raises `BudgetError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(day): Decimal(amount) for day, amount in found["days"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ArithmeticError):
        raise BudgetError(
            f"{path}, the record of what was spent, cannot be read. Repair it, or remove it if you "
            "know what was spent today; until then nothing is sent."
        ) from None


def _acquire_lock(lock: FileLock, path: Path, max_wait: float) -> None:
    """Acquire the lock of a record; raises `BudgetError`."""
    deadline = stopwatch() + max_wait
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The wait is ours: that of filelock would end at once where a clock is linked.
            lock.acquire(timeout=0)
        except Timeout:
            if stopwatch() >= deadline:
                raise BudgetError(
                    f"{path}, the record of what was spent, is locked by another process, and was "
                    f"not released within {max_wait:g} seconds. Try again when that run has ended."
                ) from None
            pause(_POLL_INTERVAL)
        except OSError as error:
            raise BudgetError(
                f"{path}, the record of what was spent, cannot be written: {error.strerror}."
            ) from None
        else:
            return
