"""Cases: the calls that a client makes, and the faults of its server meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

BASE: Final = "https://api.getimg.ai"
KEY: Final = "sk_c7Qm4vXw2Lp9TzR5f1d8a77c0"
"""No part of it is a word that a log or an error may have for another reason."""

OPS: Final = (
    "generate_image",
    "generate_video",
    "submit_video",
    "retrieve_video",
    "download",
    "models",
    "model",
    "balance",
    "costs",
)
OPTIONS: Final = ("timeout", "max_retries", "wait_timeout", "poll_interval")
NO_RETRIES: Final[dict[str, Any]] = {"max_retries": 0}
HOUR: Final = 3600.0
BASELINE_CALLS: Final = 50
"""The number of calls after which a client holds all that it needs."""
_LONG: Final = 30.0
"""The patience, in seconds, beyond which an early case begins before all others."""

EAST: Final = "EAST-9"
WEST: Final = "WEST8"
"""Time zones nine hours ahead of UTC, and eight behind, as POSIX writes them."""

IMAGE: Final[dict[str, Any]] = {
    "model": "seedream-5-lite",
    "prompt": "A watercolour of a village",
    "aspect_ratio": "1:1",
    "resolution": "2K",
    "output_format": "jpeg",
}
VIDEO: Final[dict[str, Any]] = {
    "model": "seedance-v1-5-pro",
    "prompt": "Clouds over a ridge",
    "aspect_ratio": "16:9",
    "resolution": "720p",
    "duration": 5,
    "sound": False,
}
RANGE: Final[dict[str, Any]] = {
    "start": "2026-08-28T00:00:00+00:00",
    "end": "2026-09-01T00:00:00+00:00",
}


@dataclass(frozen=True, slots=True)
class EarlierResult:
    """The value that an earlier call returned, as an argument of a later one."""

    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCall:
    """One operation with its arguments.

    `into` is the index of the earlier call whose directory it uses. With `child`, a forked process
    makes the call with the client of its parent. A client that has one of the operations in
    `unless` skips the call, which substitutes for them. `after` seconds pass before it. With `key`,
    another client makes it, which has that key. With `killed`, the process that makes it is killed
    once nothing more comes.
    """

    op: str
    args: Mapping[str, Any] = field(default_factory=dict)
    into: int | None = None
    child: bool = False
    unless: tuple[str, ...] = ()
    after: float = 0.0
    key: str = ""
    killed: bool = False

    @property
    def forks(self) -> bool:
        """Whether a forked process makes the call, where the client is called in this one."""
        return self.child or self.killed

    def instead_of(self, *ops: str) -> ClientCall:
        """Return the call for clients that have none of these operations."""
        return replace(self, unless=ops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test of a client: its calls, and the rules of the server.

    `options` are passed to clients that have them. `needs` are options without which the case makes
    no sense, and abilities that a client may declare as lacking, such as "retries". The need
    "failing at once" is for real time, in which retrying hundreds of failures takes long.

    With `by_scope`, a cancel scope of anyio interrupts; only asynchronous clients can have one.
    `interrupt_after` interrupts each call but the last so many seconds after it began.
    `together` runs the calls at the same time. `patience` is the limit of one call in real seconds;
    without it the case cannot run in real time, and `ours` names what has to be simulated. `real`
    is for cases that need a real network. `memory` and `holdings` measure the resources that the
    client takes, the latter after `baseline` calls and at the end. `room` is the free disk space
    that the case needs, in bytes. `file_limit` is the size beyond which no file can be written, as
    where a disk is full. `first_requests` is how many requests the first call may send, 0 for as
    many as all calls may; with more, the client gets no further. `zone` is the local time zone,
    which is to change nothing.
    """

    name: str
    calls: tuple[ClientCall, ...]
    rules: tuple[FaultRule, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    base: str = BASE
    key: str = KEY
    settings: Mapping[str, Any] = field(default_factory=dict)
    scenario: tuple[Mapping[str, Any], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    decoys: bool = False
    """Whether the environment names another key and address than the client is given."""
    together: bool = False
    spoils: bool = False
    """Whether the caller empties each list and object that it gets, as its own."""
    apart: bool = False
    """Whether each call is made in a thread of its own, which ends with it."""
    limit: float = 6 * 3600
    interrupt_at: float | None = None
    interrupt_after: float | None = None
    by_scope: bool = False
    wall_jumps: tuple[tuple[float, float], ...] = ()
    logs: bool = False
    memory: bool = False
    holdings: bool = False
    baseline: int = BASELINE_CALLS
    room: int = 0
    file_limit: int = 0
    first_requests: int = 0
    zone: str = EAST
    patience: float | None = 8.0
    ours: str = "time"
    real: bool = False
    real_time: bool = False
    """Whether it needs real time: what it shows in virtual time, another case shows there."""
    ends: bool = False
    """Whether a program has nothing more to read after the calls, and so must end."""
    early: bool = False
    """Whether it is run before others: it takes long, or shows why others may."""
    left_out: frozenset[int] = frozenset()
    """The indices of calls that are left out for lack of their operation: see `capabilities`."""

    def find_interruption(self, number: int) -> float | None:
        """Return after how many seconds a call is interrupted; None where it is not."""
        later = set(range(number + 1, len(self.calls))) - self.left_out
        return self.interrupt_after if later else None

    @property
    def begins_first(self) -> bool:
        """Whether it begins before all others, which run beside it, as it takes that long."""
        return self.early and (self.patience or 0.0) > _LONG

    @property
    def needs_tasks(self) -> bool:
        """Whether an asynchronous client alone can be asked: a task is cancelled, or a scope."""
        return self.by_scope or (self.together and self.interrupt_after is not None)

    def with_changes(self, **changes: Any) -> Case:
        """Return the case with changed fields."""
        return replace(self, **changes)


def image(**changes: Any) -> ClientCall:
    """Return a call that generates an image."""
    return ClientCall(op="generate_image", args=IMAGE | changes)


def video(**changes: Any) -> ClientCall:
    """Return a call that generates a video, and waits for its end."""
    return ClientCall(op="generate_video", args=VIDEO | changes)


def download(call: int = 0, **more: Any) -> ClientCall:
    """Return a call that downloads the media of an earlier call's result."""
    into = more.pop("into", None)
    return ClientCall(op="download", args={"result": EarlierResult(call), **more}, into=into)


def balance() -> ClientCall:
    """Return a call that reads the balance, which is the cheapest operation."""
    return ClientCall(op="balance")


def models(kind: str | None = None) -> ClientCall:
    """Return a call that lists the models."""
    return ClientCall(op="models", args={"type": kind} if kind else {})


FALLBACK_CALLS: Final = (
    image().instead_of("models", "balance"),
    video().instead_of("models", "balance", "generate_image"),
)
"""Calls for clients that read neither the models nor the balance."""
