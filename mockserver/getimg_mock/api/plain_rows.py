"""Packs plain exchanges for durable stores, with what those of their head have in common.

It keeps what the exchange that is written out would say, which a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.api.recording import read_headers
from getimg_mock.store.encoding import dump_json, encode_effects, encode_headers
from getimg_mock.world.clock import EPOCH
from getimg_mock.world.journal import MAX_BODY

if TYPE_CHECKING:
    from getimg_mock.api.plain_heads import Moment, PlainExchange, PlainHead
    from getimg_mock.world.journal import PackedExchanges


class PackedHead(NamedTuple):
    """What the exchanges of a head within a second have in common.

    `text` is the JSON of it, `key` what must not be in a body. With `is_plain` unset, exchanges
    have to be written out, to be redacted. `second` is that of `moment`, in Unix microseconds.
    """

    text: str
    key: bytes | None
    is_plain: bool
    moment: Moment
    second: int


def pack_plain(exchange: PlainExchange, number: int, batch: PackedExchanges) -> bool:
    """Add an exchange to those that are kept together; return False where it has to be redacted."""
    head, moment, at, wall, sent, generation, left, body, effects, seconds = exchange
    packed = head.packed
    if packed is None or packed.moment is not moment:
        packed = head.packed = _prepare(head, moment)
    key = packed.key
    if (
        not packed.is_plain
        or (key is not None and (key in sent or key in body))
        or len(sent) > MAX_BODY
        or len(body) > MAX_BODY
    ):
        return False
    values = (
        f"{number},{packed.second + at.microsecond},{round(wall * 1e6)},{len(sent)},{len(body)},"
        f'{int(seconds * 1e9)},"{generation}",{encode_effects(effects) if effects else "[]"},{left}'
    )
    batch.add_plain(packed.text, values, sent, body)
    return True


def _prepare(head: PlainHead, moment: Moment) -> PackedHead:
    known = read_headers(head.headers)
    query = head.query.decode("latin-1")
    target = f"{head.path} {query}"
    shown = known.is_shown or "sk_" in target or bool(known.text and known.text in target)
    parts = [dump_json(each) for each in (head.operation, head.method, head.path, query)]
    parts += [encode_headers(known.shown), "200", encode_headers(moment.build_headers(0))]
    begun = moment.begin.replace(microsecond=0) - EPOCH
    second = (begun.days * 86_400 + begun.seconds) * 1_000_000
    return PackedHead(f"[{','.join(parts)}]", known.key, not shown, moment, second)
