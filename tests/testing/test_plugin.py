"""The plugin as its users meet it: test files of theirs, run by a pytest of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

INI = """[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

SDK = """
import asyncio, time
import httpx, httpx2, pytest, requests
from getimg import AsyncGetimgAI, DefaultAioHttpClient, GetimgAI

IMAGE = dict(model="seedream-5-lite", prompt="A lighthouse")
VIDEO = dict(model="seedance-v1-5-pro", prompt="Waves")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder for a user's tests, with strict settings."""
    pytester.makeini(INI + "addopts = --strict-markers --strict-config -p no:cacheprovider\n")
    return pytester


def run(
    suite: pytest.Pytester, source: str, *arguments: str, apart: bool = False
) -> pytest.RunResult:
    """Run a test file, in the order in which it is written: in this process, or `apart`."""
    suite.makepyfile(SDK + source)
    how = suite.runpytest_subprocess if apart else suite.runpytest_inprocess
    return how("-p", "no:randomly", *arguments)


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
    options = ["-p", "no:randomly", "-p", "no:respx", "-p", "no:anyio"]
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


@pytest.mark.parametrize(
    ("ask", "who"),
    [
        ("requests.get('https://api.getimg.ai/v2/models')", "requests"),
        ("urllib.request.urlopen('https://api.getimg.ai/v2/models')", "urllib.request"),
        ("asyncio.run(aio())", "Something"),
        ("socket.create_connection(('api.getimg.ai', 443), 1)", "Something"),
        ("socket.gethostbyname('API.getimg.ai.')", "Something"),
        ("asyncio.run(asyncio.open_connection('api.getimg.ai', 443))", "Something"),
        ("context.wrap_socket(None, server_hostname='api.getimg.ai')", "Something"),
    ],
)
def test_nothing_reaches_the_real_api(suite: pytest.Pytester, ask: str, who: str) -> None:
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
    result.stdout.fnmatch_lines([f"*RealApiError: {who} tried to reach the real api.getimg.ai*"])
    result.stdout.fnmatch_lines(["*take the fixture getimg_live*"])


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


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("sceanrio='flaky'", "*Unknown argument of pytest.mark.getimg 'sceanrio'*'scenario'*"),
        ("scenario='flakey'", "*Unknown scenario 'flakey'. Did you mean 'flaky'*"),
        ("'flaky'", "*takes its arguments by name*"),
        ("policies='no-pending-video'", "*Unknown policy*'no-pending-videos'*"),
        ("limits={'image_rmp': 3}", "*Unknown limit 'image_rmp'. Did you mean 'image_rpm'*"),
        ("clock='slow'", "*clock: 'slow' is none: write virtual, linked, real*"),
        ("clock='2026-05-01T12:00:00'", "*has no time zone*"),
        ("balance='plenty'", "*balance: 'plenty' is not an amount*"),
        ("models='nowhere.json'", "*nowhere.json: cannot be read*"),
        ("port=80", "*Unknown argument of pytest.mark.getimg 'port'*"),
    ],
)
@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_a_wrong_argument_is_refused(
    suite: pytest.Pytester, mark: str, text: str, fixture: str
) -> None:
    """A misspelt argument that is ignored is a test that tests nothing."""
    result = run(suite, f"@pytest.mark.getimg({mark})\ndef test_it({fixture}): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([text])


def test_mark_settings_and_ini_say_what_the_fake_is_like(suite: pytest.Pytester) -> None:
    """The nearer wins: the mark over the class's, over the fixture, over the ini file."""
    suite.makeini(
        INI + "getimg_balance = 1\ngetimg_seed = ini\ngetimg_scenario = flaky\n"
        "getimg_hosts = images.example.com\n"
    )
    result = run(
        suite,
        """
from datetime import datetime, timezone
from decimal import Decimal

@pytest.fixture
def getimg_settings():
    return {"balance": 2, "video_seconds": 30, "scenario": ()}

def test_fixture_over_ini(getimg_mock):
    assert getimg_mock.ledger.balance == 2
    assert getimg_mock.settings["video_seconds"] == "30"
    assert getimg_mock.scenarios.rules() == []

@pytest.mark.getimg(balance="3", limits="realistic", scenario="lost-response")
class TestMarked:
    def test_class_over_fixture(self, getimg_mock):
        assert getimg_mock.ledger.balance == 3
        assert getimg_mock.limits.get()["concurrent"] == 5
        assert len(getimg_mock.scenarios.rules()) == 1

    @pytest.mark.getimg(balance=4, limits={"image_rpm": 7}, clock="2026-05-01T12:00:00Z")
    def test_function_over_class(self, getimg_mock):
        assert getimg_mock.ledger.balance == 4
        assert getimg_mock.limits.get()["image_rpm"] == 7
        assert getimg_mock.clock.now() == datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
        getimg_mock.clock.advance(minutes=1)
        getimg_mock.reset()
        assert getimg_mock.ledger.balance == 4
        assert getimg_mock.clock.now() == datetime(2026, 5, 1, 12, tzinfo=timezone.utc)

def test_hosts(getimg_mock):
    url = "https://images.example.com/v2/models"
    assert httpx.get(url, headers={"Authorization": "Bearer " + getimg_mock.key}).status_code == 200

def test_models(getimg_mock):
    assert getimg_mock.models["seedream-5-lite"]["type"] == "image"

@pytest.mark.getimg(clock="x60")
def test_rate(getimg_mock):
    assert getimg_mock.clock.rate == 60

@pytest.mark.getimg(clock="linked")
def test_linked(getimg_mock):
    time.sleep(3600)
    assert getimg_mock.link.slept == 3600

@pytest.mark.getimg(clock="linked")
def test_linked_twice(getimg_mock, getimg_time):
    assert getimg_mock.link is getimg_time
""",
    )
    result.assert_outcomes(passed=8)


def test_a_models_file_is_found_from_the_root(suite: pytest.Pytester) -> None:
    """Tests are run from any folder."""
    (suite.path / "models.json").write_text(
        json.dumps({"extends": True, "models": [], "remove": ["seedream-5-lite"]})
    )
    result = run(
        suite,
        """
@pytest.mark.getimg(models="models.json")
def test_it(getimg_mock, monkeypatch, tmp_path):
    assert "seedream-5-lite" not in getimg_mock.models

@pytest.mark.getimg(models="models.json")
def test_live(getimg_live, monkeypatch, tmp_path):
    assert "seedream-5-lite" not in {model.id for model in GetimgAI().models.list()}
""",
    )
    result.assert_outcomes(passed=2)


def test_the_same_test_gets_the_same_answers(suite: pytest.Pytester) -> None:
    """A red run is red again: ids depend on the test and on nothing that changes."""
    source = """
def test_it(getimg_mock):
    print("made", GetimgAI().images.generate(**IMAGE).id)

def test_other(getimg_mock):
    print("made", GetimgAI().images.generate(**IMAGE).id)
"""
    runs = [run(suite, source, "-s", *options) for options in ((), ("-k", "other"), ())]
    made = [re.findall(r"made (req-\w+)", each.stdout.str()) for each in runs]
    assert [len(each) for each in made] == [2, 1, 2]
    assert made[0] == made[2]
    assert made[0][1:] == made[1]
    assert made[0][0] != made[0][1]


def test_a_client_that_really_waits_is_told_so(suite: pytest.Pytester) -> None:
    """With the clock standing still, a poll loop would never end; ten minutes later as little."""
    result = run(
        suite,
        """
def test_it(getimg_mock):
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)
    while client.videos.generations.retrieve(video.id).status == "pending":
        time.sleep(0.3)

def test_many_polls_in_no_time_are_fine(getimg_mock):
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)
    for _ in range(50):
        assert client.videos.generations.retrieve(video.id).status == "pending"
""",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*really waits between its polls*getimg_time*"])


def test_a_failed_test_shows_its_timeline(suite: pytest.Pytester) -> None:
    """What happened, in twenty lines: requests, time, states, money."""
    result = run(
        suite,
        """
def test_it(getimg_mock, getimg_time):
    getimg_mock.transitions.set(seconds=600)
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)
    while client.videos.generations.retrieve(video.id).status == "pending":
        time.sleep(5)
    assert False

def test_another_key(getimg_mock):
    GetimgAI(api_key="sk_of_somebody_else").models.list()
    assert False

def test_passes(getimg_mock):
    GetimgAI().models.list()
""",
    )
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*- getimg timeline -*",
            "workspace sk_...*600.000 s after the test began",
            "*+0.000  POST /v2/videos/generations  202  *pro 'Waves'  made req-*hold*USD",
            "*+0.000  GET /v2/videos/generations/req-*  200  pending  (x 120, every 5.000 s)",
            "*+600.000 * req-* completed",
            "*+600.000  GET /v2/videos/generations/req-*  200  completed  charge *USD",
            "*- getimg timeline -*",
            "1 request(s) came with another key, sk_...else: pytest.mark.getimg(key=...)*",
        ]
    )
    assert result.stdout.str().count("getimg timeline") == 2


