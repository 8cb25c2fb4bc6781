"""Fakes on a socket for tests: one for the whole session, or an external one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.control.channels import LocalChannel, RemoteChannel
from getimg_mock.errors import SettingsError
from getimg_mock.fake import open_workspace
from getimg_mock.serving.program_entrances import ProgramEntrances
from getimg_mock.serving.server import MockServer
from getimg_mock.testing.layered_environment import ENVIRONMENT
from getimg_mock.testing.observed_run import hand_over
from getimg_mock.testing.options import WHOLE_FAKE_SETTINGS, derive_key
from getimg_mock.testing.reset_tracking import EpochStore
from getimg_mock.testing.stalled_polling import StalledPollingDetector
from getimg_mock.testing.thread_failure import ThreadFailure
from getimg_mock.testing.workspace import GetimgMock
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.randomness import generate_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive, Scope, Send

    from getimg_mock.settings import Settings
    from getimg_mock.testing.options import WorkspaceOptions
    from getimg_mock.world.workspaces import Workspace

_CHANGEABLE: Final = (
    "image_seconds",
    "video_seconds",
    "fail_rate",
    "retention",
    "charge_at",
)
_LIMITS: Final = ("image_rpm", "video_rpm", "concurrent", "rate_window")


class OwnServer:
    """A fake on a port of this process; each test's workspace has the options of that test.

    For programs that tests start, `hosts` are the fake, if the extra `tls` is installed.
    """

    def __init__(self, settings: Settings, hosts: frozenset[str] = frozenset()) -> None:
        self._hosts = hosts
        self._programs: ProgramEntrances | None = None
        self._files = ExitStack()
        self._wanted: dict[str, WorkspaceOptions] = {}
        self._server = MockServer(settings=settings)
        made = self._server.app.fake
        self._store = EpochStore(self._start_server, bound=settings.max_workspaces)
        self._fake = replace(made, store=self._store)
        self._counted = _RequestCounter(Application(self._fake, access_log.log_nothing))
        self._server.app = self._counted  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """The address to give to clients."""
        return self._server.url

    def start(self) -> None:
        """Listen."""
        with ExitStack() as stack:
            if self._hosts and find_spec("trustme") is not None:
                folder = stack.enter_context(TemporaryDirectory(prefix="getimg-mock-tests-"))
                self._programs = ProgramEntrances.open(
                    Path(folder), self._hosts, ENVIRONMENT.read_below()
                )
                self._server.further_entrances = self._programs.entrances
            self._server.start()
            self._files = stack.pop_all()

    def stop(self) -> None:
        """Close the ports."""
        self._server.stop()
        self._files.close()

    def open_workspace(self, want: WorkspaceOptions) -> Iterator[GetimgMock]:
        """Yield the workspace of a test, and forget its options after the test."""
        if any(name in WHOLE_FAKE_SETTINGS for name in want.given):
            server = OwnServer(replace(want.settings, host="127.0.0.1", port=0), self._hosts)
            server.start()
            try:
                yield from server._open(want)
            finally:
                server.stop()
        else:
            yield from self._open(want)

    def _open(self, want: WorkspaceOptions) -> Iterator[GetimgMock]:
        self._wanted[want.key] = want
        self._store.renew(want.key)
        workspace = GetimgMock(
            LocalChannel(self._fake, want.key, self._server.finish_answers),
            url=self.url,
            at_work=self._counted.is_at_work,
            own_ports=frozenset({urlsplit(self.url).port or 0}),
        )
        if self._programs is not None:
            workspace.program_environment = self._programs.list_changes(
                ENVIRONMENT.read_below(), url=self.url, key=want.key
            )
        workspace.failure = failure = ThreadFailure()
        detector = StalledPollingDetector(
            workspace, self._store, handle="getimg_live", fail=failure
        )
        self._store.watchers.append(detector)
        end_handing_over = hand_over(want.test, self._store, self._fake, key=want.key)
        self._counted.failures.append(failure)
        try:
            yield workspace
        finally:
            failure.close()
            self._counted.failures.remove(failure)
            self._store.watchers.remove(detector)
            end_handing_over()
            del self._wanted[want.key]

    def _start_server(self, key: str) -> Workspace:
        want = self._wanted.get(key)
        if want is None:
            return open_workspace(key, self._server.settings, VirtualClock(rate=0, autojump=True))
        # Only its user moves a clock that does not run; with autojump, a wait in the server does.
        clock = VirtualClock(start=want.compute_start(), rate=want.rate, autojump=not want.rate)
        return open_workspace(key, want.settings, clock)


class ExternalServer:
    """A fake that runs already, perhaps for several test runs at once."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        # Tests of another run have the same names. The workers of one run share this value.
        self._run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or generate_secret()

    def start(self) -> None:
        """Do nothing: it runs already."""

    def stop(self) -> None:
        """Do nothing: it keeps running."""

    def open_workspace(self, want: WorkspaceOptions) -> Iterator[GetimgMock]:
        """Yield the workspace of a test; raises `SettingsError` for options of the whole fake."""
        for name in want.given:
            if name in WHOLE_FAKE_SETTINGS or name in {"seed", "journal_exchanges", "journal_mib"}:
                raise SettingsError(
                    f"{name} belongs to the fake at {self.url} and cannot be set by a test."
                )
        if want.start is not None:
            raise SettingsError(
                f"The clock of a workspace at {self.url} starts now; clock cannot be a moment."
            )
        # Workers of one run share modules and the session, and each has its own fixtures of them.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        key = derive_key(f"{self._run} {worker} {want.key}")
        workspace = GetimgMock(RemoteChannel(self.url, key, self._token), url=self.url)
        workspace.clock.scale(want.rate)
        self._prepare(workspace, want)
        yield workspace
        workspace.reset()

    def _prepare(self, workspace: GetimgMock, want: WorkspaceOptions) -> None:
        given = {name: getattr(want.settings, name) for name in want.given}
        changes: Any = {name: str(given[name]) for name in _CHANGEABLE if name in given}
        if "timing" in given:
            changes["image_seconds"] = str(want.settings.image_seconds)
        if changes:
            workspace.configure(**changes)
        if "balance" in given:
            workspace.ledger.set(given["balance"])
        limits: Any = {name: given[name] for name in _LIMITS if name in given}
        if given.get("limits") == "realistic":
            limits = {"image_rpm": 20, "video_rpm": 20, "concurrent": 5} | limits
        if limits:
            workspace.limits.set(**limits)
        for name in given.get("scenario", ()):
            workspace.scenarios.add(name)


class _RequestCounter:
    """An application that knows whether it is processing a request.

    Requests for the paths of a failure are refused, so that a client in another process ends, too.
    """

    def __init__(self, app: Application) -> None:
        self.fake = app.fake
        self.failures: list[ThreadFailure] = []
        self._app = app
        self._under_way = 0

    def is_at_work(self) -> bool:
        """Return whether a request is being processed, rather than waited for."""
        return self._under_way > 0

    def find_endpoint(self, scope: Scope) -> None:
        """Return None: an endpoint that is called directly would not be counted."""
        del scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, and count it while it is processed."""

        async def received() -> Message:
            self._under_way -= 1
            try:
                return await receive()
            finally:
                self._under_way += 1

        for failure in self.failures:
            if scope.get("path") in failure.paths:
                await JSONResponse(_describe_refusal(failure), 400)(scope, receive, send)
                return
        self._under_way += 1
        try:
            await self._app(scope, received, send)
        finally:
            self._under_way -= 1


def _describe_refusal(failure: ThreadFailure) -> dict[str, Any]:
    return {"error": {"code": "stalled_polling", "message": failure.message}}
