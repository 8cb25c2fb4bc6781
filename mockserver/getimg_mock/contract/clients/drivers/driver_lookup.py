"""Finding what drives a client: a Python adapter, or a program."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.drivers.adapter_loading import load_maker
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.drivers.upstream_driver import UpstreamDriver
from getimg_mock.errors import SettingsError
from getimg_mock.reports.replays import NAMELESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.targets.http_target import HttpTarget

CASE_SECONDS: Final = 30.0
"""How many seconds of real time a case of an adapter may take, unless another number is given."""

_PROCESSES: Final = 11
"""How many processes of a program run cases side by side."""
_PROGRAM: Final = "program:"


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """An adapter in Python: `make(base_url=..., key=...)` returns one.

    `adapter` is what it can be found by again, or `NAMELESS`.
    """

    adapter: str
    make: Callable[..., Any]
    name: str

    @property
    def words(self) -> str:
        """The words that name the client on the command line; empty where it has no name."""
        return shlex.quote(self.adapter) if self.adapter != NAMELESS else ""

    def create_driver(
        self, *, case_seconds: float = CASE_SECONDS, shares: int = 1, suffix: str = ""
    ) -> Driver:
        """Return what drives the client against the fault server; `suffix` ends its name."""
        return PythonDriver(self.make, self.name + suffix, real_seconds=case_seconds, shares=shares)

    def create_upstream_driver(self, target: HttpTarget, *, suffix: str = "") -> Driver:
        """Return the driver of the client against a service other than the fake."""
        return UpstreamDriver(self.make, self.name + suffix, address=target)


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """A program in any language: JSON lines in and out."""

    adapter: str
    command: Sequence[str]

    @property
    def name(self) -> str:
        """The command, as it is typed."""
        return self.adapter.removeprefix(_PROGRAM)

    @property
    def words(self) -> str:
        """The words that name the client on the command line."""
        return f"--program {shlex.quote(self.name)}"

    def create_driver(
        self, *, case_seconds: float = CASE_SECONDS, shares: int = 1, suffix: str = ""
    ) -> Driver:
        """Return what drives the program against the fault server; `suffix` ends its name.

        All cases together may take twice `case_seconds`. A program always has several processes.
        """
        del shares
        driver = ProcessDriver(self.command, processes=_PROCESSES, case_seconds=case_seconds)
        driver.name += suffix
        return driver

    def create_upstream_driver(self, target: HttpTarget, *, suffix: str = "") -> Driver:
        """Return the driver of the program against a service other than the fake."""
        driver = ProcessDriver(self.command, address=target)
        driver.name += suffix
        return driver


def find_source(client: str | Sequence[str] | Callable[..., Any]) -> AdapterSource | ProgramSource:
    """Return the client that a name, a command or a factory denotes.

    A name is that of an adapter that ships, `package.module:make`, or `program:` with a command; a
    command may also be a list of words. Raises `SettingsError` where there is no such client.
    """
    if callable(client):
        return _name_factory(client)
    if not isinstance(client, str):
        return ProgramSource(_PROGRAM + shlex.join(client), tuple(client))
    if client.startswith(_PROGRAM):
        return ProgramSource(client, _split_command(client.removeprefix(_PROGRAM)))
    return AdapterSource(client, load_maker(client), client)


def _name_factory(make: Callable[..., Any]) -> AdapterSource:
    """Return a factory by its name, if it can be imported by that."""
    name = str(getattr(make, "__qualname__", type(make).__qualname__))
    module = getattr(make, "__module__", None)
    if getattr(sys.modules.get(str(module)), name, None) is make:
        return AdapterSource(f"{module}:{name}", make, f"{module}:{name}")
    return AdapterSource(NAMELESS, make, name)


def _split_command(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingsError(
            f"--program {text!r}: {error}. Write it as a shell would take it: "
            "--program \"node 'my driver.mjs'\"."
        ) from None
