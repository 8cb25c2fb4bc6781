"""Writes an MP4 file from encoded samples: boxes of ISO/IEC 14496-12, with the index first."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITY: Final = b"".join(
    value.to_bytes(4, "big") for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
)
_UNDETERMINED: Final = 0x55C4  # the language `und`, ISO 639-2
_FULL_COLOUR: Final = bytes((0xFF, 0xF8, 0xF8, 0))  # 4:4:4 of 8 bits, without extensions
_SMALLEST_UNITS: Final = 1000  # in a second: some players round what is coarser


@dataclass(frozen=True, slots=True)
class Sample:
    """One encoded picture or frame of sound; `duration` in units of its track."""

    data: bytes
    duration: int
    is_key: bool = True


@dataclass(frozen=True, slots=True)
class Track:
    """The samples of one kind, `units` of time to the second, and the boxes that describe it."""

    samples: Sequence[Sample]
    units: int
    handler: bytes
    media_header: bytes
    entry: bytes
    size: tuple[int, int] = (0, 0)

    @property
    def length(self) -> int:
        """The sum of all durations."""
        return sum(sample.duration for sample in self.samples)

    def split_chunks(self) -> list[list[Sample]]:
        """Return the samples in chunks of a second: pictures and sound take turns in the file."""
        starts = accumulate((sample.duration for sample in self.samples), initial=0)
        timed = zip(starts, self.samples, strict=False)
        return [
            [sample for _, sample in chunk]
            for _, chunk in groupby(timed, key=lambda each: each[0] // self.units)
        ]


def build_video_track(
    samples: Sequence[Sample],
    *,
    size: tuple[int, int],
    fps: Fraction,
    sets: tuple[bytes, bytes],
    has_full_colour: bool,
) -> Track:
    """Return a track of H.264 pictures, each of duration 1; `sets` are its parameter sets."""
    sequence, picture = sets
    configuration = bytes((1, *sequence[1:4], 0xFF, 0xE1))
    configuration += _count(sequence) + sequence + b"\1" + _count(picture) + picture
    if has_full_colour:
        configuration += _FULL_COLOUR
    entry = _box(
        b"avc1",
        bytes(6),
        _numbers(2, 1),  # data_reference_index
        bytes(16),
        _numbers(2, *size),
        _numbers(4, 72 << 16, 72 << 16, 0),  # dots per inch
        _numbers(2, 1),  # frames in a sample
        bytes(32),  # compressorname
        _numbers(2, 24, 0xFFFF),
        _box(b"avcC", configuration),
        _box(b"colr", b"nclx", _numbers(2, 1, 1, 1), b"\0"),
    )
    scale = -(-_SMALLEST_UNITS // fps.numerator)
    timed = [
        Sample(each.data, each.duration * scale * fps.denominator, each.is_key) for each in samples
    ]
    header = _full_box(b"vmhd", bytes(8), flags=1)
    return Track(timed, scale * fps.numerator, b"vide", header, entry, size)


def build_sound_track(samples: Sequence[Sample], rate: int) -> Track:
    """Return a track of AAC-LC frames in one channel; their durations are in samples."""
    frequencies = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000)
    specific = _numbers(2, 2 << 11 | frequencies.index(rate) << 7 | 1 << 3)
    decoder = _descriptor(4, b"\x40\x15", bytes(11), _descriptor(5, specific))
    stream = _descriptor(3, bytes(3), decoder, _descriptor(6, b"\2"))
    entry = _box(
        b"mp4a",
        bytes(6),
        _numbers(2, 1),  # data_reference_index
        bytes(8),
        _numbers(2, 1, 16, 0, 0),  # channels, bits
        _numbers(4, rate << 16),
        _full_box(b"esds", stream),
    )
    return Track(samples, rate, b"soun", _full_box(b"smhd", bytes(4)), entry)


def write_file(tracks: Sequence[Track]) -> bytes:
    """Return the file: its type, its index, then the samples of all tracks in turn."""
    start = _box(b"ftyp", b"isom", _numbers(4, 512), b"isomiso2avc1mp41")
    chunks = sorted(
        (
            (second, number, chunk)
            for number, track in enumerate(tracks)
            for second, chunk in enumerate(track.split_chunks())
        ),
        key=lambda each: each[:2],
    )
    media = [b"".join(sample.data for sample in chunk) for _, _, chunk in chunks]
    places = list(accumulate(map(len, media), initial=0))
    offsets: list[list[int]] = [[] for _ in tracks]
    for (_, number, _), place in zip(chunks, places, strict=False):
        offsets[number].append(place)
    # The index is as long with these offsets as with those that count its own length.
    before = len(start) + len(_write_index(tracks, offsets)) + 8
    moved = [[place + before for place in each] for each in offsets]
    return b"".join((start, _write_index(tracks, moved), _box(b"mdat", *media)))


def _write_index(tracks: Sequence[Track], offsets: Sequence[Sequence[int]]) -> bytes:
    units = tracks[0].units
    lengths = [round(Fraction(track.length * units, track.units)) for track in tracks]
    header = _full_box(
        b"mvhd",
        _numbers(4, 0, 0, units, max(lengths), 1 << 16),
        _numbers(2, 1 << 8),
        bytes(10),
        _UNITY,
        bytes(24),
        _numbers(4, len(tracks) + 1),
    )
    written = [
        _write_track(track, number, length, places)
        for number, (track, length, places) in enumerate(
            zip(tracks, lengths, offsets, strict=True), 1
        )
    ]
    return _box(b"moov", header, *written)


def _write_track(track: Track, number: int, length: int, offsets: Sequence[int]) -> bytes:
    width, height = track.size
    header = _full_box(
        b"tkhd",
        _numbers(4, 0, 0, number, 0, length),
        bytes(8),
        _numbers(2, 0, 0, 0 if width else 1 << 8, 0),  # layer, group, volume
        _UNITY,
        _numbers(4, width << 16, height << 16),
        flags=3,
    )
    media = _box(
        b"mdia",
        _full_box(b"mdhd", _numbers(4, 0, 0, track.units, track.length, _UNDETERMINED << 16)),
        _full_box(b"hdlr", bytes(4), track.handler, bytes(12), b"getimg-mock\0"),
        _box(
            b"minf",
            track.media_header,
            _box(b"dinf", _full_box(b"dref", _numbers(4, 1), _full_box(b"url ", flags=1))),
            _write_tables(track, offsets),
        ),
    )
    return _box(b"trak", header, media)


def _write_tables(track: Track, offsets: Sequence[int]) -> bytes:
    """Return how long, how large and where the samples are, and which can be jumped to."""
    samples = track.samples
    durations = [
        (len(list(run)), duration) for duration, run in groupby(each.duration for each in samples)
    ]
    counts = [len(chunk) for chunk in track.split_chunks()]
    firsts = [
        (number, count, 1)
        for number, (before, count) in enumerate(zip([0, *counts], counts, strict=False), 1)
        if before != count
    ]
    keys = [number for number, sample in enumerate(samples, 1) if sample.is_key]
    sizes = [len(sample.data) for sample in samples]
    return _box(
        b"stbl",
        _full_box(b"stsd", _numbers(4, 1), track.entry),
        _table(b"stts", durations),
        b"" if len(keys) == len(samples) else _table(b"stss", [(key,) for key in keys]),
        _table(b"stsc", firsts),
        _full_box(b"stsz", _numbers(4, 0, len(sizes), *sizes)),
        _table(b"stco", [(place,) for place in offsets]),
    )


def _table(kind: bytes, rows: Sequence[tuple[int, ...]]) -> bytes:
    return _full_box(kind, _numbers(4, len(rows)), *(_numbers(4, *row) for row in rows))


def _full_box(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, flags.to_bytes(4, "big"), *content)


def _box(kind: bytes, *content: bytes) -> bytes:
    return b"".join((_numbers(4, 8 + sum(map(len, content))), kind, *content))


def _descriptor(tag: int, *content: bytes) -> bytes:
    """Return a descriptor of ISO/IEC 14496-1 with less than 128 bytes."""
    inside = b"".join(content)
    return bytes((tag, len(inside))) + inside


def _numbers(size: int, *values: int) -> bytes:
    return b"".join(value.to_bytes(size, "big") for value in values)


def _count(data: bytes) -> bytes:
    return _numbers(2, len(data))
