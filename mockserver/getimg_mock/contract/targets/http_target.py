"""A target at an HTTP address.

A submission is never sent twice. Where there is a budget gate, every request passes it.
"""

from __future__ import annotations

import math
import threading
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.steps import Wait
from getimg_mock.contract.targets.connection_waves import send_in_waves
from getimg_mock.contract.targets.download_redirects import follow_redirects
from getimg_mock.contract.targets.earlier_work import EarlierWork
from getimg_mock.contract.targets.execution import (
    POLL_BOUND,
    POLL_BOUND_AFTER_ONE,
    PreparedRequest,
    ReceivedResponse,
    RefusedError,
)
from getimg_mock.contract.targets.persistent_connection import PersistentConnection, retry_read
from getimg_mock.contract.targets.plan_run import PlanRun
from getimg_mock.contract.targets.rate_limit_windows import (
    RateLimitWindow,
    count_bursts,
    list_full_windows,
    record_windows,
)
from getimg_mock.contract.targets.request_queue import RequestQueue
from getimg_mock.contract.targets.running_videos import RunningVideos
from getimg_mock.errors import SettingsError
from getimg_mock.isolation.socket_hooks import allow_connections
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.request_gate import Gate


REAL_API_URL: Final = "https://api.getimg.ai"
"""The address of the getimg.ai API."""

MAX_WAIT: Final = 15.0
"""The longest wait in seconds, by default."""

_KNOWN_PACE: Final = 3
"""How many videos must have ended before their time says how long others are waited for."""

_SLOW: Final = 60.0
_SLOWER: Final = 10.0
"""A video is waited for at least so many seconds, and so many times as long as the slowest."""

_MARGIN: Final = 0.2
"""Seconds added to the wait for a reset, since clocks differ a little."""

_LOADS_AT_ONCE: Final = nullcontext()
"""Within it, a file is loaded as soon as a plan asks for it."""

_BURST: Final = 15.0
"""Seconds that a burst, and the requests right after it, may take."""


