"""The fault server: the fake, whose answers the rules of a case drop, corrupt or replace.

Its answers are data (a `WireScript`), so that it serves a virtual network as well as sockets. It
records whether a request had an effect, whatever the client received.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.contract.clients.cases.client_history import ClientExchange
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    WireScript,
    build_json_answer,
    leave_out_body,
)
from getimg_mock.contract.clients.sandbox.client_time import START, Abandoned
from getimg_mock.fake import Fake
from getimg_mock.in_process import exchange
from getimg_mock.settings import Settings
from getimg_mock.world.journal import collect_effects
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from getimg_mock.media.cache import MediaCache
    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.journal import Effect
    from getimg_mock.world.workspaces import Workspace

_MAX_REQUESTS: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request as it was received over a connection."""

    origin: str
    connection: int
    reused: bool
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(slots=True)
class FaultContext:
    """One request that a rule acts on; `proceed()` has the fake answer it, with all effects."""

    adversary: FaultServer
    asked: ReceivedRequest
    operation: str
    nth: int
    did: bool = False

    def proceed(self) -> WireAnswer:
        """Return the fake's answer, after it has done the work."""
        self.did = True
        return self.adversary.process(self.asked)

    @property
    def now(self) -> Any:
        """The current time of the case."""
        return self.adversary.clock.now()


