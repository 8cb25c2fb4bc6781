"""What the pytest plugin costs beside static mocks of the same calls, in one run.

Each figure is the best of several rounds, taken in turns, so that what else the machine does hits
both sides. Static routes answer with what the fake answers, headers included.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
from getimg import GetimgAI

from benchmarks.targets import at_most
from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.control.channels import LocalChannel
from getimg_mock.in_process.exchange import AdvanceClock
from getimg_mock.settings import Settings
from getimg_mock.testing.client_waiting import LinkedWaitStrategy
from getimg_mock.testing.reset_tracking import PresentClock, create_fake_with_epochs
from getimg_mock.testing.workspace import GetimgMock
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk_benchmark"
URL = "https://api.getimg.ai"
IMAGE: dict[str, Any] = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO: dict[str, Any] = {"model": "seedance-v1-5-pro", "prompt": "Waves"}
TESTS = 500
POLLS = 20
IMAGE_RATIO = 1.1
POLLS_RATIO = 1.3
SUITE_RATIO = 1.0
FIXTURE_MS = 1.0
IMPORT_MS = 5.0

SUITE = """
import time
import httpx, pytest, respx
from getimg import GetimgAI

CLIENT = GetimgAI(api_key="sk_benchmark")

def poll():
    video = CLIENT.videos.generations.create(model="seedance-v1-5-pro", prompt="Waves")
    polls = 1
    while CLIENT.videos.generations.retrieve(video.id).status == "pending":
        time.sleep(5)
        polls += 1
    return polls
"""

FAKE = """
@pytest.mark.getimg(key="sk_benchmark", video_seconds=95)
@pytest.mark.parametrize("number", range({tests}))
def test_it(getimg_mock, getimg_time, number):
    assert poll() == {polls}
"""

STATIC = """
HEADERS = {headers}
PENDING = {pending}

def answers(body):
    return [httpx.Response(200, content=body, headers=HEADERS) for _ in range({polls} - 1)] + [
        httpx.Response(200, content=body.replace(b"pending", b"failed"), headers=HEADERS)]

@pytest.mark.parametrize("number", range({tests}))
def test_it(respx_mock, monkeypatch, number):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    url = "https://api.getimg.ai/v2/videos/generations"
    respx_mock.post(url).respond(202, content=PENDING, headers=HEADERS)
    respx_mock.get(url__startswith=url + "/").mock(side_effect=answers(PENDING))
    assert poll() == {polls}
"""


def in_process() -> GetimgMock:
    """Return a workspace on a fake in process, as the fixture makes it."""
    settings = Settings.of(quiet=True, balance=1_000_000)
    fake, store = create_fake_with_epochs(settings, lambda: VirtualClock(rate=0))
    app = Application(fake, access_log.log_nothing)
    patience = LinkedWaitStrategy(PresentClock(store, KEY), AdvanceClock())
    return GetimgMock(LocalChannel(fake, KEY), url=URL, app=app, patience=patience)


def client(transport: httpx.BaseTransport | None = None) -> GetimgAI:
    """Return an SDK client, on a transport where one is given."""
    return GetimgAI(
        api_key=KEY, http_client=httpx.Client(transport=transport) if transport else None
    )


def compared(
    what: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    target: float,
) -> int:
    """Compare the best times of both, and return the exit status."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for side, work in enumerate((ours, theirs)):
            began = time.perf_counter()
            work()
            best[side] = min(best[side], time.perf_counter() - began)
    print(f"plugin    {what}: {best[0] * 1e3:.1f} ms / {best[1] * 1e3:.1f} ms")
    return at_most(f"plugin    {what}", best[0] / best[1], target)


def image_call(workspace: GetimgMock) -> int:
    """Compare one SDK image call, fifty at a time, with a static respx route."""
    ours, theirs = client(workspace.transport()), client()
    said = ours.images.with_raw_response.generate(**IMAGE).http_response
    with respx.mock(assert_all_called=False) as router:
        router.post(f"{URL}/v2/images/generations").respond(
            200, content=said.content, headers=said.headers.multi_items()
        )

        def calls(sdk: GetimgAI) -> Callable[[], object]:
            return lambda: [sdk.images.generate(**IMAGE) for _ in range(50)]

        what = "50 SDK image calls / static respx"
        return compared(what, calls(ours), calls(theirs), 40, IMAGE_RATIO)


