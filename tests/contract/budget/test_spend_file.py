"""The record of what each day cost is kept over runs, and by several of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.errors import BudgetError

if TYPE_CHECKING:
    from pathlib import Path


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
