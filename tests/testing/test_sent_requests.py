"""Which line of a project has sent a request, where a fake on a socket has received it."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from typing import TYPE_CHECKING

import aiohttp
import httpx
import httpx2
import requests

from getimg_mock import MockServer
from getimg_mock.testing.sent_requests import watch_requests

if TYPE_CHECKING:
    from collections.abc import Callable


async def ask_httpx(url: str) -> None:
    """Send a request by an asynchronous client of httpx."""
    async with httpx.AsyncClient() as client:
        await client.get(url)


async def ask_aiohttp(url: str) -> None:
    """Send a request by aiohttp."""
    async with aiohttp.ClientSession() as session, session.get(url):
        pass


WAYS: tuple[Callable[[str], object], ...] = (
    httpx.get,
    httpx2.get,
    requests.get,
    lambda url: urllib.request.urlopen(url).close(),  # noqa: S310 - loopback
    lambda url: asyncio.run(ask_httpx(url)),
    lambda url: asyncio.run(ask_aiohttp(url)),
)


def test_each_library_names_the_line_that_has_sent_a_request() -> None:
    """A finding is shown at the line that a developer would open, whatever client is used."""
    noted: list[tuple[str, str, str]] = []
    with MockServer() as server:
        url = f"{server.url}/__mock__/health"
        with watch_requests(lambda *what: noted.append(what)):
            for ask in WAYS:
                ask(url)
        httpx.get(url)
    assert {what[:2] for what in noted} == {("GET", "/__mock__/health")}
    assert len(noted) == len(WAYS)
    assert {what[2].rpartition(":")[0] for what in noted} == {__file__}
    assert all(int(what[2].rpartition(":")[2]) > 1 for what in noted)


def test_what_is_watched_is_as_before_afterwards() -> None:
    """Functions of libraries are replaced for the span of a test alone."""
    before = sys.modules["httpx"].HTTPTransport.handle_request
    with watch_requests(lambda *_: None):
        assert httpx.HTTPTransport.handle_request is not before
    assert httpx.HTTPTransport.handle_request is before
