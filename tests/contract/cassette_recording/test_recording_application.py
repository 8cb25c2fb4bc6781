"""A client's program goes through the recorder to a service, and notices nothing but the port."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from getimg_mock.application import Application
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.cassette_recording.recording_run import (
    RecordingOptions,
    finish_recording,
    open_recording,
    render_recording,
)
from getimg_mock.errors import BudgetError, SettingsError
from getimg_mock.serving.server import MockServer
from getimg_mock.settings import Settings
from tests.contract.cassette_recording.services import KEY, PricedService, serve_priced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from getimg_mock.contract.cassette_recording.recording_application import RecordingApplication
    from getimg_mock.contract.cassette_recording.recording_run import RecordingSummary

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves", "resolution": "480p", "duration": 4}


@pytest.fixture(scope="module")
def upstream() -> Iterator[MockServer]:
    """Serve a fake that plays the API: other seed, balance and lengths of life."""
    with MockServer(balance="7.31", seed="another", retention=7200, video_seconds=0) as server:
        yield server


def _record(
    folder: Path,
    url: str,
    use: Callable[[httpx.AsyncClient], Awaitable[Any]],
    *,
    budget: str | None = "1",
) -> tuple[RecordingSummary, RecordingApplication]:
    options = RecordingOptions(folder=folder, upstream=url, budget=budget, record=SpendRecord())
    app = open_recording(options, Settings.of(quiet=True))

    async def go() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://recorder:1",
            headers={"Authorization": f"Bearer {KEY}"},
        ) as client:
            await use(client)

    asyncio.run(go())
    return finish_recording(app), app


def test_a_picture_and_its_file_are_recorded_once(tmp_path: Path, upstream: MockServer) -> None:
    """The link leads to the recorder, the file is fetched once, and ranges of it are served."""
    found: dict[str, httpx.Response] = {}

    async def use(client: httpx.AsyncClient) -> None:
        made = await client.post("/v2/images/generations", json=IMAGE)
        link = made.json()["data"][0]["url"]
        found["whole"] = await client.get(link)
        found["part"] = await client.get(link, headers={"Range": "bytes=0-9"})
        found["head"] = await client.head(link)
        found["made"] = made

    before = len(list(upstream.workspace(KEY).journal))
    summary, _ = _record(tmp_path, upstream.url, use)
    link = found["made"].json()["data"][0]["url"]
    assert link.startswith("http://recorder:1/v2/downloads/")
    assert found["whole"].status_code == 200
    assert found["part"].status_code == 206
    assert found["part"].content == found["whole"].content[:10]
    assert found["head"].content == b""
    seen = [each.operation for each in list(upstream.workspace(KEY).journal)[before:]]
    assert seen.count("downloads.retrieve") == 1
    assert seen.count("images.generate") == 1
    (entry,) = read_cassette(tmp_path).exchanges
    assert entry.response.body.value["id"] == "{generation}"
    assert entry.response.body.value["data"][0]["url"] == "{link:0}"
    assert entry.response.body.value["data"][0]["deletes_at"] == "{answer+7200s}"
    assert (entry.cost, summary.spent) == (Decimal("0.04"), Decimal("0.04"))
    media = tmp_path / "media" / entry.files[0].media
    assert media.read_bytes() == found["whole"].content


def test_all_polls_of_a_video_are_one_entry(tmp_path: Path, upstream: MockServer) -> None:
    """Submission, states, last answer and file are in one place, and a file is fetched anyway."""

    async def use(client: httpx.AsyncClient) -> None:
        made = await client.post("/v2/videos/generations", json=VIDEO)
        for _ in range(3):
            await client.get(f"/v2/videos/generations/{made.json()['id']}")

    summary, _ = _record(tmp_path, upstream.url, use)
    cassette = read_cassette(tmp_path)
    (job,) = cassette.jobs
    assert cassette.exchanges == ()
    assert job.polls == 3
    assert [each.status for each in job.changes] == ["completed"]
    assert job.final is not None
    assert job.final.body.value["usage"]["quantity"] == 4
    assert job.files[0].media_type == "video/mp4"
    assert summary.manifest.jobs == summary.manifest.media == 1


def test_what_was_paid_for_is_kept_when_a_recording_is_killed(
    tmp_path: Path, upstream: MockServer
) -> None:
    """A cassette can be read before `finish_recording`, and has each submission so far."""
    options = RecordingOptions(
        folder=tmp_path, upstream=upstream.url, budget="1", record=SpendRecord()
    )
    app = open_recording(options, Settings.of(quiet=True))
    assert read_cassette(tmp_path).entries == ()

    async def go() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://recorder:1"
        ) as client:
            key = {"Authorization": f"Bearer {KEY}"}
            await client.post("/v2/images/generations", json=IMAGE, headers=key)

    asyncio.run(go())
    app.close()
    (entry,) = read_cassette(tmp_path).entries
    assert entry.cost == Decimal("0.04")


def test_no_secret_is_in_a_cassette(tmp_path: Path, upstream: MockServer) -> None:
    """No key, signature, id, or balance is in any file, wherever the client has put its key."""
    seen: list[str] = []

    async def use(client: httpx.AsyncClient) -> None:
        made = await client.post(
            "/v2/images/generations", json={**IMAGE, "note": KEY, "prompt": f"my key is {KEY}"}
        )
        seen.append(made.json()["id"])
        seen.append(made.json()["data"][0]["url"].partition("sig=")[2])
        seen.append((await client.get("/v2/billing/balance")).json()["balance"])
        await client.get("/v2/models", params={"api_key": KEY})
        await client.get(f"/v2/models/{KEY}")

    _record(tmp_path, upstream.url, use)
    texts = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    for secret in (KEY, KEY[:12], *seen):
        assert secret not in texts
    assert "{balance+0}" in texts


def test_recording_again_writes_the_same_files(tmp_path: Path, upstream: MockServer) -> None:
    """Ids, links, times and balances differ, and the files show none of it."""

    async def use(client: httpx.AsyncClient) -> None:
        await client.post("/v2/images/generations", json={**IMAGE, "prompt": "Same"})
        await client.get("/v2/billing/balance")

    def read() -> dict[str, Any]:
        found = {}
        for path in tmp_path.rglob("exchanges/*.json"):
            value = json.loads(path.read_text())
            value["seconds"] = value["response"]["headers"] = None
            # Equal requests of one fake give other pictures, as those of the API do.
            value["files"] = len(value["files"])
            found[path.name] = value
        return found

    _record(tmp_path, upstream.url, use)
    before = read()
    _record(tmp_path, upstream.url, use)
    assert read() == before


def test_what_could_exceed_the_ceiling_is_a_402_before_it_is_sent(tmp_path: Path) -> None:
    """The envelope is the API's, the message says that nothing was sent, and the SDK stops."""
    service = PricedService({"seedream-5-lite": "0.04"})
    found: list[httpx.Response] = []

    async def use(client: httpx.AsyncClient) -> None:
        for mark in "ab":
            found.append(  # noqa: PERF401 - one after the other
                await client.post("/v2/images/generations", json=IMAGE, headers={"x-mark": mark})
            )

    with serve_priced(service) as url:
        summary, _ = _record(tmp_path, url, use, budget="0.05")
    assert [each.status_code for each in found] == [200, 402]
    error = found[1].json()["error"]
    assert error["code"] == "quota_exceeded"
    assert "did not send this request" in error["message"]
    assert service.seen == {"a": 1}
    assert (summary.refused, summary.manifest.exchanges) == (1, 1)
    assert "1 not sent, at most 0.04 USD spent" in render_recording(summary)


