"""Requests of unmodified code, answered in process; all others left alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from getimg_mock import create_app
from getimg_mock.in_process.exchange import AdvanceClock
from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from getimg_mock.testing.interception import Claim, Interception
from tests.testing.suites import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

APP = create_app(quiet=True)


def test_unmodified_code_is_answered_in_process(suite: pytest.Pytester) -> None:
    """No base URL, no key, no client of ours: what reaches for getimg.ai meets the fake."""
    result = run(
        suite,
        """
def test_plain(getimg_mock):
    image = GetimgAI().images.generate(**IMAGE)
    assert image.data[0].url.startswith("https://api.getimg.ai/v2/downloads/")
    assert httpx.get(image.data[0].url).content[:2] == b"\\xff\\xd8"
    assert httpx2.get(image.data[0].url).status_code == 200
    assert getimg_mock.journal.count(operation="downloads.retrieve", status=200) == 2
    assert getimg_mock.ledger.charged == getimg_mock.generations[image.id].total_cost

@pytest.mark.parametrize("make", [None, DefaultAioHttpClient], ids=["httpx", "aiohttp"])
def test_asynchronous(getimg_mock, make):
    async def main():
        options = {"http_client": make()} if make else {}
        async with AsyncGetimgAI(**options) as client:
            image = await client.images.generate(**IMAGE)
            video = await client.videos.generations.create(**VIDEO)
        async with httpx.AsyncClient() as plain, httpx2.AsyncClient() as other:
            assert (await plain.get(image.data[0].url)).status_code == 200
            assert (await other.get(image.data[0].url)).status_code == 200
        return video
    video = asyncio.run(main())
    assert getimg_mock.generations[video.id].status == "pending"
""",
    )
    result.assert_outcomes(passed=3)


def test_clients_made_before_the_test_are_answered_too(suite: pytest.Pytester) -> None:
    """Applications make their client when they are imported."""
    result = run(
        suite,
        """
CLIENT = httpx.Client(base_url="https://api.getimg.ai/v2",
                      headers={"Authorization": "Bearer sk_of_the_app"})
LAZY = GetimgAI(api_key="sk_of_the_app")

@pytest.mark.getimg(key="sk_of_the_app")
def test_it(getimg_mock):
    assert CLIENT.get("/models").status_code == 200
    assert LAZY.models.list()
    assert getimg_mock.journal.count() == 2
""",
    )
    result.assert_outcomes(passed=1)


def test_what_is_imported_late_is_answered_too(suite: pytest.Pytester) -> None:
    """Nothing is imported for the plugin's sake, so the client may come after the fixture."""
    suite.makepyfile(
        """
def test_late(getimg_mock):
    import sys
    assert "httpx" not in sys.modules and "httpx2" not in sys.modules
    import httpx, httpx2
    for library in (httpx, httpx2):
        answer = library.get("https://api.getimg.ai/v2/models",
                             headers={"Authorization": f"Bearer {getimg_mock.key}"})
        assert answer.status_code == 200
        assert library.__spec__.loader.get_source(library.__name__)

def test_again(getimg_mock):
    import httpx
    answer = httpx.get("https://api.getimg.ai/v2/models",
                       headers={"Authorization": f"Bearer {getimg_mock.key}"})
    assert answer.status_code == 200
"""
    )
    options = ["-p", "no:randomly", "-p", "no:respx", "-p", "no:anyio", "-p", "no:pytest_httpx"]
    result = suite.runpytest_subprocess(*options)
    result.assert_outcomes(passed=2)


def test_other_hosts_and_other_transports_are_left_alone(suite: pytest.Pytester) -> None:
    """The plugin takes getimg.ai's host and nothing else."""
    result = run(
        suite,
        """
from http.server import BaseHTTPRequestHandler, HTTPServer
import threading

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(203)
        self.end_headers()
    def log_message(self, *_): pass

def test_it(getimg_mock):
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        assert httpx.get(url).status_code == 203
        assert requests.get(url).status_code == 203
        server.shutdown()
        thread.join()
    teapot = httpx.MockTransport(lambda _: httpx.Response(418))
    with httpx.Client(transport=teapot) as client:
        assert client.get("https://api.getimg.ai/v2/models").status_code == 418
    assert getimg_mock.journal.count() == 0
""",
    )
    result.assert_outcomes(passed=1)


