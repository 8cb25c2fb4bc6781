"""Legal differences of the twenty-sixth batch."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

import av

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 26
TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:[eE][+-]?\d+)?')


def _write_long(token: re.Match[str]) -> str:
    return token[0] if token[0].startswith('"') else format(float(token[0]), ".17g")


@legal("RFC 8259, 6: a number may have more digits than needed; it is the same double when read")
class WritesSeventeenDigitsAsOldPhpDid(Provider):
    """Fractions in JSON have 17 digits: 0.04 is written 0.040000000000000001."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with long numbers."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.body = TOKEN.sub(_write_long, answer.body.decode()).encode()
        return answer


@legal("ISO/IEC 14496-12, 8.8: an MP4 may consist of fragments; `moov` then tells no duration")
class VideosAreFragmentedForStreaming(Provider):
    """Videos are fragmented MP4 files (`moof`), as encoders for streaming write them."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a video in fragments."""
        content = super().draw(work)
        if work.order.kind != "video":
            return content
        mark = content[-40:]
        target = io.BytesIO()
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        with av.open(io.BytesIO(content), "r") as source:
            container = av.open(target, "w", format="mp4", options=options)
            tracks = (*source.streams.video, *source.streams.audio)
            copies = {each.index: container.add_stream_from_template(each) for each in tracks}
            for packet in source.demux(*tracks):
                if packet.dts is not None:
                    packet.stream = copies[packet.stream.index]
                    container.mux(packet)
            container.close()
        return target.getvalue() + mark


def _fall_back(rate: Rate) -> Rate:
    return replace(rate, sound="not_applicable") if rate.sound == "sound_off" else rate


@legal("D: a rate of `not_applicable` is also the fallback of a video without a rate of its own")
class SilentVideosArePricedByTheFallback(Provider):
    """The model with sound lists `sound_on` and `not_applicable` prices, none for `sound_off`."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        replace(each, rates=tuple(_fall_back(rate) for rate in each.rates)) for each in OFFERS
    )
