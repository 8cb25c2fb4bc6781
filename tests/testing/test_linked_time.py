"""Linked time: whoever sleeps moves the clock, and nobody waits."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic, perf_counter_ns
from time import sleep as snooze
from typing import TYPE_CHECKING, Any

import anyio
import freezegun
import httpx
import pytest
import stamina
import tenacity
import time_machine
import trio
import uvloop
from getimg import APIConnectionError, AsyncGetimgAI, GetimgAI, InternalServerError

from getimg_mock.testing.event_loops import LoopError
from getimg_mock.testing.linked_time import Link, TimeLinkError
from getimg_mock.world.clock import VirtualClock, stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.testing.workspace import GetimgMock

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
TEN_MINUTES = 600
POLLS = 121
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves"}

# Real names, taken before anything is bound.
REAL = {name: getattr(time, name) for name in ("sleep", "time", "monotonic", "perf_counter")}


class Face:
    """The clock that is bound to, as the link finds it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(start=START, rate=0)

    @property
    def passed(self) -> float:
        """How many seconds have passed."""
        return (self.clock.now() - START).total_seconds()


@pytest.fixture
def face() -> Face:
    """Give a clock that stands still."""
    return Face()


@pytest.fixture
def link(face: Face) -> Iterator[Link]:
    """Bind the test's time to that clock; not a minute of it is real."""
    began = stopwatch()
    with Link(face) as bound:
        yield bound
    assert stopwatch() - began < 30


Log = list[tuple[str, float]]


def test_sleeping_moves_the_clock(face: Face, link: Link) -> None:
    """A client that sleeps five seconds finds five seconds gone."""
    time.sleep(5)
    snooze(0.25)
    assert face.passed == 5.25
    assert (link.jumps, link.slept) == (2, 5.25)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("monotonic", 1),
        ("perf_counter", 1),
        ("time", 1),
        ("monotonic_ns", 1e9),
        ("perf_counter_ns", 1e9),
        ("time_ns", 1e9),
    ],
)
def test_every_clock_of_the_process_agrees(face: Face, link: Link, name: str, unit: float) -> None:
    """Deadlines are kept on any of these; one that stayed behind would never come."""
    del link
    before = getattr(time, name)()
    time.sleep(100)
    face.clock.advance_to(face.clock.now() + timedelta(seconds=20))
    assert getattr(time, name)() - before == pytest.approx(120 * unit)


def test_functions_imported_by_name_are_bound_too(face: Face, link: Link) -> None:
    """Half of all programs write `from time import sleep`."""
    del link
    before, before_ns = monotonic(), perf_counter_ns()
    snooze(100)
    assert monotonic() - before == pytest.approx(100)
    assert face.passed == 100
    assert perf_counter_ns() - before_ns == pytest.approx(100e9)


def test_the_time_of_day_is_the_workspaces(face: Face, link: Link) -> None:
    """A link's deletes_at is compared with the time of day."""
    del link
    time.sleep(60)
    assert time.time() == face.clock.now().timestamp()
    assert datetime.now(UTC) == START + timedelta(minutes=1)


def test_afterwards_everything_is_real_again(face: Face) -> None:
    """The next test must not inherit anything."""
    with Link(face):
        assert time.sleep is not REAL["sleep"]
    assert {name: getattr(time, name) for name in REAL} == REAL
    assert snooze is REAL["sleep"]
    assert datetime.now(UTC) - START > timedelta(days=1)


