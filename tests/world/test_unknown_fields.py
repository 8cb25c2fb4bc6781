"""Fields that the API does not document are found, wherever they are, and get advice that works."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock.world.requests import FIELDS
from getimg_mock.world.unknown_fields import (
    MAX_FIELDS,
    MAX_HINT,
    find_unknown_fields,
    format_hint,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=60), inner),
    max_leaves=12,
)


def advice(kind: Any, body: Any) -> dict[str, str]:
    """Return advice by path."""
    return {each.path: each.advice for each in find_unknown_fields(kind, body)}


@pytest.mark.parametrize("kind", ["image", "video"])
def test_documented_fields_are_known(kind: Any) -> None:
    """The schema of requests has the same fields."""
    properties = schemas.load_schema(f"{kind}-request")["properties"]
    assert set(properties) == set(FIELDS[kind])
    reference = properties["images"]["items"]["properties"]
    body = dict.fromkeys(properties, 1) | {"images": [dict.fromkeys(reference, "x")]}
    assert find_unknown_fields(kind, body) == ()


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("image", "width", "use aspect_ratio and resolution"),
        ("image", "height", "use aspect_ratio and resolution"),
        ("image", "size", "use aspect_ratio and resolution"),
        ("image", "num_images", "send one request for each image"),
        ("image", "n", "send one request for each image"),
        ("image", "num_outputs", "send one request for each image"),
        ("image", "image", "use images:"),
        ("image", "image_url", "use images:"),
        ("image", "negative_prompt", "prompt"),
        ("image", "steps", "no such parameter"),
        ("image", "guidance_scale", "no such parameter"),
        ("image", "seed", "no such parameter"),
        ("image", "response_format", "data[].url"),
        ("image", "format", "use output_format"),
        ("image", "engine", "use model"),
        ("image", "text", "use prompt"),
        ("image", "duration", "only videos"),
        ("image", "sound", "only videos"),
        ("image", "webhook_url", "no webhooks"),
        ("video", "output_format", "only images"),
        ("video", "seconds", "use duration"),
        ("video", "num_frames", "use duration"),
        ("video", "generate_audio", "use sound"),
        ("video", "start_image", '"role": "first_frame"'),
        ("video", "tail_image", '"role": "last_frame"'),
        ("video", "image", '"role": "first_frame"'),
        ("video", "callback_url", "poll GET /v2/videos/generations/{id}"),
        ("image", "resoluton", "did you mean resolution"),
        ("image", "promt", "did you mean prompt"),
        ("image", "aspectRatio", "did you mean aspect_ratio"),
        ("image", "Aspect-Ratio", "did you mean aspect_ratio"),
        ("image", "OutputFormat", "did you mean output_format"),
        ("image", "numImages", "send one request for each image"),
        ("video", "Duration", "did you mean duration"),
        ("image", "zzz", ""),
    ],
)
def test_a_field_of_another_api_gets_the_one_that_works(kind: Any, name: str, said: str) -> None:
    """The older API's fields, other vendors' usual names, and misspelt ones."""
    found = advice(kind, {"model": "m", "prompt": "p", name: 1})[name]
    assert said in found
    assert bool(said) == bool(found)


def test_fields_of_nested_objects_are_found() -> None:
    """In reference images, and in objects that other APIs wrap their input in."""
    body = {
        "images": [{"url": "x"}, {"image_url": "x", "rolle": "first_frame", "zzz": 1}],
        "input": {"prompt": "x", "width": 1, "zzz": 2},
    }
    assert advice("image", body) == {
        "images[1].image_url": "use url: a public HTTPS URL or a data URL",
        "images[1].rolle": "did you mean role",
        "images[1].zzz": "",
        "input": "put its fields at the top level of the body",
        "input.prompt": "put prompt at the top level of the body",
        "input.width": "use aspect_ratio and resolution",
        "input.zzz": "",
    }


def test_fields_with_the_same_advice_are_named_together() -> None:
    """The older API's shape is one line that can be read."""
    body = {"width": 1, "height": 2, "steps": 3, "guidance": 4, "zzz": 5}
    assert format_hint(find_unknown_fields("image", body)) == (
        "width, height: use aspect_ratio and resolution; "
        "steps, guidance: this API has no such parameter; choose another model instead; "
        "zzz: unknown, ignored"
    )


@pytest.mark.parametrize("body", [None, 1, "x", [], [{"width": 1}], {"images": "x"}, {}])
def test_a_body_of_another_shape_has_none(body: Any) -> None:
    """The refusal of such a body says what is wrong."""
    assert find_unknown_fields("image", body) == ()


@given(body=JSON, kind=st.sampled_from(["image", "video"]))
def test_any_body_has_a_bounded_hint_of_printable_ascii(body: Any, kind: Any) -> None:
    """Names come from a client, and end in a header and a terminal."""
    found = find_unknown_fields(kind, body)
    assert len(found) <= MAX_FIELDS
    for each in found:
        assert len(each.path) <= 80
        assert each.path.isascii()
        assert each.path.isprintable()
    hint = format_hint(found)
    assert len(hint) <= MAX_HINT


def test_a_huge_body_costs_no_more_than_its_first_fields() -> None:
    """100,000 names, each a megabyte apart from the next, are not compared with every field."""
    body = {f"field{index}" + "x" * 1000: {"a": 1} for index in range(10_000)}
    assert len(find_unknown_fields("image", body)) == MAX_FIELDS
    (huge,) = find_unknown_fields("image", {"x" * 1_000_000: 1})
    assert len(huge.path) <= 80


@pytest.mark.parametrize("before", [0, 30, 70, 78, 700])
def test_a_key_in_a_name_is_cut(before: int) -> None:
    """Also where the name is shortened; a key may look like nothing we know."""
    for key in ("sk_abcdefghijklmnop", "a-key-of-another-form"):
        for body in ({"x" * before + key: 1}, {"input": {"x" * before + key: 1}}):
            for each in find_unknown_fields("image", body, key=key):
                assert key[:8] not in each.path
