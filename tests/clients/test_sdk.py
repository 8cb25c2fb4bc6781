"""The official SDK, unchanged, against a real port: everything it can ask for, and each error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import getimg
import httpx
import pytest
from getimg import GetimgAI

from getimg_mock import MockServer
from getimg_mock.contract.model_choice import PIXEL
from tests.clients.files import assert_picture, assert_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.workspaces import Workspace

KEY = "sk_official"


@pytest.fixture
def server() -> Iterator[MockServer]:
    """Return a fake whose time stands still until a test moves it."""
    with MockServer(clock="virtual", balance=10, video_seconds=30) as started:
        yield started


@pytest.fixture
def client(server: MockServer) -> Iterator[GetimgAI]:
    """Return the SDK's client; it checks every answer against its types, and never retries."""
    with _client(server.url) as made:
        yield made


def _client(url: str, **options: Any) -> GetimgAI:
    made: dict[str, Any] = {"base_url": url, "api_key": KEY, "max_retries": 0}
    return GetimgAI(**made | options, _strict_response_validation=True)


def _world(server: MockServer) -> Workspace:
    return server.app.fake.store.get_or_create(KEY)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_picture_is_generated_and_downloaded(client: GetimgAI, output_format: Any) -> None:
    """The quickstart: generate, then fetch `data[0].url` without a key."""
    image = client.images.generate(
        model="z-image-turbo", prompt="A lighthouse", resolution="1K", output_format=output_format
    )
    assert (image.status, image.usage.quantity) == ("completed", 1)
    answer = httpx.get(image.data[0].url)
    assert answer.headers["content-type"] == f"image/{output_format}"
    assert_picture(image.data[0].to_dict(mode="json"), answer.content)


def test_a_picture_of_references_is_generated(client: GetimgAI) -> None:
    """A public URL and a data URL, as the guide has them."""
    image = client.images.generate(
        model="seedream-5-lite",
        prompt="The same, in watercolours",
        images=[
            {"url": "https://example.com/a.png"},
            {"url": PIXEL},
        ],
    )
    assert image.status == "completed"


