"""A client that would poll for ever fails its test, with the cause and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import run

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

POLL = """
import threading
from concurrent.futures import ThreadPoolExecutor

REAL_SLEEP = time.sleep

def poll(pause, most=10_000, **options):
    client = GetimgAI(**options)
    video = client.videos.generations.create(**VIDEO).id
    polls = 0
    began = time.clock_gettime(time.CLOCK_MONOTONIC)
    try:
        while polls < most and client.videos.generations.retrieve(video).status == "pending":
            polls += 1
            pause()
    finally:
        took = time.clock_gettime(time.CLOCK_MONOTONIC) - began
        assert polls <= 20 or took < 5, (polls, took)
"""


def check(suite: pytest.Pytester, source: str, *, failed: int, lines: Sequence[str]) -> str:
    """Run the tests, all of which fail, and return what pytest has shown."""
    result = run(suite, POLL + source)
    result.assert_outcomes(failed=failed)
    result.stdout.fnmatch_lines([f"*Failed: *{line}*" for line in lines])
    return result.stdout.str()


@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_a_poll_at_any_pace_is_found(suite: pytest.Pytester, fixture: str) -> None:
    """At most twenty polls or five real seconds, whatever the client sleeps."""
    shown = check(
        suite,
        f"""
@pytest.mark.parametrize("pace", [0.3, 0.06, 0.01])
def test_it({fixture}, pace):
    poll(lambda: time.sleep(pace))
""",
        failed=3,
        lines=["waits in real time between its polls*stands still*getimg_time*" + fixture] * 3,
    )
    assert "(x 3," in shown


@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_a_client_that_does_not_wait_is_found(suite: pytest.Pytester, fixture: str) -> None:
    """Linked time alone would not help it: a sleep of no time moves no clock."""
    check(
        suite,
        f"""
def test_it({fixture}):
    poll(lambda: time.sleep(0))
""",
        failed=1,
        lines=["hardly waits between its polls*stands still*sleep for a second*" + fixture],
    )


@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_videos_polled_in_turn_are_found(suite: pytest.Pytester, fixture: str) -> None:
    """Each video is counted for itself."""
    check(
        suite,
        f"""
def test_it({fixture}):
    client = GetimgAI()
    videos = [client.videos.generations.create(**VIDEO).id for _ in range(2)]
    for _ in range(8):
        for video in videos:
            client.videos.generations.retrieve(video)
        time.sleep(0.3)
""",
        failed=1,
        lines=["stands still"],
    )


@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
@pytest.mark.parametrize("linked", ["", ", getimg_time"])
def test_another_key_is_named(suite: pytest.Pytester, fixture: str, linked: str) -> None:
    """No sleep of the test moves the clock of another key's workspace, linked or not."""
    shown = check(
        suite,
        f"""
def test_it({fixture}{linked}):
    url = {fixture}.url
    poll(lambda: time.sleep(0.3), 30, api_key="sk_of_the_application", base_url=url)
""",
        failed=1,
        lines=["another key, sk_...tion*pytest.mark.getimg(key=...)"],
    )
    assert "Use the fixture getimg_time" not in shown


@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
@pytest.mark.parametrize(
    "source",
    [
        "POOL.submit(poll, lambda: time.sleep(0.3)).result(timeout=20)",
        "poll(lambda: threading.Event().wait(0.3))",
        "poll(lambda: REAL_SLEEP(0.3))",
    ],
    ids=["thread", "event", "kept"],
)
def test_linked_time_is_not_advised_to_a_test_that_has_it(
    suite: pytest.Pytester, fixture: str, source: str
) -> None:
    """The cause is then a thread from before, or a wait that is not linked."""
    shown = check(
        suite,
        f"""
POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()
REAL_SLEEP = lambda seconds, real=time.sleep: real(seconds)

def test_it({fixture}, getimg_time):
    {source}
""",
        failed=1,
        lines=["not where the client waits: in a thread that ran before"],
    )
    assert "Use the fixture getimg_time" not in shown


def test_a_client_in_another_process_is_found(suite: pytest.Pytester) -> None:
    """Its requests are refused from then on, so that it ends, and then the test fails."""
    check(
        suite,
        """
import subprocess, sys
PROGRAM = '''
import time
from getimg import GetimgAI
client = GetimgAI()
video = client.videos.generations.create(model="seedance-v1-5-pro", prompt="Waves").id
while client.videos.generations.retrieve(video).status == "pending":
    time.sleep(0.3)
'''
def test_it(getimg_live):
    subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=60)
""",
        failed=1,
        lines=["waits in real time between its polls"],
    )


def test_a_held_video_is_not_polled_for_ever_in_linked_time(suite: pytest.Pytester) -> None:
    """The clock moves, but no moment of it ends the video."""
    result = run(
        suite,
        POLL
        + """
def test_it(getimg_mock, getimg_time):
    getimg_mock.transitions.set(hold=True)
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO).id
    while client.videos.generations.retrieve(video).status == "pending":
        time.sleep(5)
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Failed: *it is held*.complete()*"])


def test_what_ends_is_let_end(suite: pytest.Pytester) -> None:
    """A video that polls end, a clock that runs, and many polls at once are right."""
    result = run(
        suite,
        """
def poll(pause):
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO).id
    polls = 1
    while client.videos.generations.retrieve(video).status == "pending":
        time.sleep(pause)
        polls += 1
    return polls

@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_by_polls(request, fixture):
    fake = request.getfixturevalue(fixture)
    fake.transitions.set(polls=4)
    assert poll(0.3) == 4

@pytest.mark.getimg(clock="x60", video_seconds=60)
@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_on_a_clock_that_runs(request, fixture):
    request.getfixturevalue(fixture)
    assert poll(0.3) > 3

def test_at_once(getimg_live):
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)
    for _ in range(50):
        assert client.videos.generations.retrieve(video.id).status == "pending"
""",
    )
    result.assert_outcomes(passed=5)


def test_a_failure_that_the_test_expects_is_no_second_one(suite: pytest.Pytester) -> None:
    """It is raised in the test's own thread, also when the server has noticed it."""
    result = run(
        suite,
        POLL
        + """
@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_it(request, fixture):
    request.getfixturevalue(fixture)
    with pytest.raises(pytest.fail.Exception, match="stands still"):
        poll(lambda: time.sleep(0.3))
""",
    )
    result.assert_outcomes(passed=2)


def test_polls_of_an_equal_video_before_a_reset_do_not_count(suite: pytest.Pytester) -> None:
    """Each example of Hypothesis resets the workspace; its video has the id of the one before."""
    source = """
def test_three_rounds(getimg_mock):
    for _ in range(3):
        getimg_mock.reset()
        poll(lambda: REAL_SLEEP(0.06), most=8)
"""
    run(suite, POLL + source).assert_outcomes(passed=1)
