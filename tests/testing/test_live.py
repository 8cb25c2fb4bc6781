"""The fake on a socket: for every client in every language, with the same handle."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time  # noqa: TID251 - sleeps, bound to the workspace's clock
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
import requests
from getimg import AsyncGetimgAI, DefaultAioHttpClient, GetimgAI

from getimg_mock import MockServer
from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from getimg_mock.testing.live import ExternalServer, OwnServer
    from getimg_mock.testing.workspace import GetimgMock

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

IMAGE: dict[str, Any] = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO: dict[str, Any] = {"model": "seedance-v1-5-pro", "prompt": "Waves"}

INI = """[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

# What a client in another language does, from the request to the file.
PROGRAM = """
const [url, key] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
const body = JSON.stringify({ model: "seedream-5-lite", prompt: "A lighthouse" });
const answer = await fetch(`${url}/v2/images/generations`, { method: "POST", headers, body });
const image = await answer.json();
const file = await fetch(image.data[0].url);
const bytes = new Uint8Array(await file.arrayBuffer());
const type = file.headers.get("content-type");
console.log(JSON.stringify({ status: image.status, type, bytes: bytes.length }));
"""


def headers(workspace: GetimgMock) -> dict[str, str]:
    """Return what every request needs."""
    return {"Authorization": f"Bearer {workspace.key}"}


def is_done(workspace: GetimgMock) -> bool:
    """Return whether one generation and one download came, and went well."""
    return [(each.operation, each.status) for each in workspace.journal] == [
        ("images.generate", 200),
        ("downloads.retrieve", 200),
    ]


def test_the_sdk_needs_no_address(getimg_live: GetimgMock) -> None:
    """GETIMG_AI_BASE_URL and GETIMG_API_KEY are set for the test."""
    image = GetimgAI().images.generate(**IMAGE)
    assert image.data[0].url.startswith(getimg_live.url)
    assert httpx.get(image.data[0].url).status_code == 200
    assert is_done(getimg_live)


def test_requests_works(getimg_live: GetimgMock) -> None:
    """A client that cannot be answered in process."""
    url = f"{getimg_live.url}/v2/images/generations"
    image = requests.post(url, json=IMAGE, headers=headers(getimg_live), timeout=30).json()
    assert requests.get(image["data"][0]["url"], timeout=30).content[:2] == b"\xff\xd8"
    assert is_done(getimg_live)


def test_urllib_works(getimg_live: GetimgMock) -> None:
    """The standard library's client."""
    request = urllib.request.Request(  # noqa: S310 - the fake's own address
        f"{getimg_live.url}/v2/images/generations",
        json.dumps(IMAGE).encode(),
        headers(getimg_live) | {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - see above
        image = json.load(answer)
    with urllib.request.urlopen(image["data"][0]["url"]) as answer:  # noqa: S310 - see above
        assert answer.read(2) == b"\xff\xd8"
    assert is_done(getimg_live)


def test_aiohttp_works(getimg_live: GetimgMock) -> None:
    """An asynchronous client with a socket of its own."""

    async def main() -> bytes:
        async with aiohttp.ClientSession(headers=headers(getimg_live)) as session:
            url = f"{getimg_live.url}/v2/images/generations"
            async with session.post(url, json=IMAGE) as answer:
                image = await answer.json()
            async with session.get(image["data"][0]["url"]) as answer:
                return await answer.read()

    assert asyncio.run(main())[:2] == b"\xff\xd8"
    assert is_done(getimg_live)


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node on this machine")
def test_node_works(getimg_live: GetimgMock, tmp_path: Path) -> None:
    """Another process in another language."""
    program = tmp_path / "client.mjs"
    program.write_text(PROGRAM)
    command = ["node", str(program), getimg_live.url, getimg_live.key]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - ours
    told = json.loads(done.stdout)
    assert (told["status"], told["type"]) == ("completed", "image/jpeg")
    assert told["bytes"] > 1000
    assert is_done(getimg_live)


@pytest.mark.usefixtures("getimg_time")
def test_time_is_linked_over_a_socket(getimg_live: GetimgMock) -> None:
    """A poll loop of any client takes no time, and as many polls as it should."""
    getimg_live.transitions.set(seconds=600)
    with requests.Session() as session:
        session.headers.update(headers(getimg_live))
        url = f"{getimg_live.url}/v2/videos/generations"
        video = session.post(url, json=VIDEO, timeout=30).json()["id"]
        polls = 1
        while session.get(f"{url}/{video}", timeout=30).json()["status"] == "pending":
            time.sleep(5)
            polls += 1
    assert polls == 121


@pytest.mark.usefixtures("getimg_time")
def test_time_is_linked_for_a_loop_with_open_sockets(getimg_live: GetimgMock) -> None:
    """Timers wait for answers on their way, and for nothing else."""
    getimg_live.transitions.set(seconds=50)

    async def main() -> int:
        async with AsyncGetimgAI(http_client=DefaultAioHttpClient()) as client:
            video = await client.videos.generations.create(**VIDEO)
            polls = 1
            while (await client.videos.generations.retrieve(video.id)).status == "pending":
                await asyncio.sleep(5)  # noqa: TID251 - bound to the workspace's clock
                polls += 1
            return polls

    assert asyncio.run(main()) == 11


def test_a_slow_answer_does_not_hold_up_a_clock_that_stands_still(getimg_live: GetimgMock) -> None:
    """Nobody but the test moves the clock; waiting for it in the server must not hang."""
    before = getimg_live.clock.now()
    getimg_live.configure(image_seconds=30)
    GetimgAI().images.generate(**IMAGE)
    assert getimg_live.clock.now() - before == timedelta(seconds=30)


@pytest.mark.getimg(balance=1, scenario="lost-response", limits={"image_rpm": 5})
def test_a_live_workspace_is_as_the_test_wants_it(getimg_live: GetimgMock) -> None:
    """The mark works on a shared server as it does in process, after a reset as well."""
    for _ in range(2):
        assert getimg_live.ledger.balance == 1
        assert getimg_live.limits.get()["image_rpm"] == 5
        assert len(getimg_live.scenarios.rules()) == 1
        getimg_live.scenarios.clear()
        GetimgAI().images.generate(**IMAGE)
        getimg_live.reset()


@pytest.mark.getimg(strictness="schema")
def test_what_makes_a_fake_gets_a_server_of_its_own(
    getimg_live: GetimgMock, getimg_server: OwnServer | ExternalServer
) -> None:
    """A setting of the fake as a whole must not change it for the other tests."""
    assert getimg_live.url != getimg_server.url
    assert GetimgAI().images.generate(model="of-my-own", prompt="x").model == "of-my-own"


def test_the_real_api_is_guarded_here_too(pytester: pytest.Pytester) -> None:
    """A client without the address must not leave the machine."""
    pytester.makeini(INI)
    pytester.makepyfile(
        """
import httpx

def test_it(getimg_live):
    httpx.get("https://api.getimg.ai/v2/models")
"""
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*httpx tried to reach*Give the client getimg_live.url as*"])


@pytest.fixture
def elsewhere() -> Iterator[MockServer]:
    """Run a fake that the tests' own runs do not know of."""
    with MockServer(clock="virtual") as server:
        yield server


def test_one_server_may_serve_several_runs(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    """Tests of the same name, in other workers or runs, must not meet."""
    pytester.makeini(INI)
    pytester.makepyfile(
        f"""
import time, os
import pytest
from getimg import GetimgAI

@pytest.mark.getimg(balance=7, limits="realistic", scenario=["expired-links"], video_seconds=40)
def test_it(getimg_live, getimg_server):
    assert getimg_live.url == getimg_server.url == {elsewhere.url!r}
    assert getimg_live.ledger.balance == 7
    assert getimg_live.limits.get()["concurrent"] == 5
    assert len(getimg_live.scenarios.rules()) == 1
    assert "seedream-5-lite" in getimg_live.models
    assert getimg_live.journal.count() == 0

@pytest.mark.getimg(video_seconds=600)
def test_time(getimg_live, getimg_time):
    client = GetimgAI()
    video = client.videos.generations.create(model="seedance-v1-5-pro", prompt="Waves")
    began, polls = time.monotonic(), 1
    while client.videos.generations.retrieve(video.id).status == "pending":
        time.sleep(5)
        polls += 1
    assert (polls, time.monotonic() - began) == (121, pytest.approx(600))
    getimg_live.clock.advance(minutes=1)
    assert time.monotonic() - began == pytest.approx(660)

@pytest.mark.getimg(models="models.json")
def test_not_ours(getimg_live): pass
"""
    )
    options = ("-p", "no:randomly", "-p", "no:schemathesis", "--getimg-server", elsewhere.url)
    for result in (
        pytester.runpytest_inprocess(*options),
        pytester.runpytest_subprocess(*options, "-n", "2"),
    ):
        result.assert_outcomes(passed=2, errors=1)
        result.stdout.fnmatch_lines([f"*models belongs to the fake at {elsewhere.url}*"])
    workspaces: Any = elsewhere.app.fake.store
    assert len({each.key for each in workspaces}) == 4


def test_the_address_of_a_server_may_stand_in_the_ini_file(
    pytester: pytest.Pytester, elsewhere: MockServer
) -> None:
    """A team that always uses one server says so once."""
    pytester.makeini(f"{INI}getimg_server = {elsewhere.url}\n")
    pytester.makepyfile(f"def test_it(getimg_live): assert getimg_live.url == {elsewhere.url!r}")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_server_that_is_not_there_is_named(pytester: pytest.Pytester) -> None:
    """The error says where nothing answers, and what to do."""
    pytester.makeini(INI)
    pytester.makepyfile("def test_it(getimg_live): pass")
    result = pytester.runpytest_inprocess("--getimg-server", "http://127.0.0.1:9")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*No getimg-mock answers at http://127.0.0.1:9*"])
