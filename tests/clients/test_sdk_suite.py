"""The requests of the official SDK's own API tests, in the lenient mode made for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from getimg import GetimgAI

from getimg_mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT = datetime.fromisoformat("2019-12-27T18:11:19.117Z")


@pytest.fixture(scope="module")
def client() -> Iterator[GetimgAI]:
    """Return the client as those tests make it: their key, and every answer type-checked."""
    with (
        MockServer(strictness="schema") as server,
        GetimgAI(
            base_url=server.url, api_key="My API Key", _strict_response_validation=True
        ) as made,
    ):
        yield made


def test_a_picture(client: GetimgAI) -> None:
    """With the required parameters, and with all: the reference is "x"."""
    client.images.generate(
        model="seedream-5-lite", prompt="A cinematic portrait of a cat astronaut"
    )
    image = client.images.generate(
        model="seedream-5-lite",
        prompt="A cinematic portrait of a cat astronaut",
        aspect_ratio="1:1",
        images=[{"url": "x"}],
        output_format="jpeg",
        resolution="2K",
    )
    assert image.status == "completed"


def test_a_video(client: GetimgAI) -> None:
    """A role that the model does not support, and a reference that is no URL."""
    client.videos.generations.create(
        model="seedance-v1-pro", prompt="A drone shot over a futuristic city skyline at sunset"
    )
    video = client.videos.generations.create(
        model="seedance-v1-pro",
        prompt="A drone shot over a futuristic city skyline at sunset",
        aspect_ratio="16:9",
        duration=5,
        images=[{"role": "reference_image", "url": "x"}],
        resolution="1080p",
        sound=False,
    )
    assert video.status == "pending"


def test_a_video_that_was_never_made(client: GetimgAI) -> None:
    """It answers as pending."""
    video = client.videos.generations.retrieve("req-01HXYZVIDEO1234")
    assert (video.id, video.status) == ("req-01HXYZVIDEO1234", "pending")


def test_costs_of_a_range_without_length(client: GetimgAI) -> None:
    """`start` equals `end`, in 2019."""
    assert client.billing.list_costs(start=MOMENT, end=MOMENT).total_cost == 0


def test_balance_and_models(client: GetimgAI) -> None:
    """These need no leniency."""
    assert client.billing.retrieve_balance().currency == "USD"
    assert client.models.list() != []
    assert client.models.list(type="image") != []
    assert client.models.retrieve("seedream-5-lite").id == "seedream-5-lite"


def test_raw_and_streamed_answers(client: GetimgAI) -> None:
    """The two other ways in which those tests look at every answer."""
    raw = client.images.with_raw_response.generate(model="seedream-5-lite", prompt="x")
    assert raw.is_closed
    with client.billing.with_streaming_response.retrieve_balance() as streamed:
        assert not streamed.is_closed
        assert streamed.parse().balance
