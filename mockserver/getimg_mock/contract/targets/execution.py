"""Executing the steps of a plan: the one place where steps become requests.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only, and modules of which the same holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from getimg_mock.contract.instants import build_days_query, build_other_days_query, parse_instant
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.signed_links import alter_id, alter_link
from getimg_mock.contract.steps import (
    DAYS_PLACEHOLDER,
    DONOR,
    FIRST_KEY,
    TERMINAL,
    Poll,
    Ref,
    Send,
    Wait,
)
from getimg_mock.contract.targets.near_keys import insert_key
from getimg_mock.contract.targets.step_batches import batch_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from getimg_mock.contract.steps import Step
    from getimg_mock.world.journal import Effect


POLL_BOUND: Final = 1_000.0
"""For how many seconds a video is polled where time is real: longer than any may take."""

POLL_BOUND_AFTER_ONE: Final = 30.0
"""The same, once a video was polled in vain."""

_OVERTAKEN: Final = 60.0
_OVERTAKEN_AGAIN: Final = 15.0
_TIMES: Final = 10
_TIMES_AGAIN: Final = 2
"""A video is given up after so many seconds, fewer once one was polled in vain, if another of the
plan has ended, and after so many times as long as that one took at most."""

_LOOK_ASIDE: Final = 5.0
_MOST_ASIDE: Final = 3
"""After how many seconds others are looked at for that, then twice as many; and how many others."""

_FIRST_INTERVAL: Final = 0.2
_QUICK_LOOKS: Final = 6
"""Seconds until the second look where time is real, and how many have this distance. Then it
doubles, and after each error, up to the interval of the step."""

_MAX_ERRORS: Final = 12
"""How many errors in succession end the polling of a video where time is real."""

_FEWER_ERRORS: Final = 3
"""The same, once a video was polled in vain: what is gone for one may be gone for fifty."""

_RELEASE_SECONDS: Final = 2.0
"""After how many seconds a service has given back what a failed video held, where time is real."""

_OTHER_DAYS: Final = re.compile(r"\{days/([1-9]|past)\}")


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as it is sent; `target` is path and query as they are on the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    delivery: str = ""
    """How the body is sent over a socket: see `Send`."""


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """A response; header names are in lower case.

    `status` is 0 where none came, and `body` says why. `seconds` is how long it took in real time.
    `effects` are known only of a fake in this process.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float = 0.0
    effects: tuple[Effect, ...] | None = None
    unwelcome: bool = False
    """Whether `100 Continue`, or an answer in its place, was waited for in vain."""


class StepSession(Protocol):
    """What the steps of a plan are executed on: a provider, with keys and with time."""

    @property
    def base(self) -> str:
        """The address of the provider, without a slash at the end."""

    @property
    def keys(self) -> dict[str, str]:
        """The secrets of the keys by name: `a`, and `b` where there is a second."""

    @property
    def patience(self) -> float:
        """The longest wait in seconds."""

    @property
    def poll_bound(self) -> float:
        """The most seconds for which one video is polled."""

    def now(self) -> datetime:
        """Return the provider's time."""

    def wait(self, seconds: float) -> bool:
        """Let time pass; returns False where that takes longer than `patience`."""

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request; raises `RefusedError` when the budget does not allow it."""

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Send requests, at the same time where the provider can, and yield responses in order.

        Raises `RefusedError` after those that the budget allows.
        """


class ExecutionObserver(Protocol):
    """Receives the requests and responses of an execution as it proceeds."""

    def note_response(
        self, step: Send, sent: PreparedRequest, received: ReceivedResponse, *, spontaneous: bool
    ) -> None:
        """Take a request with its response; `spontaneous` ones come from a `Poll`."""

    def note_unresolved(self, reason: str) -> None:
        """Take why a step was left out, or why the execution ended early."""

    def note_abandoned_poll(self) -> None:
        """Learn that the last response was the last of a `Poll`, and the video has not ended."""


class RefusedError(Exception):
    """The budget does not allow a request; the execution ends here."""


