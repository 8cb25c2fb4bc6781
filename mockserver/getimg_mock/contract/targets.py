"""Targets: the fake in process, and anything that answers HTTP at an address.

A target opens a session for each plan. On our fake each session is a world of its own, with the
settings that the plan asks for and a clock that stands still until the plan lets time pass.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.contract.execution import Received, RefusedError, Run, Sent, Session
from getimg_mock.contract.history import Effect
from getimg_mock.errors import GetimgMockError
from getimg_mock.fake import Fake
from getimg_mock.media.rendering import stepped
from getimg_mock.server import MockServer
from getimg_mock.settings import Settings
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.clock import VirtualClock, stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from starlette.types import ASGIApp, Message

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan, Send
    from getimg_mock.media.cache import MediaCache

START: Final = datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)
"""When every plan begins on our fake: in the middle of a day and of a rate window."""

_A_MINUTE: Final = timedelta(minutes=1)
_KEYS: Final = {"a": "sk_contract_alpha_7f3a9c", "b": "sk_contract_bravo_2d8e41"}


class Target(Protocol):
    """Something that plans can be run against."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def own(self) -> bool:
        """Whether it is our own fake, which can be given worlds and whose clock is ours."""

    @property
    def models(self) -> Sequence[dict[str, Any]]:
        """The catalogue that plans are made from."""

    def lacks(self, plan: Plan) -> str:
        """Return why a plan cannot be run here, or an empty text."""

    def run(self, plan: Plan) -> History:
        """Run a plan in a session of its own."""


def shipped_models() -> list[dict[str, Any]]:
    """Return the shipped catalogue as the API shows it."""
    return [model.as_json() for model in Catalogue.shipped().listed()]


class TargetError(GetimgMockError):
    """A target that does not answer, or not as an HTTP server does."""


@dataclass(slots=True)
class InProcess:
    """The fake, without a socket. `wrap` makes another provider of it (for tests of the checks)."""

    wrap: Callable[[ASGIApp, Fake], ASGIApp] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = "fake"
    own: bool = True
    seed: str = "0"
    cache: MediaCache | None = None
    models: list[dict[str, Any]] = field(default_factory=shipped_models)

    def lacks(self, plan: Plan) -> str:
        """Return an empty text: the fake can do anything."""
        del plan
        return ""

    def open(self, plan: Plan) -> InProcessSession:
        """Return a new world as the plan wants it."""
        session = InProcessSession(START, own=self.own)
        world = {"seed": self.seed, "quiet": True, **self.settings, **dict(plan.world)}
        fake = Fake.of(Settings.of(**world), clock=session.make_clock)
        if self.cache is not None:
            fake = replace(fake, cache=self.cache)
        app: ASGIApp = Application(fake, access_log.silent)
        session.fake = fake
        session.rules = plan.rules
        session.app = self.wrap(app, fake) if self.wrap else app
        return session

    def run(self, plan: Plan) -> History:
        """Run a plan in a world of its own."""
        session = self.open(plan)
        session.arm()
        history = Run(session, plan, self.models).run()
        return replace(history, hits=session.hits())


