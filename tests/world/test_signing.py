"""Signatures of download links: they cover everything that a link says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.signing import Signer

SIGNER = Signer(b"key")
RIGHT = SIGNER.sign("req-01A", 0, 1_760_000_000)


def test_a_signature_is_hexadecimal_and_always_the_same() -> None:
    """Documented: `sig` is hexadecimal; a link stays the same from poll to poll."""
    assert re.fullmatch("[0-9a-f]{64}", RIGHT)
    assert SIGNER.sign("req-01A", 0, 1_760_000_000) == RIGHT
    assert SIGNER.verify(RIGHT, "req-01A", 0, 1_760_000_000)


@pytest.mark.parametrize(
    ("generation", "index", "expires"),
    [
        ("req-01B", 0, 1_760_000_000),
        ("req-01A", 1, 1_760_000_000),
        ("req-01A", 0, 1_760_000_001),
        ("req-01A/0", 0, 1_760_000_000),
        ("", 0, 1_760_000_000),
    ],
)
def test_it_is_of_one_item_until_one_moment(generation: str, index: int, expires: int) -> None:
    """Generation, item and expiry are all covered."""
    assert not SIGNER.verify(RIGHT, generation, index, expires)


def test_another_key_signs_otherwise() -> None:
    """Each workspace has its own."""
    assert not Signer(b"other").verify(RIGHT, "req-01A", 0, 1_760_000_000)


@given(signature=st.one_of(st.text(), st.text("0123456789abcdef", min_size=64, max_size=64)))
def test_no_other_text_is_accepted(signature: str) -> None:
    """Any text may come over the wire, lone surrogates included."""
    assert SIGNER.verify(signature, "req-01A", 0, 1_760_000_000) == (signature == RIGHT)