@dataclass(slots=True)
class PlanExecution:
    """Steps that are being executed on a session."""

    session: StepSession
    observer: ExecutionObserver
    named: dict[str, ReceivedResponse] = field(default_factory=dict)
    """The latest response to each named step."""
    _abandoned: bool = False
    """Whether a video was polled in vain."""
    _pace: float = math.inf
    """After how many seconds at most a video has ended."""
    _look_aside: float = _LOOK_ASIDE
    _unpolled: list[Poll] = field(default_factory=list)
    """The videos that have yet to be polled."""
    _days: str = field(init=False)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Determine the days once, for all steps."""
        self._began = self.session.now()
        self._days = build_days_query(self._began)

    def run(self, steps: Sequence[Step]) -> None:
        """Execute all steps, or those up to the first that the session does not allow."""
        self._unpolled = [step for step in steps if isinstance(step, Poll)]
        for place, step, batch in batch_steps(steps):
            try:
                if batch:
                    self._send_all(batch, place)
                elif isinstance(step, Send):
                    self.send(step, place)
                elif isinstance(step, Poll):
                    self._poll(step)
                elif not self._wait(step):
                    self.observer.note_unresolved(f"step {place}: waiting takes too long here")
                    return
            except RefusedError as error:
                self.observer.note_unresolved(f"step {place}: {error}")
                return

    def send(self, step: Send, place: int, *, spontaneous: bool = False) -> ReceivedResponse | None:
        """Send the request of a step; returns None where a value that it refers to is missing."""
        sent = self._prepare(step, place)
        if sent is None:
            return None
        received = self.session.exchange(sent, step)
        self._record(step, sent, received, spontaneous=spontaneous)
        return received

    def _send_all(self, steps: Sequence[Send], place: int, *, spontaneous: bool = False) -> None:
        prepared = [(self._prepare(step, place), step) for step in steps]
        batch = [(sent, step) for sent, step in prepared if sent is not None]
        # Each response is recorded before the next is asked for: a budget may stop in between.
        responses = self.session.exchange_all(batch)
        for (sent, step), received in zip(batch, responses, strict=True):
            self._record(step, sent, received, spontaneous=spontaneous)

    def _record(
        self,
        step: Send,
        sent: PreparedRequest,
        received: ReceivedResponse,
        *,
        spontaneous: bool = False,
    ) -> None:
        if step.name:
            self.named[step.name] = received
        self.observer.note_response(step, sent, received, spontaneous=spontaneous)

    def _prepare(self, step: Send, place: int) -> PreparedRequest | None:
        target = self._build_target(step)
        if target is None or (step.key == "b" and "b" not in self.session.keys):
            self.observer.note_unresolved(f"step {place}: {step.name or step.path or step.link}")
            return None
        body = step.body
        if step.key == "raw" and body is not None:
            body = body.replace(FIRST_KEY.encode(), self.session.keys["a"].encode())
        headers = self._build_headers(step)
        return PreparedRequest(step.method, target, headers, body, step.delivery)

    def _build_headers(self, step: Send) -> tuple[tuple[str, str], ...]:
        donated = self._resolve_text(step.donor) or ""
        headers = tuple((name, value.replace(DONOR, donated)) for name, value in step.headers)
        if step.key in {"a", "b"}:
            return (("authorization", f"Bearer {self.session.keys[step.key]}"), *headers)
        key = self.session.keys["a"]
        return tuple((name, insert_key(value, key)) for name, value in headers)

    def _build_target(self, step: Send) -> str | None:
        value = self._resolve_text(step.ref)
        if value is None:
            return None
        if step.link:
            donor = self._resolve_text(step.donor if step.alter == "borrowed" else None)
            base = self.session.base
            return None if donor is None else alter_link(value, step.alter, base, donor, step.place)
        value = alter_id(value, step.alter) if step.alter else value
        path = step.path.replace("{}", quote(value, safe="")) if step.ref else step.path
        if DONOR in path:
            donor = self._resolve_text(step.donor)
            if donor is None:
                return None
            path = path.replace(DONOR, quote(donor, safe=""))
        query = step.query.replace(FIRST_KEY, self.session.keys["a"])
        query = query.replace(DAYS_PLACEHOLDER, self._days)
        query = _OTHER_DAYS.sub(self._build_other_days, query)
        return f"{path}?{query}" if query else path

    def _build_other_days(self, found: re.Match[str]) -> str:
        """Return the range of the days with another end, which nothing else asks for."""
        return build_other_days_query(self._began, found[1])

    def _resolve_text(self, ref: Ref | None) -> str | None:
        """Return the text that a reference names; None for anything else."""
        found = self._resolve(ref) if ref is not None else ""
        return found if isinstance(found, str) else None

    def _resolve(self, ref: Ref) -> Any:
        received = self.named.get(ref.step)
        if received is None:
            return None
        if ref.pointer.startswith("header:"):
            return dict(received.headers).get(ref.pointer.removeprefix("header:"))
        value = read_json(received.body)[0]
        for part in ref.pointer.split("/")[1:]:
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                return None
        return value

    def _poll(self, step: Poll) -> None:
        waited, errors = 0.0, 0
        self._unpolled.remove(step)
        for turn in range(step.most):
            look = Send(
                path="/v2/videos/generations/{}",
                ref=Ref(step.of),
                key=step.key,
                name=f"{step.of}.now",
                use="poll" if turn else "first-poll",
            )
            received = self._look(look, step.at_once, turn)
            status = None if received is None else _read_status(received)
            if received is None or status in TERMINAL:
                self._note_end(status)
                return
            failed = received.status not in {200, 429} and math.isfinite(self.session.patience)
            errors = errors + 1 if failed else 0
            interval, bound = self._choose_interval(step, turn, errors), self._find_poll_bound()
            waited += interval
            if (
                turn + 1 == step.most
                or errors >= (_MAX_ERRORS if bound > POLL_BOUND_AFTER_ONE else _FEWER_ERRORS)
                or self._is_patience_over(waited, bound)
                or not self.session.wait(interval)
            ):
                break
        self._abandoned = True
        self.observer.note_abandoned_poll()

    def _is_patience_over(self, waited: float, bound: float) -> bool:
        """Return whether a video took as long as any may, or others say that it is lost."""
        if math.isinf(self.session.patience):
            return waited > bound
        if waited >= self._look_aside and math.isinf(self._pace):
            self._look_aside *= 2
            for other in self._unpolled[-_MOST_ASIDE:]:
                look = Send(path="/v2/videos/generations/{}", ref=Ref(other.of), key=other.key)
                received = self.send(look, 0, spontaneous=True)
                self._note_pace(None if received is None else _read_status(received))
        if bound > POLL_BOUND_AFTER_ONE:
            return waited > min(bound, max(_OVERTAKEN, _TIMES * self._pace))
        return waited > min(bound, max(_OVERTAKEN_AGAIN, _TIMES_AGAIN * self._pace))

    def _note_pace(self, status: object) -> None:
        """Remember after how many seconds of the plan the first of its videos was seen to end."""
        if status in TERMINAL:
            seconds = (self.session.now() - self._began).total_seconds()
            self._pace = min(self._pace, seconds)

    def _note_end(self, status: object) -> None:
        """After a failure, wait until what it held has come back, where time is real."""
        self._note_pace(status)
        if status == "failed" and math.isfinite(self.session.patience):
            self.session.wait(min(_RELEASE_SECONDS, self.session.patience))

    def _look(self, look: Send, at_once: int, turn: int) -> ReceivedResponse | None:
        if at_once == 1:
            return self.send(look, turn, spontaneous=True)
        self._send_all([look] * at_once, turn, spontaneous=True)
        return self.named.get(look.name)

    def _choose_interval(self, step: Poll, turn: int, errors: int) -> float:
        """Return the wait until the next look: short at first where time is real."""
        if math.isinf(self.session.patience):
            return step.every
        doublings = min(max(turn + 1 - _QUICK_LOOKS, errors - 1, 0), 8)
        return min(step.every, self.session.patience, _FIRST_INTERVAL * float(2**doublings))

    def _find_poll_bound(self) -> float:
        """Return for how long to poll: one video that never ends is waited for once."""
        bound = self.session.poll_bound
        return min(bound, POLL_BOUND_AFTER_ONE) if self._abandoned else bound

    def _wait(self, step: Wait) -> bool:
        seconds = step.seconds
        if step.until is not None:
            instant = parse_instant(self._resolve(step.until))
            if instant is None:
                reason = f"no moment at {step.until.step}{step.until.pointer}"
                self.observer.note_unresolved(reason)
                return True
            if step.until.pointer == "header:retry-after":
                seconds += instant.timestamp()
            else:
                seconds += (instant - self.session.now()).total_seconds()
        return seconds <= 0 or self.session.wait(seconds)


def _read_status(received: ReceivedResponse) -> Any:
    """Return the status of the video that a response shows; None where it shows none."""
    body = read_json(received.body)[0] if received.status == 200 else None
    return body.get("status") if isinstance(body, dict) else None