def test_what_another_put_in_place_is_put_back(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may have replaced time.sleep before it links its time."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with Link(face):
        time.sleep(3)
    time.sleep(4)
    assert (face.passed, slept) == (3, [4])


def test_sleeping_no_time_moves_nothing(face: Face, link: Link) -> None:
    """sleep(0) lets other threads run, and that is all."""
    time.sleep(0)
    assert (face.passed, link.jumps) == (0, 0)


@pytest.mark.parametrize("wrong", [-1, -0.001])
def test_sleeping_backwards_is_an_error(link: Link, wrong: float) -> None:
    """What the real function refuses is refused."""
    del link
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(wrong)


def test_a_reset_does_not_turn_time_back(face: Face, link: Link) -> None:
    """Monotonic is monotonic, even when the workspace begins again."""
    del link
    before = time.monotonic()
    time.sleep(100)
    face.clock = VirtualClock(start=START, rate=0)
    time.sleep(10)
    assert time.monotonic() - before == pytest.approx(110)
    assert face.passed == 10


def test_one_link_at_a_time(face: Face, link: Link) -> None:
    """What is replaced belongs to the process: two clocks would fight over it."""
    del link
    with pytest.raises(TimeLinkError, match="bound to a clock already"):
        Link(face).start()


def test_a_running_clock_jumps_too(face: Face) -> None:
    """Linked to a clock that runs, sleeping is a jump and the rest of the time is real."""
    face.clock.scale(1)
    with Link(face):
        time.sleep(600)
        assert 600 <= face.passed < 660


# asyncio ------------------------------------------------------------------------------------------


def test_sleepers_of_asyncio_wake_in_order(face: Face, link: Link) -> None:
    """Timers fire at their moments, whoever set them, and at one moment in their order."""
    log: Log = []

    async def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            await asyncio.sleep(seconds)
            log.append((name, face.passed))

    async def main() -> None:
        await asyncio.gather(sleeper("a", 5), sleeper("b", 3), sleeper("c", 7))

    asyncio.run(main())
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == pytest.approx([3, 5, 6, 7, 9, 10, 14, 15, 21])
    assert link.jumps == 9


def test_timeouts_of_asyncio_run_out_on_the_clock(face: Face, link: Link) -> None:
    """A timeout is a timer like any other."""
    del link

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 50)

    asyncio.run(main())
    assert face.passed == pytest.approx(350)


def test_a_loop_that_runs_already_is_bound(face: Face) -> None:
    """Asynchronous tests are inside of a loop when they link their time."""

    async def main() -> float:
        began = stopwatch()
        with Link(face):
            await asyncio.sleep(600)
        await asyncio.sleep(0.01)
        return stopwatch() - began

    assert 0.01 <= asyncio.run(main()) < 30
    assert face.passed == pytest.approx(600)


def test_work_in_a_thread_is_not_jumped_over(face: Face, link: Link) -> None:
    """A timeout must not run out while a thread is at work on what is waited for."""
    del link

    def work() -> int:
        until = stopwatch() + 0.2
        while stopwatch() < until:
            sum(range(1000))
        return 7

    async def main() -> int:
        return await asyncio.wait_for(asyncio.to_thread(work), timeout=30)

    assert asyncio.run(main()) == 7
    assert face.passed == 0


def test_a_thread_may_sleep_for_a_loop(face: Face, link: Link) -> None:
    """A loop that waits for a thread, and the thread that sleeps, are on one clock."""
    del link
    log: Log = []

    def sleep_and_note(name: str, seconds: float) -> None:
        time.sleep(seconds)
        log.append((name, face.passed))

    async def main() -> None:
        async def inside() -> None:
            await asyncio.sleep(15)
            log.append(("loop", face.passed))

        await asyncio.gather(
            asyncio.to_thread(sleep_and_note, "long", 20),
            inside(),
            asyncio.to_thread(sleep_and_note, "short", 10),
        )

    asyncio.run(main())
    assert log == [("short", 10), ("loop", pytest.approx(15)), ("long", 20)]


def test_a_loop_with_its_own_timers_says_that_it_cannot(face: Face) -> None:
    """Uvloop's timers are out of reach; silence would be a test that takes ten minutes."""

    async def main() -> None:
        with pytest.raises(LoopError, match=r"uvloop\.Loop cannot be bound"):
            Link(face).start()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    with Link(face):  # nothing is left of the attempt
        time.sleep(1)


def test_input_comes_before_the_next_timer(face: Face, link: Link) -> None:
    """Bytes on their way through a socket must not lose against a timer far away."""
    del link

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(300):
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert asyncio.run(main()) == b"HELLO\n"
    assert face.passed == 0