def poll_loop(workspace: GetimgMock) -> int:
    """Compare a ten-minute video, polled under linked time, with as many static answers."""
    ours = client(workspace.transport())
    workspace.transitions.set(seconds=600)
    video = ours.videos.generations.create(**VIDEO).id
    said = ours.videos.generations.with_raw_response.retrieve(video).http_response
    content, headers = said.content, said.headers.multi_items()
    static = client(
        httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers=headers))
    )

    def linked() -> None:
        with workspace.link_time():
            made = ours.videos.generations.create(**VIDEO).id
            polls = 1
            while ours.videos.generations.retrieve(made).status == "pending":
                time.sleep(5)
                polls += 1
        if polls != 121:
            raise AssertionError(f"{polls} polls")

    def calls() -> None:
        static.videos.generations.create(**VIDEO)
        for _ in range(121):
            static.videos.generations.retrieve(video)

    return compared("121 linked polls / static transport", linked, calls, 40, POLLS_RATIO)


class Durations:
    """A plugin that takes note of how long set-up and tear-down of each test took."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note."""
        if report.when != "call":
            self.taken[report.nodeid] = self.taken.get(report.nodeid, 0.0) + report.duration


def fixture_cost(folder: Path) -> int:
    """Return what the fixtures cost a test, less what a test without them costs."""
    source = folder / "test_empty.py"
    source.write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(100))\ndef test_with(getimg_mock, n): pass\n"
        "@pytest.mark.parametrize('n', range(100))\ndef test_linked(getimg_time, n): pass\n"
        "@pytest.mark.parametrize('n', range(100))\ndef test_without(n): pass\n"
    )
    durations = Durations()
    options = ["-qq", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "ignore"]
    with redirect_stdout(StringIO()):
        pytest.main([*options, "--rootdir", str(folder), str(source)], [durations])
    taken = {
        name: sorted(each for test, each in durations.taken.items() if f"{name}[" in test)
        for name in ("with", "linked", "without")
    }
    median = {name: each[len(each) // 2] * 1e3 for name, each in taken.items()}
    missed = 0
    for name, fixture in (("with", "getimg_mock"), ("linked", "getimg_time")):
        cost = median[name] - median["without"]
        missed |= at_most(f"plugin    set-up and tear-down of {fixture}", cost, FIXTURE_MS, " ms")
    return missed


def suites(folder: Path, workspace: GetimgMock) -> int:
    """Compare suites of 500 tests with twenty polls each, as processes of their own."""
    sdk = client(workspace.transport())
    video = sdk.videos.generations.create(**VIDEO).id
    said = sdk.videos.generations.with_raw_response.retrieve(video).http_response
    values = {
        "tests": TESTS,
        "polls": POLLS,
        "pending": repr(said.content),
        "headers": repr(said.headers.multi_items()),
    }
    commands = []
    for name, source in (("fake", FAKE), ("static", STATIC)):
        file = folder / f"test_{name}.py"
        file.write_text(SUITE + source.format(**values))
        options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(folder)]
        commands.append([sys.executable, "-m", "pytest", *options, str(file)])

    def run(command: list[str]) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, capture_output=True)

    what = f"{TESTS} tests, {POLLS} polls / static respx"
    return compared(what, run(commands[0]), run(commands[1]), 3, SUITE_RATIO)


def import_cost() -> int:
    """Return what loading the plugin costs a test run that does not use it."""
    code = (
        "import time, pytest; began = time.perf_counter();"
        "import getimg_mock.testing.plugin; print(time.perf_counter() - began)"
    )
    took = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(15)]
    return at_most("plugin    import", min(took) * 1e3, IMPORT_MS, " ms")


def main() -> int:
    """Measure, print, and return the exit status."""
    workspace = in_process()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missed = (
            image_call(workspace),
            poll_loop(workspace),
            suites(folder, workspace),
            fixture_cost(folder),
            import_cost(),
        )
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