class InProcessSession:
    """A world of its own whose clock stands still; drives the application's coroutine by hand."""

    fake: Fake
    app: ASGIApp
    rules: tuple[str, ...] = ()

    def __init__(self, start: datetime, *, own: bool = True) -> None:
        self.base = "https://api.getimg.ai"
        self.keys = dict(_KEYS)
        self.own = own
        self._now = start

    def make_clock(self) -> VirtualClock:
        """Return a clock for a new workspace: it stands still, and who waits on it moves it."""
        return VirtualClock(start=self._now, rate=0, autojump=True)

    def arm(self) -> None:
        """Put the plan's rules in force for the first key."""
        if self.rules:
            workspace = self.fake.store.workspace(self.keys["a"])
            for rule in self.rules:
                workspace.scenarios.add(json.loads(rule), workspace.clock.now())

    def hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules acted."""
        if not self.rules:
            return {}
        scenarios = self.fake.store.workspace(self.keys["a"]).scenarios
        return {rule: made.hits for rule, made in zip(self.rules, scenarios, strict=True)}

    def now(self) -> datetime:
        """Return the latest moment that any workspace has reached."""
        return max([self._now, *(each.clock.now() for each in self.fake.store)])

    def wait(self, seconds: float) -> bool:
        """Move every workspace forward."""
        self._now = self.now() + timedelta(seconds=seconds)
        for workspace in self.fake.store:
            workspace.clock.advance_to(self._now)
        return True

    def exchange(self, sent: Sent, step: Send) -> Received:
        """Answer one request now."""
        before = self._marks()
        answered = asked_in_process(self.app, sent)
        effects = self._effects(before) if step.submits or before else ()
        status, headers, body = answered
        return Received(status, headers, body, effects=effects)

    def exchange_all(self, batch: Sequence[tuple[Sent, Send]]) -> Iterator[Received]:
        """Answer one request after the other: there is one thread."""
        for sent, step in batch:
            yield self.exchange(sent, step)

    def _marks(self) -> dict[str, tuple[int, int]]:
        return {
            each.key: (len(each.ledger.entries), len(each.generations)) for each in self.fake.store
        }

    def _effects(self, before: Mapping[str, tuple[int, int]]) -> tuple[Effect, ...]:
        found: list[Effect] = []
        for each in self.fake.store:
            entries, generations = before.get(each.key, (1, 0))
            if len(each.generations) > generations:
                found += [
                    Effect("generation", name) for name in list(each.generations)[generations:]
                ]
            if len(each.ledger.entries) > entries:
                found += [
                    Effect(entry.what, entry.generation, entry.amount or Decimal(0))
                    for entry in list(each.ledger.entries)[entries:]
                ]
        return tuple(found)


def asked_in_process(app: ASGIApp, sent: Sent) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Step `app` through one request and return status, headers and body."""
    path, _, query = sent.target.partition("?")
    headers = [(b"host", b"api.getimg.ai")]
    headers += [(n.encode("latin-1"), v.encode("latin-1")) for n, v in sent.headers]
    if sent.body is not None:
        headers.append((b"content-length", b"%d" % len(sent.body)))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": sent.method,
        "scheme": "https", "path": unquote(path), "raw_path": path.encode(),
        "query_string": query.encode("latin-1", "replace"), "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("api.getimg.ai", 443), "state": {},
    }  # fmt: skip
    answer: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": sent.body or b"", "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message)

    with stepped():
        _run_out(app(scope, receive, send))
    shown = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in answer[0].get("headers", ())
    )
    return answer[0]["status"], shown, b"".join(each.get("body", b"") for each in answer[1:])


def _run_out(coroutine: Any) -> None:
    while True:
        try:
            pause = coroutine.send(None)
        except StopIteration:
            return
        pause.wait()


@dataclass(slots=True)
class Address:
    """Whatever answers HTTP at `url`; time there cannot be moved, only waited for.

    `gate` is asked before each request is sent and told what came of it: see `budget`.
    """

    url: str
    keys: Mapping[str, str]
    name: str = "url"
    own: bool = False
    models: list[dict[str, Any]] = field(default_factory=shipped_models)
    longest_wait: float = 15.0
    timeout: float = 330.0
    gate: Gate | None = None
    control: Callable[[float], object] | None = None
    clock: Callable[[], datetime] = wall_time

    def lacks(self, plan: Plan) -> str:
        """Return why a plan cannot be run here: it needs a fake's settings, or its clock."""
        if (plan.world or plan.rules) and not self.own:
            return "only a fake can be given this world"
        if plan.keys > len(self.keys):
            return "there is only one key"
        if plan.clock and self.control is None:
            return "time is not in our hands here"
        return self.gate.lacks(plan) if self.gate is not None else ""

    def run(self, plan: Plan) -> History:
        """Run a plan, one connection for all of it."""
        session: Session = AddressSession(self)
        try:
            return Run(session, plan, self.models).run()
        finally:
            if isinstance(session, AddressSession):
                session.close()


class Gate(Protocol):
    """The choke point that every request to a service of money passes."""

    def lacks(self, plan: Plan) -> str:
        """Return why a plan cannot be paid for now, or an empty text."""

    def before(self, sent: Sent, step: Send) -> None:
        """Reserve what the request can cost; raises `RefusedError`."""

    def after(self, sent: Sent, step: Send, received: Received | None) -> None:
        """Book what it cost, as far as the answer tells (None: no answer came)."""


