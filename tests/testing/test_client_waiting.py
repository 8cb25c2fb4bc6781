"""How clients of the fake wait in linked time: between polls and tries, and for an answer."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import stamina
import tenacity
from getimg import APIConnectionError, AsyncGetimgAI, GetimgAI, InternalServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.testing.workspace import GetimgMock

TEN_MINUTES = 600
POLLS = 121
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves"}


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
    options: dict[str, Any] = {
        "on": httpx.HTTPError,
        "wait_initial": 20,
        "wait_max": 20,
        "wait_jitter": 0,
        "timeout": 300,
    }
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
