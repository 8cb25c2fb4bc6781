"""Generations in memory: those in columns are the same as those that are kept as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from getimg_mock.world import kept_generations
from getimg_mock.world.generations import Ending, Generation, Product
from getimg_mock.world.kept_generations import KeptGenerations
from getimg_mock.world.transitions import AT_ONCE

PRICE = Decimal("0.04")
IMAGE = Product(
    *("image", "z-image-turbo", "image/jpeg", 1024, 1024, None, None),
    *(False, "image", PRICE, 1, PRICE),
)
AT = datetime(2999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def test_finished_images_are_read_as_they_were_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, with every microsecond, also beyond the products that columns hold."""
    monkeypatch.setattr(kept_generations, "_MOST_TERMS", 2)
    generations, expected = KeptGenerations(), list[Generation]()
    for number in range(8):
        product = replace(IMAGE, width=number % 4)
        at, retention = AT - timedelta(microseconds=number), 60.5 + number % 2
        values = (f"req-{number}", f"prompt {number}", product, at)
        if number == 3:
            generations["req-3"] = Generation(*values, AT_ONCE, retention, None)
            expected.append(generations["req-3"])
            continue
        generations.keep_finished(*values, retention)
        expected.append(Generation(*values, AT_ONCE, retention, Ending(at)))
    assert list(generations.values()) == expected
    assert [generations.get(each) for each in generations] == expected
    assert generations.get("req-9") is None
    assert "req-1" in generations
    del generations["req-1"]
    assert "req-1" not in generations
    assert len(generations) == 7
    with pytest.raises(KeyError):
        generations["req-1"]
