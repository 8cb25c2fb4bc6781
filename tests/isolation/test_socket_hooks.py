"""All hooks of one place: what they see, the order of policies, and what they leave behind."""

from __future__ import annotations

import _socket
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.isolation.socket_hooks import (
    SOCKET_HOOKS,
    ConnectionAttempt,
    allow_connections,
    is_own_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECT = _socket.socket.connect
_GETADDRINFO = socket.getaddrinfo


class RefusedForTestError(Exception):
    """What the policy of these tests raises."""


class Recorder:
    """Refuses everything and records it."""

    def __init__(self) -> None:
        self.attempts: list[ConnectionAttempt] = []

    def check(self, attempt: ConnectionAttempt) -> None:
        """Record an attempt and refuse it."""
        self.attempts.append(attempt)
        raise RefusedForTestError


def connect(address: Any, family: int = socket.AF_INET) -> None:
    """Connect as most libraries do."""
    with socket.socket(family) as own:
        own.connect(address)


def connect_by_earlier_reference(address: Any) -> None:
    """Connect through a method that was looked up before any hook was installed."""
    with socket.socket() as own:
        _CONNECT(own, address)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda: socket.getaddrinfo("API.example.", 443), ("lookup", "api.example", None)),
        (lambda: socket.getaddrinfo(b"api.example", 443), ("lookup", "api.example", None)),
        (lambda: socket.gethostbyname("api.example"), ("lookup", "api.example", None)),
        (lambda: socket.gethostbyname_ex("api.example"), ("lookup", "api.example", None)),
        (lambda: _socket.getaddrinfo("api.example", 443), ("lookup", "api.example", None)),
        (lambda: _GETADDRINFO("api.example", 443), ("lookup", "api.example", None)),
        (lambda: connect(("api.example", 443)), ("connection", "api.example", 443)),
        (
            lambda: connect(("2001:db8::1", 443, 0, 0), socket.AF_INET6),
            ("connection", "2001:db8::1", 443),
        ),
        (
            lambda: connect_by_earlier_reference(("192.0.2.1", 443)),
            ("connection", "192.0.2.1", 443),
        ),
        (
            lambda: ssl.create_default_context().wrap_socket(
                None,  # type: ignore[arg-type]
                server_hostname="api.example",
            ),
            ("tls", "api.example", None),
        ),
        (
            lambda: ssl.create_default_context().wrap_bio(
                ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="api.example"
            ),
            ("handshake", "api.example", None),
        ),
    ],
)
def test_every_step_towards_a_host_is_checked_once(
    act: Callable[[], object], expected: tuple[str, str, int | None]
) -> None:
    """Also through references that a library took before the hooks were installed."""
    recorder = Recorder()
    with SOCKET_HOOKS.enforce(recorder), pytest.raises(RefusedForTestError):
        act()
    assert recorder.attempts == [expected]


def test_the_latest_policy_is_asked_first() -> None:
    """The policy nearest to the code decides; the outer one does not see what it refused."""
    outer, inner = Recorder(), Recorder()
    with (
        SOCKET_HOOKS.enforce(outer),
        SOCKET_HOOKS.enforce(inner),
        pytest.raises(RefusedForTestError),
    ):
        connect(("192.0.2.1", 80))
    assert (len(outer.attempts), len(inner.attempts)) == (0, 1)


def test_policies_may_end_in_any_order_and_leave_no_trace() -> None:
    """Fixtures of different scope overlap; the functions of the process are put back."""

    def find_hooked() -> list[object]:
        owners = (socket, socket.socket, ssl.SSLContext)
        names = ("getaddrinfo", "gethostbyname", "connect", "connect_ex", "wrap_socket", "wrap_bio")
        return [vars(owner).get(name) for owner in owners for name in names]

    before = find_hooked()
    first, second = Recorder(), Recorder()
    enforced_first, enforced_second = SOCKET_HOOKS.enforce(first), SOCKET_HOOKS.enforce(second)
    enforced_first.__enter__()
    enforced_second.__enter__()
    enforced_first.__exit__(None, None, None)
    with pytest.raises(RefusedForTestError):
        connect(("192.0.2.1", 80))
    assert (len(first.attempts), len(second.attempts)) == (0, 1)
    enforced_second.__exit__(None, None, None)
    assert find_hooked() == before


def test_an_allowance_may_contain_another() -> None:
    """The end of the inner one does not end the outer one."""
    with allow_connections():
        with allow_connections():
            assert is_own_request()
        assert is_own_request()
    assert not is_own_request()
