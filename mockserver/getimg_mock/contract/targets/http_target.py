"""Addresses: whatever answers HTTP, reached as any client would reach it.

A submission is never sent twice, and where there is a gate nothing is sent around it.
"""

from __future__ import annotations

import http.client
import math
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from getimg_mock import schemas
from getimg_mock.contract.model_choice import find_cheapest, load_shipped_models
from getimg_mock.contract.plans import Plan, Wait, get, post
from getimg_mock.contract.targets.execution import (
    PlanRun,
    PreparedRequest,
    ReceivedResponse,
    RefusedError,
    parse_instant,
)
from getimg_mock.errors import SettingsError
from getimg_mock.isolation.socket_hooks import allow_connections
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Send


_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REAL_API_URL: Final = "https://api.getimg.ai"
"""The service itself."""

MAX_WAIT: Final = 15.0
"""How many seconds are waited at once where nothing else is said."""

_MARGIN: Final = 0.2
"""By how much longer than told is waited: clocks differ a little."""

_BURST_ROLES: Final = frozenset(
    {"burst", "after-wait", "other-key", "other-kind", "reads-at-limit"}
)
"""The parts of experiments that are about a window that is used up."""

_MAX_IDLE: Final = 1.0
"""Seconds after which a connection is not trusted with what is sent but once."""


class RateLimitWindow(NamedTuple):
    """What the headers of an answer say of a rate limit."""

    limit: int
    remaining: int
    reset: datetime


@dataclass(slots=True)
class HttpTarget:
    """Whatever answers HTTP at `url`; time there cannot be moved, only waited for.

    `gate` is asked before each request is sent and told what came of it: see `budget`.
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
    count: Callable[[], dict[str, int]] = dict
    """How often each of a plan's rules has acted, where the fake is ours."""
    windows: dict[tuple[str, str], RateLimitWindow] = field(default_factory=dict)
    """The rate window of each key and kind as it was last seen."""
    left: int = 0
    """Requests that went out."""
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find_obstacle(self, plan: Plan) -> str:
        """Return why a plan cannot be run here: it needs a fake's settings, or its clock."""
        if ((plan.world and not plan.anywhere) or plan.rules) and not self.own:
            return "only a fake can be given this world"
        if plan.keys > len(self.keys):
            return "there is only one key"
        longest = max((each.seconds for each in plan.steps if isinstance(each, Wait)), default=0)
        if plan.submissions and longest > self.longest_wait and self.control is None:
            # Nothing is bought for a plan that is known to stop half-way.
            return f"it waits {longest:g} s, and {self.longest_wait:g} s are allowed here"
        return self.gate.find_obstacle(plan) if self.gate is not None else ""

    def __post_init__(self) -> None:
        """Refuse what no request can be made of; raises `SettingsError`."""
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good or not _is_graphic(self.url) or set(self.url) & set("?#"):
            raise SettingsError(
                f"{self.url!r} is no address of a service: write https://host, or "
                "http://host:port/path, in ASCII."
            )
        for name, secret in self.keys.items():
            if not _is_graphic(secret):
                raise SettingsError(
                    f"Key {name} holds a space, a line break or a character that no header can "
                    "carry: give it as it was handed out."
                )
        if len(set(self.keys.values())) < len(self.keys):
            raise SettingsError(
                "The two keys are one: isolation needs a second key, of another workspace."
            )

    def count_request(self) -> None:
        """Count a request that goes out."""
        with self._counting:
            self.left += 1

    @contextmanager
    def open_session(self, plan: Plan) -> Iterator[HttpSession]:
        """Hold one connection for all of a plan."""
        session = HttpSession(self)
        try:
            if plan.tier == "R3":
                session.await_windows()
            yield session
        finally:
            session.close()
            if self.gate is not None:
                self.gate.settle()

    def run(self, plan: Plan) -> History:
        """Run a plan, one connection for all of it."""
        with self.open_session(plan) as session:
            return PlanRun(session, plan, self.models).run()


