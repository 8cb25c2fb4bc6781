"""Programs without an SDK: urllib, httpx and httpx2; every file held to its promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import httpx2
import pytest

from getimg_mock import MockServer
from getimg_mock.world.catalogue import Catalogue
from tests.clients.files import assert_picture, assert_video

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {"Authorization": "Bearer sk_plain", "Content-Type": "application/json"}
IMAGE = {"model": "z-image-turbo", "prompt": "A lighthouse", "resolution": "1K"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return the address of a fake with money for everything."""
    with MockServer(balance=10**6, video_seconds=0) as server:
        yield server.url


def _urllib(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, HEADERS), timeout=30) as answer:  # noqa: S310 - our own
        return json.load(answer)


def _bytes(url: str) -> bytes:
    with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own
        data: bytes = answer.read()
        assert len(data) == int(answer.headers["Content-Length"])
        return data


def _image(url: str, **fields: Any) -> Any:
    return _urllib(f"{url}/v2/images/generations", IMAGE | fields)["data"][0]


def _video(url: str, **fields: Any) -> Any:
    path = f"{url}/v2/videos/generations"
    body = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 4} | fields
    return _urllib(f"{path}/{_urllib(path, body)['id']}")["data"][0]


def test_the_standard_library_is_enough(url: str) -> None:
    """urllib: generate, download, list, look at the balance."""
    item = _image(url)
    assert_picture(item, _bytes(item["url"]))
    assert len(_urllib(f"{url}/v2/models")) > 5
    assert _urllib(f"{url}/v2/billing/balance")["currency"] == "USD"


def test_an_error_can_be_read_from_the_exception(url: str) -> None:
    """Urllib raises for a refusal; the envelope is its body."""
    with pytest.raises(HTTPError) as caught:
        _image(url, resolution="8K")
    with caught.value as error:
        assert json.load(error)["error"]["param"] == "resolution"


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_both_worlds_of_httpx_work(url: str, library: Any) -> None:
    """Keep-alive, JSON, streamed and partial downloads."""
    with library.Client(base_url=url, headers=HEADERS, timeout=30) as client:
        item = client.post("/v2/images/generations", json=IMAGE).json()["data"][0]
        with client.stream("GET", item["url"]) as answer:
            data = b"".join(answer.iter_bytes())
        assert_picture(item, data)
        part = client.get(item["url"], headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, data[5:10])
        assert client.head(item["url"]).headers["content-length"] == str(len(data))


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("ratio", ["1:1", "2:3", "21:9", "16:9"])
def test_every_picture_is_what_its_json_says(url: str, name: str, ratio: str) -> None:
    """Format, width and height, decoded."""
    item = _image(url, output_format=name, aspect_ratio=ratio)
    assert item["mime_type"] == f"image/{name}"
    assert_picture(item, _bytes(item["url"]))


IMAGE_MODELS = [model.id for model in Catalogue.load_shipped().list_models(type="image")]


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_the_largest_picture_of_every_model_is_what_its_json_says(url: str, model: str) -> None:
    """Up to 4K, in the last ratio that the model lists."""
    listed = Catalogue.load_shipped().get(model)
    assert listed is not None
    item = _image(
        url,
        model=model,
        resolution=listed.supported_resolutions[-1],
        aspect_ratio=listed.supported_aspect_ratios[-1],
    )
    assert max(item["width"], item["height"]) >= 2048 - 512
    assert_picture(item, _bytes(item["url"]))


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1", "21:9"])
def test_every_video_is_what_its_json_says(
    url: str,
    ratio: str,
    sound: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Size, length, rate, frames and sound, decoded."""
    item = _video(url, aspect_ratio=ratio, resolution="480p", sound=sound)
    assert (item["has_sound"], item["duration"]) == (sound, 4)
    assert_video(item, _bytes(item["url"]))


@pytest.mark.slow
def test_the_longest_video_is_what_its_json_says(url: str) -> None:
    """Twelve seconds of 1080p with sound."""
    item = _video(url, duration=12, resolution="1080p", sound=True)
    assert (item["width"], item["height"]) == (1920, 1080)
    assert_video(item, _bytes(item["url"]))


@pytest.mark.parametrize(
    "prompt",
    [
        "\N{ROCKET}\N{VARIATION SELECTOR-16} \N{HEBREW LETTER ALEF}\N{ARABIC LETTER BEH}",
        "\x00\x1b",
        "\n" * 4096,
        "W" * 4096,
        "\u202e\u0301\ufffe",
        "a\u0301" * 2000,
        " ",
        "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 4096,
    ],
    ids=["scripts", "controls", "lines", "one word", "marks", "combining", "space", "han"],
)
def test_any_prompt_can_be_drawn(url: str, prompt: str) -> None:
    """The picture shows it as well as it can, and is a picture."""
    item = _image(url, prompt=prompt)
    assert_picture(item, _bytes(item["url"]))
