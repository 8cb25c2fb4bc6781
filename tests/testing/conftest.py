"""A folder for a user's tests, and a test's time bound to a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.testing.linked_time import Link
from getimg_mock.world.clock import stopwatch
from tests.testing.clocks import Face
from tests.testing.suites import INI

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


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder for a user's tests, with strict settings."""
    pytester.makeini(INI + "addopts = --strict-markers --strict-config -p no:cacheprovider\n")
    return pytester
