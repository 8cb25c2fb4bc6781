"""Workspaces as a whole: reset, brought back, copied and configured."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer, SettingsError, UnknownNameError, connect
from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from getimg_mock import Workspace
    from tests.control.client import Client


class TestWorkspace:
    """The whole."""

    def test_a_reset_is_a_new_workspace(self, ws: Workspace, client: Client) -> None:
        """Nothing of what was is left, and the same requests get the same answers again."""
        first = client.video()
        ws.scenarios.add("outage")
        ws.transitions.set(hold=True)
        ws.configure(retention=60)
        ws.ledger.set(1)
        ws.limits.set(image_rpm=1)
        ws.reset()
        assert [each.id for each in ws.generations] == []
        assert ws.ledger.balance == 100
        assert (ws.scenarios.rules(), len(ws.journal)) == ([], 0)
        assert ws.settings["retention"] == 86400
        assert ws.limits.get()["image_rpm"] == 10**6
        assert client.video() == first

    def test_a_snapshot_brings_everything_back(self, ws: Workspace, client: Client) -> None:
        """Time, money, generations, rules and their counts, and what was configured."""
        video = client.video()
        rule = ws.scenarios.add(on="images.generate", status=500, first=2)
        ws.configure(retention=60)
        client.image()
        state = ws.snapshot()
        ws.clock.advance(days=1)
        ws.generations[client.video()].fail()
        client.image()
        ws.reset()
        ws.restore(state)
        assert ws.snapshot() == state
        assert ws.settings["retention"] == 60
        assert rule.hits == 1
        assert [client.image().status for _ in range(2)] == [500, 200]
        assert client.poll(video)["status"] == "pending"
        ws.clock.advance(seconds=40)
        assert client.poll(video)["status"] == "completed"

    def test_what_follows_a_snapshot_is_the_same_each_time(
        self, ws: Workspace, client: Client
    ) -> None:
        """A test can be continued from one point in two ways."""
        client.video()
        state = ws.snapshot()
        first = [client.video(), client.video()]
        ws.restore(state)
        assert [client.video(), client.video()] == first

    def test_a_fork_is_a_copy_that_goes_its_own_way(
        self, ws: Workspace, client: Client, key: str
    ) -> None:
        """Same past, separate future."""
        video = client.video()
        other = ws.fork(f"{key}_fork")
        assert other.key == f"{key}_fork"
        assert [each.id for each in other.generations] == [video]
        other.clock.advance(seconds=40)
        assert (other.generations[video].status, ws.generations[video].status) == (
            "completed",
            "pending",
        )
        assert other.ledger.charged > ws.ledger.charged == 0

    def test_a_fork_needs_another_key_that_can_be_one(self, ws: Workspace) -> None:
        """A copy that no client could reach, or that is its own original, helps nobody."""
        with pytest.raises(SettingsError, match="onto itself"):
            ws.fork(ws.key)
        with pytest.raises(SettingsError, match="'no key' is no key"):
            ws.fork("no key")

    def test_settings_are_changed_for_what_comes(self, ws: Workspace, client: Client) -> None:
        """Those that mean something to a workspace that lives; others are refused by name."""
        ws.configure(video_seconds="5", retention=60)
        video = ws.generations[client.video()]
        assert video.ends_at == ws.clock.now() + timedelta(seconds=5)
        assert video.deletes_at is not None
        assert video.deletes_at - ws.clock.now() < timedelta(seconds=67)
        with pytest.raises(ControlError, match="pending"):
            ws.configure(charge_at="submission")
        with pytest.raises(UnknownNameError, match="fail_rate"):
            ws.configure(failrate=1)  # type: ignore[call-arg]

    def test_a_summary_counts_what_there_is(self, ws: Workspace, client: Client) -> None:
        """One look for people and for the end of a test."""
        client.image()
        ws.generations[client.video()].fail()
        client.video()
        told = ws.summary()
        assert told["generations"] == {"pending": 1, "completed": 1, "failed": 1}
        assert (told["exchanges"], told["rules"], told["rate"]) == (3, 0, 0)
        assert datetime.fromisoformat(told["now"]) == ws.clock.now()

    def test_does_not_show_its_key(self, ws: Workspace, key: str, server: MockServer) -> None:
        """A handle in a log or a traceback is no leak."""
        assert key not in repr(connect(server.url, key))
        assert repr(ws).startswith("<Workspace")