@pytest.mark.parametrize("sound", [True, False])
def test_a_video_is_made_polled_and_downloaded(
    server: MockServer,
    client: GetimgAI,
    sound: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The guide's loop: create, poll while pending, download."""
    made = client.videos.generations.create(
        model="seedance-v1-5-pro", prompt="Waves", duration=4, resolution="480p", sound=sound
    )
    assert made.status == "pending"
    polls = 0
    while (video := client.videos.generations.retrieve(made.id)).status == "pending":
        polls += 1
        _world(server).advance(5)
    assert polls == 6
    assert video.status == "completed"
    item = video.data[0]
    assert (item.has_sound, item.duration) == (sound, 4)
    assert_video(item.to_dict(mode="json"), httpx.get(item.url).content)


def test_a_failed_video_says_why() -> None:
    """It is an answer and no exception: its status is `failed`."""
    with MockServer(video_seconds=0, fail_rate=1) as failing, _client(failing.url) as client:
        made = client.videos.generations.create(model="seedance-v1-5-pro", prompt="Waves")
        video = client.videos.generations.retrieve(made.id)
    assert video.status == "failed"
    assert (video.error.code, video.error.message) == (
        "server_error",
        "Upstream provider request timed out.",
    )


def test_models_are_listed_and_retrieved(client: GetimgAI) -> None:
    """All, by type, and one."""
    models = client.models.list()
    assert {model.type for model in models} == {"image", "video"}
    assert client.models.list(type="video") == [each for each in models if each.type == "video"]
    model = client.models.retrieve("seedream-5-lite")
    assert model.supported_resolutions[0] == "2K"
    assert Decimal(model.pricing.rates[0].unit_price) == Decimal("0.04")


def test_balance_and_costs_agree(server: MockServer, client: GetimgAI) -> None:
    """What left the balance stands in the costs of the day."""
    assert client.billing.retrieve_balance().balance == "10.00"
    for _ in range(3):
        client.images.generate(model="seedream-5-lite", prompt="A lighthouse")
    now = _world(server).clock.now()
    costs = client.billing.list_costs(start=now - timedelta(days=1), end=now + timedelta(days=1))
    assert client.billing.retrieve_balance().balance == "9.88"
    assert costs.total_cost == 0.12
    assert [bucket.cost for bucket in costs.data] == [0, 0.12, 0]
    assert costs.data[1].date == now.date()


@pytest.mark.parametrize("zone", [UTC, None])
def test_costs_may_be_asked_for_with_texts(client: GetimgAI, zone: Any) -> None:
    """The SDK passes strings on as they are: one without a zone is refused."""
    start = datetime(2026, 9, 1, tzinfo=zone).isoformat()
    end = datetime(2026, 9, 2, tzinfo=zone).isoformat()
    if zone is not None:
        assert len(client.billing.list_costs(start=start, end=end).data) == 2
        return
    with pytest.raises(getimg.BadRequestError, match="has no time zone"):
        client.billing.list_costs(start=start, end=end)


def _generate(client: GetimgAI, **fields: Any) -> Any:
    return client.images.generate(**{"model": "seedream-5-lite", "prompt": "A lighthouse"} | fields)


@pytest.mark.parametrize(
    ("settings", "options", "fields", "kind", "said"),
    [
        ({}, {"api_key": "wrong"}, {}, getimg.AuthenticationError, (401, "invalid_api_key")),
        ({}, {}, {"resolution": "4K"}, getimg.BadRequestError, (400, "invalid_parameter")),
        ({}, {}, {"prompt": ""}, getimg.BadRequestError, (400, "invalid_parameter")),
        ({}, {}, {"prompt": getimg.omit}, getimg.BadRequestError, (400, "parameter_missing")),
        ({"balance": 0}, {}, {}, getimg.APIStatusError, (402, "quota_exceeded")),
        (
            {},
            {},
            {"prompt": "mock:error=content_policy_violation"},
            getimg.UnprocessableEntityError,
            (422, "content_policy_violation"),
        ),
        ({"image_rpm": 0}, {}, {}, getimg.RateLimitError, (429, "rate_limit")),
        ({"concurrent": 0}, {}, {}, getimg.RateLimitError, (429, "rate_limit")),
        (
            {"max_body_mib": 1},
            {},
            {"extra_body": {"padding": "x" * 2**21}},
            getimg.APIStatusError,
            (413, "invalid_parameter"),
        ),
        (
            {},
            {},
            {"extra_headers": {"Content-Type": "text/plain"}},
            getimg.APIStatusError,
            (415, "invalid_parameter"),
        ),
        (
            {},
            {},
            {"prompt": "mock:error=server_error"},
            getimg.InternalServerError,
            (500, "server_error"),
        ),
    ],
)
def test_each_error_is_the_exception_that_belongs_to_it(
    settings: dict[str, Any],
    options: dict[str, Any],
    fields: dict[str, Any],
    kind: type[getimg.APIStatusError],
    said: tuple[int, str],
) -> None:
    """Documented: 402 has no class of its own; every one carries our envelope."""
    with MockServer(**settings) as server, _client(server.url, **options) as client:
        with pytest.raises(getimg.APIStatusError) as caught:
            _generate(client, **fields)
        assert type(caught.value) is kind
        code = caught.value.response.json()["error"]["code"]
        assert (caught.value.status_code, code) == said


def test_what_is_not_there_is_a_not_found_error(client: GetimgAI) -> None:
    """An unknown model and an unknown video."""
    with pytest.raises(getimg.NotFoundError, match="Model 'nope' not found"):
        client.models.retrieve("nope")
    with pytest.raises(getimg.NotFoundError, match="Generation 'req-01NOPE' not found"):
        client.videos.generations.retrieve("req-01NOPE")


def test_a_message_of_ours_reaches_whoever_prints_the_exception(client: GetimgAI) -> None:
    """The text of the exception holds the whole error."""
    with pytest.raises(
        getimg.BadRequestError, match="Unsupported resolution '4K' for model 'seedream-5-lite'"
    ):
        _generate(client, resolution="4K")


def test_a_server_that_is_gone_is_a_connection_error() -> None:
    """Neither an answer nor a hang."""
    with MockServer() as server:
        client = _client(server.url)
    with client, pytest.raises(getimg.APIConnectionError):
        client.models.list()


def test_a_picture_that_takes_too_long_is_a_timeout() -> None:
    """The client's own patience ends the wait; the fake goes on to answer others."""
    with MockServer(image_seconds=600) as server, _client(server.url, timeout=0.2) as client:
        with pytest.raises(getimg.APITimeoutError):
            _generate(client)
        assert client.billing.retrieve_balance().balance == "99.96"


def test_each_retry_is_a_request_of_its_own() -> None:
    """There is no idempotency key: what is charged and then lost is charged again."""
    with MockServer() as server, _client(server.url, max_retries=1) as client:
        with pytest.raises(getimg.APIConnectionError):
            _generate(client, prompt="mock:lost")
        assert client.billing.retrieve_balance().balance == "99.92"


def test_the_rate_limit_headers_can_be_read(client: GetimgAI) -> None:
    """By `with_raw_response`, as the SDK documents."""
    answer = client.videos.generations.with_raw_response.create(
        model="seedance-v1-5-pro", prompt="Waves"
    )
    assert int(answer.headers["x-ratelimit-reset"]) > 0
    status = client.videos.generations.with_raw_response.retrieve(answer.parse().id)
    assert status.headers["x-ratelimit-remaining"] == "999999"


def test_the_environment_alone_points_a_program_here(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`GETIMG_AI_BASE_URL` and `GETIMG_API_KEY`, as `serve` prints them."""
    monkeypatch.setenv("GETIMG_AI_BASE_URL", server.url)
    monkeypatch.setenv("GETIMG_API_KEY", KEY)
    with GetimgAI() as client:
        assert client.billing.retrieve_balance().balance == "10.00"
