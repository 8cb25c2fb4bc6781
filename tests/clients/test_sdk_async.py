"""The official SDK's asynchronous client, over httpx and over aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import getimg
import httpx
import pytest
from getimg import AsyncGetimgAI, DefaultAioHttpClient

from getimg_mock import MockServer
from tests.clients.files import assert_picture, assert_video

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

KEY = "sk_async"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Return a fake that is shared: every test has a workspace of its own."""
    with MockServer(balance=10, video_seconds=0) as started:
        yield started


@pytest.fixture(params=["httpx", "aiohttp"])
def run(request: pytest.FixtureRequest, server: MockServer) -> Any:
    """Return a function that runs a coroutine function with an SDK client."""

    def call(work: Callable[[AsyncGetimgAI], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def main() -> None:
            aiohttp = request.param == "aiohttp"
            transport = {"http_client": DefaultAioHttpClient()} if aiohttp else {}
            key = "".join(filter(str.isalnum, request.node.name))
            made: dict[str, Any] = {"base_url": server.url, "api_key": f"{KEY}_{key}"}
            async with AsyncGetimgAI(
                **made | transport | options, max_retries=0, _strict_response_validation=True
            ) as client:
                await work(client)

        asyncio.run(main())

    return call


async def _downloaded(url: str) -> bytes:
    async with httpx.AsyncClient() as plain:
        answer = await plain.get(url)
    assert answer.status_code == 200
    return answer.content


def test_a_picture_is_generated_and_downloaded(run: Any) -> None:
    """The quickstart, asynchronously."""

    async def work(client: AsyncGetimgAI) -> None:
        image = await client.images.generate(
            model="z-image-turbo", prompt="A lighthouse", resolution="1K", output_format="png"
        )
        item = image.data[0]
        assert_picture(item.to_dict(mode="json"), await _downloaded(item.url))

    run(work)


def test_a_video_is_made_polled_and_downloaded(run: Any) -> None:
    """Create, poll, download."""

    async def work(client: AsyncGetimgAI) -> None:
        made = await client.videos.generations.create(
            model="seedance-v1-5-pro", prompt="Waves", resolution="480p", sound=True
        )
        video = await client.videos.generations.retrieve(made.id)
        assert video.status == "completed"
        item = video.data[0]
        assert_video(item.to_dict(mode="json"), await _downloaded(item.url))

    run(work)


def test_everything_else_can_be_asked_for(run: Any) -> None:
    """Models, one model, balance, costs."""

    async def work(client: AsyncGetimgAI) -> None:
        models = await client.models.list(type="image")
        assert (await client.models.retrieve(models[0].id)).name == models[0].name
        assert (await client.billing.retrieve_balance()).balance == "10.00"
        costs = await client.billing.list_costs(
            start="2026-09-01T00:00:00Z", end="2026-09-02T00:00:00Z"
        )
        assert costs.total_cost == 0

    run(work)


def test_many_at_once_are_each_answered(run: Any) -> None:
    """Over a pool of connections, on one event loop."""

    async def work(client: AsyncGetimgAI) -> None:
        images = await asyncio.gather(
            *(client.images.generate(model="z-image-turbo", prompt="x") for _ in range(30))
        )
        assert len({image.id for image in images}) == 30

    run(work)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice
@pytest.mark.parametrize(
    ("options", "fields", "kind"),
    [
        ({"api_key": "wrong"}, {}, getimg.AuthenticationError),
        ({}, {"resolution": "9K"}, getimg.BadRequestError),
        ({"api_key": "sk_mock_broke"}, {}, getimg.APIStatusError),
        ({}, {"prompt": "mock:error=content_policy_violation"}, getimg.UnprocessableEntityError),
        ({}, {"prompt": "mock:error=rate_limit"}, getimg.RateLimitError),
        ({}, {"extra_body": {"padding": "x" * 26 * 2**20}}, getimg.APIStatusError),
        ({}, {"prompt": "mock:fault=reset"}, getimg.APIConnectionError),
        ({"timeout": 0.2}, {"prompt": "mock:fault=hang"}, getimg.APITimeoutError),
    ],
)
def test_each_error_is_the_exception_that_belongs_to_it(
    run: Any, options: dict[str, Any], fields: dict[str, Any], kind: type[Exception]
) -> None:
    """The same classes as in the synchronous client."""

    async def work(client: AsyncGetimgAI) -> None:
        with pytest.raises(getimg.APIError) as caught:
            await client.images.generate(**{"model": "z-image-turbo", "prompt": "x"} | fields)
        # httpx-aiohttp calls a connection that was reset a timeout, which is one of its kinds.
        assert type(caught.value) is kind or kind is getimg.APIConnectionError
        assert isinstance(caught.value, kind)

    run(work, **options)


def test_what_is_not_there_is_a_not_found_error(run: Any) -> None:
    """404 on a model and on a video."""

    async def work(client: AsyncGetimgAI) -> None:
        with pytest.raises(getimg.NotFoundError):
            await client.models.retrieve("nope")
        with pytest.raises(getimg.NotFoundError):
            await client.videos.generations.retrieve("req-01NOPE")

    run(work)