@dataclass(slots=True)
class HttpTarget:
    """A provider at `url`. Without `control`, time there passes in real time.

    `gate` is called before each request and after its answer: see `budget`. `control` moves the
    clock of a fake by a number of seconds, and `clock` reads it.
    """

    url: str
    keys: Mapping[str, str]
    name: str = "url"
    own: bool = False
    models: list[dict[str, Any]] = field(default_factory=load_shipped_models)
    longest_wait: float = MAX_WAIT
    timeout: float = 330.0
    gate: Gate | None = None
    control: Callable[[float], object] | None = None
    clock: Callable[[], datetime] = wall_time
    sleep: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    meanwhile: Callable[[float], object] = lambda _: None
    """Called at the beginning of each wait with its seconds: it may work for as long."""
    count: Callable[[], dict[str, int]] = dict
    """Returns how often each of a plan's rules has acted, where the target is the fake."""
    windows: dict[tuple[str, str], RateLimitWindow] = field(default_factory=dict)
    """The latest rate limit window of each key and kind."""
    earlier: EarlierWork = field(default_factory=EarlierWork)
    """The videos that earlier plans left behind."""
    polled_in_vain: bool = False
    """Whether a plan has given up polling a video."""
    videos: RunningVideos = field(default_factory=RunningVideos)
    """How long videos take here, and how many run at once: concurrent plans begin no more."""
    left: int = 0
    """How many requests were sent."""
    queue: RequestQueue = field(default_factory=RequestQueue, repr=False)
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def record_scope(self) -> tuple[str, str]:
        """The address and first key that a record of spend is for; empty for the getimg.ai API."""
        if self.url.rstrip("/").lower() == REAL_API_URL:
            return "", ""
        return self.url, next(iter(self.keys.values()), "")

    def find_obstacle(self, plan: Plan) -> str:
        """Return why the plan cannot run here, for example for lack of a second key."""
        if ((plan.world and not plan.anywhere) or plan.rules) and not self.own:
            return "only a fake can have these settings"
        if plan.keys > len(self.keys):
            return "there is only one key"
        longest = max((each.seconds for each in plan.steps if isinstance(each, Wait)), default=0)
        if plan.submissions and longest > self.longest_wait and self.control is None:
            # A plan that would stop half-way buys nothing.
            return f"it waits {longest:g} s, and {self.longest_wait:g} s are allowed here"
        return self.gate.find_obstacle(plan) if self.gate is not None else ""

    def __post_init__(self) -> None:
        """Validate address and keys; raises `SettingsError`."""
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good or not _is_graphic(self.url) or set(self.url) & set("?#"):
            raise SettingsError(
                f"{self.url!r} is not the URL of a service. Use https://host or "
                "http://host:port/path, in ASCII."
            )
        for name, secret in self.keys.items():
            if not _is_graphic(secret):
                raise SettingsError(
                    f"Key {name} holds a space, a line break or another character that an HTTP "
                    "header cannot carry. Pass the key exactly as it was issued."
                )
        if len(set(self.keys.values())) < len(self.keys):
            raise SettingsError(
                "Both keys are the same. The isolation checks need a second key, of another "
                "workspace."
            )

    def count_request(self) -> None:
        """Count a request that is about to be sent."""
        with self._counting:
            self.left += 1

    @contextmanager
    def open_session(
        self,
        plan: Plan,
        *,
        settles: bool = True,
        loading: AbstractContextManager[object] = _LOADS_AT_ONCE,
    ) -> Iterator[HttpSession]:
        """Open one connection for all of a plan; the gate `settles` its books at the end."""
        session = HttpSession(self, loading)
        try:
            if plan.tier == "R3":
                session.await_windows(plan)
            yield session
        finally:
            session.close()
            if settles and self.gate is not None:
                self.gate.settle()

    def run(
        self,
        plan: Plan,
        *,
        concurrent: bool = False,
        loading: AbstractContextManager[object] = _LOADS_AT_ONCE,
    ) -> History:
        """Run a plan over one connection; a `concurrent` one compares no books at its end.

        Each file is loaded within `loading`.
        """
        with self.open_session(plan, settles=not concurrent, loading=loading) as session:
            if self.own or self.control is not None:
                return PlanRun(session, plan, self.models).run()
            if not concurrent:  # whose balances say nothing anyway
                self.earlier.settle(plan, session, self.models, self.gate)
            carried, full = self.earlier.keys, self._find_full_windows()
            history = PlanRun(session, plan, self.models).run()
        history = replace(history, carried=carried, full=full, concurrent=concurrent)
        with self._counting:
            self.earlier.note(history)
            self.videos.note(history)
            self.polled_in_vain |= bool(history.with_role("poll-given-up"))
        return history

    def _find_full_windows(self) -> frozenset[tuple[str, str]]:
        """Return the key and kind of each rate limit that is used up now."""
        names = {f"Bearer {secret}": name for name, secret in self.keys.items()}
        return frozenset(
            (names[bearer], kind)
            for (bearer, kind), window in self.windows.items()
            if bearer in names and window.remaining == 0 and window.reset > self.clock()
        )


def _is_graphic(text: str) -> bool:
    """Return whether a text is ASCII without spaces and control characters, and not empty."""
    return text.isascii() and text.isprintable() and " " not in text and text != ""


