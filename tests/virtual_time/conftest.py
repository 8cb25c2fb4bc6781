"""A test's time bound to a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.virtual_time.linked_time import Link
from getimg_mock.world.clock import stopwatch
from tests.virtual_time.clocks import Face

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def face() -> Face:
    """Give a clock that stands still."""
    return Face()


@pytest.fixture
def link(face: Face) -> Iterator[Link]:
    """Bind the test's time to that clock; not a minute of it is real."""
    began = stopwatch()
    with Link(face) as bound:
        yield bound
    assert stopwatch() - began < 30
