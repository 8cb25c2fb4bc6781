"""The work of the fixtures: open a workspace for a test, and close it.

`plugin.py` declares the fixtures and imports this module when the first of them is used.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.control.channels import LocalChannel
from getimg_mock.errors import GetimgMockError, SettingsError
from getimg_mock.in_process.exchange import AdvanceClock
from getimg_mock.isolation.api_guard import ApiGuard
from getimg_mock.isolation.socket_hooks import SOCKET_HOOKS
from getimg_mock.media.cache import MediaCache
from getimg_mock.settings import Settings
from getimg_mock.testing.client_waiting import LinkedWaitStrategy
from getimg_mock.testing.interception import INTERCEPTION, Claim
from getimg_mock.testing.layered_environment import ENVIRONMENT
from getimg_mock.testing.observed_run import hand_over
from getimg_mock.testing.options import API_HOST, FIXTURES, resolve_options
from getimg_mock.testing.policies import list_unrecorded
from getimg_mock.testing.reset_tracking import PresentClock, create_fake_with_epochs
from getimg_mock.testing.stalled_polling import StalledPollingDetector, fail_in_caller
from getimg_mock.testing.workspace import ExpectationError, GetimgMock
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import respx

    from getimg_mock.testing.live import ExternalServer, OwnServer
    from getimg_mock.testing.options import WorkspaceOptions
    from getimg_mock.virtual_time.linked_time import Link

_CACHE: Final = pytest.StashKey[MediaCache]()
_OPEN: Final = pytest.StashKey[list["OpenWorkspace"]]()

_SCOPES: Final = ("function", "class", "module", "package", "session")
_LINKED: Final = (
    'clock="linked" is for the workspace of one test. Leave it out for {scope}-scoped fixtures, '
    "and take getimg_time in the tests that wait."
)

_IN_PROCESS: Final = (
    "In process the fake answers httpx, httpx2 and httpx-aiohttp, and with them the official SDK. "
    "For requests, aiohttp, urllib and other processes use the fixture getimg_live, and give them "
    "its url."
)
_LIVE: Final = "Give the client getimg_live.url as its base URL; GETIMG_AI_BASE_URL is set to it."


class OpenWorkspace:
    """The workspace of a test, with its guard and its claim on requests.

    `want` has the options of the test.
    """

    def __init__(
        self,
        workspace: GetimgMock,
        guard: ApiGuard,
        want: WorkspaceOptions,
        claim: Claim | None = None,
    ) -> None:
        self.title = "getimg timeline"
        self.workspace = workspace
        self.verdict = want.verdict
        self._is_strict = want.settings.replay is not None and want.settings.on_miss == "fail"
        self.guard = guard
        self.claim = claim

    def judge(self) -> None:
        """Fail the test unless expectations, policies, verdict and guard are satisfied."""
        try:
            self.workspace.finish()
            self.workspace.verify()
            unrecorded = list_unrecorded(self.workspace) if self._is_strict else []
            found = list(self._find_breaches())
        except (ExpectationError, SettingsError) as error:
            raise _build_failure(error) from None
        if unrecorded:
            pytest.fail("\n".join(["Not in the cassette:", *unrecorded]), pytrace=False)
        if found:
            pytest.fail("\n\n".join(["The client contract:", *found]), pytrace=False)
        failure = self.workspace.failure
        if failure is not None:
            failure.close()
            if failure.message is not None and not failure.raised:
                pytest.fail(failure.message, pytrace=False)
        if self.guard.attempts:
            pytest.fail("Swallowed during the test: " + self.guard.attempts[0], pytrace=False)

    def _find_breaches(self) -> Iterator[str]:
        if self.verdict == "error":
            from getimg_mock.testing.client_verdict import find_breaches  # noqa: PLC0415 - where asked for

            yield from find_breaches(self.workspace.verdict())


def open_in_process(
    request: pytest.FixtureRequest, settings: Mapping[str, Any]
) -> Iterator[GetimgMock]:
    """Yield a workspace on a fake of its own, in process.

    That of a wider scope than a test is judged at its end, not at that of each test.
    """
    want = _read_options(request, settings)
    with ExitStack() as stack:
        opened = _open_in_process(request, want, stack)
        _note_opened(request, opened)
        if want.linked:
            opened.workspace.link_time()
        yield opened.workspace
        _judge_wide(request, opened)


def open_live(
    request: pytest.FixtureRequest, settings: Mapping[str, Any], server: OwnServer | ExternalServer
) -> Iterator[GetimgMock]:
    """Yield a workspace on a fake with a socket, judged as that of `open_in_process`."""
    want = _read_options(request, settings)
    with ExitStack() as stack:
        try:
            workspace = stack.enter_context(contextmanager(server.open_workspace)(want))
        except GetimgMockError as error:
            raise _build_failure(error) from None
        stack.callback(workspace.close)
        opened = OpenWorkspace(workspace, _guard_api(request, stack, _LIVE), want)
        workspace.require(*want.policies)
        further = {**_exempt_from_proxies(workspace.url), **workspace.program_environment}
        _set_environment(request, stack, workspace, further)
        _note_opened(request, opened)
        if want.linked:
            workspace.link_time()
        yield workspace
        _judge_wide(request, opened)


def run_session_server(config: pytest.Config) -> Iterator[OwnServer | ExternalServer]:
    """Yield the server of this test run, or of this xdist worker."""
    # Imported on first use: a third of the import time, and most tests run in process.
    from getimg_mock.testing.live import ExternalServer, OwnServer  # noqa: PLC0415 - see above

    url = config.getoption("getimg_server") or config.getini("getimg_server")
    token = config.getoption("getimg_token")
    server = (
        ExternalServer(url, token)
        if url
        else OwnServer(
            Settings.of(port=0, quiet=True, media_size="small"),
            frozenset({API_HOST, *config.getini("getimg_hosts")}),
        )
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def route_respx(
    request: pytest.FixtureRequest, workspace: GetimgMock
) -> Iterator[respx.MockRouter]:
    """Yield a respx router with the fake mounted, active until the end of the test."""
    try:
        import respx  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        text = "The fixture getimg_respx needs respx: pip install 'getimg-mock[respx]'."
        raise pytest.fail.Exception(text, pytrace=False) from None
    for opened in find_opened(request.node.stash):
        if opened.workspace is workspace and opened.claim is not None:
            # Else the claim would answer requests before respx sees them.
            opened.claim.spared.add("httpx")
    with respx.mock(assert_all_called=False) as router:
        workspace.mount(router)
        yield router


def find_opened(stash: pytest.Stash) -> list[OpenWorkspace]:
    """Return the workspaces that are noted in the stash of a test, module or session."""
    return stash.setdefault(_OPEN, [])


def judge(item: pytest.Item) -> None:
    """Fail a test whose client did not do what the test expects."""
    for opened in find_opened(item.stash):
        opened.judge()


def forget(item: pytest.Item) -> None:
    """Let go of the workspaces of a test that has ended: pytest keeps its items for the whole run.

    Those that tests share have a stash of their own.
    """
    find_opened(item.stash).clear()


def build_sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield the sections for the report of a failed test."""
    for node in reversed(item.listchain()):
        for opened in find_opened(node.stash):
            yield opened.title, opened.workspace.timeline()


