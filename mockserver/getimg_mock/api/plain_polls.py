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
    from getimg_mock.api.messages import Call
    from getimg_mock.api.plain_heads import PlainSender


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
        if body or len(workspace.scenarios):
            return False
        made = self._id
        with workspace.lock:
            at = workspace.clock.now()
            if not workspace.settlement.stays_pending(made, at):
                return False
            moment = self.find_moment(workspace, at)
            remaining = workspace.limiter.count_left("video", moment.window)
        text = self._pending
        send(moment, remaining, text)
        self.finish(workspace, (self, moment, at, wall, body, made, remaining, text, ()), started)
        return True