def test_the_public_names_are_found(suite: pytest.Pytester) -> None:
    """Annotations in users' tests need a name to import."""
    result = run(
        suite,
        """
from getimg_mock import testing
from getimg_mock.testing import ABSENT, GetimgMock, Httpx2Transport, HttpxTransport, Link

def test_it(getimg_mock: GetimgMock, getimg_time: Link) -> None:
    assert isinstance(getimg_mock, GetimgMock)
    assert isinstance(getimg_time, Link)
    assert isinstance(getimg_mock.transport(), HttpxTransport)
    assert isinstance(getimg_mock.transport2(), Httpx2Transport)
    assert repr(ABSENT) == "ABSENT"
    assert "GetimgMock" in dir(testing)
    with pytest.raises(AttributeError, match="no attribute 'GetimgMok'"):
        testing.GetimgMok
""",
    )
    result.assert_outcomes(passed=1)


def test_it_works_with_xdist_in_any_order(suite: pytest.Pytester) -> None:
    """Workers share nothing, and tests do not build upon each other."""
    suite.makepyfile(
        SDK
        + """
@pytest.mark.parametrize("number", range(12))
def test_mock(getimg_mock, getimg_time, number):
    time.sleep(100)
    GetimgAI().images.generate(**IMAGE)
    assert getimg_mock.journal.count() == 1

@pytest.mark.parametrize("number", range(12))
def test_live(getimg_live, number):
    image = GetimgAI().images.generate(**IMAGE)
    assert requests.get(image.data[0].url).status_code == 200
    assert getimg_live.journal.count() == 2
"""
    )
    result = suite.runpytest_subprocess("-n", "2", "-p", "randomly")
    result.assert_outcomes(passed=24)


