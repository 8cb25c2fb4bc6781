"""A running fake, and what runs the command line on a workspace of it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from getimg_mock.cli import main
from tests.control.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., str]

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Run a fake whose clocks stand still."""
    with MockServer(clock="virtual", video_seconds=40) as server:
        yield server


@pytest.fixture
def client(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client with a fresh key; the environment names its fake and workspace."""
    for name in ("GETIMG_AI_BASE_URL", "GETIMG_API_KEY", "GETIMG_MOCK_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    client = Client(server.url, f"sk_cli_{next(_NUMBERS)}")
    server.workspace(client.key).summary()  # opens it: a key without one is remarked on
    monkeypatch.setenv("GETIMG_MOCK_URL", client.url)
    monkeypatch.setenv("GETIMG_MOCK_KEY", client.key)
    return client


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], client: Client) -> Run:
    """Return what runs a command line that must succeed, and returns what it printed."""
    del client

    def run(*words: str) -> str:
        status = main(words)
        printed = capsys.readouterr()
        assert (status, printed.err) == (0, "")
        return printed.out

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], client: Client) -> Run:
    """Return what runs a command line that must be refused, and returns the one line it says."""
    del client

    def refused(*words: str) -> str:
        status = main(words)
        printed = capsys.readouterr()
        assert (status, printed.out) == (2, "")
        assert printed.err.startswith("getimg-mock: ")
        assert printed.err.count("\n") == 1
        return printed.err

    return refused
