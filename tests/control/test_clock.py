"""A workspace's time: read, moved, scaled and frozen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from getimg_mock import SettingsError
from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client


class TestClock:
    """Reading and moving time."""

    def test_stands_still_until_it_is_moved(self, ws: WorkspaceHandle) -> None:
        """A test on a frozen clock sees the same time however long it takes."""
        before = ws.clock.now()
        assert before.tzinfo is UTC
        assert ws.clock.now() == before
        assert ws.clock.rate == 0

    def test_an_advance_tells_the_new_time_and_the_events_passed_in_order(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Whoever moves the clock learns what that brought about, without asking again."""
        begun = ws.clock.now()
        video = client.video()
        advance = ws.clock.advance(minutes=10)
        assert advance.now == ws.clock.now() == begun + timedelta(minutes=10)
        made = [event for event in advance.events if event.generation == video]
        assert [(event.kind, event.at - begun) for event in made] == [
            ("generation.completed", timedelta(seconds=40))
        ]
        assert list(advance.events) == sorted(advance.events, key=lambda event: event.at)

    def test_an_advance_settles_before_it_returns(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """The books are right at once: no poll is needed to bring them about."""
        client.video()
        assert ws.ledger.held > 0
        ws.clock.advance(seconds=40)
        assert ws.ledger.held == 0
        assert ws.ledger.charged == ws.ledger.credited - ws.ledger.balance > 0

    @pytest.mark.parametrize(
        "step",
        [
            lambda clock: clock.advance(5400),
            lambda clock: clock.advance("1h30m"),
            lambda clock: clock.advance("90 m"),
            lambda clock: clock.advance(timedelta(hours=1.5)),
            lambda clock: clock.advance(hours=1, minutes=29, seconds=59, milliseconds=1000),
            lambda clock: clock.advance_to(clock.now() + timedelta(hours=1.5)),
            lambda clock: clock.advance_to((clock.now() + timedelta(hours=1.5)).isoformat()),
        ],
    )
    def test_every_way_to_say_how_far_means_the_same(
        self, ws: WorkspaceHandle, step: Callable[[Any], Any]
    ) -> None:
        """Numbers are seconds, units add up, moments are moments."""
        begun = ws.clock.now()
        assert step(ws.clock).now - begun == timedelta(hours=1.5)

    @given(first=st.integers(0, 10**9), second=st.integers(0, 10**9))
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_two_advances_are_one_of_their_sum(
        self, ws: WorkspaceHandle, client: Client, first: int, second: int
    ) -> None:
        """Where a test stops on the way makes no difference to where it arrives."""
        ws.reset()
        client.video()
        begun, state = ws.clock.now(), ws.snapshot()
        together = ws.clock.advance(milliseconds=first + second)
        ws.restore(state)
        parts = [ws.clock.advance(milliseconds=first), ws.clock.advance(milliseconds=second)]
        assert together.now == parts[1].now == begun + timedelta(milliseconds=first + second)
        assert together.events == parts[0].events + parts[1].events

    def test_never_goes_backwards(self, ws: WorkspaceHandle) -> None:
        """Neither to a moment that is past nor by less than nothing."""
        now = ws.clock.now()
        with pytest.raises(SettingsError, match="cannot go backwards"):
            ws.clock.advance_to(now - timedelta(seconds=1))
        with pytest.raises(SettingsError, match="seconds: -1"):
            ws.clock.advance(seconds=-1)
        assert ws.clock.now() == now

    def test_goes_from_event_to_event_until_there_are_no_more(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """A test can walk through all that will happen; at the end it stays where it is."""
        video = client.video()
        kinds = []
        while events := ws.clock.advance_to_next_event().events:
            kinds += [event.kind for event in events if event.generation == video]
        assert kinds == ["generation.completed", "link.expired"]

    def test_runs_until_a_generation_has_a_status(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Exactly until then, by id or by handle."""
        begun, video = ws.clock.now(), client.video()
        advance = ws.clock.run_until(ws.generations[video], "completed")
        assert advance.now == begun + timedelta(seconds=40)
        assert client.poll(video)["status"] == "completed"
        assert ws.clock.run_until(video, "completed").events == ()

    def test_says_why_a_status_will_not_come(self, ws: WorkspaceHandle, client: Client) -> None:
        """To run for ever would be worse than to be refused."""
        video = client.video()
        with pytest.raises(ControlError, match="will not be failed"):
            ws.clock.run_until(video, "failed")
        ws.generations[video].hold()
        with pytest.raises(ControlError, match=r"waits for complete\(\) or fail\(\)"):
            ws.clock.run_until(video, "completed")

    def test_can_be_scaled_and_frozen(self, ws: WorkspaceHandle) -> None:
        """At a rate it passes by itself; frozen it does not."""
        ws.clock.scale(1_000_000)
        assert ws.clock.rate == 1_000_000
        before = ws.clock.now()
        while ws.clock.now() == before:
            continue
        ws.clock.freeze()
        assert ws.clock.rate == 0
        assert ws.clock.now() == ws.clock.now()

    def test_stays_within_the_calendar(self, ws: WorkspaceHandle) -> None:
        """A moment that no client can parse is refused, not crashed into."""
        for _ in range(9):
            ws.clock.advance(days=36600)
        with pytest.raises(ControlError, match="cannot reach the year"):
            ws.clock.advance(days=36600)
        with pytest.raises(SettingsError, match="1970 and 3000"):
            ws.clock.advance_to(datetime(3000, 1, 1, tzinfo=UTC))