class HttpSession:
    """One plan's session with an HTTP target, over one connection."""

    def __init__(
        self, target: HttpTarget, loading: AbstractContextManager[object] = _LOADS_AT_ONCE
    ) -> None:
        self._target = target
        self._loading = loading
        self.base = target.url.rstrip("/")
        self.keys = dict(target.keys)
        self.own = target.own
        self._connection = self._create_connection()

    @property
    def patience(self) -> float:
        """The longest wait in seconds; unlimited where the clock can be moved."""
        return self._target.longest_wait if self._target.control is None else math.inf

    @property
    def poll_bound(self) -> float:
        """The most seconds for which a video is polled; fewer once one has never ended."""
        if self._target.control is not None:
            return math.inf
        if self._target.polled_in_vain:
            return POLL_BOUND_AFTER_ONE
        known = self._target.videos.ended >= _KNOWN_PACE
        return max(_SLOW, _SLOWER * self._target.videos.slowest) if known else POLL_BOUND

    def count_hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules has acted."""
        return self._target.count()

    def now(self) -> datetime:
        """Return the real time, or that of the fake's clock where it can be moved."""
        return self._target.clock()

    def wait(self, seconds: float) -> bool:
        """Move the clock, or wait in real time; returns False where that takes too long."""
        if self._target.control is not None:
            self._target.control(seconds)
            return True
        if seconds > self._target.longest_wait:
            return False
        began = self.now()
        self._target.meanwhile(seconds)
        spent = (self.now() - began).total_seconds()
        self._target.sleep(max(0.0, seconds - max(0.0, spent)))  # a clock may be set back
        return True

    def await_windows(self, plan: Plan) -> None:
        """Wait until a plan that fills rate limit windows can do so, if allowed.

        A plan that fills a window as a whole takes what is left of it, unless it ends too soon for
        that. Any other needs room for all of its requests.
        """
        filled = count_bursts(plan, self.keys)
        for place in filled.keys() & self._target.windows.keys():
            window = self._target.windows[place]
            left = (window.reset - self.now()).total_seconds()
            too_few = window.remaining < filled[place] < window.limit
            if too_few or (window.remaining < window.limit <= filled[place] and left < _BURST):
                self._await_reset(window)

    def _await_reset(self, window: RateLimitWindow) -> None:
        left = (window.reset - self.now()).total_seconds()
        if self._target.control is None and left > 0:
            self.wait(left + _MARGIN)

    def _pace(self, batch: Sequence[tuple[PreparedRequest, Send]]) -> None:
        """Wait before submissions for which their window has no room left, except in a burst."""
        for window in list_full_windows(self._target.windows, batch):
            self._await_reset(window)

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request; a read without an answer is sent once more, a submission never."""
        self._pace([(sent, step)])
        # Files are loaded at the same time: they say nothing of limits.
        with self._loading if step.link else self._target.queue.take_turn():
            received = retry_read(lambda: self._send_through_gate(sent, step), sent.method)
            received = self._follow_redirects(sent, step, received)
            record_windows(self._target.windows, [(sent, received)])
        return received

    def _follow_redirects(
        self, sent: PreparedRequest, step: Send, received: ReceivedResponse
    ) -> ReceivedResponse:
        """Return the file that a download leads to, each request for it through the gate."""
        return follow_redirects(
            self.base, sent, received, lambda there: self._send_through_gate(there, step)
        )

    def _send_through_gate(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request once, through the gate."""
        gate = self._target.gate
        if gate is not None:
            gate.before_request(sent, step)
        received: ReceivedResponse | None = None
        try:
            with allow_connections():
                received = self._connection.exchange(sent)
        finally:
            if gate is not None:
                gate.after_request(sent, step, received)
        return received

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Send what the budget allows at the same time, each on its own connection."""
        if all(step.link and not step.together for _, step in batch):
            return iter(send_in_waves(self._load_alone, batch))
        return self._send_all_allowed(batch)

    def _send_all_allowed(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        self._pace(batch)
        with self._target.queue.take_turn():
            yield from self._send_at_once(batch)

    def _send_at_once(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        gate = self._target.gate
        allowed: list[tuple[PreparedRequest, Send]] = []
        refused: RefusedError | None = None
        for sent, step in batch:
            try:
                if gate is not None:
                    gate.before_request(sent, step)
            except RefusedError as error:
                refused = error
                break
            allowed.append((sent, step))
        answers = send_in_waves(self._send_on_new_connection, [sent for sent, _ in allowed])
        for (sent, step), received in zip(allowed, answers, strict=True):
            if gate is not None:
                gate.after_request(sent, step, received)
        record_windows(
            self._target.windows,
            ((sent, received) for (sent, _), received in zip(allowed, answers, strict=True)),
        )
        for (sent, step), received in zip(allowed, answers, strict=True):
            yield self._follow_redirects(sent, step, received)
        if refused is not None:
            raise refused

    def _load_alone(self, sent: tuple[PreparedRequest, Send]) -> ReceivedResponse:
        """Load a file as `exchange` does; none is refused by a gate, as no read can cost."""
        with closing(HttpSession(self._target, self._loading)) as session:
            return session.exchange(*sent)

    def _send_on_new_connection(self, sent: PreparedRequest) -> ReceivedResponse:
        with closing(self._create_connection()) as connection, allow_connections():
            return connection.exchange(sent)

    def _create_connection(self) -> PersistentConnection:
        return PersistentConnection(
            self.base,
            stopwatch,
            timeout=self._target.timeout,
            count_request=self._target.count_request,
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