def fetch_catalogue(address: HttpTarget) -> list[dict[str, Any]]:
    """Return an address's own catalogue where it can be trusted, else the shipped one.

    Raises `SettingsError` when nothing answers there, or one of the keys is not taken.
    """
    asked = [get("/v2/models", key=name) for name in address.keys]
    history = address.run(Plan(name="the catalogue", steps=tuple(asked), keys=len(asked)))
    listed = history.exchanges[0]
    if listed.status == 0:
        raise SettingsError(f"{address.url} does not answer: {listed.body.decode()}.")
    for each in history:
        if each.status == 401:
            option = "--key (or GETIMG_API_KEY)" if each.key == "a" else "--second-key"
            raise SettingsError(f"{address.url} does not take the key of {option}: it answers 401.")
    models = listed.plain
    if listed.status != 200 or schemas.violations("model-list", models) or not models:
        return load_shipped_models()
    found: list[dict[str, Any]] = models
    return found


def _is_graphic(text: str) -> bool:
    """Whether a text is ASCII without spaces and control characters, and not empty."""
    return text.isascii() and text.isprintable() and " " not in text and text != ""


def fetch_limits(address: HttpTarget, *, paid: bool) -> dict[str, int]:
    """Return how many images and videos a minute an address says it allows, where it says so.

    For images only a submission is answered with it: one without a prompt is sent, if `paid`.
    """
    image = find_cheapest(address.models, "image")
    refused = post("image", {"model": image["id"]}, name="image", valid=False)
    look = get("/v2/videos/generations/req-01ZZZZZZZZZZZZ", name="video")
    plan = Plan(name="the limits", tier="R1", steps=(look, refused) if paid else (look,))
    found = {}
    for each in address.run(plan):
        limit = each.fields.get("x-ratelimit-limit", "")
        if each.step is not None and limit.isascii() and limit.isdigit():
            found[each.step.name] = int(limit)
    return found


class Gate(Protocol):
    """The choke point that every request to a service of money passes."""

    def find_obstacle(self, plan: Plan) -> str:
        """Return why a plan cannot be paid for now, or an empty text."""

    def before_request(self, sent: PreparedRequest, step: Send) -> None:
        """Reserve what the request can cost; raises `RefusedError`."""

    def after_request(
        self, sent: PreparedRequest, step: Send, received: ReceivedResponse | None
    ) -> None:
        """Book what it cost, as far as the answer tells (None: no answer came)."""

    def settle(self) -> None:
        """Hold the books to what the service says, now that a plan has ended."""


def _find_window_key(sent: PreparedRequest) -> tuple[str, str]:
    """Return the key and the kind whose limit a request counts for."""
    return dict(sent.headers).get("authorization", ""), "".join(sent.target.split("/")[2:3])


