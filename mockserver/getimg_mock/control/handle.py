"""Handles that control a workspace: clock, transitions, money, journal and the rest.

They use a channel, so that they work the same for a fake in this process and for a remote one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from getimg_mock.control.channels import TIMEOUT, LocalChannel, RemoteChannel
from getimg_mock.control.handles import Generations, JournalHandle, MediaHandle, ScenariosHandle
from getimg_mock.control.journal_entries import parse_effect
from getimg_mock.control.workspaces import check_key
from getimg_mock.latency_file import resolve_latency_files
from getimg_mock.world.events import Advance, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Unpack

    from getimg_mock.control.channels import Channel
    from getimg_mock.fake import Fake
    from getimg_mock.settings_options import ChangeableOptions
    from getimg_mock.world.journal import Effect

    class ClockStep(TypedDict, total=False):
        """A step of a clock: the sum of the given units."""

        days: float
        hours: float
        minutes: float
        seconds: float
        milliseconds: float

    class TransitionKeys(TypedDict, total=False):
        """When a generation ends and how; see docs/time.md."""

        seconds: float | str
        polls: int
        hold: bool
        failed: str | bool
        message: str
        completed: bool
        fail_rate: float

    class LimitKeys(TypedDict, total=False):
        """Rate limits."""

        image_rpm: int
        video_rpm: int
        concurrent: int
        rate_window: int


class WorkspaceHandle:
    """Controls the state of one API key.

    `MockServer.workspace(key)` returns one for a fake in this process, `connect(url, key)` for a
    remote one; both behave the same. Calls are synchronous and short, except `journal.wait`. They
    raise `SettingsError` for invalid values, `UnknownNameError` for unknown names, and
    `ControlError` for the rest.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.clock = ClockHandle(channel)
        self.transitions = TransitionsHandle(channel)
        self.generations = Generations(channel)
        self.scenarios = ScenariosHandle(channel)
        self.media = MediaHandle(channel)
        self.ledger = LedgerHandle(channel)
        self.limits = LimitsHandle(channel)
        self.journal = JournalHandle(channel)

    @property
    def key(self) -> str:
        """The API key whose workspace this is."""
        return self._channel.key

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of this workspace that can be changed."""
        values: dict[str, Any] = self._channel.call("GET", "/settings")
        return values

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """The models of the fake by id, each as `GET /v2/models/{model}` answers it."""
        listed = self._channel.call("GET", "/models")["models"]
        return {each["id"]: each for each in listed}

    def configure(self, **options: Unpack[ChangeableOptions]) -> None:
        """Change settings for new generations: `configure(retention=60)`.

        A latency file is read here, not by the server.
        """
        self._channel.call("PATCH", "/settings", resolve_latency_files(options))

    def summary(self) -> dict[str, Any]:
        """Return a summary: time, balance, generations by status, and more."""
        values: dict[str, Any] = self._channel.call("GET", "/workspace")
        return values

    def reset(self) -> None:
        """Replace the workspace by an empty one."""
        self._channel.call("POST", "/reset")

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the workspace as JSON, without the journal."""
        values: dict[str, Any] = self._channel.call("GET", "/snapshot")["state"]
        return values

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `snapshot` returned, here or on another fake."""
        self._channel.call("POST", "/restore", {"state": dict(state)})

    def fork(self, key: str) -> WorkspaceHandle:
        """Copy the workspace to another key, replacing its workspace, and return the copy."""
        self._channel.call("POST", "/fork", {"key": key})
        return WorkspaceHandle(self._channel.with_key(key))

    def __repr__(self) -> str:
        return f"<WorkspaceHandle over {self._channel!r}>"


class ClockHandle:
    """The clock of a workspace. It times everything there, and never goes backwards."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromisoformat(self._channel.call("GET", "/clock")["now"])

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second; 0 when frozen."""
        return float(self._channel.call("GET", "/clock")["rate"])

    def advance(
        self, by: timedelta | float | str | None = None, /, **step: Unpack[ClockStep]
    ) -> Advance:
        """Move forward: `advance(minutes=10)`, `advance("1h30m")`, `advance(timedelta(days=1))`.

        Returns the new time and the events in between, in order; all of them are settled.
        """
        values: dict[str, Any] = {**step}
        if by is not None:
            values["duration"] = by.total_seconds() if isinstance(by, timedelta) else by
        return _parse_advance(self._channel.call("POST", "/clock/advance", values))

    def advance_to(self, moment: datetime | str) -> Advance:
        """Move forward to a moment, which must not be in the past."""
        return _parse_advance(self._channel.call("POST", "/clock/advance-to", {"moment": moment}))

    def advance_to_next_event(self) -> Advance:
        """Move forward to the next event; does nothing when no event is to come."""
        return _parse_advance(self._channel.call("POST", "/clock/advance-to-next-event"))

    def run_until(self, generation: object, status: str) -> Advance:
        """Move forward until a generation (or the one of that id) is completed or failed."""
        values = {"generation": str(getattr(generation, "id", generation)), "status": status}
        return _parse_advance(self._channel.call("POST", "/clock/run-until", values))

    def freeze(self) -> None:
        """Stop the clock; only advancing moves it then."""
        self._channel.call("POST", "/clock/freeze")

    def scale(self, rate: float) -> None:
        """Run at `rate` from now on: 1 is real time, 60 is 60 times faster."""
        self._channel.call("POST", "/clock/scale", {"rate": rate})


class TransitionsHandle:
    """The rules for how new generations end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def set(self, *, model: str | None = None, **rule: Unpack[TransitionKeys]) -> None:
        """Set a rule: `set(seconds=600)`, `set(model="seedance-*", polls=3)`."""
        self._channel.call("POST", "/transitions", {**rule, "model": model})

    def next(self, **rule: Unpack[TransitionKeys]) -> None:
        """Set a rule for the next generation only: `next(failed="server_error")`."""
        self._channel.call("POST", "/transitions/next", {**rule})

    def clear(self) -> None:
        """Remove every rule."""
        self._channel.call("DELETE", "/transitions")

    def rules(self) -> dict[str, Any]:
        """Return the active rules: for the workspace, by model, and for the next generations."""
        values: dict[str, Any] = self._channel.call("GET", "/transitions")
        return values


