"""Nothing reaches the real API from a test that uses the fake."""

from __future__ import annotations

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import run

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("ask", "library"),
    [
        ("requests.get('https://api.getimg.ai/v2/models')", "requests"),
        ("urllib.request.urlopen('https://api.getimg.ai/v2/models')", "urllib.request"),
        ("asyncio.run(aio())", "The code under test"),
        ("socket.create_connection(('api.getimg.ai', 443), 1)", "The code under test"),
        ("socket.gethostbyname('API.getimg.ai.')", "The code under test"),
        ("asyncio.run(asyncio.open_connection('api.getimg.ai', 443))", "The code under test"),
        ("context.wrap_socket(None, server_hostname='api.getimg.ai')", "The code under test"),
    ],
)
def test_nothing_reaches_the_real_api(suite: pytest.Pytester, ask: str, library: str) -> None:
    """A test with the fixtures costs no money, whatever client the code under test uses."""
    result = run(
        suite,
        f"""
import socket, ssl, urllib.request
import aiohttp

context = ssl.create_default_context()

async def aio():
    async with aiohttp.ClientSession() as session:
        await session.get("https://api.getimg.ai/v2/models")

def test_it(getimg_mock):
    try:
        {ask}
    except Exception:
        assert False, "the guard must not be caught as an error of the client's"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"*RealApiError: {library} tried to reach the real api.getimg.ai*"]
    )
    result.stdout.fnmatch_lines(["*use the fixture getimg_live*"])


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nothing_reaches_the_real_api_past_the_resolver(suite: pytest.Pytester, loop: str) -> None:
    """Clients with a resolver of their own are stopped when they begin to speak TLS."""
    result = run(
        suite,
        f"""
import socket
import aiohttp, asyncio, uvloop

class Resolver(aiohttp.abc.AbstractResolver):
    def __init__(self, port): self.port = port
    async def close(self): pass
    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [dict(hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET,
                     proto=0, flags=0)]

async def ask(port):
    connector = aiohttp.TCPConnector(resolver=Resolver(port))
    async with aiohttp.ClientSession(connector=connector) as session:
        await session.get("https://api.getimg.ai/v2/models")

def test_it(getimg_mock):
    with (socket.create_server(("127.0.0.1", 0)) as server,
          asyncio.Runner(loop_factory={loop}.new_event_loop) as runner):
        with pytest.raises(aiohttp.ClientError, match="tried to reach the real"):
            runner.run(ask(server.getsockname()[1]))
""",
        "-W",
        "ignore",
        apart=True,  # uvloop leaves the socket of such a connection to the garbage collector
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Swallowed during the test: * tried to reach the real*"])


def test_a_try_that_was_swallowed_fails_the_test(suite: pytest.Pytester) -> None:
    """A thread's error, or a bare except, must not hide that money was nearly spent."""
    result = run(
        suite,
        """
def test_it(getimg_mock):
    try:
        requests.get("https://api.getimg.ai/v2/models")
    except BaseException:
        pass
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Swallowed during the test: requests tried to reach*"])
