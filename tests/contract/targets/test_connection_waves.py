"""Requests at the same time: no more unaccepted connections than a usual server keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.targets import connection_waves
from getimg_mock.contract.targets.connection_waves import send_in_waves

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def test_a_server_with_a_usual_backlog_is_not_overrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 33rd follows a little later, or when the first have an answer; none is left out."""
    paused: list[int] = []

    def note(begun: Sequence[object], seconds: float) -> None:
        assert 0 < seconds < 1
        paused.append(len(begun))

    monkeypatch.setattr(connection_waves, "wait", note)
    assert send_in_waves(str, range(70)) == [str(each) for each in range(70)]
    assert paused == [0, 32, 64]


def test_nothing_is_sent_for_nothing() -> None:
    """A batch may be empty where a budget allows none of it."""
    assert send_in_waves(str, []) == []
