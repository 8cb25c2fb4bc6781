"""How much of a key a client may show: the usual masks, and nothing that tells the key."""

from __future__ import annotations

import base64

import pytest

from getimg_mock.contract.clients.cases.case_rules import KEY
from getimg_mock.contract.clients.checks.key_parts import find_key_part, is_key_in_file


@pytest.mark.parametrize(
    "text",
    [
        f"refused {KEY}",
        f"refused {KEY[:-4]}****",
        f"refused ****{KEY[4:]}",
        f"key {KEY[3:11]}",
        f"key {KEY[:10]}...{KEY[-4:]}",
        f"key {KEY[:5]}\u2026{KEY[-7:]}",
        KEY[::-1],
        KEY.encode().hex(),
        "".join(f"%{each:02X}" for each in KEY.encode()),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
        base64.b64encode(f":{KEY}:".encode()).decode(),
        base64.b64encode(f"ab{KEY}cd".encode()).decode(),
    ],
)
def test_what_tells_a_key_is_found(text: str) -> None:
    """Eight characters in one piece, more than eight around a mask, or another notation."""
    assert find_key_part(f"WARNING {text} at once", KEY) >= 0
    assert is_key_in_file(text.encode(), KEY)


@pytest.mark.parametrize(
    "text",
    [
        "sk_***",
        f"{KEY[:7]}...",
        f"...{KEY[-4:]}",
        f"{KEY[:7]}****{KEY[-4:]}",
        f"key ending in {KEY[-4:]}",
        "req-01HXYZABCD1234 ... see https://docs.getimg.ai",
    ],
)
def test_a_usual_mask_is_no_part_of_a_key(text: str) -> None:
    """The first four characters after `sk_` and the last four tell which key it is, no more."""
    assert find_key_part(f"WARNING {text} at once", KEY) < 0


def test_a_key_at_the_end_of_a_large_file_is_found() -> None:
    """Parts are searched for at its beginning alone; the whole key is found anywhere."""
    assert is_key_in_file(b"x" * 200_000 + KEY.encode(), KEY)
