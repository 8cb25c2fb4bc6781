"""A client in this process reaches nothing outside of it."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from typing import Any

import pytest

from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.errors import SettingsError
from getimg_mock.isolation import local_only
from getimg_mock.isolation.socket_hooks import allow_connections
from tests.contract.clients.reference import ReferenceClient


class Leaving(ReferenceClient):
    """A client that reads its balance in its own way, and swallows what goes wrong."""

    def __init__(self, *, base_url: str, key: str) -> None:
        super().__init__(base_url=base_url, key=key, max_retries=0)  # in real time, some of them
        self.url = base_url

    def balance(self) -> Any:
        """Go out."""
        try:
            self.leave()
        except OSError:
            return super().balance()

    def leave(self) -> None:
        """Take a way out."""
        urllib.request.urlopen(f"{self.url}/v2/billing/balance", timeout=1)  # noqa: S310 - refused


class ByAddress(Leaving):
    """Connects without looking a name up."""

    def leave(self) -> None:
        """Take a way out."""
        socket.create_connection(("192.0.2.1", 443), timeout=1)


class ByLoop(Leaving):
    """Lets an event loop connect."""

    def leave(self) -> None:
        """Take a way out."""

        async def connect() -> None:
            await asyncio.open_connection("192.0.2.1", 443, ssl=True)

        asyncio.run(connect())


class WhenMade(Leaving):
    """Goes out before anything is asked of it."""

    def __init__(self, *, base_url: str, key: str) -> None:
        super().__init__(base_url=base_url, key=key)
        self.balance()


def made_outside(base_url, key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as many write it
    """Return a client that has gone out already."""
    return WhenMade(base_url=base_url, key=key)


@pytest.mark.parametrize(
    ("client", "host"),
    [
        (Leaving, r"api\.getimg\.ai \(urllib\.request\)"),
        (ByAddress, r"192\.0\.2\.1"),
        (ByLoop, r"192\.0\.2\.1"),
        (WhenMade, r"api\.getimg\.ai"),
        (made_outside, r"api\.getimg\.ai"),
    ],
)
def test_a_client_that_would_send_real_requests_ends_the_run(client: Any, host: str) -> None:
    """It would be paid for; the host is told, and what would have worked, whatever it swallows."""
    with pytest.raises(SettingsError, match=f"{host}.*--program"):
        verify(PythonDriver(client, "leaving"), checks=choose_checks(["GC103"]))


def test_afterwards_the_ways_out_are_as_they_were() -> None:
    """What was replaced for a case is put back."""
    before = (socket.getaddrinfo, socket.socket.connect, vars(socket.socket).get("connect"))
    verify(PythonDriver(ReferenceClient), checks=choose_checks(["GC107"]))
    with pytest.raises(SettingsError):
        verify(PythonDriver(Leaving), checks=choose_checks(["GC103"]))
    after = (socket.getaddrinfo, socket.socket.connect, vars(socket.socket).get("connect"))
    assert after == before


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("api.getimg.ai", False),
        ("10.0.0.8", False),
        ("169.254.169.254", False),
        ("localhost.example", False),
        ("fe80::1%eth0", False),
    ],
)
def test_this_machine_is_told_from_others(host: str, here: bool) -> None:  # noqa: FBT001 - a column of the table
    """Loopback alone is this machine; a private network is not."""
    assert local_only.is_local_host(host) is here


def test_our_own_requests_pass_in_their_thread() -> None:
    """A driver that passes requests on to a service of money goes out itself."""
    address = "192.0.2.1"  # one that is no name: nobody is asked for it
    with local_only.block_external_connections("x"), allow_connections():
        assert socket.getaddrinfo(address, 443)
    with (
        pytest.raises(SettingsError, match=address),
        local_only.block_external_connections("x"),
    ):
        socket.getaddrinfo(address, 443)