def link_nearest(request: pytest.FixtureRequest) -> Iterator[Link]:
    """Link the test's time to its workspace, of several to that of the smallest scope."""
    name = next((each for each in FIXTURES if each in request.fixturenames), FIXTURES[1])
    workspace: GetimgMock = request.getfixturevalue(name)
    with workspace.link_time() as link:
        yield link


def _build_failure(error: Exception) -> BaseException:
    """Return a failure with the text of an error; raise it from None, or the text shows twice."""
    return pytest.fail.Exception(str(error), pytrace=False)


def _read_options(request: pytest.FixtureRequest, settings: Mapping[str, Any]) -> WorkspaceOptions:
    try:
        want = resolve_options(request, settings)
        if want.linked and request.scope != "function":
            raise SettingsError(_LINKED.format(scope=request.scope))
    except GetimgMockError as error:
        raise _build_failure(error) from None
    return want


def _open_in_process(
    request: pytest.FixtureRequest, want: WorkspaceOptions, stack: ExitStack
) -> OpenWorkspace:
    start = want.compute_start()
    # A picture depends on its request alone, so that tests can share a cache.
    cache = MediaCache(want.settings.media_cache_mib * 1024 * 1024)
    cache = request.config.stash.setdefault(_CACHE, cache)
    try:
        fake, store = create_fake_with_epochs(
            want.settings, lambda: VirtualClock(start=start, rate=want.rate), cache
        )
    except GetimgMockError as error:
        raise _build_failure(error) from None
    app = Application(fake, access_log.log_nothing)
    patience = LinkedWaitStrategy(PresentClock(store, want.key), AdvanceClock())
    workspace = GetimgMock(
        LocalChannel(fake, want.key), url=f"https://{API_HOST}", app=app, patience=patience
    )
    stack.callback(workspace.close)
    claim = Claim(app, want.key, _find_hosts(request), patience)
    claim.check = workspace.check_loop
    guard = _guard_api(request, stack, _IN_PROCESS)
    INTERCEPTION.add(claim)
    stack.callback(INTERCEPTION.remove, claim)
    _set_environment(request, stack, workspace)
    workspace.require(*want.policies)
    store.watchers.append(
        StalledPollingDetector(workspace, store, handle="getimg_mock", fail=fail_in_caller)
    )
    stack.callback(hand_over(want.test, store, fake))
    return OpenWorkspace(workspace, guard, want, claim)


