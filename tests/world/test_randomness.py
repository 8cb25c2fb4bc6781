"""Chance by keyed hash: the same words draw the same, and other words draw independently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.randomness import Stream, digest, generate_secret

words = st.lists(st.text() | st.binary() | st.integers(), max_size=4)


def test_draws_are_the_same_in_every_release() -> None:
    """Ids and pictures that somebody has written down stay; a change here is a breaking one."""
    stream = Stream("0", b"sk_example", 0)
    assert digest("a", b"b", 3, size=8).hex() == digest("a", "b", "3", size=8).hex()
    assert stream.letters[:12] == Stream("0", "sk_example", "0").letters[:12]
    assert digest("getimg-mock", size=8).hex() == "d02ac84b1a60d070"
    assert Stream("getimg-mock").letters[:12] == "4W99E52VYP04"
    assert Stream("getimg-mock").draw_unit("seconds") == 0.496793317195633


@given(one=words, other=words)
def test_words_are_kept_apart(one: list[str | bytes | int], other: list[str | bytes | int]) -> None:
    """("ab", "c") is not ("a", "bc"): no request can be written so as to be taken for another."""
    as_bytes = [
        [
            each if isinstance(each, bytes) else str(each).encode("utf-8", "surrogatepass")
            for each in listed
        ]
        for listed in (one, other)
    ]
    assert (digest(*one) == digest(*other)) == (as_bytes[0] == as_bytes[1])


@given(name=st.text(), low=st.floats(-1e6, 1e6), size=st.floats(0, 1e6))
def test_draws_lie_where_they_should(name: str, low: float, size: float) -> None:
    """0 <= unit < 1; uniform within its ends; what is certain happens, what is not does not."""
    stream = Stream("seed", str(low))
    assert 0 <= stream.draw_unit(name) < 1
    assert low <= stream.uniform(name, low, low + size) <= low + size
    assert stream.happens(name, 1)
    assert not stream.happens(name, 0)
    assert stream.choose(name, "abc") in "abc"


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_what_has_a_probability_happens_that_often(probability: float) -> None:
    """Over many requests, within what chance allows."""
    count = sum(Stream("seed", number).happens("failure", probability) for number in range(4000))
    assert abs(count / 4000 - probability) < 0.03


def test_draws_for_two_purposes_are_independent() -> None:
    """Whether a video fails says nothing about how long it takes."""
    streams = [Stream("seed", number) for number in range(4000)]
    both = sum(each.draw_unit("seconds") < 0.5 and each.happens("failure", 0.5) for each in streams)
    assert abs(both / 4000 - 0.25) < 0.03


def test_every_letter_and_every_option_comes_up() -> None:
    """Crockford's 32 letters, each about as often as the others."""
    text = "".join(Stream("seed", number).letters for number in range(1000))
    assert len(text) == 32_000
    counts = {letter: text.count(letter) for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ"}
    assert sum(counts.values()) == 32_000
    assert min(counts.values()) > 850
    assert max(counts.values()) < 1150
    drawn = {Stream("seed", number).choose("x", range(7)) for number in range(100)}
    assert drawn == set(range(7))


def test_a_secret_is_never_the_same_twice() -> None:
    """Unlike everything else here."""
    assert len({generate_secret() for _ in range(100)}) == 100
    assert len(generate_secret(8)) == 16
