"""Garbage is looked for among new objects, and in the end among all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.serving import kept_objects

if TYPE_CHECKING:
    import pytest


class RecordedCollector:
    """Stands in for the module `gc`, so that no test changes how this process collects."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def freeze(self) -> None:
        """Take note."""
        self.calls.append("freeze")

    def unfreeze(self) -> None:
        """Take note."""
        self.calls.append("unfreeze")


def test_what_was_put_aside_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No garbage stays for ever: after many collections one looks at all objects."""
    collector = RecordedCollector()
    monkeypatch.setattr(kept_objects, "gc", collector)
    keeping, many = kept_objects.Keeping(), 99
    for generation in (*[0] * many, 0, 1, 0, 2, 0):
        keeping("start", {"generation": generation})
        keeping("stop", {"generation": generation})
    assert collector.calls == [*["freeze"] * many, "unfreeze", "freeze"]
