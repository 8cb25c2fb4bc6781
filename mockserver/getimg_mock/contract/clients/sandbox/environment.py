"""What a case sets for a client, or records of it: variables, randomness, logs and memory."""

from __future__ import annotations

import logging
import os
import random  # noqa: TID251 - seeds the client's randomness
import ssl
import tracemalloc
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from getimg_mock.contract.clients.sandbox.client_time import Abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.fault_serving.httpcore_network import Network

_MAX_MEMORY: Final = 64 * 1024 * 1024


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
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    with patch.dict(os.environ, changes):
        for name in proxies:
            if name not in changes:
                os.environ.pop(name, None)
        yield


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
