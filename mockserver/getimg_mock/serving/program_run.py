"""Runs a program of any language against a fake that answers for https://api.getimg.ai."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from getimg_mock.control.page_files import EXAMPLE_KEY
from getimg_mock.errors import SettingsError
from getimg_mock.serving.private_folder import open_private_folder
from getimg_mock.serving.program_entrances import ProgramEntrances
from getimg_mock.serving.server import Entrance, format_url, new_event_loop, open_listener, serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from getimg_mock.application import Application

API_HOSTS: Final = frozenset({"api.getimg.ai"})
"""The host of the API, which is that of its downloads, too."""

_FORWARDED: Final = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_FROM_TERMINAL: Final = {"SIGINT", "SIGQUIT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRun:
    """A command, and what is answered to it. `hosts` are answered by the fake.

    `key` is the API key that the command finds in its environment; None leaves its own.
    """

    command: Sequence[str]
    isolated: bool = False
    headers: Sequence[str] = ()
    hosts: frozenset[str] = API_HOSTS
    key: str | None = EXAMPLE_KEY

    def run(self, app: Application, inherited: Mapping[str, str]) -> tuple[int, frozenset[str]]:
        """Return the command's status, 128 + N after signal N, and the hosts that were refused.

        Call it in the main thread. Raises `SettingsError` if the command cannot be started.
        """
        with (
            open_private_folder("getimg-mock-run-") as folder,
            asyncio.Runner(loop_factory=new_event_loop) as runner,
        ):
            return runner.run(self._serve(app, inherited, folder))

    async def _serve(
        self, app: Application, inherited: Mapping[str, str], folder: Path
    ) -> tuple[int, frozenset[str]]:
        opened = ProgramEntrances.open(folder, self.hosts, inherited, isolated=self.isolated)
        plain = open_listener(app.fake.settings)
        environment = opened.build_environment(
            inherited, url=format_url(plain), key=self.key, headers=self.headers
        )
        entrances = (Entrance(plain), *opened.entrances)
        status = await self._run_child(app, entrances, environment)
        return status, frozenset(opened.rules.refused)

    async def _run_child(
        self,
        app: Application,
        entrances: Sequence[Entrance],
        environment: Mapping[str, str],
    ) -> int:
        over, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.ensure_future(serve(app, entrances, over, started=ready.set))
        try:
            await ready.wait()
            return await _wait_for_child(self.command, environment)
        finally:
            over.set()
            await serving


async def _wait_for_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    loop = asyncio.get_running_loop()
    signals = _ForwardedSignals()
    # Before the child is there: a signal that comes meanwhile would end this process alone.
    handled = []
    for name in _FORWARDED:
        number = getattr(signal, name, None)
        if number is not None:
            try:
                loop.add_signal_handler(number, signals.take, number)
            except (NotImplementedError, RuntimeError):  # Windows
                break
            handled.append(number)
    try:
        child = await asyncio.create_subprocess_exec(*command, env=environment)
        signals.forward_to(child)
        status = await child.wait()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"{command[0]!r} cannot be started: {why}.") from None
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
    return status if status >= 0 else 128 - status


@dataclass(slots=True)
class _ForwardedSignals:
    """Signals for a child; those that come before it is started are kept."""

    child: asyncio.subprocess.Process | None = None
    early: list[signal.Signals] = field(default_factory=list)

    def take(self, number: signal.Signals) -> None:
        if self.child is None:
            self.early.append(number)
        else:
            _forward(self.child, number)

    def forward_to(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        for number in self.early:
            _forward(child, number)


def _forward(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Forward a signal, unless the terminal has sent it to the child as well."""
    if number.name in _FROM_TERMINAL and _is_in_foreground():
        return
    if child.returncode is None:
        child.send_signal(number)


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # stdin is no terminal, or closed
        return False
