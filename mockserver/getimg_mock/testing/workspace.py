"""The handle of a test: the controls of its workspace, and what only tests need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.channels import LocalChannel
from getimg_mock.control.handle import WorkspaceHandle
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.in_process.exchange import finish_left_behind
from getimg_mock.testing.expectations import Expectation, ExpectedOrder, check_operation
from getimg_mock.testing.options import POLICIES
from getimg_mock.testing.policies import find_violations
from getimg_mock.testing.reset_tracking import EpochStore, PresentClock
from getimg_mock.testing.timeline import render_timeline
from getimg_mock.virtual_time.event_loops import require_linkable_loop
from getimg_mock.virtual_time.linked_time import Link
from getimg_mock.virtual_time.real_work import PATIENCE
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import respx

    from getimg_mock.application import Application
    from getimg_mock.contract.verification.result import Verification
    from getimg_mock.control.channels import Channel
    from getimg_mock.fake import Fake
    from getimg_mock.testing.client_waiting import LinkedWaitStrategy
    from getimg_mock.testing.httpx2_transport import Httpx2Transport
    from getimg_mock.testing.httpx_transport import HttpxTransport
    from getimg_mock.testing.thread_failure import ThreadFailure
    from getimg_mock.virtual_time.linked_time import ClockSource, MovableClock


# A drip has some 2,000 pieces.
_MOST_STEPS: Final = 10_000


class ExpectationError(AssertionError):
    """The client did not do what the test expects; the text says what it did."""


class GetimgMock(WorkspaceHandle):
    """The workspace of one test: a `Workspace` with expectations, linked time and transports.

    `program_environment` are the variables with which programs reach the fake as
    https://api.getimg.ai; they are set for the test. It is empty in process, for a fake that ran
    already, and without the extra `tls`.

    `real_patience` is for how many real seconds linked time waits for real work that is silent.
    `url` is the address for clients. The fixtures `getimg_mock` (in process) and `getimg_live` (on
    a socket) return it; only the first has transports.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        url: str,
        app: Application | None = None,
        patience: LinkedWaitStrategy | None = None,
        at_work: Callable[[], bool] = bool,
        own_ports: frozenset[int] = frozenset(),
    ) -> None:
        self._own_ports = own_ports
        self.real_patience = PATIENCE
        self._watched = _SettlingChannel(channel, patience)
        super().__init__(self._watched)
        self.url = url
        self.program_environment: Mapping[str, str] = {}
        self.link: Link | None = None
        self.failure: ThreadFailure | None = None
        self._app = app
        self._patience = patience
        self._at_work = at_work
        self._expectations: list[Expectation] = []
        self._orders: list[ExpectedOrder] = []
        self._policies: list[str] = []
        fake = self._find_fake()
        self._opened_at = (
            self.clock.now() if fake is None else fake.store.get_or_create(self.key).clock.now()
        )
        self._opened_really_at = wall_time()

    def transport(self) -> HttpxTransport:
        """Return a transport for `httpx.Client` and `httpx.AsyncClient`; every host is the fake."""
        from getimg_mock.testing.httpx_transport import HttpxTransport  # noqa: PLC0415 - optional

        return HttpxTransport(self._require_app(), patience=self._patience)

    def transport2(self) -> Httpx2Transport:
        """Return a transport for `httpx2.Client` and `httpx2.AsyncClient`."""
        from getimg_mock.testing.httpx2_transport import Httpx2Transport  # noqa: PLC0415 - optional

        return Httpx2Transport(self._require_app(), patience=self._patience)

    def mount(self, router: respx.MockRouter) -> respx.Route:
        """Add the fake to a respx router, as a route for getimg.ai's host.

        Other routes for the same host win. Returns the route, which records its calls.
        """
        from getimg_mock.testing.respx_route import mount_route  # noqa: PLC0415 - optional

        return mount_route(router, self.transport())

    def link_time(self) -> Link:
        """Link the test's time to this workspace's clock, until the test or a `with` block ends.

        A sleep then moves the clock instead of waiting. docs/pytest.md says what is linked.
        """
        if self.link is not None and self.link.active:
            return self.link
        fake = self._find_fake()
        store = fake.store if fake is not None else None
        source: ClockSource = (
            PresentClock(store, self.key) if isinstance(store, EpochStore) else _RemoteClock(self)
        )
        self.link = Link(
            source, at_work=self._at_work, patience=self.real_patience, own_ports=self._own_ports
        ).start()
        if self._patience is not None:
            self._patience.link = self.link
        return self.link

    def expect(self, operation: str) -> Expectation:
        """Expect requests of an operation, or of several with a glob such as `videos.*`.

            getimg_mock.expect("images.generate").with_body(model="seedream-5-lite").times(1)

        At least one, unless a number is given. Checked at the end of the test, or by `verify()`.
        """
        found = Expectation(self.journal, check_operation(operation))
        self._expectations.append(found)
        return found

    def in_order(self, *expectations: Expectation) -> None:
        """Expect the first match of each expectation in this order."""
        self._orders.append(ExpectedOrder(expectations))

    def require(self, *policies: str) -> None:
        """Require policies: `no-unexpected-calls`, `no-undownloaded-results`, ..."""
        for policy in policies:
            if policy not in POLICIES:
                raise UnknownNameError("policy", policy, POLICIES)
            self._policies.append(policy)

    def finish(self) -> None:
        """Move the clock until the fake has finished requests whose clients have disconnected.

        Such a request is in the journal only then, as on a real server.
        """
        left = self._patience.left_behind if self._patience is not None else []
        for _ in range(_MOST_STEPS):
            pauses = [each.pause for each in left if each.pause and each.pause.moment]
            if self._patience is None or not pauses:
                return
            first = min(pauses, key=lambda pause: pause.moment or pause.clock.now())
            first.clock.advance_to(first.moment or first.clock.now())
            finish_left_behind(self._patience)

    def verify(self) -> None:
        """Raise `ExpectationError` unless all expectations and policies are satisfied so far."""
        fake = self._find_fake()
        strays = [] if fake is None else fake.list_strays(self._opened_really_at)
        violations = find_violations(self, self._expectations, self._policies, strays)
        found = [*self._find_unmet(), *violations]
        if found:
            raise ExpectationError("\n\n".join(found))

    def verdict(self) -> Verification:
        """Return the verdict of the client contract on the test's client, from its requests so far.

        `failed` has the ids of the broken rules; docs/client-contract.md describes the rules.
        """
        from getimg_mock.testing import client_verdict  # noqa: PLC0415 - only for tests that ask for it

        fake = self._find_fake()
        if fake is None:
            raise SettingsError(
                "A verdict needs a fake in this process, since it reads its ledger."
            )
        self.finish()
        return client_verdict.compute_verdict(fake, self.key, self._opened_really_at)

    def timeline(self, *, lines: int = 20) -> str:
        """Return what happened so far as text, in at most `lines` lines."""
        return render_timeline(
            self,
            self._opened_at,
            self._find_fake(),
            since=self._opened_really_at,
            lines=lines,
        )

    def check_loop(self) -> None:
        """Raise `LoopError` if time is linked and the running event loop cannot be."""
        if self.link is not None and self.link.active:
            require_linkable_loop()

    def close(self) -> None:
        """Unlink the test's time, and drop requests that are still under way."""
        if self.link is not None:
            self.link.stop()
        if self._patience is not None:
            self._patience.link = None
            for each in self._patience.left_behind:
                each.abort()
            self._patience.left_behind.clear()

    def _find_unmet(self) -> list[str]:
        checks: list[Expectation | ExpectedOrder] = [*self._expectations, *self._orders]
        return [text for text in (each.describe_failure() for each in checks) if text]

    def _find_fake(self) -> Fake | None:
        channel = self._watched.channel
        return channel.fake if isinstance(channel, LocalChannel) else None

    def _require_app(self) -> Application:
        if self._app is None:
            raise TypeError(
                "Transports need the fixture getimg_mock; this fake listens on a socket."
            )
        return self._app


