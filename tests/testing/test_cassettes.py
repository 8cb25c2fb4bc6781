"""Cassettes in tests: the mark, the official SDK, and what fails a test."""

from __future__ import annotations

import asyncio
import time  # noqa: TID251 - sleeps, bound to the workspace's clock
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from getimg import AsyncGetimgAI, BadRequestError, GetimgAI

from getimg_mock.world.clock import stopwatch
from tests.cassettes.written_cassette import (
    WrittenCassette,
    build_error,
    build_result,
    draw_picture,
)
from tests.testing.suites import INI, run

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.testing import GetimgMock, MarkOptions

pytest_plugins = ["pytester"]

IMAGE: dict[str, Any] = {"model": "seedream-9", "prompt": "A lighthouse"}
VIDEO: dict[str, Any] = {"model": "seedance-9", "prompt": "Waves", "duration": 5}
HEADERS = {"retry-after": "3"}


def write_cassette(folder: Path) -> Path:
    """Write a cassette: an image after a 429, a slow image, and a video of ten minutes."""
    made = WrittenCassette(folder)
    made.add(IMAGE, 429, build_error("rate_limit", "Slower.", type="x"), headers=HEADERS)
    made.add_image()
    made.add_image(IMAGE | {"prompt": "Slow"}, build_result(0.03), seconds=28.4, cost="0.03")
    made.add_video(body=VIDEO, changes=[("pending", 0.2), ("completed", 600.0)], files=[b"a film"])
    return made.save()


@pytest.fixture
def getimg_settings(tmp_path: Path) -> MarkOptions:
    """Return settings that replay that cassette in linked time."""
    return {"cassette": write_cassette(tmp_path / "cassette"), "clock": "linked"}


def test_the_official_sdk_gets_the_recorded_values(getimg_mock: GetimgMock) -> None:
    """It retries the recorded 429, waits ten minutes for the video, and downloads the files."""
    began = stopwatch()
    with GetimgAI() as client:
        image = client.images.generate(**IMAGE)
        assert image.usage.total_cost == 0.07
        assert (image.data[0].width, image.data[0].mime_type) == (40, "image/jpeg")
        assert httpx.get(image.data[0].url).content == draw_picture()
        accepted = client.videos.generations.create(**VIDEO)
        video: Any = client.videos.generations.retrieve(accepted.id)
        while video.status == "pending":
            time.sleep(5)
            video = client.videos.generations.retrieve(accepted.id)
    assert video.status == "completed"
    assert video.usage.total_cost == 0.5
    assert httpx.get(video.data[0].url).content == b"a film"
    assert str(getimg_mock.ledger.balance) == "99.43"
    assert getimg_mock.journal.count(operation="videos.retrieve") == 121
    assert stopwatch() - began < 60


def test_the_asynchronous_sdk_gets_the_same(getimg_mock: GetimgMock) -> None:
    """Images take their recorded time, side by side, on the clock of the workspace."""

    async def main() -> tuple[Any, Any]:
        async with AsyncGetimgAI() as client:
            slow = client.images.generate(**IMAGE | {"prompt": "Slow"})
            return await asyncio.gather(client.images.generate(**IMAGE), slow)

    opened = getimg_mock.clock.now()
    first, slow = asyncio.run(main())
    assert (first.usage.total_cost, slow.usage.total_cost) == (0.07, 0.03)
    elapsed = (getimg_mock.clock.now() - opened).total_seconds()
    assert 28.4 <= elapsed < 40


@pytest.mark.getimg(on_miss="fake")
def test_a_mark_changes_what_a_miss_gets(getimg_mock: GetimgMock) -> None:
    """The mark wins over the fixture, name by name."""
    with GetimgAI() as client:
        assert client.images.generate(model="seedream-5-lite", prompt="x").status == "completed"
    hint = getimg_mock.journal.query()[-1].response.header("x-mock-hint") or ""
    assert "The nearest" in hint


@pytest.mark.getimg(on_miss="fake", cassette=None)
def test_a_mark_can_take_the_cassette_away(getimg_mock: GetimgMock) -> None:
    """None is no cassette, as for other settings."""
    with GetimgAI() as client:
        client.images.generate(model="seedream-5-lite", prompt="x")
    assert getimg_mock.journal.query()[-1].response.header("x-mock-hint") is None


SWALLOWED = """
@pytest.mark.getimg(cassette="cassette")
def test_swallowed(getimg_mock):
    with GetimgAI() as client:
        try:
            client.images.generate(model="seedream-9", prompt="A lighthouze")
        except Exception:
            pass

@pytest.mark.getimg(cassette="cassette", on_miss="fial")
def test_misspelt(getimg_mock):
    pass

@pytest.mark.getimg(cassette="nowhere")
def test_missing(getimg_mock):
    pass

@pytest.mark.getimg(cassette="cassette")
def test_live(getimg_live):
    url = getimg_live.url + "/v2/images/generations"
    headers = {"Authorization": f"Bearer {getimg_live.key}"}
    answer = requests.post(url, json={"model": "seedream-9", "prompt": "A"}, headers=headers)
    assert answer.status_code == 400
"""


def test_a_test_with_an_unrecorded_request_fails_and_names_it(pytester: pytest.Pytester) -> None:
    """Also where the client swallows the error, in process and on a socket."""
    write_cassette(pytester.path / "cassette")
    pytester.makeini(INI)
    result = run(pytester, SWALLOWED)
    result.assert_outcomes(failed=2, errors=2)
    text = result.stdout.str()
    assert "Not in the cassette:" in text
    assert 'has prompt "A lighthouse", not "A lighthouze".' in text
    assert 'has prompt "Slow", not "A"' in text or 'prompt "A lighthouse", not "A"' in text
    assert "Did you mean 'fail'?" in text
    assert "nowhere is not a cassette: it has no manifest.json." in text


@pytest.mark.getimg(cassette=None)
def test_a_miss_is_an_error_that_the_sdk_does_not_retry(tmp_path: Path) -> None:
    """400 is final for every client, and the message says what was recorded instead."""
    from getimg_mock import MockServer  # noqa: PLC0415 - for this test alone

    with (
        MockServer(port=0, replay=write_cassette(tmp_path / "other"), quiet=True) as server,
        GetimgAI(base_url=server.url, api_key="sk_miss") as client,
        pytest.raises(BadRequestError, match="No recorded images"),
    ):
        client.images.generate(model="seedream-9", prompt="A lighthouze")
