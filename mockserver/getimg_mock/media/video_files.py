"""Videos: real MP4 files of exactly the promised size, length, rate and sound."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.media.films import Film

_LARGEST_DENOMINATOR: Final = 1001  # that of 30000/1001; more digits are noise of floats


@dataclass(frozen=True, slots=True)
class Video:
    """All that a video's bytes depend on; `duration` in seconds, `generation` is its id.

    The background of a `flat` one has one colour.
    """

    width: int
    height: int
    duration: float
    fps: float
    has_sound: bool
    prompt: str
    model: str
    generation: str
    seed: bytes
    flat: bool = False
    font: str | None = None

    @property
    def rate(self) -> Fraction:
        """Frames per second, exactly."""
        return Fraction(self.fps).limit_denominator(_LARGEST_DENOMINATOR)

    @property
    def frames(self) -> int:
        """How many frames there are: as near to `duration` as whole frames come, at least one."""
        return max(1, round(self.duration * self.fps))


def encode_video(video: Video) -> bytes:
    """Return the MP4 file of `video`: the same bytes each time.

    FFmpeg encodes it where it is installed. Elsewhere its pictures are stored as they are, and its
    sound is silence.
    """
    return _find_encoder()(_build_film(video))


def _build_film(video: Video) -> Film:
    # Posters and FFmpeg are imported by the first video, not by the first request: cold start
    # matters.
    from getimg_mock.media.films import Film, fit_bar  # noqa: PLC0415 - see above
    from getimg_mock.media.posters import Poster  # noqa: PLC0415 - see above

    bar = fit_bar(video.width, video.height)
    sound = ", sound" if video.has_sound else ""
    poster = Poster(
        width=video.width,
        height=video.height,
        prompt=video.prompt,
        model=video.model,
        generation=video.generation,
        seed=video.seed,
        note=f"{video.width} x {video.height}, {video.duration:g} s, {video.fps:g} fps{sound}",
        inset=bar.height if bar else 0,
        flat=video.flat,
        font=video.font,
    )
    return Film(poster, video.frames, video.rate, video.has_sound)


def _find_encoder() -> Callable[[Film], bytes]:
    """Return what makes a file of a film, with the packages that are installed."""
    try:
        from getimg_mock.media.key_frames import encode_film  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != "av":
            raise
        from getimg_mock.media.uncompressed_film import write_uncompressed  # noqa: PLC0415

        return write_uncompressed
    return encode_film