def test_environment_and_transports_are_put_back(suite: pytest.Pytester) -> None:
    """A test without the fixtures must not notice that there was one with them."""
    result = run(
        suite,
        """
import os, socket, ssl
def now():
    return (httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request,
            httpx2.HTTPTransport.handle_request, socket.getaddrinfo, ssl.SSLContext.wrap_bio,
            time.sleep)

BEFORE = now()

def test_with(getimg_mock, getimg_time, getimg_live):
    assert os.environ["GETIMG_API_KEY"] == getimg_live.key
    assert os.environ["GETIMG_AI_BASE_URL"] == getimg_live.url
    assert not set(now()) & set(BEFORE)

def test_without():
    assert now() == BEFORE
    assert "GETIMG_API_KEY" not in os.environ
    assert "GETIMG_AI_BASE_URL" not in os.environ
""",
    )
    result.assert_outcomes(passed=2)


def test_two_workspaces_of_one_process_keep_apart(suite: pytest.Pytester) -> None:
    """A request belongs to the fake whose key it bears, a download to the one that made it."""
    result = run(
        suite,
        """
from getimg_mock.testing import fixtures

@pytest.fixture
def other(request):
    yield from fixtures.open_in_process(request, {"key": "sk_other", "seed": "other"})

def test_it(getimg_mock, other):
    for workspace in (getimg_mock, other):
        image = GetimgAI(api_key=workspace.key).images.generate(**IMAGE)
        assert httpx.get(image.data[0].url).status_code == 200
    assert (getimg_mock.journal.count(), other.journal.count()) == (2, 2)
""",
    )
    result.assert_outcomes(passed=1)


def test_transports_that_another_library_puts_back_do_not_pile_up(suite: pytest.Pytester) -> None:
    """Other mocks of httpx save our replacement and restore it later, a thousand times a run."""
    result = run(
        suite,
        """
REAL = httpx.HTTPTransport.handle_request

@pytest.fixture(autouse=True)
def other_mock(monkeypatch, getimg_mock):
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda transport, request: None)

@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("APP_ENV", "test")

@pytest.mark.parametrize("number", range(300))
def test_many(number):
    pass

def test_left_as_found(monkeypatch):
    monkeypatch.undo()
    depth, function = 0, httpx.HTTPTransport.handle_request
    while function is not REAL:
        (function,) = [each.cell_contents for each in function.__closure__
                       if callable(each.cell_contents)]
        depth += 1
    assert depth == 1
""",
    )
    result.assert_outcomes(passed=301)


class CountingInterception(Interception):
    """Counts how often it is asked about requests: once by each function in a chain."""

    asked = 0

    def find_claim(self, request: Any, module: str) -> Claim | None:
        """Return the claim on a request."""
        self.asked += 1
        return super().find_claim(request, module)


@pytest.mark.parametrize("begins", ["fake", "respx"])
@pytest.mark.parametrize("ends", ["fake", "respx"])
@pytest.mark.parametrize("late", ["put back late", "left"])
def test_nothing_piles_up_beside_respx(begins: str, ends: str, late: str) -> None:
    """After 1,200 tests, the chain of replaced functions was too deep for Python."""
    before = httpx.HTTPTransport.handle_request
    interception = CountingInterception()

    def build_claim() -> Claim:
        return Claim(APP, "sk_many", frozenset({"api.getimg.ai"}), AdvanceClock())

    for _ in range(20):
        claim, router = build_claim(), respx.mock()
        starts: list[Callable[[], object]] = [partial(interception.add, claim), router.start]
        stops: list[Callable[[], object]] = [partial(interception.remove, claim), router.stop]
        for start in starts if begins == "fake" else reversed(starts):
            start()
        saved = httpx.HTTPTransport.handle_request
        for stop in stops if ends == "fake" else reversed(stops):
            stop()
        if late == "put back late":
            # As monkeypatch does whose fixture ends last.
            httpx.HTTPTransport.handle_request = saved  # type: ignore[method-assign]
    claim = build_claim()
    interception.add(claim)
    try:
        head = {"Authorization": "Bearer sk_many"}
        assert httpx.get("https://api.getimg.ai/v2/models", headers=head).status_code == 200
        assert interception.asked == 1
    finally:
        interception.remove(claim)
        httpx.HTTPTransport.handle_request = before  # type: ignore[method-assign]
