"""The plugin as its users meet it: test files of theirs, run by a pytest of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import SDK, run

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]


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
    result.stdout.fnmatch_lines(["*waits in real time between its polls*getimg_time*"])


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
            "1 request(s) came with another key, sk_...else: use pytest.mark.getimg(key=...)*",
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


def test_a_run_keeps_nothing_of_tests_that_have_ended(suite: pytest.Pytester) -> None:
    """Each has a workspace with its journal, and a run may have thousands of tests."""
    result = run(
        suite,
        """
import gc
from getimg_mock.world.workspaces import Workspace

@pytest.mark.parametrize("number", range(5))
def test_it(getimg_mock, getimg_time, number):
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)
    while client.videos.generations.retrieve(video.id).status == "pending":
        time.sleep(5)

def test_none_is_left():
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Workspace)]
""",
        apart=True,
    )
    result.assert_outcomes(passed=6)


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


def test_importing_the_plugin_imports_nothing_that_pytest_has_not(tmp_path: Path) -> None:
    """So it takes a few milliseconds of a run; benchmarks/plugin.py measures them."""
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import getimg_mock.testing.plugin; print(*sorted(set(sys.modules) - before))"
    )
    found = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, text=True)
    assert found.split() == ["getimg_mock", "getimg_mock.testing", "getimg_mock.testing.plugin"]


def test_what_monkeypatch_puts_back_after_the_link_is_restored(suite: pytest.Pytester) -> None:
    """Fixtures that were there first end last: `monkeypatch` then restores linked functions."""
    result = run(
        suite,
        """
REAL = time.sleep, time.time, httpx.HTTPTransport.handle_request

@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("APP_ENV", "test")

@pytest.mark.parametrize("number", range(3))
def test_patches(monkeypatch, getimg_mock, getimg_time, number):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *_: None)

def test_is_real():
    assert (time.sleep, time.time, httpx.HTTPTransport.handle_request) == REAL
""",
    )
    result.assert_outcomes(passed=4)


def test_a_client_waits_as_without_a_link_once_it_has_ended(suite: pytest.Pytester) -> None:
    """After `with getimg_mock.link_time()`, answers that take half a minute still cost no time."""
    result = run(
        suite,
        """
def test_it(getimg_mock):
    getimg_mock.configure(image_seconds=30)
    with getimg_mock.link_time() as link:
        time.sleep(1)
    began = time.monotonic()
    GetimgAI().images.generate(**IMAGE)
    async def main():
        async with AsyncGetimgAI() as client:
            await client.images.generate(**IMAGE)
    asyncio.run(main())
    assert time.monotonic() - began < 10
    assert link.jumps == 1
""",
    )
    result.assert_outcomes(passed=1)
