"""The record of what each day cost is kept over runs, and by several of them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Books an amount, and holds the lock of the record until its input ends.
HOLD: Final = """
import sys
from decimal import Decimal
from pathlib import Path
from getimg_mock.contract.budget.spend_file import SpendRecord

record = SpendRecord(Path(sys.argv[1]))
with record._lock_record():
    print("held", flush=True)
    sys.stdin.read()
    record.add(Decimal("0.30"))
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process that holds the record `spend.json`."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", HOLD, str(tmp_path / "spend.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_record_counts_over_runs_and_by_day(tmp_path: Path) -> None:
    """What an earlier run of the same day spent leaves less for this one; a new day begins anew."""
    now = [datetime(2026, 9, 1, 23, 59, tzinfo=UTC)]
    first = SpendRecord(tmp_path / "spend.json", clock=lambda: now[0])
    first.add(Decimal("0.30"))
    second = SpendRecord(tmp_path / "spend.json", clock=lambda: now[0])
    assert second.today == Decimal("0.30")
    now[0] = datetime(2026, 9, 2, tzinfo=UTC)
    assert second.today == 0


def test_a_damaged_record_stops_everything(tmp_path: Path) -> None:
    """Without knowing what was spent there is no ceiling."""
    (tmp_path / "spend.json").write_text("{", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be read"):
        SpendRecord(tmp_path / "spend.json")


def test_a_record_that_cannot_be_written_stops_everything(tmp_path: Path) -> None:
    """Before anything is sent, not when it is spent."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be written"):
        SpendRecord(tmp_path / "file" / "spend.json")


def test_many_at_once_reserve_no_more_than_there_is(tmp_path: Path) -> None:
    """Each run has the file for itself while it looks and books."""
    records = [SpendRecord(tmp_path / "spend.json") for _ in range(6)]

    def reserved(record: SpendRecord) -> int:
        return sum(record.reserve(Decimal("0.01"), Decimal("0.5")) is not None for _ in range(20))

    with ThreadPoolExecutor(len(records)) as pool:
        assert sum(pool.map(reserved, records)) == 50
    assert SpendRecord(tmp_path / "spend.json").total == Decimal("0.5")


def test_a_record_that_another_process_holds_is_waited_for_with_a_bound(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    """A run that hangs must not hang every later run; the sentence says what holds it up."""
    with pytest.raises(BudgetError, match=r"is locked by another process.* within 0 seconds"):
        SpendRecord(tmp_path / "spend.json", max_wait=0)
    holder.kill()
    holder.wait(30)
    assert SpendRecord(tmp_path / "spend.json").total == 0


def test_what_another_process_books_meanwhile_counts(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    """The wait ends when the lock is released, and the file is read after that."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: SpendRecord(tmp_path / "spend.json", max_wait=60).total)
        holder.communicate(timeout=30)
        assert waiting.result(30) == Decimal("0.30")


def test_the_lock_is_released_after_each_change(tmp_path: Path) -> None:
    """Also after one that raised; a record that stays locked would stop every later run."""
    record = SpendRecord(tmp_path / "spend.json", max_wait=0)
    record.add(Decimal("0.10"))
    (tmp_path / "spend.json").write_text("{", encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be read"):
        record.add(Decimal("0.10"))
    (tmp_path / "spend.json").unlink()
    assert SpendRecord(tmp_path / "spend.json", max_wait=0).total == 0


def test_a_removed_record_is_written_anew_with_what_this_run_knows(tmp_path: Path) -> None:
    """What was reserved stays reserved, also where the file is gone."""
    record = SpendRecord(tmp_path / "spend.json")
    record.add(Decimal("0.10"))
    (tmp_path / "spend.json").unlink()
    assert record.reserve(Decimal("0.10"), Decimal("0.15")) is None
    record.add(Decimal("0.01"))
    assert SpendRecord(tmp_path / "spend.json").total == Decimal("0.11")


@pytest.mark.parametrize("content", ["", "[]", '{"days": 1}', "[" * 100_000])
def test_a_record_that_was_emptied_stops_everything(tmp_path: Path, content: str) -> None:
    """A file without content is a damaged one: it does not say that nothing was spent."""
    record = SpendRecord(tmp_path / "spend.json")
    record.add(Decimal("0.10"))
    (tmp_path / "spend.json").write_text(content, encoding="utf-8")
    with pytest.raises(BudgetError, match="cannot be read"):
        record.reserve(Decimal("0.01"), Decimal(1))


def test_changes_are_written_in_place_and_stay_readable(tmp_path: Path) -> None:
    """Replacing a file writes to the disk, so only a file that grows is replaced."""
    file, day = tmp_path / "spend.json", [datetime(2026, 9, 1, tzinfo=UTC)]
    file.write_text('{"days": {"2026-08-31": "123456789.50"}}', encoding="utf-8")
    record = SpendRecord(file, clock=lambda: day[0])
    record.add(Decimal("0.10"))
    first = file.stat()
    for _ in range(50):
        record.add(Decimal("0.01"))
    assert (file.stat().st_ino, file.stat().st_size) == (first.st_ino, first.st_size)
    told = file.read_text(encoding="utf-8").rstrip()
    assert told == '{\n "days": {\n  "2026-08-31": "123456789.50",\n  "2026-09-01": "0.60"\n }\n}'
    for _ in range(60):
        day[0] += timedelta(days=1)
        record.add(Decimal("1E-9"))
    assert file.stat().st_size > first.st_size
    assert SpendRecord(file).days == record.days
    assert len(record.days) == 62