# trio and anyio -----------------------------------------------------------------------------------


def test_sleepers_of_trio_wake_in_order(face: Face, link: Link) -> None:
    """Trio's deadlines are reached in their order, and at their moments."""
    log: Log = []

    async def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            await trio.sleep(seconds)
            log.append((name, face.passed))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name, seconds in (("a", 5), ("b", 3), ("c", 7)):
                nursery.start_soon(sleeper, name, seconds)

    trio.run(main)
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == pytest.approx([3, 5, 6, 7, 9, 10, 14, 15, 21])
    assert link.jumps == 9


def test_timeouts_of_trio_run_out_on_the_clock(face: Face, link: Link) -> None:
    """A cancel scope's deadline is a moment of the clock."""
    del link

    async def main() -> None:
        with trio.move_on_after(300) as scope:
            await trio.sleep_forever()
        assert scope.cancelled_caught

    trio.run(main)
    assert face.passed == pytest.approx(300)


def test_a_thread_that_trio_kept_from_before_lives_in_linked_time(face: Face) -> None:
    """Trio keeps threads for later; one that an earlier test has used is not that test's own."""

    async def slept(seconds: float) -> None:
        with trio.fail_after(60):
            await trio.to_thread.run_sync(time.sleep, seconds)

    trio.run(slept, 0)
    with Link(face):
        trio.run(slept, 50)
    assert face.passed == pytest.approx(50)


def test_a_thread_may_sleep_for_trio(face: Face, link: Link) -> None:
    """Trio waits for a thread without a deadline; the thread's sleep moves the clock."""
    del link

    async def main() -> None:
        with trio.fail_after(60):
            await trio.to_thread.run_sync(time.sleep, 50)

    trio.run(main)
    assert face.passed == pytest.approx(50)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_is_bound_with_either_backend(face: Face, link: Link, backend: str) -> None:
    """The SDK's asynchronous back-off sleeps by anyio."""
    del link

    async def main() -> None:
        with anyio.move_on_after(1000):
            for _ in range(POLLS):
                await anyio.sleep(5)
        with anyio.move_on_after(7):
            await anyio.sleep_forever()

    anyio.run(main, backend=backend)
    assert face.passed == pytest.approx(5 * POLLS + 7)


# Threads ------------------------------------------------------------------------------------------


def test_threads_wake_in_the_order_of_their_moments(face: Face, link: Link) -> None:
    """Time passes once for all threads: three that sleep five seconds take five, not fifteen."""
    del link
    log: Log = []

    def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            time.sleep(seconds)
            log.append((name, face.passed))

    threads = [
        threading.Thread(target=sleeper, args=each) for each in (("a", 5), ("b", 3), ("c", 7))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == [3, 5, 6, 7, 9, 10, 14, 15, 21]


def test_a_pool_of_threads_sleeps_side_by_side(face: Face, link: Link) -> None:
    """Ten polls in four threads: the clock shows what four workers would really take."""
    del link
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(time.sleep, [10] * 8))
    assert face.passed == 20


def test_a_thread_at_work_holds_the_clock(face: Face, link: Link) -> None:
    """Nobody's sleep may end before another thread has done what it does at this moment."""
    del link
    seen: list[float] = []
    told: queue.Queue[None] = queue.Queue()

    def worker() -> None:
        told.put(None)
        until = stopwatch() + 0.1
        while stopwatch() < until:
            sum(range(1000))
        seen.append(face.passed)

    thread = threading.Thread(target=worker)
    thread.start()
    told.get()
    time.sleep(60)
    thread.join()
    assert (seen, face.passed) == ([0], 60)


def test_a_thread_from_before_lives_in_real_time(face: Face) -> None:
    """A server's thread must not be hurried, nor hold anybody up."""
    went: queue.Queue[float] = queue.Queue()
    go = threading.Event()

    def stranger() -> None:
        go.wait()
        before = time.monotonic()
        time.sleep(0.02)
        went.put(time.monotonic() - before)

    thread = threading.Thread(target=stranger)
    thread.start()
    with Link(face):
        go.set()
        assert 0.01 < went.get() < 30
        time.sleep(600)
    thread.join()
    assert face.passed == 600


