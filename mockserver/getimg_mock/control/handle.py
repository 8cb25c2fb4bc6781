"""A workspace in the hands of whoever tests: clock, transitions, money, journal and the rest.

Written once, over a channel: what works on a fake in this process works on one elsewhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from getimg_mock.control.channels import TIMEOUT, LocalChannel, RemoteChannel
from getimg_mock.control.exchanges import effect_of
from getimg_mock.control.handles import Generations, JournalHandle, Scenarios
from getimg_mock.control.workspaces import checked_key
from getimg_mock.world.events import Advance, Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from getimg_mock.control.channels import Channel
    from getimg_mock.fake import Fake
    from getimg_mock.settings_options import ChangeableOptions
    from getimg_mock.world.journal import Effect

    class Step(TypedDict, total=False):
        """How far a clock is moved; what is given is added up."""

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


class Workspace:
    """Everything that belongs to one API key, under control.

    From `MockServer.workspace(key)` for a fake of this process and `connect(url, key)` for one
    that runs elsewhere; both do the same. Every call is synchronous and short, but for
    `journal.wait`. Raises `SettingsError` for values that cannot be used, `UnknownNameError` for
    names that do not exist, and `ControlError` for the rest.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.clock = Clock(channel)
        self.transitions = Transitions(channel)
        self.generations = Generations(channel)
        self.scenarios = Scenarios(channel)
        self.ledger = Ledger(channel)
        self.limits = LimitsHandle(channel)
        self.journal = JournalHandle(channel)

    @property
    def key(self) -> str:
        """The API key whose workspace this is."""
        return self._channel.key

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of this workspace that can be changed while it lives."""
        values: dict[str, Any] = self._channel.call("GET", "/settings")
        return values

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """The models of the fake by id, each as `GET /v2/models/{model}` answers it."""
        listed = self._channel.call("GET", "/models")["models"]
        return {each["id"]: each for each in listed}

    def configure(self, **options: Unpack[ChangeableOptions]) -> None:
        """Change settings for what is still to be made: `configure(retention=60)`."""
        self._channel.call("PATCH", "/settings", options)

    def summary(self) -> dict[str, Any]:
        """Return the workspace in numbers: time, balance, generations by status, and more."""
        values: dict[str, Any] = self._channel.call("GET", "/workspace")
        return values

    def reset(self) -> None:
        """Begin again with an empty workspace."""
        self._channel.call("POST", "/reset")

    def snapshot(self) -> dict[str, Any]:
        """Return all that the workspace is, as JSON; the journal is not part of it."""
        values: dict[str, Any] = self._channel.call("GET", "/snapshot")["state"]
        return values

    def restore(self, state: Mapping[str, Any]) -> None:
        """Make the workspace what `snapshot` returned, here or on another fake."""
        self._channel.call("POST", "/restore", {"state": dict(state)})

    def fork(self, key: str) -> Workspace:
        """Copy the workspace to another key, whatever that key had, and return the copy."""
        self._channel.call("POST", "/fork", {"key": key})
        return Workspace(self._channel.of(key))

    def __repr__(self) -> str:
        return f"<Workspace over {self._channel!r}>"


class Clock:
    """The clock of a workspace. It drives everything there, and never goes backwards."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromisoformat(self._channel.call("GET", "/clock")["now"])

    @property
    def rate(self) -> float:
        """How many seconds pass in a real one; 0 when frozen."""
        return float(self._channel.call("GET", "/clock")["rate"])

    def advance(
        self, by: timedelta | float | str | None = None, /, **step: Unpack[Step]
    ) -> Advance:
        """Move forward: `advance(minutes=10)`, `advance("1h30m")`, `advance(timedelta(days=1))`.

        Returns the new time and the events passed, in order; all of them are settled by then.
        """
        values: dict[str, Any] = {**step}
        if by is not None:
            values["duration"] = by.total_seconds() if isinstance(by, timedelta) else by
        return _advance(self._channel.call("POST", "/clock/advance", values))

    def advance_to(self, moment: datetime | str) -> Advance:
        """Move forward to a moment, which must not be past."""
        return _advance(self._channel.call("POST", "/clock/advance-to", {"moment": moment}))

    def advance_to_next_event(self) -> Advance:
        """Move forward to the next thing that happens; nowhere when nothing will."""
        return _advance(self._channel.call("POST", "/clock/advance-to-next-event"))

    def run_until(self, generation: object, status: str) -> Advance:
        """Move forward until a generation (or the one of that id) is completed or failed."""
        values = {"generation": str(getattr(generation, "id", generation)), "status": status}
        return _advance(self._channel.call("POST", "/clock/run-until", values))

    def freeze(self) -> None:
        """Stand still from now on, but for advances."""
        self._channel.call("POST", "/clock/freeze")

    def scale(self, rate: float) -> None:
        """Run at `rate` from now on: 1 is real time, 60 a minute a second."""
        self._channel.call("POST", "/clock/scale", {"rate": rate})


