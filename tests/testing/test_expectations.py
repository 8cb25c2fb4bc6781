"""Expectations: what they count, and what they say when it did not happen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import UnknownNameError
from getimg_mock.testing.differences import ABSENT, describe_difference, find_differences
from getimg_mock.testing.workspace import ExpectationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.testing.workspace import GetimgMock

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}


@pytest.fixture
def ask(getimg_mock: GetimgMock) -> Callable[..., httpx.Response]:
    """Give a way to send requests to the workspace."""
    headers = {"Authorization": f"Bearer {getimg_mock.key}"}
    client = httpx.Client(
        transport=getimg_mock.transport(), base_url="https://api.getimg.ai/v2", headers=headers
    )

    def send(path: str = "/images/generations", **body: Any) -> httpx.Response:
        if body:
            return client.post(path, json=body)
        return client.get(path)

    return send


def failure(getimg_mock: GetimgMock) -> str:
    """Return what the workspace finds wrong, and forget it."""
    with pytest.raises(ExpectationError) as raised:
        getimg_mock.verify()
    getimg_mock._expectations.clear()
    getimg_mock._orders.clear()
    getimg_mock._policies.clear()
    return str(raised.value)


def test_what_happened_as_expected_is_silent(getimg_mock: GetimgMock, ask: Any) -> None:
    """Every number and every criterion, met."""
    getimg_mock.expect("images.generate").times(2)
    getimg_mock.expect("images.*").at_least(1)
    getimg_mock.expect("images.generate").with_body(prompt="A lighthouse").times(1)
    getimg_mock.expect("images.generate").with_body(prompt=re.compile("^A cat"), model=...)
    getimg_mock.expect("images.generate").with_body(prompt=lambda text: len(text) == 5).at_most(1)
    getimg_mock.expect("images.generate").with_body(output_format=ABSENT).times(2)
    getimg_mock.expect("images.generate").with_status(200)
    getimg_mock.expect("models.list").with_query(type="image").times(1)
    getimg_mock.expect("videos.*").never()
    ask(**IMAGE)
    ask(**IMAGE | {"prompt": "A cat"})
    ask("/models?type=image")
    getimg_mock.verify()


def test_what_did_not_happen_is_shown_with_what_came_nearest(
    getimg_mock: GetimgMock, ask: Any
) -> None:
    """The exchange with the fewest differences, field by field."""
    getimg_mock.expect("images.generate").with_body(
        model="seedream-5-lite", prompt="A cat", output_format="png"
    ).times(1)
    ask(model="seedream-4", prompt="A dog")
    ask(model="seedream-5-lite", prompt="A cat", output_format="webp")
    assert failure(getimg_mock).splitlines() == [
        (
            "Expected exactly 1 images.generate with body (model='seedream-5-lite', "
            "prompt='A cat', output_format='png'), but there were none."
        ),
        "Nearest: #2 images.generate -> 200",
        "    output_format: expected 'png', was 'webp'",
    ]


def test_too_many_are_listed(getimg_mock: GetimgMock, ask: Any) -> None:
    """A call that must never be made is shown."""
    getimg_mock.expect("images.generate").never()
    ask(**IMAGE)
    assert failure(getimg_mock).splitlines() == [
        "Expected no images.generate, but there was 1.",
        "    #1 images.generate -> 200",
    ]


def test_nothing_at_all_is_said_so(getimg_mock: GetimgMock, ask: Any) -> None:
    """An empty journal is a different mistake from a wrong request."""
    getimg_mock.expect("images.generate")
    assert failure(getimg_mock).endswith("No request came to this workspace.")
    getimg_mock.expect("images.generate")
    ask("/models")
    assert failure(getimg_mock).endswith("These came instead:\n    #1 models.list -> 200")


def test_an_expectation_counts_from_where_it_was_made(getimg_mock: GetimgMock, ask: Any) -> None:
    """What happened in the preparation of a test is not what it expects."""
    ask(**IMAGE)
    getimg_mock.expect("images.generate").times(1)
    assert "but there were none" in failure(getimg_mock)
    getimg_mock.expect("images.generate").times(1)
    ask(**IMAGE)
    getimg_mock.verify()


def test_an_operation_that_does_not_exist_is_refused(getimg_mock: GetimgMock) -> None:
    """An expectation of nothing would always fail, or with never() always hold."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'images\.generate'"):
        getimg_mock.expect("image.generate")
    with pytest.raises(UnknownNameError, match=r"operation 'pictures\.\*'"):
        getimg_mock.expect("pictures.*")


def test_order_is_judged(getimg_mock: GetimgMock, ask: Any) -> None:
    """First the models, then the picture."""

    def expected() -> None:
        first, then = getimg_mock.expect("models.list"), getimg_mock.expect("images.generate")
        getimg_mock.in_order(first, then)

    expected()
    ask("/models")
    ask(**IMAGE)
    getimg_mock.verify()
    getimg_mock._expectations.clear()
    getimg_mock._orders.clear()
    expected()
    ask(**IMAGE)
    ask("/models")
    assert failure(getimg_mock).splitlines() == [
        "Expected in this order:",
        "    1. models.list: #4",
        "    2. images.generate: #3  <-- none after #4",
    ]


