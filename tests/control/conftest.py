"""One server, and handles on fresh workspaces of it: in this process and over HTTP."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer, connect
from tests.control.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock import WorkspaceHandle

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Run a fake on whose clocks time passes only when it is told to."""
    with MockServer(clock="virtual", video_seconds=40) as server:
        yield server


@pytest.fixture
def key() -> str:
    """Return a key that nobody has used."""
    return f"sk_control_{next(_NUMBERS)}"


@pytest.fixture
def client(server: MockServer, key: str) -> Client:
    """Return a client of the API with that key."""
    return Client(server.url, key)


@pytest.fixture(params=["local", "remote"])
def ws(request: pytest.FixtureRequest, server: MockServer, key: str) -> WorkspaceHandle:
    """Return the handle on the key's workspace, the local and the remote one in turn."""
    return server.workspace(key) if request.param == "local" else connect(server.url, key)
