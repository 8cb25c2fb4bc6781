"""What a case sets for a client, or records of it: variables, randomness, logs and memory."""

from __future__ import annotations

import io
import logging
import os
import random  # noqa: TID251 - seeds the client's randomness
import ssl
import tempfile
import time  # noqa: TID251 - the client's time zone
import tracemalloc
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from getimg_mock.contract.clients.sandbox.client_time import Abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.fault_serving.httpcore_network import Network

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

CAN_LIMIT_FILES: Final = resource is not None

_MAX_MEMORY: Final = 64 * 1024 * 1024
_DECOYS: Final = {"key": "sk_of_another_workspace", "base_url": "http://127.0.0.1:9"}
_VARIABLES: Final = {
    "key": ("GETIMG_API_KEY", "GETIMG_AI_API_KEY", "GETIMG_KEY", "GETIMG_TOKEN"),
    "base_url": ("GETIMG_AI_BASE_URL", "GETIMG_BASE_URL", "GETIMG_API_BASE", "GETIMG_API_URL"),
}
"""Variables of the environment that clients read, the documented ones first."""
NETRC_LOGIN: Final = "login someone password of-another-service"
_NETRC_HOSTS: Final = ("machine api.getimg.ai", "machine 127.0.0.1", "machine localhost", "default")


class Memory:
    """The memory that Python's allocator has given out since this was made, while it is traced.

    `peak` is the most at once, in bytes; 0 until `end`.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._before = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0

    def check(self) -> None:
        """Raise `Abandoned` when more than 64 MiB were taken."""
        taken = tracemalloc.get_traced_memory()[0] - self._before
        if taken > _MAX_MEMORY:
            raise Abandoned(f"had {taken >> 20} MiB of it in memory, and was stopped there")

    def end(self) -> None:
        """Record the peak."""
        self.peak = tracemalloc.get_traced_memory()[1] - self._before


@contextmanager
def trace_memory(network: Network, *, on: bool) -> Iterator[Memory]:
    """Trace the memory of a call; one that takes far too much is ended while it reads."""
    if not on:
        yield Memory()
        return
    tracemalloc.start()
    try:
        memory = Memory()
        network.watch = memory.check
        yield memory
        memory.end()
    finally:
        network.watch = None
        tracemalloc.stop()


@contextmanager
def set_environment(case: Case, variables: dict[str, str]) -> Iterator[None]:
    """Set the environment variables of a case, by the client's own names.

    Variables for proxies are removed unless the case sets them.
    """
    changes = {variables.get(name, name): value for name, value in case.environment.items()}
    changes["TZ"] = case.zone
    try:
        with create_home(on=case.decoys) as home, restore_variables() as before:
            if case.decoys:
                changes |= build_decoys(variables) | home
            os.environ.update(changes)
            for name in before:
                if name not in changes and name.lower().endswith("_proxy"):
                    os.environ.pop(name, None)
            _read_zone()
            yield
    finally:
        _read_zone()


def build_decoys(variables: dict[str, str]) -> dict[str, str]:
    """Return variables that name a key and an address other than a client is given.

    Those are the documented ones, others that clients have, and the client's own.
    """
    own = {variables[name]: value for name, value in _DECOYS.items() if name in variables}
    return {each: _DECOYS[role] for role, names in _VARIABLES.items() for each in names} | own


@contextmanager
def create_home(*, on: bool) -> Iterator[dict[str, str]]:
    """Yield the variables of a home folder whose .netrc has a password for every host.

    Everything else in it is that of the user, as interpreters and packages may be there.
    """
    if not on or os.name != "posix":
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        passwords = Path(folder, ".netrc")
        passwords.touch(mode=0o600)
        passwords.write_text("".join(f"{each} {NETRC_LOGIN}\n" for each in _NETRC_HOSTS))
        with suppress(OSError, RuntimeError):
            for each in Path.home().iterdir():
                if each.name != passwords.name:
                    Path(folder, each.name).symlink_to(each)
        yield {"HOME": folder, "NETRC": str(passwords)}


@contextmanager
def restore_variables() -> Iterator[dict[str, str]]:
    """Yield the environment variables, and restore those that are others at the end.

    `patch.dict` sets each of them anew: that took as long as creating a client.
    """
    before = os.environ.copy()
    try:
        yield before
    finally:
        after = os.environ.copy()
        for name in after.keys() - before.keys():
            os.environ.pop(name, None)
        os.environ.update({name: was for name, was in before.items() if after.get(name) != was})


def _read_zone() -> None:
    """Take the time zone from the environment, where the system can do so."""
    if hasattr(time, "tzset"):
        time.tzset()


@contextmanager
def limit_files(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, if one is given; what is written there raises OSError."""
    if not size:
        yield
        return
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


@contextmanager
def make_repeatable(seed: str) -> Iterator[None]:
    """Make a run repeatable and fast: seeded randomness, no warnings, no certificates to load.

    A virtual network checks no certificate, and loading them takes most of the time that it takes
    to create a client.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        with (
            warnings.catch_warnings(),
            patch.object(ssl.SSLContext, "load_verify_locations", _nothing),
            patch.object(ssl.SSLContext, "load_default_certs", _nothing),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)


@contextmanager
def record_output(lines: list[str]) -> Iterator[None]:
    """Add to the lines what is printed, and what is warned of."""
    said = io.StringIO()

    def note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        lines.append(f"{category.__name__}: {message}")

    with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        try:
            yield
        finally:
            lines += said.getvalue().splitlines()


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


class _ListHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            self.lines.append(f"{record.levelname} {record.name}: {self.format(record)}")


@contextmanager
def capture_logs() -> Iterator[list[str]]:
    """Record what is logged, at every level."""
    root, recorder = logging.getLogger(), _ListHandler()
    level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    try:
        yield recorder.lines
    finally:
        root.removeHandler(recorder)
        root.setLevel(level)
