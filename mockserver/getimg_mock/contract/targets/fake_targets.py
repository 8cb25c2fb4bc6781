"""The fake as a target of plans, in process and on a port.

A target opens a session for each plan. Each session has its own fake with the settings of the plan,
and a clock that is frozen until the plan lets time pass.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.targets.execution import ReceivedResponse
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.targets.plan_run import PlanRun
from getimg_mock.fake import Fake
from getimg_mock.in_process.exchange import Request, call_application
from getimg_mock.media.cache import MediaCache
from getimg_mock.serving.server import MockServer
from getimg_mock.settings import Settings
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.journal import collect_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.execution import PreparedRequest
    from getimg_mock.contract.targets.http_target import HttpSession
    from getimg_mock.contract.targets.plan_run import TargetSession
    from getimg_mock.world.workspaces import Workspace

START: Final = datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)
"""When every plan begins on the fake: in the middle of a day and of a rate window."""

_CACHED_BYTES: Final = 64 * 1024 * 1024
_A_MINUTE: Final = timedelta(minutes=1)
_KEYS: Final = {"a": "sk_contract_alpha_7f3a9c", "b": "sk_contract_bravo_2d8e41"}


class Target(Protocol):
    """What plans can be run against."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def own(self) -> bool:
        """Whether it is this package's fake, which takes settings and whose clock can be moved."""

    @property
    def models(self) -> Sequence[dict[str, Any]]:
        """The catalogue that plans are made from."""

    def find_obstacle(self, plan: Plan) -> str:
        """Return why this target cannot run a plan, or an empty text."""

    def open_session(self, plan: Plan) -> AbstractContextManager[TargetSession]:
        """Open a session for one plan."""

    def run(self, plan: Plan) -> History:
        """Run a plan in its own session."""


@cache
def _share_cache() -> MediaCache:
    """Return the media of all runs in this process: worlds of one seed draw the same pictures."""
    return MediaCache(_CACHED_BYTES)


@dataclass(slots=True)
class InProcessTarget:
    """The fake without a socket. `wrap` turns it into another provider, for tests of the checks."""

    wrap: Callable[[ASGIApp, Fake], ASGIApp] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = "fake"
    own: bool = True
    seed: str = "0"
    cache: MediaCache | None = None
    models: list[dict[str, Any]] = field(default_factory=load_shipped_models)

    def find_obstacle(self, plan: Plan) -> str:
        """Return an empty text: the fake can run every plan."""
        del plan
        return ""

    @contextmanager
    def open_session(self, plan: Plan) -> Iterator[InProcessSession]:
        """Create a fake with the settings of the plan, and add the rules of the plan."""
        session = InProcessSession(START, own=self.own)
        world = {
            "seed": self.seed,
            "quiet": True,
            "media_size": "flat",
            **self.settings,
            **dict(plan.world),
        }
        fake = Fake.of(Settings.of(**world), clock=session.make_clock)
        fake = replace(fake, cache=_share_cache() if self.cache is None else self.cache)
        app: ASGIApp = Application(fake, access_log.log_nothing)
        session.fake = fake
        session.app = self.wrap(app, fake) if self.wrap else app
        session.arm(plan.rules)
        yield session

    def run(self, plan: Plan) -> History:
        """Run a plan on its own fake."""
        with self.open_session(plan) as session:
            return PlanRun(session, plan, self.models).run()


