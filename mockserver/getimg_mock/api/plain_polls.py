"""A short way for most polls: those of a video that stays pending, by time or by command.

It declines as `api.plain_images` does, and the long way answers. A test compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api.plain_heads import PlainHead, PlainWay
from getimg_mock.api.videos import render_status
from getimg_mock.world.clock import stopwatch, wall_seconds
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.api.messages import Call
    from getimg_mock.api.plain_heads import Moment, PlainSender
    from getimg_mock.world.workspaces import Workspace


class PlainPolls(PlainWay):
    """Answers polls of a fake, or declines them."""

    operation = OPERATIONS["videos.retrieve"].name
    method = "GET"
    kind = "video"
    reads = True

    def build_head(self, call: Call, key: str) -> PollHead | None:
        """Return the head of a call."""
        return PollHead(self, call, key)


class PollHead(PlainHead):
    """A head of polls of one video."""

    __slots__ = ("_id", "_pending")

    def __init__(self, way: PlainPolls, call: Call, key: str) -> None:
        super().__init__(way, call, key)
        self._id = call.path["id"]
        self._pending = render_status(self._id, "pending")

    def answer(self, body: bytes, send: PlainSender) -> bool:
        """Answer a request with this head and return True; else return False, and change nothing.

        `send` sends a whole answer at once.
        """
        started, wall = stopwatch(), wall_seconds()
        workspace = self.fake.store.get_or_create(self.key)
        with workspace.lock:
            found = self._look(workspace, body)
        return found is not None and self._report(workspace, found, (body, wall, started), send)

    def answer_held(self, body: bytes, send: PlainSender) -> bool:
        """Do what `answer` does, in a unit of work, which keeps the workspace until it ends."""
        started, wall = stopwatch(), wall_seconds()
        workspace = self.fake.store.get_or_create(self.key)
        found = self._look(workspace, body)
        return found is not None and self._report(workspace, found, (body, wall, started), send)

    def _look(self, workspace: Workspace, body: bytes) -> tuple[datetime, Moment, int] | None:
        """Return when it was looked at, what its answer says, and what is left of the limit."""
        if body or len(workspace.scenarios):
            return None
        at = workspace.clock.now()
        if not workspace.settlement.stays_pending(self._id, at):
            return None
        moment = self.find_moment(workspace, at)
        return at, moment, workspace.limiter.count_left("video", moment.window)

    def _report(
        self,
        workspace: Workspace,
        found: tuple[datetime, Moment, int],
        request: tuple[bytes, float, float],
        send: PlainSender,
    ) -> bool:
        at, moment, left = found
        body, wall, started = request
        text = self._pending
        send(moment, left, text)
        self.finish(workspace, (self, moment, at, wall, body, self._id, left, text, ()), started)
        return True