def test_a_wait_of_a_thread_keeps_real_time(face: Face, link: Link) -> None:
    """Event.wait, Condition.wait and Queue.get are not bound: watchdogs use them."""
    began = stopwatch()
    assert not threading.Event().wait(0.02)
    assert stopwatch() - began >= 0.02
    assert (face.passed, link.jumps) == (0, 0)


# Beside others ------------------------------------------------------------------------------------


def test_time_machine_moves_by_the_same_steps(face: Face) -> None:
    """Whoever holds the calendar keeps it; what is slept passes there as well."""
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False), Link(face):
        time.sleep(90)
        assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert face.passed == 90


def test_freezegun_moves_by_the_same_steps(face: Face) -> None:
    """The same for freezegun, begun before the link or within."""
    with freezegun.freeze_time("2030-01-01"), Link(face):
        time.sleep(90)
        assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
    with Link(face), freezegun.freeze_time("2030-01-01"):
        time.sleep(30)
        assert time.time() == datetime(2030, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp()
    assert face.passed == 120


# With the fake ------------------------------------------------------------------------------------


def polled(client: GetimgAI, video: str, *, every: float = 5) -> int:
    """Poll a video as the documentation advises, and return how many polls that took."""
    polls = 1
    while client.videos.generations.retrieve(video).status == "pending":
        time.sleep(every)
        polls += 1
    return polls


@pytest.mark.usefixtures("getimg_time")
def test_a_ten_minute_video_is_polled_as_often_as_it_would_be(getimg_mock: GetimgMock) -> None:
    """The right number of polls, at the right intervals, in no time."""
    getimg_mock.transitions.set(seconds=TEN_MINUTES)
    client = GetimgAI()
    video = client.videos.generations.create(**VIDEO)  # type: ignore[arg-type]
    assert polled(client, video.id) == POLLS
    moments = [each.at for each in getimg_mock.journal.query(operation="videos.retrieve")]
    steps = {after - before for before, after in itertools.pairwise(moments)}
    assert steps == {timedelta(seconds=5)}


@pytest.mark.usefixtures("getimg_time")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_videos_polled_side_by_side_take_as_long_as_the_longest(
    getimg_mock: GetimgMock, backend: str
) -> None:
    """Concurrent polls must interleave as they would in real time."""

    async def poll(client: httpx.AsyncClient, seconds: int, counts: dict[int, int]) -> None:
        getimg_mock.transitions.next(seconds=seconds)
        answer = await client.post("/v2/videos/generations", json={**VIDEO, "prompt": f"{seconds}"})
        video = answer.json()["id"]
        counts[seconds] = 1
        while True:
            answer = await client.get(f"/v2/videos/generations/{video}")
            if answer.json()["status"] != "pending":
                return
            await anyio.sleep(10)
            counts[seconds] += 1

    async def main() -> dict[int, int]:
        counts: dict[int, int] = {}
        headers = {"Authorization": f"Bearer {getimg_mock.key}"}
        async with (
            httpx.AsyncClient(base_url="https://api.getimg.ai", headers=headers) as client,
            anyio.create_task_group() as group,
        ):
            for seconds in (300, 100, 200):
                group.start_soon(poll, client, seconds, counts)
        return counts

    began = getimg_mock.clock.now()
    assert anyio.run(main, backend=backend) == {300: 31, 100: 11, 200: 21}
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(300)


@pytest.mark.usefixtures("getimg_time")
def test_images_side_by_side_take_as_long_as_one(getimg_mock: GetimgMock) -> None:
    """Waiting for an answer is sleeping, too: three that take 30 s take 30 s together."""
    getimg_mock.configure(image_seconds=30)

    async def main() -> None:
        async with AsyncGetimgAI() as client:
            await asyncio.gather(
                *(
                    client.images.generate(model="seedream-5-lite", prompt=f"{number}")
                    for number in range(3)
                )
            )

    began = getimg_mock.clock.now()
    asyncio.run(main())
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(30)
    assert getimg_mock.journal.count(status=200) == 3


@pytest.mark.usefixtures("getimg_time")
def test_an_image_held_by_hand_may_be_completed_by_another_task(getimg_mock: GetimgMock) -> None:
    """A test decides when; the client waits for it, and its timeout does not run out first."""
    getimg_mock.transitions.set(hold=True)

    async def main() -> str:
        async with AsyncGetimgAI() as client:

            async def ask() -> str:
                answer = await client.images.generate(model="seedream-5-lite", prompt="x")
                return answer.status

            asking = asyncio.ensure_future(ask())
            await asyncio.sleep(20)
            (generation,) = getimg_mock.generations
            generation.complete()
            return await asking

    began = getimg_mock.clock.now()
    assert asyncio.run(main()) == "completed"
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(20)


@pytest.mark.usefixtures("getimg_time")
def test_the_sdks_back_off_runs_at_full_length(getimg_mock: GetimgMock) -> None:
    """Six attempts with 1, 2, 4, 8 and 10 s less jitter between them."""
    getimg_mock.scenarios.add(error="server_error")
    with pytest.raises(InternalServerError):
        GetimgAI().images.generate(model="seedream-5-lite", prompt="x")
    moments = [each.at for each in getimg_mock.journal]
    waits = [(after - before).total_seconds() for before, after in itertools.pairwise(moments)]
    assert len(waits) == 5
    for wait, most in zip(waits, (1, 2, 4, 8, 10), strict=True):
        assert most * 0.7 <= wait <= most


@pytest.mark.usefixtures("getimg_time")
def test_the_sdks_timeouts_take_their_time(getimg_mock: GetimgMock) -> None:
    """Silence costs a client its whole timeout, each time it tries."""
    getimg_mock.scenarios.add(fault="hang")
    began = getimg_mock.clock.now()
    with pytest.raises(APIConnectionError):
        GetimgAI(max_retries=2, timeout=60).models.list()
    assert getimg_mock.journal.count(operation="models.list") == 3
    assert (getimg_mock.clock.now() - began).total_seconds() > 180


def flaky(getimg_mock: GetimgMock) -> Callable[[], int]:
    """Return a call that fails twice and then succeeds."""
    getimg_mock.scenarios.add(error="rate_limit", retry_after=9, first=2)
    client = httpx.Client(headers={"Authorization": f"Bearer {getimg_mock.key}"})

    def call() -> int:
        answer = client.get("https://api.getimg.ai/v2/models")
        answer.raise_for_status()
        return answer.status_code

    return call


@pytest.mark.usefixtures("getimg_time")
def test_tenacity_waits_on_the_clock(getimg_mock: GetimgMock) -> None:
    """Retries by tenacity wait as they say."""
    began = getimg_mock.clock.now()
    retrying = tenacity.Retrying(wait=tenacity.wait_fixed(30), stop=tenacity.stop_after_delay(300))
    assert retrying(flaky(getimg_mock)) == 200
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(60)


@pytest.mark.usefixtures("getimg_time")
def test_stamina_waits_on_the_clock(getimg_mock: GetimgMock) -> None:
    """Retries by stamina wait as they say, and so do its asynchronous ones."""
    began = getimg_mock.clock.now()
    options: dict[str, Any] = {"on": httpx.HTTPError, "wait_initial": 20, "wait_max": 20,
                               "wait_jitter": 0, "timeout": 300}  # fmt: skip
    assert stamina.retry(**options)(flaky(getimg_mock))() == 200
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(40)

    async def main() -> int:
        call = flaky(getimg_mock)
        async for attempt in stamina.retry_context(**options):
            with attempt:
                return call()
        return 0

    assert asyncio.run(main()) == 200
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(80)


def test_the_time_zone_stays_where_it_is(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local times in the code under test are those of the machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with Link(face):
            assert time.tzname == ("JST", "JST")
            assert time.localtime().tm_hour == 21
    finally:
        monkeypatch.undo()
        time.tzset()