def test_parallel_threads_have_one_workspace(suite: pytest.Pytester) -> None:
    """Threads of one test are one client; none of their requests is lost or doubled."""
    result = run(
        suite,
        """
from concurrent.futures import ThreadPoolExecutor

def test_it(getimg_mock):
    client = GetimgAI()

    def make(number):
        return client.images.generate(model="seedream-5-lite", prompt=str(number))

    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(make, range(64)))
    assert len({image.id for image in images}) == 64
    assert getimg_mock.journal.count(status=200) == 64
    assert sum(each.total_cost for each in getimg_mock.generations) == getimg_mock.ledger.charged
""",
    )
    result.assert_outcomes(passed=1)


def test_two_workspaces_of_one_process_keep_apart(suite: pytest.Pytester) -> None:
    """A request belongs to the fake whose key it bears, a download to the one that made it."""
    result = run(
        suite,
        """
from getimg_mock.testing import fixtures

@pytest.fixture
def other(request):
    yield from fixtures.in_process(request, {"key": "sk_other", "seed": "other"})

def test_it(getimg_mock, other):
    for workspace in (getimg_mock, other):
        image = GetimgAI(api_key=workspace.key).images.generate(**IMAGE)
        assert httpx.get(image.data[0].url).status_code == 200
    assert (getimg_mock.journal.count(), other.journal.count()) == (2, 2)
""",
    )
    result.assert_outcomes(passed=1)


