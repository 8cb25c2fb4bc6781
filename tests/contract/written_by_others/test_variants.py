"""The right provider works from end to end, and every variant says what it is."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Final

import av
import httpx
from PIL import Image

from tests.contract.written_by_others import variants
from tests.contract.written_by_others.provider import IMAGES, VIDEOS, Provider
from tests.contract.written_by_others.rows import ROWS
from tests.contract.written_by_others.wire import start_serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KEY: Final = "Bearer sk_mQ7vXw2LpT9aRf4Z"


def run_against(provider: Provider, act: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """Serve a provider on a free port while a client acts."""

    async def run() -> None:
        async for client in open_client(provider):
            await act(client)

    asyncio.run(run())


async def open_client(provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a provider that is served meanwhile."""
    server, port = await start_serving(provider)
    address = f"http://127.0.0.1:{port}"
    async with server, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        client.headers["Authorization"] = KEY
        yield client


def test_an_image_and_a_video_arrive_and_are_paid() -> None:
    """What is ordered is what the link answers, and what the balance pays."""

    async def act(client: httpx.AsyncClient) -> None:
        order = {"model": "seedream-5-lite", "prompt": "A lighthouse", "aspect_ratio": "2:3"}
        image = (await client.post(IMAGES, json=order)).raise_for_status().json()
        item = image["data"][0]
        with Image.open(io.BytesIO((await client.get(item["url"])).content)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (item["width"], item["height"]))
        order = {"model": "seedance-v1-5-pro", "prompt": "Waves", "resolution": "480p"}
        accepted = await client.post(VIDEOS, json={**order, "duration": 4, "sound": True})
        assert (accepted.status_code, accepted.json()["status"]) == (202, "pending")
        video = (await client.get(f"{VIDEOS}/{accepted.json()['id']}")).json()
        content = (await client.get(video["data"][0]["url"])).content
        with av.open(io.BytesIO(content)) as film:
            assert (film.streams.video[0].frames, len(film.streams.audio)) == (4 * 24, 1)
        balance = (await client.get("/v2/billing/balance")).json()
        assert balance == {"balance": "499.898", "currency": "USD"}

    run_against(Provider(video_seconds=0), act)


def test_a_part_of_a_file_is_that_part() -> None:
    """The base of the faults of ranges is right."""

    async def act(client: httpx.AsyncClient) -> None:
        order = {"model": "z-image-turbo", "prompt": "Fog"}
        link = (await client.post(IMAGES, json=order)).json()["data"][0]["url"]
        whole = (await client.get(link)).content
        for asked, expected in (
            ("bytes=10-19", whole[10:20]),
            ("bytes=-7", whole[-7:]),
            ("bytes=100-", whole[100:]),
        ):
            part = await client.get(link, headers={"Range": asked})
            assert (part.status_code, part.content) == (206, expected)
        past = await client.get(link, headers={"Range": f"bytes={len(whole)}-"})
        assert past.status_code == 416

    run_against(Provider(), act)


def test_every_variant_says_what_it_is() -> None:
    """A row of the table of first sights is understood without the code."""
    variants.load()
    assert {row.subject for row in ROWS.values() if row.severity is not None} | {"legal"} == {
        row.subject for row in ROWS.values()
    }
    assert [row.name for row in ROWS.values() if not row.says or row.says == Provider.__doc__] == []
    sentences = [row.says for row in ROWS.values()]
    assert len(set(sentences)) == len(sentences)
