"""Polling a video: soon at first where time is real, and never without an end."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.steps import Poll, Send
from getimg_mock.contract.targets.execution import (
    POLL_BOUND,
    POLL_BOUND_AFTER_ONE,
    PlanExecution,
    PreparedRequest,
    ReceivedResponse,
)
from getimg_mock.contract.targets.persistent_connection import retry_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PENDING = json.dumps({"id": "req-1", "status": "pending"}).encode()
_DONE = json.dumps({"id": "req-1", "status": "completed"}).encode()
_FAILED = json.dumps({"id": "req-1", "status": "failed"}).encode()


@dataclass
class Stub:
    """A provider that answers each look alike, and counts waits."""

    done_after: float = math.inf
    end: bytes = _DONE
    status: int = 200
    patience: float = 15.0
    poll_bound: float = POLL_BOUND
    base: str = "https://stub.example"
    keys: dict[str, str] = field(default_factory=lambda: {"a": "sk_stub"})
    waits: list[float] = field(default_factory=list)
    abandoned: int = 0

    def now(self) -> datetime:
        """Return the time after all waits."""
        return datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=sum(self.waits))

    def wait(self, seconds: float) -> bool:
        """Count a wait."""
        self.waits.append(seconds)
        return True

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Answer a submission or a look."""
        del step
        done = sent.method == "GET" and sum(self.waits) >= self.done_after
        return ReceivedResponse(
            200 if sent.method == "POST" else self.status, (), self.end if done else _PENDING
        )

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Answer one after the other."""
        return (self.exchange(*each) for each in batch)

    def note_response(self, *_: object, spontaneous: bool) -> None:
        """Take nothing."""

    def note_unresolved(self, reason: str) -> None:
        """Fail: everything can be resolved here."""
        raise AssertionError(reason)

    def note_abandoned_poll(self) -> None:
        """Count a poll that was given up."""
        self.abandoned += 1


def poll(stub: Stub, times: int = 1) -> Stub:
    """Submit a video and poll it."""
    video = Send(method="POST", path="/v2/videos/generations", body=b"{}", name="video")
    PlanExecution(stub, stub).run((video, *[Poll(of="video")] * times))
    return stub


def test_a_quick_video_is_not_waited_for() -> None:
    """A video of one second is seen a fifth of one later, not after the five of the interval."""
    stub = poll(Stub(done_after=1))
    assert sum(stub.waits) <= 1.2
    assert not stub.abandoned


def test_a_slow_video_is_asked_for_at_the_documented_interval() -> None:
    """The documentation advises a look every five seconds."""
    stub = poll(Stub(done_after=60))
    assert max(stub.waits) == 5
    assert not stub.abandoned


@pytest.mark.parametrize(("patience", "last"), [(15.0, 2), (math.inf, 5)])
def test_what_a_failed_video_held_has_a_moment_to_come_back(patience: float, last: float) -> None:
    """A service may book the refund a little later; where the clock is moved, nothing is late."""
    stub = poll(Stub(done_after=10, end=_FAILED, patience=patience))
    assert stub.waits[-1] == last


def test_a_moved_clock_keeps_to_the_interval() -> None:
    """Where time costs nothing, plans and their histories stay as they were."""
    assert set(poll(Stub(done_after=30, patience=math.inf)).waits) == {5}


def test_a_video_that_never_ends_is_waited_for_once() -> None:
    """All others of the plan are given up sooner: a plan ends within its bound."""
    stub = poll(Stub(), times=3)
    assert stub.abandoned == 3
    assert sum(stub.waits) < POLL_BOUND + 2 * POLL_BOUND_AFTER_ONE + 20


@dataclass
class EndsAt(Stub):
    """Each of its videos ends after seconds of its own."""

    ends: tuple[float, ...] = ()
    ordered: int = 0

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Answer a submission with an id of its own, and a look by its path."""
        del step
        self.ordered += sent.method == "POST"
        number = self.ordered if sent.method == "POST" else int(sent.target.rpartition("-")[2])
        ended = sent.method == "GET" and sum(self.waits) >= self.ends[number - 1]
        shown = {"id": f"req-{number}", "status": "completed" if ended else "pending"}
        return ReceivedResponse(200, (), json.dumps(shown).encode())


def poll_all(stub: EndsAt, *turns: int) -> EndsAt:
    """Submit videos, and poll them in such turns."""
    orders = [
        Send(method="POST", path="/v2/videos/generations", body=b"{}", name=str(turn))
        for turn in range(len(turns))
    ]
    PlanExecution(stub, stub).run((*orders, *[Poll(of=str(turn)) for turn in turns]))
    return stub


@pytest.mark.parametrize(("bound", "most"), [(POLL_BOUND, 140), (POLL_BOUND_AFTER_ONE, 50)])
@pytest.mark.parametrize("turns", [(0, 1, 2), (2, 0, 1)])
def test_videos_that_others_overtake_are_given_up(
    bound: float, most: float, turns: tuple[int, ...]
) -> None:
    """What was begun with them has long ended; once one never ended, it takes less."""
    stub = poll_all(EndsAt(poll_bound=bound, ends=(math.inf, math.inf, 1)), *turns)
    assert stub.abandoned == 2
    assert sum(stub.waits) < most


@pytest.mark.parametrize("ends", [(300, 40), (70, 1), (900, 100)])
@pytest.mark.parametrize("turns", [(0, 1), (1, 0)])
def test_a_long_video_may_take_some_times_as_long_as_another(
    ends: tuple[float, ...], turns: tuple[int, ...]
) -> None:
    """Ten times, and a minute at least."""
    assert poll_all(EndsAt(ends=ends), *turns).abandoned == (ends == (70, 1))


@pytest.mark.parametrize("status", [404, 500])
def test_errors_alone_end_the_polling(status: int) -> None:
    """A video whose status request fails each time is given up within a minute."""
    stub = poll(Stub(status=status))
    assert stub.abandoned == 1
    assert sum(stub.waits) < 60


def test_bytes_after_a_response_are_not_hidden_by_another_try() -> None:
    """A lost connection is tried again; what is no response says that the framing is wrong."""
    sent: list[bytes] = []

    def answer(said: bytes) -> ReceivedResponse:
        sent.append(said)
        return ReceivedResponse(0, (), said)

    assert retry_read(lambda: answer(b"RemoteDisconnected: gone"), "GET").status == 0
    assert len(sent) == 2
    assert retry_read(lambda: answer(b"BadStatusLine: {}"), "GET").status == 0
    assert len(sent) == 3


def test_a_service_that_forgets_videos_is_asked_less() -> None:
    """What is gone is asked for twelve times; then three errors say it of each other video."""
    stub = poll(Stub(status=404), times=50)
    assert stub.abandoned == 50
    assert sum(stub.waits) < 60 + 49