def _note_opened(request: pytest.FixtureRequest, opened: OpenWorkspace) -> None:
    opened.workspace.real_patience = _read_patience(request.config)
    if request.scope == "function":
        find_opened(request.node.stash).append(opened)
        return
    opened.title = f"getimg timeline of the {request.scope}"
    noted = find_opened(request.node.stash)
    noted.append(opened)
    request.addfinalizer(lambda: noted.remove(opened))


def _judge_wide(request: pytest.FixtureRequest, opened: OpenWorkspace) -> None:
    if request.scope != "function":
        opened.judge()


def _read_patience(config: pytest.Config) -> float:
    text = config.getini("getimg_patience")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < inf:
        raise pytest.fail.Exception(
            f"getimg_patience: {text!r} is not a number of seconds, such as 5.", pytrace=False
        )
    return seconds


def _find_hosts(request: pytest.FixtureRequest) -> frozenset[str]:
    return frozenset({API_HOST, *request.config.getini("getimg_hosts")})


def _guard_api(request: pytest.FixtureRequest, stack: ExitStack, advice: str) -> ApiGuard:
    guard = ApiGuard(_find_hosts(request), advice)
    stack.enter_context(SOCKET_HOOKS.enforce(guard))
    return guard


def _set_environment(
    request: pytest.FixtureRequest,
    stack: ExitStack,
    workspace: GetimgMock,
    further: Mapping[str, str] | None = None,
) -> None:
    # Not the monkeypatch of the test: its undo() would also undo this.
    values = {"GETIMG_API_KEY": workspace.key, "GETIMG_AI_BASE_URL": workspace.url}
    rank = _SCOPES.index(request.scope)
    stack.enter_context(ENVIRONMENT.add(rank, {**values, **(further or {})}))


def _exempt_from_proxies(url: str) -> dict[str, str]:
    """Return variables with which clients that obey HTTP_PROXY reach the fake without a proxy."""
    hosts = {"localhost", "127.0.0.1", "::1", urlsplit(url).hostname or "localhost"}
    given = [os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")]
    listed = [each.strip() for text in given for each in text.split(",") if each.strip()]
    value = "*" if "*" in listed else ",".join(dict.fromkeys([*listed, *sorted(hosts)]))
    return {"NO_PROXY": value, "no_proxy": value}
