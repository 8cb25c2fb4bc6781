"""Providers whose timing, links, models and media differ in what is left open, and are right."""

from __future__ import annotations

import functools
import io
import json
import math
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import av
from PIL import Image

from tests.contract.written_by_others.accounts import Order, Work, show_time
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.order_checks import FRAMES
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 12
DAY: Final = 24 * 3600
TICK: Final = 3
ROLES: Final = ("reference_image", *FRAMES)
MARK: Final = 40  # the box at the end by which equal films differ
MANIFEST: Final = bytes.fromhex("6332706100110010800000aa00389b71")
CREDENTIALS: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
PURPOSE: Final = b"manifest\0" + b"\0" * 8


# States and timing


@legal("D: the 202 and the states have given bodies; RFC 9110 10.2: headers may say where and when")
class PendingVideosSayWhenToLook(Provider):
    """The 202 has `Location` and `Retry-After: 1`, and so has each `pending` the latter."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Tell when to look."""
        if request.path.startswith(VIDEOS) and answer.status in {200, 202}:
            shown = answer.value
            if answer.status == 202:
                answer.set_header("Location", f"{VIDEOS}/{shown['id']}")
            if shown["status"] == "pending":
                answer.set_header("Retry-After", "1")
        return answer


@legal("X: how long a video takes is unknown; a scheduler that looks every three seconds is usual")
class VideosEndInBatches(Provider):
    """Videos end at every third second of the clock only, so that several end at once."""

    def plan_seconds(self, order: Order) -> float:
        """Wait for the next look of the scheduler."""
        ends = self.now() + super().plan_seconds(order)
        return math.ceil(ends / TICK) * TICK - self.now()


@legal("X: how long files are kept is unknown; deletes_at, exp and the end of the link agree")
class FilesAreDeletedAtMidnight(Provider):
    """All files of a day are deleted together, at the second midnight (UTC) after their end."""

    def end(self, work: Work) -> None:
        """Keep the file until midnight."""
        super().end(work)
        work.expires = (int(work.ends) // DAY + 2) * DAY


# Links


@legal("X: what a link answers that is not as it was given is our choice; the URL itself works")
class WholeQueriesAreSigned(Provider):
    """A link to which a parameter is added, such as `&download=1`, is 403 as a tampered one."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Refuse what was not signed."""
        work = super().open_link(work_id, index, query)
        if set(query) != {"exp", "sig"}:
            raise RefusedError(403, "invalid_signature", "The signature of the link is wrong.")
        return work


@legal("D: sig is hex, of no given length; RFC 4648 8: hex has no case, so a decoder reads both")
class SignaturesAreShortAndHaveNoCase(Provider):
    """`sig` has 32 digits, and is as good in capitals, because it is decoded before comparing."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Cut the signature to 128 bits."""
        return super().sign(work_id, index, exp)[:32]

    def same_signature(self, given: str, expected: str) -> bool:
        """Compare what the digits mean."""
        return super().same_signature(given.lower(), expected)


# Models


@legal("D: supported_references tells a count for each role; a role that is not supported has 0")
class ModelsListRolesWithNought(Provider):
    """`supported_references` has all three roles for each model: `"last_frame": 0` means none."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Name all roles."""
        counts = {**dict.fromkeys(ROLES, 0), **offer.references}
        return {**super().describe_offer(offer), "supported_references": counts}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Name all roles."""
        return self.describe_offer(offer)


# Media


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _chunk(kind: bytes, content: bytes) -> bytes:
    length, check = len(content), zlib.crc32(kind + content)
    return struct.pack(">I", length) + kind + content + struct.pack(">I", check)


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def make_manifest(work: Work) -> bytes:
    """Return a JUMBF box that says who made a file."""
    claim = {
        "claim_generator": "getimg.ai",
        "digitalSourceType": "trainedAlgorithmicMedia",
        "instance": work.id,
        "created": show_time(work.ends),
    }
    about = _box(b"jumd", MANIFEST + b"\x03c2pa\0")
    return _box(b"jumb", about + _box(b"json", json.dumps(claim).encode()))


def add_manifest(content: bytes, manifest: bytes, media_type: str, size: tuple[int, int]) -> bytes:
    """Return a file with a manifest where its format has a place for it."""
    match media_type:
        case "image/jpeg":
            part = b"JP" + struct.pack(">HI", 1, 1) + manifest
            part = b"\xff\xeb" + struct.pack(">H", 2 + len(part)) + part
            after = 4 + int.from_bytes(content[4:6], "big")  # APP0 of JFIF stays the first
            return content[:after] + part + content[after:]
        case "image/png":
            return content[:33] + _chunk(b"caBX", manifest) + content[33:]
        case "image/webp":
            sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
            parts = _riff(b"VP8X", b"\0" * 4 + sides) + content[12:] + _riff(b"C2PA", manifest)
            return _riff(b"RIFF", b"WEBP" + parts)
        case _:
            return content + _box(b"uuid", CREDENTIALS + b"\0" * 4 + PURPOSE + manifest)


@legal("D: the format of a file is all that is said; makers of AI media label it so (C2PA)")
class FilesCarryContentCredentials(Provider):
    """Files say that AI made them: APP11 in JPEG, `caBX` in PNG, `C2PA` in WebP, `uuid` in MP4."""

    def draw(self, work: Work) -> bytes:
        """Add the credentials."""
        media_type = self.media_type(work.order)
        return add_manifest(super().draw(work), make_manifest(work), media_type, work.size)


def deepen(content: bytes) -> bytes:
    """Return a PNG with sixteen bits for each colour."""
    with Image.open(io.BytesIO(content)) as picture:
        (width, height), pixels = picture.size, picture.convert("RGB").tobytes()
    deep = bytearray(2 * len(pixels))
    deep[0::2] = deep[1::2] = pixels
    line = 6 * width
    rows = b"".join(b"\0" + deep[at : at + line] for at in range(0, len(deep), line))
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


@legal("D: output_format is all that is said of a picture; PNG allows 16 bits with colour type 2")
class PngsHaveSixteenBits(Provider):
    """PNG files have sixteen bits for each of red, green and blue; others are as ever."""

    def draw(self, work: Work) -> bytes:
        """Deepen the colours."""
        content = super().draw(work)
        return deepen(content) if work.order.output_format == "png" else content


@functools.lru_cache(maxsize=16)
def put_sound_first(content: bytes) -> bytes:
    """Return a film whose first track is the sound."""
    buffer = io.BytesIO()
    with (
        av.open(io.BytesIO(content)) as source,
        av.open(buffer, "w", format="mp4") as target,
    ):
        tracks = sorted(source.streams, key=lambda each: each.type)
        copies = {each.index: target.add_stream_from_template(each) for each in tracks}
        for packet in source.demux(tracks):  # type: ignore[union-attr]
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    return buffer.getvalue()


@legal("D: video/mp4, with sound where has_sound; ISO 14496-12: tracks come in any order")
class FilmsBeginWithTheSound(Provider):
    """In an MP4 with sound, the first track is the sound and the second the pictures."""

    def draw(self, work: Work) -> bytes:
        """Order the tracks."""
        content = super().draw(work)
        if not self.has_sound(work.order):
            return content
        return put_sound_first(content[:-MARK]) + content[-MARK:]
