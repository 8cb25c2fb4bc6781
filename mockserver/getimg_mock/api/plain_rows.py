"""Writes plain exchanges as durable stores keep them, with what their head has in common.

It gives what `store.encoding` makes of the written-out exchange, which a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.api.recording import read_headers
from getimg_mock.store.encoding import dump_json, encode_effects, encode_headers
from getimg_mock.world.clock import to_wall_time
from getimg_mock.world.journal import MAX_BODY

if TYPE_CHECKING:
    from getimg_mock.api.plain_heads import Moment, PlainExchange, PlainHead


class HeadRow(NamedTuple):
    """What the rows of a head have in common.

    `request` is the JSON of the request without its body, `key` what must not be in a body. With
    `is_plain` unset, a row needs to be redacted. `headers` is the JSON of those of answers of
    `moment`, with a place for the rate limit that is left.
    """

    request: str
    key: bytes | None
    is_plain: bool
    moment: Moment
    headers: str


def encode_plain(exchange: PlainExchange, number: int) -> bytes | None:
    """Return the row of an exchange, or None for one that has to be written out before."""
    head, moment, sent, body = (
        exchange.head,
        exchange.moment,
        exchange.request_body,
        exchange.body,
    )
    row = head.row
    if row is None or row.moment is not moment:
        row = head.row = _prepare(head, moment)
    key = row.key
    if not row.is_plain or (key is not None and (key in sent or key in body)):
        return None
    if len(sent) > MAX_BODY or len(body) > MAX_BODY:
        return None
    effects = encode_effects(exchange.effects) if exchange.effects else "[]"
    text = (
        f'[{number},"{exchange.at.isoformat()}","{to_wall_time(exchange.wall).isoformat()}",'
        f"{row.request},{len(sent)},{len(sent)},200,{row.headers % exchange.remaining},{len(body)},"
        f'{exchange.seconds!r},"{exchange.generation}",[],null,true,{effects},[]]\n'
    )
    return b"%b%b%b" % (text.encode("ascii"), sent, body)


def _prepare(head: PlainHead, moment: Moment) -> HeadRow:
    known = read_headers(head.headers)
    query = head.query.decode("latin-1")
    target = f"{head.path} {query}"
    shown = known.is_shown or "sk_" in target or bool(known.text and known.text in target)
    parts = (head.operation, head.method, head.path, query)
    request = f"{','.join(map(dump_json, parts))},{encode_headers(known.shown)}"
    given = encode_headers(moment.build_headers(0)).replace("%", "%%")
    left = '"x-ratelimit-remaining","'
    headers = given.replace(f'{left}0"', f'{left}%d"')
    return HeadRow(request, known.key, not shown, moment, headers)
