"""Work that follows a response."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from getimg_mock.contract.cassette_recording import background_notes
from getimg_mock.contract.cassette_recording.background_notes import BackgroundNotes

if TYPE_CHECKING:
    import pytest


def test_items_are_noted_in_order_without_a_further_call() -> None:
    """A recording that is killed has what was answered shortly before."""
    noted: list[int] = []
    done = threading.Event()

    def note(item: int) -> None:
        noted.append(item)
        if item == 99:
            done.set()

    notes = BackgroundNotes(note)
    for number in range(100):
        notes.add(number)
    assert done.wait(30)
    assert noted == list(range(100))
    notes.close()


def test_items_that_come_without_a_pause_are_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that is killed amid many requests has all but the latest of them."""
    monkeypatch.setattr(background_notes, "_MAX_WAITING", 10**9)
    monkeypatch.setattr(background_notes, "_LONGEST", 0.01)
    noted = threading.Event()
    notes: BackgroundNotes[int] = BackgroundNotes(lambda _: noted.set())
    for number in range(10**7):
        notes.add(number)
        if noted.is_set():
            break
    assert noted.is_set()
    notes.close()


def test_closing_notes_what_is_waiting_and_what_comes_later() -> None:
    """An answer that is still on its way when a recording ends belongs to it."""
    noted: list[int] = []
    notes = BackgroundNotes(noted.append)
    notes.add(1)
    notes.close()
    assert noted == [1]
    notes.add(2)
    assert noted == [1, 2]
    notes.close()


def test_an_item_that_cannot_be_noted_is_counted() -> None:
    """It ends neither the recording nor what follows it."""
    noted: list[float] = []
    notes: BackgroundNotes[int] = BackgroundNotes(lambda item: noted.append(1 / item))
    for number in (1, 0, 2):
        notes.add(number)
    notes.close()
    assert (noted, notes.failures) == ([1.0, 0.5], 1)


def test_waiting_items_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes faster than it is noted waits for that; nothing is lost or noted twice."""
    monkeypatch.setattr(background_notes, "_MAX_WAITING", 5)
    monkeypatch.setattr(background_notes, "_PAUSE", 60)
    noted: list[int] = []
    notes = BackgroundNotes(noted.append)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(notes.add, range(200)))
    assert len(noted) >= 195 - 5 * 4
    notes.close()
    assert sorted(noted) == list(range(200))
