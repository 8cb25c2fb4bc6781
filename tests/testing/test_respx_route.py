"""The fake on a respx router, beside routes of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
from getimg import GetimgAI

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.testing.workspace import GetimgMock

IMAGE: dict[str, Any] = {"model": "seedream-5-lite", "prompt": "A lighthouse"}


def test_the_fake_and_other_routes_answer_side_by_side(
    getimg_respx: respx.MockRouter, getimg_mock: GetimgMock
) -> None:
    """An application calls getimg.ai and others; one router records both."""
    hook = getimg_respx.post("https://hooks.example.com/done").respond(204)
    image = GetimgAI().images.generate(**IMAGE)
    assert httpx.post("https://hooks.example.com/done").status_code == 204
    assert httpx.get(image.data[0].url).status_code == 200
    assert hook.called
    assert len(getimg_respx.calls) == 3
    assert getimg_mock.journal.count() == 2


def test_a_route_of_the_tests_own_wins(getimg_respx: respx.MockRouter) -> None:
    """What a test says about one path goes before the fake, also when it is said later."""
    assert GetimgAI().models.list()
    getimg_respx.get("https://api.getimg.ai/v2/models").respond(418)
    answer = httpx.get("https://api.getimg.ai/v2/models")
    assert answer.status_code == 418
    assert GetimgAI().images.generate(**IMAGE).status == "completed"


def test_asynchronous_requests_stream(
    getimg_respx: respx.MockRouter, getimg_mock: GetimgMock
) -> None:
    """A body comes through respx in pieces."""
    del getimg_respx
    getimg_mock.scenarios.add(fault="drip", on="models.list")

    async def main() -> int:
        headers = {"Authorization": f"Bearer {getimg_mock.key}"}
        async with (
            httpx.AsyncClient(headers=headers) as client,
            client.stream("GET", "https://api.getimg.ai/v2/models") as answer,
        ):
            return len([piece async for piece in answer.aiter_raw()])

    assert asyncio.run(main()) > 100


@pytest.mark.parametrize("run", ["plain", "asyncio"])
def test_faults_come_through(
    getimg_respx: respx.MockRouter, getimg_mock: GetimgMock, run: str
) -> None:
    """The error is httpx's own, and the router records that there was no answer."""
    getimg_mock.scenarios.add(fault="reset")

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            await client.get("https://api.getimg.ai/v2/models", headers=headers)

    headers = {"Authorization": f"Bearer {getimg_mock.key}"}
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: httpx.get("https://api.getimg.ai/v2/models", headers=headers),
        "asyncio": lambda: asyncio.run(main()),
    }
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        ways[run]()
    assert not getimg_respx.calls.last.has_response


def test_a_router_of_the_users_own_may_take_the_fake(getimg_mock: GetimgMock) -> None:
    """Suites with a router already need no other one."""
    transport = respx.MockRouter(assert_all_called=False)
    transport.get("https://example.com/").respond(201)
    route = getimg_mock.mount(transport)
    client = httpx.Client(transport=httpx.MockTransport(transport.handler))
    with client:
        headers = {"Authorization": f"Bearer {getimg_mock.key}"}
        assert client.get("https://example.com/").status_code == 201
        answer = client.get("https://api.getimg.ai/v2/models", headers=headers)
    assert answer.status_code == 200
    assert route.call_count == 1