def test_a_body_that_the_journal_cut_is_read_as_far_as_it_goes(
    getimg_mock: GetimgMock, ask: Any
) -> None:
    """Reference pictures are larger than what a journal keeps."""
    picture = "data:image/png;base64," + "A" * 200_000
    ask(**IMAGE, images=[{"url": picture}], output_format="png")
    getimg_mock._expectations.clear()
    for body, met in (({"prompt": "A lighthouse"}, 1), ({"output_format": "png"}, 0)):
        expectation = getimg_mock.expect("images.generate").with_body(**body)
        ask(**IMAGE, images=[{"url": picture}], output_format="png")
        assert len(expectation.met) == met
    assert "output_format: unknown, the journal has only the beginning" in failure(getimg_mock)


def test_unexpected_calls_are_a_policy(getimg_mock: GetimgMock, ask: Any) -> None:
    """Whatever no expectation fits is one too many."""
    getimg_mock.require("no-unexpected-calls")
    getimg_mock.expect("models.list")
    ask("/models")
    getimg_mock.verify()
    ask(**IMAGE)
    assert "#2 images.generate -> 200 was not expected" in failure(getimg_mock)


def test_results_that_nobody_fetched_are_a_policy(getimg_mock: GetimgMock, ask: Any) -> None:
    """A picture that was paid for and never downloaded is lost."""
    getimg_mock.require("no-undownloaded-results")
    image = ask(**IMAGE).json()
    assert f"{image['id']} (image, 0.04 USD)" in failure(getimg_mock)
    getimg_mock.require("no-undownloaded-results")
    ask(image["data"][0]["url"])
    getimg_mock.verify()


def test_videos_left_pending_are_a_policy(getimg_mock: GetimgMock, ask: Any) -> None:
    """Who stops polling pays all the same."""
    getimg_mock.require("no-pending-videos")
    video = ask("/videos/generations", model="seedance-v1-5-pro", prompt="x").json()["id"]
    assert video in failure(getimg_mock)
    getimg_mock.require("no-pending-videos")
    getimg_mock.clock.run_until(video, "completed")
    getimg_mock.verify()


def test_a_policy_that_does_not_exist_is_refused(getimg_mock: GetimgMock) -> None:
    """Required and unknown is not required."""
    with pytest.raises(UnknownNameError, match="Did you mean 'no-pending-videos'"):
        getimg_mock.require("no-pending-video")


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        ({"a": 1}, {"a": 2}, "a: expected 1, was 2"),
        ({"a": 1}, {}, "a: expected 1, was (missing)"),
        ({"a": ABSENT}, {"a": None}, "a: expected (missing), was None"),
        ({"a": ...}, {}, "a: expected any value, was (missing)"),
        ({"a": 1}, {"a": True}, "a: expected 1, was True"),
        ({"a": "1"}, {"a": 1}, "a: expected '1', was 1"),
        ({"a": "\u00a0"}, {"a": " "}, r"a: expected '\xa0', was ' '"),
        ({"a": re.compile("^x")}, {"a": "y"}, "a: expected a match of /^x/, was 'y'"),
        ({"a": re.compile("^x")}, {"a": 3}, "a: expected a match of /^x/, was 3"),
        ({"a": str.isupper}, {"a": "y"}, "a: expected a value that isupper accepts, was 'y'"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]: expected 2, was 3"),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]: expected (missing), was 2"),
        ({"a": {}}, {"a": {"b": 1}}, "a.b: expected (missing), was 1"),
        ({"a": 1}, [1], "body: [1], not an object"),
        ({"a": 1}, ABSENT, "body: not JSON"),
    ],
)
def test_a_difference_is_told_in_a_line(expected: Any, actual: Any, line: str) -> None:
    """Each kind of difference has its words."""
    assert find_differences(expected, actual) == [line]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)


@given(JSON, JSON)
def test_two_sides_never_look_the_same(expected: Any, actual: Any) -> None:
    """A difference that cannot be seen is worse than none."""
    for line in find_differences({"field": expected}, {"field": actual}):
        sides = re.search(r"expected (.*), was (.*)", line, re.DOTALL)
        assert sides is not None
        assert sides[1] != sides[2]


@given(JSON)
def test_equal_values_do_not_differ(value: Any) -> None:
    """Whatever equals itself fits."""
    assert find_differences({"field": value}, {"field": value}) == []


@given(st.text(min_size=150), st.integers(min_value=0, max_value=149))
def test_long_texts_are_shown_where_they_differ(text: str, at: int) -> None:
    """A prompt of 4,096 letters with one wrong is not shown twice the same."""
    other = text[:at] + ("b" if text[at] == "a" else "a") + text[at + 1 :]
    line = describe_difference("prompt", text, other)
    wanted, there = line.split(", was ")[0], line.split(", was ")[-1]
    assert wanted.removeprefix("prompt: expected ") != there
