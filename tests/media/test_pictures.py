"""Pictures are what was promised: format, size, words, and the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from getimg_mock.errors import UnknownNameError
from getimg_mock.media.file_formats import PICTURE_FORMATS
from getimg_mock.media.pictures import Picture, encode_picture

PICTURE: Final = Picture(
    width=320,
    height=180,
    mime_type="image/png",
    prompt="A quiet harbour at first light",
    model="seedream-5-lite",
    generation="req-01HXYZABCD1234",
    seed=b"seed",
)
MIME_TYPES: Final = tuple(known.mime_type for known in PICTURE_FORMATS)


def decoded(picture: Picture) -> Image.Image:
    """Return the whole picture as a reader sees it; broken files raise."""
    image = Image.open(BytesIO(encode_picture(picture)))
    image.load()
    return image


def with_text(field: str, text: str) -> Picture:
    """Return the sample with another prompt, model or id."""
    texts = {"prompt": PICTURE.prompt, "model": PICTURE.model, "generation": PICTURE.generation}
    texts[field] = text
    return replace(
        PICTURE,
        prompt=texts["prompt"],
        model=texts["model"],
        generation=texts["generation"],
    )


def changed(one: Picture, other: Picture) -> tuple[int, int, int, int] | None:
    """Return the box in which two pictures differ."""
    return ImageChops.difference(
        decoded(one).convert("RGB"), decoded(other).convert("RGB")
    ).getbbox()


def assert_kept(picture: Picture) -> None:
    """Assert that the file is what the picture promised."""
    image = decoded(picture)
    assert image.size == (picture.width, picture.height)
    assert Image.MIME[image.format or ""] == picture.mime_type
    assert image.mode == "RGB"


@given(width=st.integers(1, 200), height=st.integers(1, 200), mime_type=st.sampled_from(MIME_TYPES))
def test_small_pictures_of_any_shape_have_the_promised_size_and_format(
    width: int, height: int, mime_type: str
) -> None:
    """A client compares the file with the JSON; there is no rounding to even or to eight."""
    assert_kept(replace(PICTURE, width=width, height=height, mime_type=mime_type))


@pytest.mark.parametrize("mime_type", MIME_TYPES)
@pytest.mark.parametrize(
    "size", [(1, 1), (16, 9), (1, 2000), (2000, 1), (2848, 1600), (6240, 2656)]
)
def test_tiny_thin_and_huge_pictures_have_the_promised_size_and_format(
    size: tuple[int, int], mime_type: str
) -> None:
    """Sizes come from a catalogue that users may write themselves."""
    width, height = size
    assert_kept(replace(PICTURE, width=width, height=height, mime_type=mime_type))


@pytest.mark.parametrize("mime_type", MIME_TYPES)
def test_the_same_picture_has_the_same_bytes(mime_type: str) -> None:
    """Downloads can be compared, cached and resumed."""
    picture = replace(PICTURE, mime_type=mime_type)
    assert encode_picture(picture) == encode_picture(picture)


def test_another_process_makes_the_same_bytes() -> None:
    """Nothing in a file depends on the order of sets, on addresses or on the time of day."""
    program = (
        "import hashlib; from getimg_mock.media.pictures import Picture, encode_picture; "
        f"print(hashlib.sha256(encode_picture({PICTURE!r})).hexdigest())"
    )
    ours = hashlib.sha256(encode_picture(PICTURE)).hexdigest()
    run = subprocess.run(  # noqa: S603 - our own interpreter runs our own line
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == ours


@pytest.mark.parametrize("field", ["prompt", "model", "generation"])
def test_each_label_is_drawn(field: str) -> None:
    """Whoever looks at a file can tell which request it came from."""
    assert changed(PICTURE, with_text(field, "something else"))


def test_labels_are_drawn_apart() -> None:
    """Model above, prompt in the middle, id below: none covers another."""
    boxes = [changed(PICTURE, with_text(field, "")) for field in ("model", "prompt", "generation")]
    rows = [(box[1], box[3]) for box in boxes if box]
    assert len(rows) == 3
    assert rows[0][1] <= rows[1][0]
    assert rows[1][1] <= rows[2][0]


def test_a_long_id_stays_within_the_margins() -> None:
    """Ids and models are as long as whoever wrote them wanted."""
    for length in (10, 40, 400):
        shown = replace(PICTURE, generation="m" * length, prompt="")
        box = changed(shown, replace(shown, generation=""))
        assert box
        assert box[2] <= PICTURE.width - 12


def test_letters_grow_with_the_picture() -> None:
    """A label must be legible on a 4K picture that is looked at as a whole."""
    heights = []
    for factor in (1, 4):
        picture = replace(PICTURE, width=320 * factor, height=180 * factor, prompt="Hm")
        box = changed(picture, replace(picture, prompt=""))
        assert box
        heights.append(box[3] - box[1])
    assert heights[1] > 3.5 * heights[0]


def test_words_stay_within_the_margins() -> None:
    """Long texts are cut with an ellipsis, not by the edge of the picture."""
    for prompt in ("w" * 4096, "some words " * 400, "Wide"):
        box = changed(replace(PICTURE, prompt=prompt), replace(PICTURE, prompt=""))
        assert box
        assert box[0] >= 8
        assert box[1] >= 8
        assert box[2] <= 320 - 8
        assert box[3] <= 180 - 8


def test_the_seed_changes_the_look_and_nothing_else() -> None:
    """Two generations of one prompt can be told apart at a glance."""
    corner = (0, 0, 6, 6)  # inside the margin: background alone
    one, other = (decoded(replace(PICTURE, seed=seed)).crop(corner) for seed in (b"1", b"2"))
    assert ImageChops.difference(one, other).getbbox()


def test_hostile_texts_are_drawn_like_any_other(hostile_text: str) -> None:
    """Whatever the API accepted as a prompt has a picture."""
    picture = replace(
        PICTURE, prompt=hostile_text, model=hostile_text[:200], generation=hostile_text[:200]
    )
    assert_kept(picture)
    assert_kept(replace(picture, width=31, height=17))


@given(prompt=st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_drawn(prompt: str) -> None:
    """Surrogates and unassigned characters included."""
    assert_kept(replace(PICTURE, prompt=prompt, width=120, height=90))


def test_files_are_of_a_sane_size() -> None:
    """A 4K picture is a download of a second, not of a minute."""
    large = replace(PICTURE, width=3840, height=2160)
    for mime_type in MIME_TYPES:
        assert len(encode_picture(replace(large, mime_type=mime_type))) < 1_000_000


def test_what_is_no_picture_is_refused() -> None:
    """A video's media type leads to no picture."""
    with pytest.raises(UnknownNameError, match="video/mp4"):
        encode_picture(replace(PICTURE, mime_type="video/mp4"))
