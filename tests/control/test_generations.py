"""Generations: how those to come will end, and what was made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from getimg_mock import UnknownNameError
from getimg_mock.errors import ControlError
from tests.control.client import VIDEO, Client

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle


class TestTransitions:
    """How generations to come will end."""

    def test_hold_for_the_workspace_for_a_model_and_for_the_next(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """The narrower rule wins; the next one's is used up."""
        ws.transitions.set(seconds=600)
        ws.transitions.set(model="seedance-v1-5-*", seconds=300)
        ws.transitions.next(seconds=1)
        begun = ws.clock.now()
        videos = [client.video(), client.video(), client.video(model="seedance-v1-pro")]
        ends = [ws.generations[each].ends_at for each in videos]
        assert ends == [begun + timedelta(seconds=seconds) for seconds in (1, 300, 600)]

    def test_can_be_by_polls_and_a_look_is_no_poll(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Asking the controls about a generation does not bring its end nearer."""
        ws.transitions.set(polls=2)
        video = client.video()
        assert client.poll(video)["status"] == "pending"
        for _ in range(5):
            assert ws.generations[video].status == "pending"
        assert client.poll(video)["status"] == "completed"

    def test_can_fail_with_any_code_and_message(self, ws: WorkspaceHandle, client: Client) -> None:
        """Documented failures go by their name, others bring their words."""
        ws.transitions.next(failed="content_policy_violation", seconds=0)
        ws.transitions.next(failed="mystery", message="Nobody knows.", seconds=0)
        first, second = client.video(), client.video()
        assert client.poll(first)["error"]["code"] == "content_policy_violation"
        assert client.poll(second)["error"] == {"code": "mystery", "message": "Nobody knows."}

    def test_are_shown_and_forgotten(self, ws: WorkspaceHandle, client: Client) -> None:
        """What is in force can be read; cleared, the settings decide again."""
        ws.transitions.set(seconds=600)
        ws.transitions.next(hold=True)
        assert ws.transitions.rules() == {
            "workspace": {"seconds": "600"},
            "models": {},
            "next": [{"hold": True}],
        }
        ws.transitions.clear()
        video = client.video()
        assert ws.generations[video].ends_at == ws.clock.now() + timedelta(seconds=40)

    def test_of_an_unknown_model_are_refused_with_the_nearest(self, ws: WorkspaceHandle) -> None:
        """A rule that could never apply is a spelling mistake."""
        with pytest.raises(UnknownNameError, match="seedance-v1-5-pro"):
            ws.transitions.set(model="seedance-v1-5-prop", seconds=1)


class TestGenerations:
    """What was made."""

    def test_are_found_by_id_and_by_what_they_are(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Oldest first, and only those that fit."""
        client.image(prompt="One")
        video = client.video(prompt="Two")
        assert [each.prompt for each in ws.generations] == ["One", "Two"]
        assert [each.id for each in ws.generations.where(kind="video")] == [video]
        assert [each.id for each in ws.generations.where(status="pending")] == [video]
        assert ws.generations.where(model="seedance-v1-pro") == []
        assert len(ws.generations) == 2

    def test_tell_what_they_are(self, ws: WorkspaceHandle, client: Client) -> None:
        """Everything a test may want to compare, typed."""
        begun, video = ws.clock.now(), ws.generations[client.video()]
        assert (video.kind, video.model, video.status) == ("video", VIDEO["model"], "pending")
        assert repr(video) == f"<generation {video.id}>"
        assert (video.created_at, video.ends_at) == (begun, begun + timedelta(seconds=40))
        assert video.total_cost == ws.ledger.held > 0
        assert video.error is None
        assert video.deletes_at is not None
        assert video.deletes_at - begun >= timedelta(hours=24)

    def test_can_be_completed_and_failed_by_hand(self, ws: WorkspaceHandle, client: Client) -> None:
        """The end comes now, with its money, and the API says so."""
        first, second, third = (client.video() for _ in range(3))
        ws.generations[first].complete()
        ws.generations[second].fail()
        ws.generations[third].fail(code="boom", message="It broke.")
        assert client.poll(first)["status"] == "completed"
        assert client.poll(second)["error"]["code"] == "server_error"
        assert client.poll(third)["error"] == {"code": "boom", "message": "It broke."}
        assert ws.generations[third].error == {"code": "boom", "message": "It broke."}
        assert ws.generations[third].deletes_at is None
        assert ws.ledger.held == 0
        assert ws.ledger.charged == ws.generations[first].total_cost

    def test_that_are_held_wait_for_a_hand(self, ws: WorkspaceHandle, client: Client) -> None:
        """No time ends them."""
        video = ws.generations[client.video()]
        video.hold()
        ws.clock.advance(days=365)
        assert (video.status, video.ends_at) == ("pending", None)
        video.complete()
        assert video.status == "completed"

    @pytest.mark.parametrize("action", ["complete", "fail", "hold"])
    def test_that_have_ended_stay_as_they_are(
        self, ws: WorkspaceHandle, client: Client, action: str
    ) -> None:
        """An ending is final: money was booked by it."""
        video = ws.generations[client.video()]
        video.complete()
        with pytest.raises(ControlError, match="is completed already") as caught:
            getattr(video, action)()
        assert (caught.value.code, caught.value.status) == ("conflict", 409)
        assert video.status == "completed"

    def test_a_failure_without_words_must_be_a_documented_one(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """`fail(code="content_policy")` is a spelling mistake, and the video stays pending."""
        video = ws.generations[client.video()]
        with pytest.raises(UnknownNameError, match="content_policy_violation"):
            video.fail(code="content_policy")
        assert video.status == "pending"