class LedgerHandle:
    """The money of a workspace, in US dollars."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def balance(self) -> Decimal:
        """The amount that can still be spent."""
        return self._read_amount("balance")

    @property
    def held(self) -> Decimal:
        """The amount held for pending generations."""
        return self._read_amount("held")

    @property
    def charged(self) -> Decimal:
        """The amount charged for generations."""
        return self._read_amount("charged")

    @property
    def credited(self) -> Decimal:
        """The amount credited."""
        return self._read_amount("credited")

    @property
    def entries(self) -> tuple[Effect, ...]:
        """The last ledger entries, oldest first."""
        return tuple(map(parse_effect, self._channel.call("GET", "/ledger")["entries"]))

    def top_up(self, amount: Decimal | float | str) -> Decimal:
        """Add to the balance and return the new one."""
        told = self._channel.call("POST", "/ledger/top-up", {"amount": amount})
        return Decimal(told["balance"])

    def set(self, balance: Decimal | float | str) -> None:
        """Set the balance; held amounts stay held."""
        self._channel.call("PUT", "/ledger", {"balance": balance})

    def _read_amount(self, name: str) -> Decimal:
        return Decimal(self._channel.call("GET", "/ledger")[name])


class LimitsHandle:
    """The rate limits of a workspace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def set(self, **limits: Unpack[LimitKeys]) -> None:
        """Change limits: `set(image_rpm=20, concurrent=3)`. Counted requests stay counted."""
        self._channel.call("PUT", "/limits", {**limits})

    def get(self) -> dict[str, Any]:
        """Return the limits, and what is left of the current windows as `remaining`."""
        values: dict[str, Any] = self._channel.call("GET", "/limits")
        return values


def connect_local(
    fake: Fake, key: str, *, before: Callable[[], object] = lambda: None
) -> WorkspaceHandle:
    """Return the workspace of `key` on a fake in this process; raises `SettingsError`.

    `before` is called ahead of each command.
    """
    return WorkspaceHandle(LocalChannel(fake, check_key(key, fake.settings), before))


def connect(
    url: str, key: str, *, token: str | None = None, timeout: float = TIMEOUT
) -> WorkspaceHandle:
    """Return the workspace of `key` on the fake at `url`.

    `token` is the one that `getimg-mock serve` prints when it listens beyond loopback. `timeout` is
    in seconds. Raises `ControlError` when the fake does not answer, or refuses the key or token.
    """
    workspace = WorkspaceHandle(RemoteChannel(url.rstrip("/"), key, token, timeout))
    workspace.summary()
    return workspace


def _parse_advance(told: Mapping[str, Any]) -> Advance:
    return Advance(
        datetime.fromisoformat(told["now"]),
        tuple(
            Event(datetime.fromisoformat(each["at"]), each["kind"], each["generation"])
            for each in told["events"]
        ),
    )
