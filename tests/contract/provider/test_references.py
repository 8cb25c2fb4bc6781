"""References are never fetched: whoever could have them fetched could look into a network."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.targets.fake_targets import InProcessTarget
from tests.contract.provider.fixed_plans import index_plans

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANS = [plan for plan in index_plans().values() if "references" in plan.name]


@pytest.fixture(name="canary")
def _canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen on loopback, where every name and address leads from now on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        where = listener.getsockname()
        found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        yield listener


def test_no_reference_is_fetched(canary: socket.socket) -> None:
    """GP210: neither those that are refused nor those that are taken."""
    histories = [InProcessTarget().run(plan) for plan in PLANS]
    sent = {
        each.status: each.request_body or b""
        for history in histories
        for each in history
        if b'"https://' in (each.request_body or b"")
    }
    assert sent.keys() == {200, 202, 400}
    with pytest.raises(BlockingIOError):
        canary.accept()


def test_the_canary_would_sing(canary: socket.socket) -> None:
    """What is fetched by the ways of Python's own library reaches the listener."""
    with socket.create_connection(("example.com", 443)):
        accepted, _ = canary.accept()
        accepted.close()