class _SettlingChannel:
    """A channel that lets requests of disconnected clients finish when their time has come."""

    def __init__(self, channel: Channel, patience: LinkedWaitStrategy | None) -> None:
        self.channel = channel
        self._patience = patience
        self.clock_calls = 0

    @property
    def key(self) -> str:
        return self.channel.key

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        self._settle()
        try:
            return self.channel.call(method, path, payload)
        finally:
            if method != "GET":
                self.clock_calls += 1
                self._settle()

    def with_key(self, key: str) -> _SettlingChannel:
        return _SettlingChannel(self.channel.with_key(key), self._patience)

    def _settle(self) -> None:
        if self._patience is not None:
            finish_left_behind(self._patience)


class _RemoteClock:
    """The clock of an external workspace, read again after each command that may have moved it."""

    def __init__(self, workspace: GetimgMock) -> None:
        self._workspace = workspace
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._rate = 0.0
        self._asked_at = 0.0
        self._calls: int | None = None

    @property
    def clock(self) -> MovableClock:
        return self

    def now(self) -> datetime:
        """Return the time, computed from the last reading and the rate."""
        calls = self._workspace._watched.clock_calls  # noqa: SLF001 - the source of its own link
        if self._calls != calls:
            self._calls = calls
            self._moment = max(self._moment, self._workspace.clock.now())
            self._rate, self._asked_at = self._workspace.clock.rate, stopwatch()
        return self._moment + timedelta(seconds=(stopwatch() - self._asked_at) * self._rate)

    def advance_to(self, moment: datetime) -> object:
        """Move forward to a moment."""
        return self._workspace.clock.advance_to(moment)
