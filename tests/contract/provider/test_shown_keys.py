"""GP705: a key is found whole, in part, around a mask, and in another notation."""

from __future__ import annotations

import base64

import pytest

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.provider.shown_keys import find_shown_key
from getimg_mock.contract.steps import Send
from getimg_mock.world.clock import wall_time

KEY = "sk_mQ7vXw2LpT9aRf4Z"
OTHER = "sk_Zt5gUo0iPx4yNq8B"


def show(text: str, *, headers: tuple[tuple[str, str], ...] = (), sent: str = "") -> str:
    """Return what is found in a response with a text."""
    step = Send(key="raw", headers=(("authorization", sent),)) if sent else None
    exchange = HttpExchange(
        number=1,
        at=wall_time(),
        method="GET",
        path="/v2/billing/balance",
        status=200,
        key="raw" if sent else "a",
        headers=headers,
        body=text.encode(),
        step=step,
    )
    return find_shown_key(exchange, (("a", KEY), ("b", OTHER)))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"key": "{KEY}"}}',
        f'{{"owner": "{OTHER[-9:]}"}}',
        f'{{"message": "Incorrect API key: {KEY[:6]}...{KEY[-4:]}"}}',
        f'{{"message": "Incorrect API key: {KEY[:8]}************"}}',
        f'{{"hint": "\u2026{KEY[-5:]}"}}',
        base64.b64encode(KEY.encode()).decode(),
        KEY[::-1],
        KEY.encode().hex(),
    ],
)
def test_a_part_of_a_key_is_found(text: str) -> None:
    """Eight characters in succession, or the ends around a mask, tell a key."""
    assert show(text)
    assert show("", headers=(("x-key", text),))


@pytest.mark.parametrize(
    "text",
    [
        '{"message": "Incorrect API key provided: sk_***."}',
        '{"message": "Something went wrong ... see https://docs.getimg.ai"}',
        '{"id": "req-01HXYZABCD1234", "url": "https://x/y?sig=xxxxxx"}',
        "sk_",
        "...Z",
    ],
)
def test_other_texts_are_no_key(text: str) -> None:
    """A mask alone, and what many texts have, tells nothing."""
    assert not show(text)


def test_what_was_sent_as_a_key_counts() -> None:
    """A wrong key may be a right one with a slip: it is not repeated either."""
    sent = "Bearer sk_wrongKey51d1f"
    assert show("no such key: sk_wro...1d1f", sent=sent)
    assert not show("no such key", sent=sent)
