"""The sound of a video: a quiet chord in just intonation, faded in and out.

Its period is a whole number of AAC frames, so that a few encoded frames can be repeated for as
long as the video lasts without a click.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import pi, sin
from typing import TYPE_CHECKING, Final

import av

from getimg_mock.world.chance import Stream

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

RATE: Final = 48_000
FRAME: Final = 1024  # samples in an AAC frame
_PERIOD: Final = 8  # AAC frames after which the chord is where it began
_FADE: Final = 10  # AAC frames
_LOUDNESS: Final = 0.05  # of full scale, per partial: about -26 dB
_ROOTS: Final = (7, 8, 9, 10)  # 164 to 234 Hz, in quarters of what the period allows
_CHORD: Final = ((4, 1.0), (5, 0.7), (6, 0.8), (8, 0.35))  # a major triad and its octave


@dataclass(frozen=True, slots=True)
class Sound:
    """Encoded frames in order; the first has the time stamp `start`, in samples, at most 0."""

    frames: tuple[bytes, ...]
    start: int


def encode_tone(stream: AudioStream, samples: int, seed: bytes) -> Sound:
    """Return `samples` of the chord that `seed` draws, encoded by `stream`."""
    total = -(-samples // FRAME)
    spare = max(0, (total - 2 * _FADE) // _PERIOD - 2)
    kept = samples - spare * _PERIOD * FRAME
    packets = []
    for frame in (*_frames(_chord(seed), kept), None):
        packets += stream.encode(frame)
    start = packets[0].pts or 0
    frames = [bytes(packet) for packet in packets]
    # Where the fade is over and the encoder has settled, one period is as good as the next.
    loop = frames[_FADE + _PERIOD : _FADE + 2 * _PERIOD]
    return Sound(
        (*frames[: _FADE + 2 * _PERIOD], *loop * spare, *frames[_FADE + 2 * _PERIOD :]), start
    )


def _chord(seed: bytes) -> array[float]:
    """Return one period of the chord."""
    root = Stream(seed, "tone").chosen("root", _ROOTS)
    length = _PERIOD * FRAME
    wave = [sin(2 * pi * at / length) for at in range(length)]
    return array(
        "f",
        (
            _LOUDNESS * sum(part * wave[at * root * step % length] for step, part in _CHORD)
            for at in range(length)
        ),
    )


def _frames(chord: array[float], samples: int) -> list[av.AudioFrame]:
    """Return `samples` of the chord in AAC frames; the last is as short as it has to be."""
    fade = max(1, min(_FADE * FRAME, samples // 2))
    frames = []
    for start in range(0, samples, FRAME):
        end = min(start + FRAME, samples)
        at = start % len(chord)
        wave = chord[at : at + end - start]
        if start < fade or end > samples - fade:
            wave = array(
                "f",
                (
                    value * min(1.0, position / fade, (samples - position) / fade)
                    for position, value in enumerate(wave, start)
                ),
            )
        frame = av.AudioFrame(format="fltp", layout="mono", samples=end - start)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate = RATE
        frame.pts = start
        frames.append(frame)
    return frames
