"""Which threads keep real time."""

from __future__ import annotations

import _thread
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from getimg_mock.virtual_time.outside_threads import OutsideThreads

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running() -> Iterator[threading.Thread]:
    """Give a thread that does nothing."""
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    try:
        yield thread
    finally:
        leave.set()
        thread.join()


def test_threads_from_before_are_outside() -> None:
    """The calling thread and later ones are not."""
    with running() as early:
        outsiders = OutsideThreads()
        with running() as late:
            assert early in outsiders
            assert late not in outsiders
            assert threading.current_thread() not in outsiders


def test_a_new_thread_does_not_inherit_with_the_number() -> None:
    """Systems give the number of a thread that has ended to the next one."""
    for _ in range(100):
        with running() as early:
            ident = early.ident
            outsiders = OutsideThreads()
        with running() as late:
            assert late not in outsiders
            if late.ident == ident:
                return
    pytest.skip("the system gave another number each time")


def test_a_thread_without_an_object_is_outside_until_its_number_is_another_ones() -> None:
    """Threads of C libraries are known to Python by their number alone."""
    seen: list[threading.Thread] = []
    began, leave, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        leave.wait()
        seen.append(threading.current_thread())
        done.set()

    ident = _thread.start_new_thread(work, ())
    began.wait()
    outsiders = OutsideThreads()
    leave.set()
    done.wait()
    assert seen[0].ident == ident
    assert seen[0] in outsiders
    late = threading.Thread()
    late._ident = ident  # type: ignore[attr-defined]  # as if the system had given it again
    assert late not in outsiders
