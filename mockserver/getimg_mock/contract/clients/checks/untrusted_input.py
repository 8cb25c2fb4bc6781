"""GC709 and GC710: arguments that inject into a request, and answers that fill the memory."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_BOMB_SIZE: Final = 48 * 1024 * 1024
_GZIP_HEADER: Final = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # deflate, no name, no time
_BOUND: Final = 24 * 1024 * 1024
_INJECTED: Final = "x\r\nX-Evil: injected\r\n\r\nGET /v2/stolen HTTP/1.1\r\n"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield Case(
        name="injection",
        options=NO_RETRIES,
        limit=HOUR,
        calls=(
            ClientCall(op="retrieve_video", args={"id": _INJECTED}),
            ClientCall(op="model", args={"id": _INJECTED}),
            image(prompt=_INJECTED),
            image(model=_INJECTED),
            models(_INJECTED),
            video(prompt=_INJECTED).instead_of("generate_image"),
            video(model=_INJECTED).instead_of("generate_image"),
        ),
    )
    bomb = fault_actions.answer_instead(_build_bomb())
    yield Case(
        name="bomb",
        calls=(models(), *FALLBACK_CALLS),
        options=NO_RETRIES,
        memory=True,
        patience=None,
        limit=HOUR,
        rules=(FaultRule(on="*", do=bomb, label="a decompression bomb"),),
    )


@cache
def _build_bomb() -> WireAnswer:
    packed = _pack_blanks(_BOMB_SIZE)
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    return WireAnswer(200, headers, packed)


def _pack_blanks(size: int) -> bytes:
    """Return a JSON array of nothing but so many blanks, a multiple of a mebibyte, as gzip.

    One mebibyte is compressed, and repeated: to compress all takes as long as ten cases do.
    """
    blanks = b" " * 1024 * 1024
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    # After a full flush the next bytes refer to none before it.
    first = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(b"]") + packer.flush()
    checksum = zlib.crc32(b"[")
    for _ in range(size // len(blanks)):
        checksum = zlib.crc32(blanks, checksum)
    trailer = struct.pack("<LL", zlib.crc32(b"]", checksum), size + 2)
    return _GZIP_HEADER + first + block * (size // len(blanks)) + last + trailer


@client_check(
    "GC709",
    "Nothing can be injected into a request by id, model or prompt",
    severity="blocker",
    evidence="standard",
    why="Ids, models and prompts often come from end users.",
    fix="Encode values, and refuse line breaks.",
    source="RFC 9110, section 5.5, and RFC 3986, section 2",
    cases=("injection",),
)
def nothing_is_injected(history: ClientHistory) -> Iterator[Observation]:
    """Demands that line breaks in an id, model or prompt add nothing to a request.

    Fails on an added header or request and on a line break in the target. A call that sends nothing
    has to raise.
    """
    for outcome in history.calls():
        for each in history.during(outcome):
            bad = each.get_sent_headers("x-evil") or each.target.startswith("/v2/stolen")
            crude = "\r" in each.target or "\n" in each.target
            yield expect(
                not bad and not crude,
                "one request, nothing added",
                f"{each.method} {each.target[:80]!r} {each.get_sent_headers('x-evil')}",
                each,
            )
        if not history.during(outcome):
            yield expect(outcome.kind == "error", "a request, or an error", outcome.shown)


@client_check(
    "GC710",
    "What an answer unpacks to is bounded",
    severity="major",
    evidence="choice",
    why="64 KB of gzip can unpack to more than the available memory.",
    fix="Read with a limit, and count unpacked bytes.",
    cases=("bomb",),
)
def bombs_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """Demands that an answer that unpacks to 48 MiB takes less than 24 MiB of memory.

    Fails when the peak of a call is higher.
    """
    for outcome in history.calls():
        yield expect(
            outcome.peak < _BOUND,
            f"less than {_BOUND >> 20} MiB for an answer that unpacks to {_BOMB_SIZE >> 20} MiB",
            f"{outcome.peak >> 20} MiB; {outcome.shown}",
            *history.during(outcome)[:1],
        )