def test_a_broken_connection_is_a_502_that_sdks_do_not_repeat(tmp_path: Path) -> None:
    """The outcome is unknown: the message says so, and nothing is recorded as an answer."""
    service = PricedService({"seedream-5-lite": "0.04"}, ["drop"])
    found: list[httpx.Response] = []

    async def use(client: httpx.AsyncClient) -> None:
        found.append(
            await client.post("/v2/images/generations", json=IMAGE, headers={"x-mark": "a"})
        )

    with serve_priced(service) as url:
        summary, _ = _record(tmp_path, url, use)
    assert found[0].status_code == 502
    assert found[0].headers["x-should-retry"] == "false"
    assert "may have been charged" in found[0].json()["error"]["message"]
    assert service.seen == {"a": 1}
    assert summary.manifest.exchanges == 0


def test_no_endpoint_of_the_fake_answers_for_the_api(tmp_path: Path) -> None:
    """A server that takes a shorter way to endpoints finds none: each request passes the gate."""
    app = open_recording(RecordingOptions(folder=tmp_path), Settings.of(quiet=True))
    scope = {"type": "http", "method": "POST", "path": "/v2/images/generations"}
    assert Application.find_endpoint(app, scope) is not None
    assert app.find_endpoint(scope) is None  # type: ignore[func-returns-value] # the rule itself


def test_an_image_request_on_a_port_goes_to_the_api(tmp_path: Path) -> None:
    """The server answers plain ones of the fake by a short way, which would bypass the gate."""
    options = RecordingOptions(folder=tmp_path, upstream="http://127.0.0.1:9")
    app = open_recording(options, Settings.of(quiet=True))
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    server = MockServer()
    server.app = app
    with server:
        body = b'{"model":"seedream-5-lite","prompt":"A lighthouse"}'
        url = f"{server.url}/v2/images/generations"
        answer = httpx.post(url, content=body, headers=headers)
    assert answer.status_code == 402
    assert "did not send this request" in answer.json()["error"]["message"]
    assert finish_recording(app).refused == 1


def test_our_own_pages_are_not_forwarded(tmp_path: Path, upstream: MockServer) -> None:
    """The control paths are those of the recorder."""
    found: list[int] = []

    async def use(client: httpx.AsyncClient) -> None:
        found.append((await client.get("/__mock__/schemas")).status_code)

    before = len(upstream.app.fake.journal)
    summary, _ = _record(tmp_path, upstream.url, use)
    assert len(upstream.app.fake.journal) == before
    assert summary.sent == 0


@pytest.mark.parametrize("upstream_url", ["ftp://x", "localhost:80", "http://a b"])
def test_an_upstream_that_is_no_service_is_refused(tmp_path: Path, upstream_url: str) -> None:
    """The message says what an address looks like, and nothing is written."""
    options = RecordingOptions(folder=tmp_path / "new", upstream=upstream_url)
    with pytest.raises(SettingsError, match="--upstream real"):
        open_recording(options, Settings.of())
    assert not (tmp_path / "new").exists()


def test_a_budget_that_is_no_amount_is_refused(tmp_path: Path) -> None:
    """A typing error does not lift the ceiling."""
    with pytest.raises(BudgetError, match="amount"):
        open_recording(RecordingOptions(folder=tmp_path, budget="1,50"), Settings.of())