def test_asynchronous_tests_of_every_kind(suite: pytest.Pytester) -> None:
    """Time is linked beside pytest-asyncio and anyio's plugin, with either backend."""
    result = run(
        suite,
        """
import anyio

async def poll(getimg_mock):
    getimg_mock.transitions.set(seconds=600)
    headers = {"Authorization": "Bearer " + getimg_mock.key}
    async with httpx.AsyncClient(base_url="https://api.getimg.ai/v2", headers=headers) as client:
        video = (await client.post("/videos/generations", json=VIDEO)).json()["id"]
        polls = 1
        while (await client.get(f"/videos/generations/{video}")).json()["status"] == "pending":
            await anyio.sleep(5)
            polls += 1
    assert polls == 121

@pytest.mark.asyncio
async def test_asyncio(getimg_mock, getimg_time):
    await poll(getimg_mock)

@pytest.mark.asyncio
async def test_linked_within(getimg_mock):
    with getimg_mock.link_time():
        await poll(getimg_mock)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_anyio(anyio_backend, getimg_mock, getimg_time):
    await poll(getimg_mock)
""",
    )
    result.assert_outcomes(passed=4)


def test_beside_freezegun_and_time_machine(suite: pytest.Pytester) -> None:
    """Where another library holds the calendar, the workspace begins at its time."""
    result = run(
        suite,
        """
from datetime import datetime, timedelta, timezone
import freezegun, time_machine

HELD = datetime(2030, 1, 1, tzinfo=timezone.utc)

@pytest.fixture(params=["freezegun", "time_machine"])
def held(request):
    if request.param == "freezegun":
        holds = freezegun.freeze_time(HELD)
    else:
        holds = time_machine.travel(HELD, tick=False)
    with holds:
        yield

def test_it(held, getimg_mock, getimg_time):
    assert getimg_mock.clock.now() == HELD
    time.sleep(60)
    assert getimg_mock.clock.now() == HELD + timedelta(minutes=1)
    assert datetime.now(timezone.utc) == HELD + timedelta(minutes=1)
""",
    )
    result.assert_outcomes(passed=2)


def test_a_user_may_undo_his_own_patches(suite: pytest.Pytester) -> None:
    """monkeypatch.undo() is the test's own, and undoes nothing of ours."""
    result = run(
        suite,
        """
def test_it(getimg_mock, monkeypatch):
    monkeypatch.setenv("SOMETHING", "else")
    monkeypatch.undo()
    assert GetimgAI().models.list()
""",
    )
    result.assert_outcomes(passed=1)


def test_the_mark_is_declared_and_the_fixtures_explained(suite: pytest.Pytester) -> None:
    """--markers and --fixtures are where users look."""
    marks = suite.runpytest_inprocess("--markers")
    marks.stdout.fnmatch_lines(["@pytest.mark.getimg(seed, scenario, clock, *"])
    shown = suite.runpytest_inprocess("--fixtures")
    for name in ("settings", "mock", "server", "live", "time", "respx"):
        shown.stdout.fnmatch_lines([f"getimg_{name} *"])
    assert "no docstring" not in "".join(
        line for line in shown.outlines if line.startswith("getimg_")
    )


def test_loading_the_plugin_imports_pytest_only() -> None:
    """Whoever installs getimg-mock pays about a millisecond in every other test run."""
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import getimg_mock.testing.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "getimg_mock",
        "getimg_mock.testing",
        "getimg_mock.testing.plugin",
    ]


def test_a_run_without_the_fixtures_imports_nothing_of_ours(suite: pytest.Pytester) -> None:
    """The hooks must not wake the rest up."""
    suite.makepyfile(
        """
import sys

def test_it():
    ours = sorted(name for name in sys.modules if name.startswith("getimg_mock"))
    assert ours == ["getimg_mock", "getimg_mock.testing", "getimg_mock.testing.plugin"]

def test_failing():
    assert False
"""
    )
    result = suite.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1)


def test_importing_the_plugin_takes_less_than_five_milliseconds(tmp_path: Path) -> None:
    """The best of several: what the machine does besides is not the plugin's."""
    code = (
        "import time, pytest; began = time.perf_counter();"
        "import getimg_mock.testing.plugin; print(time.perf_counter() - began)"
    )
    took = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path)) for _ in range(7)
    ]
    assert min(took) < 0.005
