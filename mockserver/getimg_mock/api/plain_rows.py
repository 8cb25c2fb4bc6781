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
    from collections.abc import Sequence
    from datetime import datetime

    from getimg_mock.world.journal import Effect, Exchange, Headers
    from getimg_mock.world.packed_exchanges import PackedExchanges


class PackedHead(NamedTuple):
    """What the exchanges of a head within a second have in common.

    `text` is the JSON of it, `key` what must not be in a body. With `is_plain` unset, exchanges
    have to be written out, to be redacted. `second` is in Unix microseconds.
    """

    text: str
    key: bytes | None
    is_plain: bool
    second: int

    def pack(  # noqa: PLR0917 - the values of an exchange
        self,
        number: int,
        at: datetime,
        wall: float,
        sent: bytes,
        generation: str,
        left: int,
        body: bytes,
        effects: Sequence[Effect],
        seconds: float,
        batch: PackedExchanges[Exchange],
    ) -> bool:
        """Add an exchange to a batch; return False where it has to be redacted or cut."""
        key = self.key
        if (
            not self.is_plain
            or (key is not None and (key in sent or key in body))
            or len(sent) > MAX_BODY
            or len(body) > MAX_BODY
        ):
            return False
        shown = encode_effects(effects) if effects else "[]"
        values = (
            f"{number},{self.second + at.microsecond},{round(wall * 1e6)},{len(sent)},{len(body)},"
            f'{int(seconds * 1e9)},"{generation}",{shown},{left}'
        )
        batch.add_plain(self.text, values, sent, body)
        return True


def pack_head(
    target: tuple[str, str, str, str], sent: Headers, answered: Headers, begin: datetime
) -> PackedHead:
    """Return what exchanges have in common.

    `target` are operation, method, path and query, `sent` the headers of requests, `answered` those
    of answers in the second of `begin`.
    """
    known = read_headers(sent)
    place = f"{target[2]} {target[3]}"
    is_shown = known.is_shown or "sk_" in place or bool(known.text and known.text in place)
    parts = [*map(dump_json, target), encode_headers(known.shown), "200", encode_headers(answered)]
    begun = begin.replace(microsecond=0) - EPOCH
    second = (begun.days * 86_400 + begun.seconds) * 1_000_000
    return PackedHead(f"[{','.join(parts)}]", known.key, not is_shown, second)
