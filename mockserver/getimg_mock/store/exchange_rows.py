"""Rows of a journal: each has the exchanges that one commit has kept, oldest first.

Exchanges of one client have most of their texts in common, their headers above all, so a row has
these once: `heads`, the beginnings of its plain exchanges. A row is a line of JSON, the heads and
what differs, followed by the bodies as they are.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.store.encoding import (
    decode_effect,
    decode_headers,
    describe_exchange,
    read_exchange,
)
from getimg_mock.world.clock import EPOCH
from getimg_mock.world.journal import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.journal import Draft

_TICK: Final = timedelta(microseconds=1)
_PLAIN: Final = 10
"""Values of a plain exchange: its head, and what differs."""


class ExchangeBatch:
    """The exchanges of one row."""

    def __init__(self) -> None:
        self._heads: dict[str, int] = {}
        self._rows: list[str] = []
        self._bodies: list[bytes] = []

    def add(self, exchange: Exchange) -> None:
        """Add an exchange."""
        self._rows.append(describe_exchange(exchange))
        self._bodies += (exchange.request_body, exchange.body)

    def add_plain(self, head: str, values: str, request_body: bytes, body: bytes) -> None:
        """Add an exchange that has most in common with others.

        `head` is JSON: operation, method, path, query, the headers of the request, status, and the
        headers of the answer. `values` is JSON without brackets: the number, moment and real moment
        in Unix microseconds, the sizes of the bodies, nanoseconds that the answer took, the id of
        the generation, the effects, and what is left of the rate limit.
        """
        index = self._heads.setdefault(head, len(self._heads))
        self._rows.append(f"[{index},{values}]")
        self._bodies += (request_body, body)

    def encode(self) -> bytes:
        """Return the row."""
        text = f"[[{','.join(self._heads)}],[{','.join(self._rows)}]]\n"
        return b"".join((text.encode("ascii"), *self._bodies))


def add_item(batch: ExchangeBatch, item: Exchange | Draft, number: int) -> None:
    """Add what a journal has recorded to a row."""
    if isinstance(item, Exchange):
        batch.add(item)
    else:
        item.pack(number, batch)


def decode_exchanges(data: bytes) -> Iterator[Exchange]:
    """Yield the exchanges of a row."""
    line, _, bodies = data.partition(b"\n")
    heads, rows = json.loads(line)
    at = 0
    for row in rows:
        if len(row) == _PLAIN:
            sent, answered = row[4], row[5]
            parts = bodies[at : at + sent], bodies[at + sent : at + sent + answered]
            yield _read_plain(heads[row[0]], row, *parts)
            at += sent + answered
        else:
            exchange, size = read_exchange(row, bodies[at:])
            yield exchange
            at += size


def _read_plain(head: list[Any], row: list[Any], request_body: bytes, body: bytes) -> Exchange:
    operation, method, path, query, sent_headers, status, given = head
    _, number, moment, wall, sent, answered, nanoseconds, generation, effects, left = row
    headers = decode_headers(given)
    shown = [
        (name, b"%d" % left) if name == b"x-ratelimit-remaining" else (name, value)
        for name, value in headers
    ]
    return Exchange(
        number=number,
        at=EPOCH + moment * _TICK,
        wall=EPOCH + wall * _TICK,
        operation=operation,
        method=method,
        path=path,
        query=query,
        request_headers=decode_headers(sent_headers),
        request_body=request_body,
        request_size=sent,
        status=status,
        headers=shown,
        body=body,
        size=answered,
        seconds=nanoseconds / 1e9,
        generation=generation,
        effects=tuple(decode_effect(each) for each in effects),
    )
