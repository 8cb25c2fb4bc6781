"""Pictures with grain have about as many bytes as real ones, and are otherwise the same."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter

from getimg_mock.media.file_formats import PICTURE_FORMATS
from getimg_mock.media.pictures import Picture, encode_picture
from tests.api.driver import Driver

MIME_TYPES: Final = tuple(known.mime_type for known in PICTURE_FORMATS)
PICTURE: Final = Picture(
    width=1024,
    height=1024,
    mime_type="image/png",
    prompt="A quiet harbour at first light",
    model="seedream-5-lite",
    generation="req-01HXYZABCD1234",
    seed=b"seed",
    grain=True,
)
# Bytes for each pixel; our choice.
RANGES: Final = {
    "image/png": (1.0, 1.6),
    "image/jpeg": (0.2, 0.6),
    "image/webp": (0.12, 0.5),
}


def decode(picture: Picture) -> Image.Image:
    """Return the whole picture as a reader sees it."""
    image = Image.open(BytesIO(encode_picture(picture)))
    image.load()
    return image.convert("RGB")


def find_brightest(image: Image.Image) -> int:
    """Return the greatest brightness of a pixel."""
    return max(image.convert("L").tobytes())


@pytest.mark.parametrize("mime_type", MIME_TYPES)
@pytest.mark.parametrize("size", [(1024, 1024), (2048, 2048), (2848, 1600)])
@pytest.mark.parametrize("seed", [b"1", b"2"])
def test_a_file_has_about_as_many_bytes_as_a_real_one(
    mime_type: str, size: tuple[int, int], seed: bytes
) -> None:
    """Limits of bodies, time-outs and memory of clients are tried by it."""
    width, height = size
    picture = replace(PICTURE, width=width, height=height, mime_type=mime_type, seed=seed)
    low, high = RANGES[mime_type]
    assert low <= len(encode_picture(picture)) / (width * height) <= high


@pytest.mark.parametrize("size", [(3840, 2160), (4096, 4096)])
def test_the_largest_files_are_those_of_real_pictures(size: tuple[int, int]) -> None:
    """A PNG of 4K has up to about 12 MB, whatever its number of pixels."""
    picture = replace(PICTURE, width=size[0], height=size[1])
    assert 8_000_000 <= len(encode_picture(picture)) <= 12_000_000


@given(width=st.integers(1, 200), height=st.integers(1, 200), mime_type=st.sampled_from(MIME_TYPES))
def test_any_size_is_drawn(width: int, height: int, mime_type: str) -> None:
    """Down to one pixel."""
    picture = replace(PICTURE, width=width, height=height, mime_type=mime_type)
    assert decode(picture).size == (width, height)


@pytest.mark.parametrize("mime_type", MIME_TYPES)
def test_the_same_picture_has_the_same_bytes(mime_type: str) -> None:
    """The grain is drawn from the seed."""
    picture = replace(PICTURE, width=300, height=200, mime_type=mime_type)
    assert encode_picture(picture) == encode_picture(picture)
    assert encode_picture(picture) != encode_picture(replace(picture, seed=b"other"))


@pytest.mark.parametrize("seed", [bytes([number]) for number in range(8)])
def test_words_are_as_legible_as_without_grain(seed: bytes) -> None:
    """The grain is in the background: far weaker than letters, and letters have none."""
    grained = replace(PICTURE, seed=seed, width=512, height=512)
    plain = replace(grained, grain=False)
    blurred = (decode(each).filter(ImageFilter.GaussianBlur(4)) for each in (grained, plain))
    assert find_brightest(ImageChops.difference(*blurred)) <= 24
    letters = [
        ImageChops.difference(decode(each), decode(replace(each, prompt="")))
        for each in (grained, plain)
    ]
    assert min(map(find_brightest, letters)) > 80


def test_the_setting_chooses_the_size_and_the_etag() -> None:
    """A resumed download must not join two different files."""
    sizes, tags = {}, {}
    for size in ("real", "small", "flat"):
        api = Driver.of(media_size=size)
        answer = api.image(output_format="png").json
        reply = api.download(answer["data"][0]["url"])
        sizes[size], tags[size] = len(reply.body), reply.header("etag")
    assert sizes["real"] > 2_000_000
    assert sizes["small"] < 1_000_000
    assert sizes["flat"] < 100_000
    assert len(set(tags.values())) == len(tags)


@pytest.mark.parametrize("mime_type", MIME_TYPES)
def test_a_flat_picture_has_one_colour_behind_its_words(mime_type: str) -> None:
    """It is cheap to draw and to decode, and still says what was ordered."""
    flat = replace(PICTURE, mime_type=mime_type, grain=False, flat=True)
    image = decode(flat)
    assert image.size == (flat.width, flat.height)
    counts = sorted(count for count, _ in image.getcolors(flat.width * flat.height) or ())
    assert counts[-1] > 0.8 * flat.width * flat.height
    assert find_brightest(ImageChops.difference(image, decode(replace(flat, prompt="")))) > 80