class Transitions:
    """How generations that are still to be made will end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def set(self, *, model: str | None = None, **rule: Unpack[TransitionKeys]) -> None:
        """Put a rule in force: `set(seconds=600)`, `set(model="seedance-*", polls=3)`."""
        self._channel.call("POST", "/transitions", {**rule, "model": model})

    def next(self, **rule: Unpack[TransitionKeys]) -> None:
        """Put a rule in force for the next generation only: `next(failed="server_error")`."""
        self._channel.call("POST", "/transitions/next", {**rule})

    def clear(self) -> None:
        """Forget every rule."""
        self._channel.call("DELETE", "/transitions")

    def rules(self) -> dict[str, Any]:
        """Return the rules in force: for the workspace, by model, and for the next ones."""
        values: dict[str, Any] = self._channel.call("GET", "/transitions")
        return values


class Ledger:
    """The money of a workspace, in US dollars."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def balance(self) -> Decimal:
        """What can still be spent."""
        return self._amount("balance")

    @property
    def held(self) -> Decimal:
        """What is set aside for generations that are pending."""
        return self._amount("held")

    @property
    def charged(self) -> Decimal:
        """What generations have cost."""
        return self._amount("charged")

    @property
    def credited(self) -> Decimal:
        """What was paid in."""
        return self._amount("credited")

    @property
    def entries(self) -> tuple[Effect, ...]:
        """The last movements of money, oldest first."""
        return tuple(map(effect_of, self._channel.call("GET", "/ledger")["entries"]))

    def top_up(self, amount: Decimal | float | str) -> Decimal:
        """Add to the balance and return the new one."""
        told = self._channel.call("POST", "/ledger/top-up", {"amount": amount})
        return Decimal(told["balance"])

    def set(self, balance: Decimal | float | str) -> None:
        """Make the balance what is given; what is held stays held."""
        self._channel.call("PUT", "/ledger", {"balance": balance})

    def _amount(self, name: str) -> Decimal:
        return Decimal(self._channel.call("GET", "/ledger")[name])


class LimitsHandle:
    """The rate limits of a workspace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def set(self, **limits: Unpack[LimitKeys]) -> None:
        """Change limits: `set(image_rpm=20, concurrent=3)`. What was counted stays counted."""
        self._channel.call("PUT", "/limits", {**limits})

    def get(self) -> dict[str, Any]:
        """Return the limits, and what is left of the present windows as `remaining`."""
        values: dict[str, Any] = self._channel.call("GET", "/limits")
        return values


def local(fake: Fake, key: str) -> Workspace:
    """Return the workspace of `key` on a fake of this process; raises `SettingsError`."""
    return Workspace(LocalChannel(fake, checked_key(key, fake.settings)))


def connect(url: str, key: str, *, token: str | None = None, timeout: float = TIMEOUT) -> Workspace:
    """Return the workspace of `key` on the fake at `url`.

    `token` is what `getimg-mock serve` printed, where it listens to other machines. Raises
    `ControlError` when nothing answers there, or not for this key or token.
    """
    workspace = Workspace(RemoteChannel(url.rstrip("/"), key, token, timeout))
    workspace.summary()
    return workspace


def _advance(told: Mapping[str, Any]) -> Advance:
    return Advance(
        datetime.fromisoformat(told["now"]),
        tuple(
            Event(datetime.fromisoformat(each["at"]), each["kind"], each["generation"])
            for each in told["events"]
        ),
    )
