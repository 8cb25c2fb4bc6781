"""Generations: what they are at a moment, and when their files go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.clock import EPOCH
from getimg_mock.world.generations import compute_ending
from getimg_mock.world.transitions import Failure, Transition
from tests.world.worlds import START, image, video, workspace

if TYPE_CHECKING:
    from datetime import datetime

moments = st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda passed: START + passed)


@given(start=moments, retention=st.floats(0, 10**7, allow_nan=False))
def test_a_file_goes_at_the_first_whole_second_after_its_retention(
    start: datetime, retention: float
) -> None:
    """Never early, since that was promised, and never a second late; the link says the same."""
    world = workspace(start=start, retention=retention)
    made = world.submit(image())
    assert made.ending is not None
    assert made.deletes_at is not None
    kept = made.deletes_at - made.ending.at
    promised = timedelta(seconds=retention)
    assert promised <= kept < promised + timedelta(seconds=1)
    assert made.deletes_at.microsecond == 0
    assert made.expires == (made.deletes_at - EPOCH).total_seconds()


@given(seconds=st.floats(0, 10**6, allow_nan=False), passed=st.floats(0, 2 * 10**6))
def test_its_state_is_a_function_of_the_moment(seconds: float, passed: float) -> None:
    """Pending before its ending, final from it on, whatever was asked before."""
    for failure, final in ((None, "completed"), (Failure("server_error", "x"), "failed")):
        ending = compute_ending(Transition(seconds, None, failure), START)
        assert ending is not None
        generation = workspace(video_seconds=0).submit(video())._replace(ending=ending)
        now = START + timedelta(seconds=passed)
        assert generation.at(now) == (final if now >= ending.at else "pending")


def test_without_an_ending_it_stays_pending_and_has_no_file() -> None:
    """Until polls or somebody's hand end it."""
    assert compute_ending(Transition(None, polls=3), START) is None
    generation = workspace().submit(video())._replace(ending=None)
    assert generation.at(START + timedelta(days=10**5)) == "pending"
    assert generation.deletes_at is None
    assert generation.expires is None
