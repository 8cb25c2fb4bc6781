"""Unrecorded requests go to the API, through the gate, and are recorded; all others do not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from getimg_mock import MockServer
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cli import main
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.cassette_recording.recording_run import (
    RecordingOptions,
    finish_recording,
)
from getimg_mock.contract.cassette_recording.replaying_recorder import open_replaying_recorder
from getimg_mock.errors import SettingsError
from getimg_mock.settings import Settings
from tests.cassettes.written_cassette import IMAGE, WrittenCassette, draw_picture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

KEY = "sk_mixed0123456789abcdef"
NEW = {"model": "seedream-5-lite", "prompt": "A harbour"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves", "resolution": "480p", "duration": 4}


@pytest.fixture(scope="module")
def upstream() -> Iterator[MockServer]:
    """Serve a fake that plays the API."""
    with MockServer(seed="another", video_seconds=0) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a cassette with one image."""
    made = WrittenCassette(tmp_path / "cassette")
    made.add_image()
    return made.save()


def use(
    folder: Path,
    url: str,
    work: Callable[[httpx.AsyncClient], Awaitable[Any]],
    budget: str | None = "1",
) -> Any:
    """Run a client against a replay whose misses go to `url`, and write the cassette."""
    options = RecordingOptions(folder=folder, upstream=url, budget=budget, record=SpendRecord())
    settings = Settings.of(quiet=True, replay=folder, on_miss="real")
    app = open_replaying_recorder(options, settings)

    async def go() -> Any:
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mixed:1", headers=headers
        ) as client:
            return await work(client)

    found = asyncio.run(go())
    return found, finish_recording(app)


def test_what_is_missing_is_asked_of_the_api_and_added_to_the_cassette(
    folder: Path, upstream: MockServer
) -> None:
    """A recorded request reaches nothing; the next run has recorded the others, too."""
    before = len(list(upstream.workspace(KEY).journal))

    async def work(client: httpx.AsyncClient) -> list[Any]:
        recorded = await client.post("/v2/images/generations", json=IMAGE)
        own = await client.get(recorded.json()["data"][0]["url"])
        new = await client.post("/v2/images/generations", json=NEW)
        file = await client.get(new.json()["data"][0]["url"])
        video = await client.post("/v2/videos/generations", json=VIDEO)
        state = await client.get(f"/v2/videos/generations/{video.json()['id']}")
        return [recorded, own, new, file, video, state]

    (recorded, own, new, file, video, state), summary = use(folder, upstream.url, work)
    assert recorded.json()["model"] == "seedream-9"
    assert own.content == draw_picture()
    assert [each.status_code for each in (new, file, video, state)] == [200, 200, 202, 200]
    assert new.json()["data"][0]["url"].startswith("http://mixed:1/")
    assert state.json()["status"] == "completed"
    seen = [each.operation for each in list(upstream.workspace(KEY).journal)[before:]]
    assert seen.count("images.generate") == seen.count("videos.create") == 1
    cassette = read_cassette(folder)
    assert (len(cassette.exchanges), len(cassette.jobs), len(cassette.media)) == (2, 1, 3)
    assert summary.spent > 0

    async def again(client: httpx.AsyncClient) -> list[Any]:
        made = await client.post("/v2/images/generations", json=NEW)
        return [made, await client.get(made.json()["data"][0]["url"])]

    (made, downloaded), summary = use(folder, upstream.url, again)
    assert summary.sent == 0
    assert downloaded.content == file.content
    assert made.json()["usage"] == new.json()["usage"]


def test_without_a_budget_a_miss_is_not_sent(folder: Path, upstream: MockServer) -> None:
    """The gate is the only way to the API."""

    async def work(client: httpx.AsyncClient) -> list[Any]:
        return [
            await client.post("/v2/images/generations", json=NEW),
            await client.get("/v2/models/nothing"),
            await client.post("/v2/images/generations", content=b"{"),
        ]

    (refused, unknown, malformed), summary = use(folder, upstream.url, work, None)
    assert refused.status_code == 402
    assert "did not send" in refused.json()["error"]["message"]
    assert unknown.status_code == 404
    assert malformed.status_code == 415
    assert summary.spent == 0


def test_options_that_do_not_belong_together_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that says what would work, before anything is served."""
    with pytest.raises(SettingsError, match="is for getimg-mock serve"):
        MockServer(replay=folder, on_miss="real")
    assert main(["serve", "--replay", str(folder), "--record", str(folder)]) == 2
    assert "--on-miss real" in capsys.readouterr().err
    assert main(["serve", "--replay", str(folder), "--budget", "1"]) == 2
    assert "--replay DIR --on-miss real" in capsys.readouterr().err
