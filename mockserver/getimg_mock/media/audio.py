"""The sound of a video: a quiet chord in just intonation, faded in and out.

Its period is a whole number of AAC frames, so that a few encoded frames can be repeated for as
long as the video lasts without a click.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cache
from math import pi, sin
from operator import mul
from typing import TYPE_CHECKING, Final

import av

from getimg_mock.world.randomness import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream

RATE: Final = 48_000
FRAME: Final = 1024  # samples in an AAC frame
_PERIOD: Final = 8  # AAC frames after which the chord is where it began
_FADE: Final = 10  # AAC frames
_LOUDNESS: Final = 0.05  # of full scale, per partial: about -26 dB
_ROOTS: Final = (7, 8, 9, 10)  # 164 to 234 Hz, in quarters of what the period allows
_CHORD: Final = ((4, 1.0), (5, 0.7), (6, 0.8), (8, 0.35))  # a major triad and its octave


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """Encoded frames in order; the first has the time stamp `start`, in samples, at most 0."""

    frames: tuple[bytes, ...]
    start: int


def encode_tone(stream: AudioStream, samples: int, seed: bytes) -> EncodedSound:
    """Return `samples` of the chord that `seed` draws, encoded by `stream`."""
    total = -(-samples // FRAME)
    spare = max(0, (total - 2 * _FADE) // _PERIOD - 2)
    root = Stream(seed, "tone").choose("root", _ROOTS)
    wave = _fade(_build_chord(root), samples - spare * _PERIOD * FRAME)
    packets = [packet for frame in (*_split_frames(wave), None) for packet in stream.encode(frame)]
    frames = [bytes(packet) for packet in packets]
    # Where the fade is over and the encoder has settled, one period is as good as the next.
    settled, repeats = _FADE + _PERIOD, _FADE + 2 * _PERIOD
    loop = frames[settled:repeats] * spare
    return EncodedSound((*frames[:repeats], *loop, *frames[repeats:]), packets[0].pts or 0)


@cache  # there are four, of 32 KiB each; computing one takes 13 ms
def _build_chord(root: int) -> array[float]:
    """Return one period of the chord; do not change it."""
    length = _PERIOD * FRAME
    sine = array("d", (_LOUDNESS * sin(2 * pi * at / length) for at in range(length)))
    # Every n-th sample of n periods is one period of the n-th harmonic.
    partials = [
        [part * value for value in (sine * (root * step))[:: root * step]] for step, part in _CHORD
    ]
    return array("f", map(sum, zip(*partials, strict=True)))


def _fade(chord: array[float], samples: int) -> array[float]:
    """Return `samples` of the chord, rising from silence and sinking back."""
    wave = (chord * (samples // len(chord) + 1))[:samples]
    fade = min(_FADE * FRAME, samples // 2)
    if fade:
        ramp = [at / fade for at in range(fade)]
        wave[:fade] = array("f", map(mul, wave[:fade], ramp))
        wave[-fade:] = array("f", map(mul, wave[-fade:], reversed(ramp)))
    return wave


def _split_frames(wave: array[float]) -> Iterator[av.AudioFrame]:
    """Yield the wave in AAC frames; the last is as short as it has to be."""
    for start in range(0, len(wave), FRAME):
        part = wave[start : start + FRAME]
        frame = av.AudioFrame(format="fltp", layout="mono", samples=len(part))
        # A plane may be padded beyond its samples, and is filled as a whole.
        plane = frame.planes[0]
        plane.update(part.tobytes().ljust(plane.buffer_size, b"\0"))
        frame.sample_rate = RATE
        frame.pts = start
        yield frame