class InProcessSession:
    """One plan's fake, in process, with a frozen clock."""

    fake: Fake
    app: ASGIApp
    rules: Sequence[str] = ()
    patience = math.inf
    poll_bound = math.inf

    def __init__(self, start: datetime, *, own: bool = True) -> None:
        self.base = "https://api.getimg.ai"
        self.keys = dict(_KEYS)
        self.own = own
        self._now = start

    def make_clock(self) -> VirtualClock:
        """Return a clock for a new workspace: frozen, and moved by code that waits on it."""
        return VirtualClock(start=self._now, rate=0, autojump=True)

    def arm(self, rules: Sequence[str]) -> None:
        """Add scenario rules to the workspace of the first key."""
        self.rules = rules
        if rules:
            _add_rules(self.fake.store.get_or_create(self.keys["a"]), rules)

    def count_hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules acted."""
        return (
            _count_hits(self.fake.store.get_or_create(self.keys["a"]), self.rules)
            if self.rules
            else {}
        )

    def now(self) -> datetime:
        """Return the latest time of any workspace."""
        return max([self._now, *(each.clock.now() for each in self.fake.store)])

    def wait(self, seconds: float) -> bool:
        """Move the clock of every workspace forward."""
        self._now = self.now() + timedelta(seconds=seconds)
        for workspace in self.fake.store:
            workspace.clock.advance_to(self._now)
        return True

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Answer one request now."""
        del step
        with collect_effects() as effects:
            connection = call_application(self.app, _build_request(sent))
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in connection.headers
        )
        if sent.delivery == "http/1.0":  # no server sends this version chunks
            headers = tuple(each for each in headers if each[0] != "transfer-encoding")
        # Not shortened to its Content-Length: a check compares the two.
        body = b"".join(connection.chunks)
        return ReceivedResponse(connection.status or 0, headers, body, effects=tuple(effects))

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Answer one request after the other, in this thread."""
        for sent, step in batch:
            yield self.exchange(sent, step)


def _build_request(sent: PreparedRequest) -> Request:
    headers = [(b"host", b"api.getimg.ai")]
    headers += [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in sent.headers]
    if sent.body is not None:
        headers.append((b"content-length", b"%d" % len(sent.body)))
    return Request(
        method=sent.method,
        scheme="https",
        host="api.getimg.ai",
        port=443,
        target=sent.target.encode("latin-1", "replace"),
        headers=headers,
        body=sent.body or b"",
    )


@dataclass(slots=True)
class SocketTarget:
    """The fake on a port: one server for each plan, with the settings of the plan."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = "socket"
    own: bool = True
    seed: str = "0"
    models: list[dict[str, Any]] = field(default_factory=load_shipped_models)

    def find_obstacle(self, plan: Plan) -> str:
        """Return an empty text: the fake can run every plan."""
        del plan
        return ""

    @contextmanager
    def open_session(self, plan: Plan) -> Iterator[HttpSession]:
        """Start a server with the settings of the plan, and freeze its clocks."""
        world = {"seed": self.seed, "media_size": "flat", **self.settings, **dict(plan.world)}
        with MockServer(**world) as server:
            store = server.app.fake.store
            spaces = [store.get_or_create(key) for key in _KEYS.values()]
            start = spaces[0].clock.now().replace(second=30) + _A_MINUTE
            for space in spaces:
                space.clock.freeze()
                space.clock.autojump = True
                space.clock.advance_to(start)
            _add_rules(spaces[0], plan.rules)

            def advance(seconds: float) -> None:
                moment = max(space.clock.now() for space in spaces) + timedelta(seconds=seconds)
                for space in spaces:
                    space.clock.advance_to(moment)

            address = HttpTarget(
                server.url,
                dict(_KEYS),
                own=True,
                models=self.models,
                control=advance,
                clock=spaces[0].clock.now,
                count=lambda: _count_hits(spaces[0], plan.rules),
            )
            with address.open_session(plan) as session:
                yield session

    def run(self, plan: Plan) -> History:
        """Run a plan against its own server."""
        with self.open_session(plan) as session:
            return PlanRun(session, plan, self.models).run()


def _add_rules(workspace: Workspace, rules: Sequence[str]) -> None:
    """Add the scenario rules of a plan."""
    for rule in rules:
        workspace.scenarios.add(json.loads(rule), workspace.clock.now())


def _count_hits(workspace: Workspace, rules: Sequence[str]) -> dict[str, int]:
    """Return how often each of the rules has acted."""
    return {rule: made.hits for rule, made in zip(rules, workspace.scenarios, strict=True)}
