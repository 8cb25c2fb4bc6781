"""Exchanges are encoded once for all readers, in bounded memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from getimg_mock.control.encoded_exchanges import EncodedExchanges
from getimg_mock.control.har import build_har_entry
from getimg_mock.world.journal import Exchange


def make_exchange(number: int = 1, body: bytes = b"{}") -> Exchange:
    """Return an exchange with a body."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Exchange(
        number=number,
        at=moment,
        wall=moment,
        operation="models.list",
        method="GET",
        path="/v2/models",
        query="",
        request_headers=[(b"host", b"localhost")],
        request_body=b"",
        request_size=0,
        status=200,
        headers=[(b"content-type", b"application/json")],
        body=body,
        size=len(body),
        seconds=0.001,
    )


def test_an_exchange_is_encoded_once() -> None:
    """A hundred readers of one journal cost the encoding of one."""
    encoded, exchange = EncodedExchanges(), make_exchange()
    first = encoded.encode(exchange)
    assert json.loads(first) == exchange.as_json()
    assert encoded.encode(exchange) is first


def test_each_form_has_its_own_text() -> None:
    """HAR entries and plain exchanges are not mixed up."""
    encoded, exchange = EncodedExchanges(), make_exchange()
    plain = encoded.encode(exchange)
    entry = encoded.encode(exchange, build_har_entry)
    assert json.loads(entry) == build_har_entry(exchange.as_json())
    assert (encoded.encode(exchange), encoded.encode(exchange, build_har_entry)) == (plain, entry)


def test_exchanges_of_one_number_are_told_apart() -> None:
    """Every workspace has an exchange 1, and two may be equal but for one field."""
    encoded = EncodedExchanges()
    texts = [encoded.encode(make_exchange(body=each)) for each in (b"first", b"second")]
    assert [json.loads(each)["response"]["text"] for each in texts] == ["first", "second"]


def test_the_texts_are_bounded() -> None:
    """What was asked for last is kept, and a text larger than the bound is not."""
    encoded = EncodedExchanges(budget=20_000)
    for number in range(500):
        encoded.encode(make_exchange(number, b"x" * 1_000))
        assert encoded.size <= 20_000
    assert len(encoded.encode(make_exchange(body=b"x" * 30_000))) > 30_000
    assert encoded.size <= 20_000
