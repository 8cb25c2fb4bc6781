"""Cases: what a client is asked to do, and what its server does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.contract.clients.server.fault_server import FaultRule

BASE: Final = "https://api.getimg.ai"
KEY: Final = "sk_client_contract_5f1d8a77c0"

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
    """One operation with its arguments. `into`: the directory of which earlier call to use.

    `child` has it made in a process that was forked for it, with the client of the parent. `unless`
    are operations: a client that has one of them does not make this call, which stands in for it.
    `after` are seconds that pass before it.
    """

    op: str
    args: Mapping[str, Any] = field(default_factory=dict)
    into: int | None = None
    child: bool = False
    unless: tuple[str, ...] = ()
    after: float = 0.0

    def instead_of(self, *ops: str) -> ClientCall:
        """Return the call for clients that have none of these operations."""
        return replace(self, unless=ops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One try of a client.

    `options` are given to the client where it has them; `needs` are those without which the case
    makes no sense, and "retries", "cancelling" and such as the client may declare not to have;
    "failing at once" is for real time, in which a client's retries of hundreds of failures last.
    `together` runs the calls at the same time. `patience` is for how many real seconds one call may
    go on where time is real; without it something has to be in our hands, and `ours` says what.
    `real` is for time and network that are real only, in which another case cannot be run. `memory`
    and `holdings` have it measured what the client takes of the process; `room` is for how many
    bytes there must be on the disk.
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
    together: bool = False
    limit: float = 6 * 3600
    interrupt_at: float | None = None
    wall_jumps: tuple[tuple[float, float], ...] = ()
    logs: bool = False
    memory: bool = False
    holdings: bool = False
    room: int = 0
    patience: float | None = 8.0
    ours: str = "time"
    real: bool = False
    left_out: frozenset[int] = frozenset()
    """Calls that are not made, as the client has no such operation: see `fitting`."""

    def with_changes(self, **changes: Any) -> Case:
        """Return the case with changes."""
        return replace(self, **changes)


def image(**changes: Any) -> ClientCall:
    """Return the call for an image."""
    return ClientCall(op="generate_image", args=IMAGE | changes)


def video(**changes: Any) -> ClientCall:
    """Return the call for a video, up to its end."""
    return ClientCall(op="generate_video", args=VIDEO | changes)


def download(call: int = 0, **more: Any) -> ClientCall:
    """Return the call that saves what an earlier call's result links to."""
    into = more.pop("into", None)
    return ClientCall(op="download", args={"result": EarlierResult(call), **more}, into=into)


def balance() -> ClientCall:
    """Return the call for the balance: the cheapest of all."""
    return ClientCall(op="balance")


def models(kind: str | None = None) -> ClientCall:
    """Return the call for the list of models."""
    return ClientCall(op="models", args={"type": kind} if kind else {})
