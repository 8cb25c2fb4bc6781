"""The work of the fixtures: open a workspace for a test, and close it.

`plugin.py` declares the fixtures and imports this module when the first of them is used.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.control.channels import LocalChannel
from getimg_mock.errors import GetimgMockError, SettingsError
from getimg_mock.in_process.exchange import Jumping
from getimg_mock.isolation.api_guard import ApiGuard
from getimg_mock.isolation.socket_hooks import SOCKET_HOOKS
from getimg_mock.media.cache import MediaCache
from getimg_mock.settings import Settings
from getimg_mock.testing.client_waiting import LinkedPatience
from getimg_mock.testing.interception import INTERCEPTION, Claim
from getimg_mock.testing.live import ElsewhereServer, OwnServer
from getimg_mock.testing.options import API_HOST, wanted
from getimg_mock.testing.reset_tracking import PresentClock, fake_with_epochs
from getimg_mock.testing.stalled_polling import StillClockWatch
from getimg_mock.testing.workspace import ExpectationError, GetimgMock
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import respx

    from getimg_mock.testing.options import Wanted

_CACHE: Final = pytest.StashKey[MediaCache]()
_OPEN: Final = pytest.StashKey[list["Opened"]]()

_IN_PROCESS: Final = (
    "In process the fake answers httpx, httpx2 and httpx-aiohttp, and with them the official SDK. "
    "For requests, aiohttp, urllib and other processes use the fixture getimg_live, and give them "
    "its url."
)
_LIVE: Final = "Give the client getimg_live.url as its base URL; GETIMG_AI_BASE_URL is set to it."


class Opened:
    """The workspace of a test, with its guard and its claim on requests."""

    def __init__(
        self,
        workspace: GetimgMock,
        guard: ApiGuard,
        claim: Claim | None = None,
        *,
        verdict: str = "off",
    ) -> None:
        self.workspace = workspace
        self.verdict = verdict
        self.guard = guard
        self.claim = claim

    def judge(self) -> None:
        """Fail the test unless expectations, policies, verdict and guard are satisfied."""
        try:
            self.workspace.finish()
            self.workspace.verify()
            found = list(self._breaches())
        except (ExpectationError, SettingsError) as error:
            pytest.fail(str(error), pytrace=False)
        if found:
            pytest.fail("\n\n".join(["The client contract:", *found]), pytrace=False)
        if self.guard.attempts:
            pytest.fail("Swallowed during the test: " + self.guard.attempts[0], pytrace=False)

    def _breaches(self) -> Iterator[str]:
        if self.verdict == "error":
            from getimg_mock.testing.verdicts import breaches  # noqa: PLC0415 - where asked for

            yield from breaches(self.workspace.verdict())


def in_process(request: pytest.FixtureRequest, settings: Mapping[str, Any]) -> Iterator[GetimgMock]:
    """Yield a workspace on a fake of the test's own, in process."""
    want = _read(request, settings)
    with ExitStack() as stack:
        opened = _opened_in_process(request, want, stack)
        _noted(request, opened)
        if want.linked:
            opened.workspace.link_time()
        yield opened.workspace


def live(
    request: pytest.FixtureRequest, settings: Mapping[str, Any], server: OwnServer | ElsewhereServer
) -> Iterator[GetimgMock]:
    """Yield a workspace on a fake with a socket."""
    want = _read(request, settings)
    with ExitStack() as stack:
        try:
            workspace = stack.enter_context(contextmanager(server.workspaces)(want))
        except GetimgMockError as error:
            pytest.fail(str(error), pytrace=False)
        stack.callback(workspace.close)
        opened = Opened(workspace, _guarded(request, stack, _LIVE), verdict=want.verdict)
        workspace.require(*want.policies)
        _environment(stack, workspace)
        _noted(request, opened)
        if want.linked:
            workspace.link_time()
        yield workspace


def session_server(config: pytest.Config) -> Iterator[OwnServer | ElsewhereServer]:
    """Yield the server of this test run, or of this xdist worker."""
    url = config.getoption("getimg_server") or config.getini("getimg_server")
    token = config.getoption("getimg_token")
    server = ElsewhereServer(url, token) if url else OwnServer(Settings.of(port=0, quiet=True))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def routed(request: pytest.FixtureRequest, workspace: GetimgMock) -> Iterator[respx.MockRouter]:
    """Yield a respx router with the fake mounted, active until the end of the test."""
    import respx  # noqa: PLC0415 - optional

    for opened in opened_by(request.node):
        if opened.workspace is workspace and opened.claim is not None:
            # Else the claim would answer requests before respx sees them.
            opened.claim.spared.add("httpx")
    with respx.mock(assert_all_called=False) as router:
        workspace.mount(router)
        yield router


def opened_by(item: pytest.Item) -> list[Opened]:
    """Return the workspaces that a test has opened so far."""
    return item.stash.setdefault(_OPEN, [])


def judge(item: pytest.Item) -> None:
    """Fail a test whose client did not do what the test expects."""
    for opened in opened_by(item):
        opened.judge()


def sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield the sections for the report of a failed test."""
    for opened in opened_by(item):
        yield "getimg timeline", opened.workspace.timeline()


def _read(request: pytest.FixtureRequest, settings: Mapping[str, Any]) -> Wanted:
    try:
        return wanted(request, settings)
    except GetimgMockError as error:
        pytest.fail(str(error), pytrace=False)


def _opened_in_process(request: pytest.FixtureRequest, want: Wanted, stack: ExitStack) -> Opened:
    start = want.opening()
    budget = want.settings.media_cache_mib * 1024 * 1024
    # A picture depends on its request alone, so that tests can share a cache.
    cache = request.config.stash.setdefault(_CACHE, MediaCache(budget))
    try:
        fake, store = fake_with_epochs(
            want.settings, lambda: VirtualClock(start=start, rate=want.rate), cache
        )
    except GetimgMockError as error:
        pytest.fail(str(error), pytrace=False)
    app = Application(fake, access_log.silent)
    patience = LinkedPatience(PresentClock(store, want.key), Jumping())
    workspace = GetimgMock(
        LocalChannel(fake, want.key), url=f"https://{API_HOST}", app=app, patience=patience
    )
    stack.callback(workspace.close)
    claim = Claim(app, want.key, _hosts(request), patience)
    claim.check = workspace.check_loop
    guard = _guarded(request, stack, _IN_PROCESS)
    INTERCEPTION.add(claim)
    stack.callback(INTERCEPTION.remove, claim)
    _environment(stack, workspace)
    workspace.require(*want.policies)
    fake.store.workspace(want.key).journal.subscribe(StillClockWatch(workspace))
    return Opened(workspace, guard, claim, verdict=want.verdict)


def _noted(request: pytest.FixtureRequest, opened: Opened) -> None:
    opened_by(request.node).append(opened)


def _hosts(request: pytest.FixtureRequest) -> frozenset[str]:
    return frozenset({API_HOST, *request.config.getini("getimg_hosts")})


def _guarded(request: pytest.FixtureRequest, stack: ExitStack, advice: str) -> ApiGuard:
    guard = ApiGuard(_hosts(request), advice)
    stack.enter_context(SOCKET_HOOKS.enforce(guard))
    return guard


def _environment(stack: ExitStack, workspace: GetimgMock) -> None:
    # Not the monkeypatch of the test: its undo() would also undo this.
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setenv("GETIMG_API_KEY", workspace.key)
    patch.setenv("GETIMG_AI_BASE_URL", workspace.url)