FaultAction = Callable[[FaultContext], "WireAnswer | WireScript"]
ConnectionFault = Literal["refused", "absent", "unknown", "timeout", "slow", "unread"]
"""How a connection fails, or is late: "absent" is an address at which nothing listens, "unknown" a
name that has none, and "unread" a server that accepts, and takes no more than fits on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """A fault, and the requests that get it: `on` is a glob over operations.

    The operation "connect" is opening a connection, and "elsewhere" any request to another origin
    than that of the API. `nth` selects among the requests that match `on`, from 1 (empty: all), and
    `when` is a further condition. With `must`, a case in which the rule never acted is void. With
    `legal`, its answers have the documented form, as far as they are delivered at all.
    """

    on: str
    do: FaultAction | ConnectionFault | Literal["bad certificate"]
    label: str
    nth: tuple[int, ...] = ()
    must: bool = True
    when: Callable[[ReceivedRequest], bool] | None = None
    legal: bool = True

    def with_changes(self, **changes: Any) -> FaultRule:
        """Return the rule with changes."""
        return replace(self, **changes)


@dataclass
class FaultServer:
    """The server of one case; thread-safe."""

    clock: VirtualClock
    key: str
    base: str
    rules: tuple[FaultRule, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    scenario: tuple[dict[str, Any], ...] = ()
    cache: MediaCache | None = None
    most: int = _MAX_REQUESTS
    most_at_first: int = _MAX_REQUESTS
    """How many requests the first call may send; with more, the client gets no further."""
    forward: Callable[[ReceivedRequest], WireAnswer] | None = None
    """Answers instead of the fake, where the client is tested against another service."""
    elsewhere: str = "https://evil.example"
    """Another origin, to which redirects and links lead."""
    start: datetime = START
    """When the case began, by its clock."""
    place: Path = Path()
    """The folder in which each call that saves something has one of its own, of its index."""
    call: int = 0
    """The index of the current call, where calls are made one after another."""
    away_until: float = 0.0
    """Until when nothing listens at the address, in seconds of the case."""
    stop_listening: Callable[[float], None] | None = None
    """Has nothing listen at a real port for so many seconds."""

    def __post_init__(self) -> None:
        values: dict[str, Any] = {
            "quiet": True,
            "balance": "1000",
            "magic": False,
            "mock_headers": False,
            "media_size": "small",
        }
        fake = Fake.of(Settings.of(**(values | self.settings)), clock=lambda: self.clock)
        if self.cache is not None:
            fake = Fake(
                fake.settings, fake.catalogue, fake.store, self.cache, fake.clock, fake.journal
            )
        self.fake = fake
        self._app = Application(fake, access_log.log_nothing)
        self.workspace: Workspace = fake.store.get_or_create(self.key)
        for each in self.scenario:
            self.workspace.scenarios.add(each, self.clock.now())
        parts = urlsplit(self.base)
        self._prefix = parts.path.rstrip("/")
        self.home = format_origin(parts.scheme, parts.hostname or "", parts.port)
        self.exchanges: list[ClientExchange] = []
        self.connections: list[str] = []
        self.counts: dict[tuple[int, str], int] = {}
        self.hits: dict[int, int] = {}
        self._lock = threading.RLock()
        self._effects: list[Effect] = []

    def handle_connect(self, host: str, port: int) -> str:
        """Return the fault of opening a connection, or an empty text."""
        with self._lock:
            rule = self._match_rule("connect", None)
            self.connections.append(f"{host}:{port}")
            if self.seconds() < self.away_until:
                return "absent"
            return str(rule.do) if rule is not None else ""

    def go_away(self, seconds: float) -> None:
        """Have nothing listen for so long: further connections cannot be made."""
        if self.stop_listening is not None:
            self.stop_listening(seconds)
        else:
            self.away_until = self.seconds() + seconds

    def has_wrong_certificate(self) -> bool:
        """Return whether the server's certificate is for another host."""
        return any(rule.do == "bad certificate" and self._count_hit(rule) for rule in self.rules)

    def answer(self, asked: ReceivedRequest) -> WireScript:
        """Record a request, and return what is sent back."""
        with self._lock:
            if self.call == 0 and len(self.exchanges) >= self.most_at_first:
                self.most = self.most_at_first
            if len(self.exchanges) >= self.most:
                raise Abandoned(f"sent {self.most} requests")
            self._effects = []
            number = len(self.exchanges) + 1
            home = asked.origin == self.home
            path = self._path(asked.target)
            operation = find_operation(asked.method, path) or "unknown"
            rule = self._match_rule(operation if home else "elsewhere", asked)
            label, did = "", True
            if rule is not None:
                turn = FaultContext(self, asked, operation, number)
                came = _apply_rule(rule, turn)
                label, did = rule.label, turn.did
            elif home:
                came = self.process(asked)
            else:
                came, did = build_json_answer(200, {"elsewhere": asked.origin}), False
            timeline = came.to_script() if isinstance(came, WireAnswer) else came
            self._record(asked, path, came, label, home=home, ours=did)
            return leave_out_body(timeline) if asked.method == "HEAD" else timeline

    def process(self, asked: ReceivedRequest) -> WireAnswer:
        """Have the fake answer a request, and collect the effects."""
        if self.forward is not None:
            return self.forward(asked)
        parts = urlsplit(asked.origin)
        request = exchange.Request(
            method=asked.method,
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            target=self._path(asked.target, query=True).encode("latin-1", "replace"),
            headers=[
                (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
                for name, value in asked.headers
            ],
            body=asked.body,
        )
        with collect_effects() as effects:
            answer = exchange.exchange(self._app, request, exchange.AdvanceClock(self.clock))
            body = b"".join(answer)
        self._effects += effects
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in answer.headers
            if name not in {b"content-length", b"transfer-encoding"}
        )
        told = dict(answer.headers).get(b"content-length") if asked.method == "HEAD" else None
        return WireAnswer(answer.status, headers, body, length=None if told is None else int(told))

    def find_unmet_rules(self) -> tuple[str, ...]:
        """Return the labels of rules that must act and did not."""
        return tuple(
            rule.label
            for place, rule in enumerate(self.rules)
            if rule.must and not self.hits.get(place)
        )

    def compute_totals(self) -> dict[str, Decimal]:
        """Return what each generation has cost, or holds, by its id."""
        found: dict[str, Decimal] = {}
        for entry in self.workspace.ledger.entries:
            name = entry.generation
            if name is not None and entry.amount is not None and entry.what in {"hold", "charge"}:
                found[name] = max(found.get(name, Decimal(0)), abs(entry.amount))
        return found

    def later(self, seconds: float) -> Any:
        """Return the time of the case's clock in `seconds` seconds."""
        return self.clock.now() + timedelta(seconds=seconds)

    def seconds(self) -> float:
        """Return how many seconds of the case have passed."""
        return (self.clock.now() - self.start).total_seconds()

    def _path(self, target: str, *, query: bool = False) -> str:
        path = target if query else target.partition("?")[0]
        if self._prefix and path.startswith(self._prefix + "/"):
            return path[len(self._prefix) :]
        return path

    def _match_rule(self, operation: str, asked: ReceivedRequest | None) -> FaultRule | None:
        found = None
        for place, rule in enumerate(self.rules):
            if (operation == "connect") != (rule.on == "connect") or rule.do == "bad certificate":
                continue
            if not fnmatchcase(operation, rule.on):
                continue
            if asked is not None and rule.when is not None and not rule.when(asked):
                continue
            nth = self.counts.get((place, rule.on), 0) + 1
            acts = found is None and (not rule.nth or nth in rule.nth)
            found = rule if acts else found
            # A HEAD is answered as the next GET will be, whose place it does not take.
            if asked is None or asked.method != "HEAD":
                self.counts[place, rule.on] = nth
                self.hits[place] = self.hits.get(place, 0) + acts
        return found

    def _count_hit(self, rule: FaultRule) -> bool:
        place = self.rules.index(rule)
        self.hits[place] = self.hits.get(place, 0) + 1
        return True

    def _record(
        self,
        asked: ReceivedRequest,
        path: str,
        came: WireAnswer | WireScript,
        label: str,
        *,
        home: bool,
        ours: bool,
    ) -> None:
        answered = isinstance(came, WireAnswer)
        status = came.status if isinstance(came, WireAnswer) else _parse_status(came)
        self.exchanges.append(
            ClientExchange(
                number=len(self.exchanges) + 1,
                at=self.clock.now(),
                method=asked.method,
                path=path,
                query=asked.target.partition("?")[2],
                status=status,
                request_headers=tuple(
                    (name.lower(), value)
                    for name, value in asked.headers
                    if name.lower() != "authorization"
                ),
                request_body=asked.body,
                headers=came.headers if isinstance(came, WireAnswer) else (),
                body=came.body[:65536] if isinstance(came, WireAnswer) else b"",
                effects=tuple(self._effects),
                origin=asked.origin,
                label=label or ("" if answered else "spoiled"),
                connection=asked.connection,
                elapsed=self.seconds(),
                target=asked.target,
                sent=asked.headers,
                home=home,
                ours=ours,
            )
        )


def _apply_rule(rule: FaultRule, turn: FaultContext) -> WireAnswer | WireScript:
    if isinstance(rule.do, str):
        raise TypeError(f"the fault {rule.do!r} applies to connections only")
    return rule.do(turn)


def format_origin(scheme: str, host: str, port: int | None) -> str:
    """Return an origin with an explicit port, so that equal origins are equal texts."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port or (443 if scheme == 'https' else 80)}"


def _parse_status(timeline: WireScript) -> int:
    """Return the status in the first bytes of a script; 0 where there is none."""
    for piece in timeline:
        if isinstance(piece.what, bytes) and piece.what.startswith(b"HTTP/1."):
            status = int(piece.what[9:12])
            if status >= 200:
                return status
    return 0