class AddressSession:
    """One connection to an address, opened again when it breaks (but never to send again)."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self.base = target.url.rstrip("/")
        self.keys = dict(target.keys)
        self.own = target.own
        self._parts = urlsplit(self.base)
        self._connection: http.client.HTTPConnection | None = None

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
        threading.Event().wait(max(0.0, seconds))
        return True

    def exchange(self, sent: Sent, step: Send) -> Received:
        """Send one request once; a submission is never sent again, whatever happens."""
        gate = self._target.gate
        if gate is not None:
            gate.before(sent, step)
        received: Received | None = None
        try:
            received = self._answered(sent)
        finally:
            if gate is not None:
                gate.after(sent, step, received)
        return received

    def exchange_all(self, batch: Sequence[tuple[Sent, Send]]) -> Iterator[Received]:
        """Send what the budget allows at the same time, each on a connection of its own."""
        gate = self._target.gate
        allowed: list[tuple[Sent, Send]] = []
        refused: RefusedError | None = None
        for sent, step in batch:
            try:
                if gate is not None:
                    gate.before(sent, step)
            except RefusedError as error:
                refused = error
                break
            allowed.append((sent, step))
        with ThreadPoolExecutor(len(batch) or 1) as pool:
            answers = list(pool.map(self._alone, [sent for sent, _ in allowed]))
        for (sent, step), received in zip(allowed, answers, strict=True):
            if gate is not None:
                gate.after(sent, step, received)
        yield from answers
        if refused is not None:
            raise refused

    def _alone(self, sent: Sent) -> Received:
        session = AddressSession(self._target)
        try:
            return session._answered(sent)
        finally:
            session.close()

    def _answered(self, sent: Sent) -> Received:
        try:
            return self._exchanged(sent)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return self._again(sent, error)

    def _again(self, sent: Sent, error: Exception) -> Received:
        """Send a read once more, on a new connection; anything else is never sent twice."""
        if sent.method in {"GET", "HEAD", "OPTIONS"}:
            try:
                return self._exchanged(sent)
            except (OSError, http.client.HTTPException) as again:
                self.close()
                error = again
        return Received(0, (), f"{type(error).__name__}: {error}".encode())

    def _exchanged(self, sent: Sent) -> Received:
        started = stopwatch()
        if self._connection is None:
            self._connection = self._connected()
        body = sent.body if sent.body is not None or sent.method == "GET" else b""
        self._connection.putrequest(
            sent.method, self._parts.path + sent.target, skip_accept_encoding=True
        )
        for name, value in sent.headers:
            self._connection.putheader(name, value.encode("latin-1", "replace"))
        if body is not None:
            self._connection.putheader("content-length", str(len(body)))
        self._connection.endheaders(body)
        answer = self._connection.getresponse()
        data = answer.read()
        headers = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Received(answer.status, headers, data, stopwatch() - started)

    def _connected(self) -> http.client.HTTPConnection:
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


@dataclass(slots=True)
class OnSocket:
    """The fake on a port: a server for each plan, in the world that the plan asks for."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = "socket"
    own: bool = True
    seed: str = "0"
    models: list[dict[str, Any]] = field(default_factory=shipped_models)

    def lacks(self, plan: Plan) -> str:
        """Return an empty text: the fake can do anything."""
        del plan
        return ""

    def run(self, plan: Plan) -> History:
        """Run a plan against a server of its own, whose clocks stand still until told."""
        world = {"seed": self.seed, **self.settings, **dict(plan.world)}
        with MockServer(**world) as server:
            store = server.app.fake.store
            spaces = [store.workspace(key) for key in _KEYS.values()]
            for space in spaces:
                space.clock.freeze()
                space.clock.autojump = True
                space.clock.advance_to(spaces[0].clock.now().replace(second=30) + _A_MINUTE)
            for rule in plan.rules:
                spaces[0].scenarios.add(json.loads(rule), spaces[0].clock.now())

            def advance(seconds: float) -> None:
                moment = max(space.clock.now() for space in spaces) + timedelta(seconds=seconds)
                for space in spaces:
                    space.clock.advance_to(moment)

            clock = spaces[0].clock.now
            address = Address(server.url, dict(_KEYS), own=True, models=self.models,
                              control=advance, clock=clock)  # fmt: skip
            history = address.run(plan)
            hits = {rule: made.hits for rule, made in zip(plan.rules, spaces[0].scenarios,
                                                          strict=True)}  # fmt: skip
        return replace(history, hits=hits)