class HttpSession:
    """One connection to an address, opened again when it breaks (but never to send again)."""

    def __init__(self, target: HttpTarget) -> None:
        self._target = target
        self.base = target.url.rstrip("/")
        self.keys = dict(target.keys)
        self.own = target.own
        self._parts = urlsplit(self.base)
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    @property
    def patience(self) -> float:
        """How long one may wait at once: any time where the clock is ours."""
        return self._target.longest_wait if self._target.control is None else math.inf

    def count_hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules has acted."""
        return self._target.count()

    def now(self) -> datetime:
        """Return the real time, or the target's own where we move it."""
        return self._target.clock()

    def wait(self, seconds: float) -> bool:
        """Wait in real time, at most as long as this target may."""
        if self._target.control is not None:
            self._target.control(seconds)
            return True
        if seconds > self._target.longest_wait:
            return False
        self._target.sleep(max(0.0, seconds))
        return True

    def await_windows(self) -> None:
        """Wait for fresh windows where those of earlier plans are in use, if that is allowed."""
        for window in self._target.windows.values():
            if window.remaining < window.limit:
                self._await_reset(window)

    def _await_reset(self, window: RateLimitWindow) -> None:
        left = (window.reset - self.now()).total_seconds()
        if self._target.control is None and left > 0:
            self.wait(left + _MARGIN)

    def _pace(self, sent: PreparedRequest, step: Send) -> None:
        """Wait before a submission where the window is known to be used up, but not in a burst."""
        window = self._target.windows.get(_find_window_key(sent))
        if step.submits and step.use not in _BURST_ROLES and window and window.remaining == 0:
            self._await_reset(window)

    def _record_window(self, sent: PreparedRequest, received: ReceivedResponse) -> None:
        fields = dict(received.headers)
        numbers = [fields.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining")]
        reset = parse_instant(fields.get("x-ratelimit-reset"))
        if reset is not None and all(each.isascii() and each.isdigit() for each in numbers):
            window = RateLimitWindow(int(numbers[0]), int(numbers[1]), reset)
            self._target.windows[_find_window_key(sent)] = window

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request; a read once more if it is not answered, a submission never."""
        self._pace(sent, step)
        received = self._send_through_gate(sent, step)
        if received.status == 0 and sent.method in _SAFE_METHODS:
            received = self._send_through_gate(sent, step)
        self._record_window(sent, received)
        return received

    def _send_through_gate(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request once, through the gate."""
        gate = self._target.gate
        if gate is not None:
            gate.before_request(sent, step)
        received: ReceivedResponse | None = None
        try:
            received = self._try_send(sent)
        finally:
            if gate is not None:
                gate.after_request(sent, step, received)
        return received

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Send what the budget allows at the same time, each on a connection of its own."""
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
        with ThreadPoolExecutor(len(batch) or 1) as pool:
            answers = list(pool.map(self._send_on_new_connection, [sent for sent, _ in allowed]))
        for (sent, step), received in zip(allowed, answers, strict=True):
            if gate is not None:
                gate.after_request(sent, step, received)
            self._record_window(sent, received)
        yield from answers
        if refused is not None:
            raise refused

    def _send_on_new_connection(self, sent: PreparedRequest) -> ReceivedResponse:
        session = HttpSession(self._target)
        try:
            return session._try_send(sent)
        finally:
            session.close()

    def _try_send(self, sent: PreparedRequest) -> ReceivedResponse:
        """Return the answer, or one of status 0 that says why there is none."""
        try:
            with allow_connections():
                return self._send_and_read(sent)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return ReceivedResponse(0, (), f"{type(error).__name__}: {error}".encode())

    def _send_and_read(self, sent: PreparedRequest) -> ReceivedResponse:
        started = stopwatch()
        if sent.method not in _SAFE_METHODS and started - self._used > _MAX_IDLE:
            self.close()  # the other side may have closed it already, and this is sent but once
        if self._connection is None:
            self._connection = self._create_connection()
        answer = self._send(self._connection, sent)
        data = answer.read()
        self._used = stopwatch()
        headers = tuple((name.lower(), value) for name, value in answer.getheaders())
        return ReceivedResponse(answer.status, headers, data, self._used - started)

    def _send(
        self, connection: http.client.HTTPConnection, sent: PreparedRequest
    ) -> http.client.HTTPResponse:
        body = sent.body if sent.body is not None or sent.method == "GET" else b""
        if connection.sock is None:
            connection.connect()
        connection.putrequest(
            sent.method, self._parts.path + sent.target, skip_accept_encoding=True
        )
        for name, value in sent.headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        self._target.count_request()
        try:
            connection.endheaders(body)
        except ConnectionError as broken:
            # Who refuses a large body may answer before it has read all of it.
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise broken from None
        return connection.getresponse()

    def _create_connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                host, port, timeout=self._target.timeout, context=context
            )
        return http.client.HTTPConnection(host, port, timeout=self._target.timeout)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
