"""How long media take to make, against plain encoders given as many pixels in the same run.

A picture is measured against Pillow saving a flat one of its size and format, a video against x264
encoding each of its frames, as fast as it can, on one thread and without sound. The targets are in
seconds, on two cores.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from functools import partial
from io import BytesIO
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final

import av
from PIL import Image

from benchmarks.targets import at_most
from getimg_mock.media.file_formats import JPEG, PNG, WEBP, Format
from getimg_mock.media.pictures import Picture, encode_picture
from getimg_mock.media.video_files import Video, encode_video

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 7
VIDEO_TARGET: Final = 0.06

PROMPT: Final = "A quiet harbour at first light, fishing boats under a pale pink sky"
PICTURES: Final = (
    (JPEG, 1024, 1024),
    (JPEG, 2048, 2048),
    (JPEG, 4096, 4096),
    (PNG, 3840, 2160),
    (WEBP, 3840, 2160),
    (JPEG, 6240, 2656),
)
SIZES: Final = ((1024, 1024), (2048, 2048), (2848, 1600), (3840, 2160), (4096, 4096))
TARGETS: Final = {(JPEG, 2048, 2048): 0.06, (PNG, 3840, 2160): 0.12}
VIDEO: Final = Video(
    width=1920,
    height=1080,
    duration=10,
    fps=24,
    has_sound=True,
    prompt=PROMPT,
    model="seedance-v1-5-pro",
    generation="req-01HXYZVIDEO1234",
    seed=b"benchmark",
)
VIDEOS: Final = (VIDEO, replace(VIDEO, width=1280, height=720, duration=5))


def main() -> int:
    """Measure, print, and return the exit status."""
    status = 0
    for kind, width, height in PICTURES:
        status |= _picture(kind, width, height)
    for video in VIDEOS:
        status |= _video(video)
    _print_sizes()
    return status


def _print_sizes() -> None:
    """Print the figures of docs/media.md: how large pictures are, and what their grain costs."""
    for width, height in SIZES:
        for kind in (PNG, JPEG, WEBP):
            small = _describe(kind, width, height)
            real = replace(small, grain=True)
            ours, base = _seconds(
                partial(encode_picture, real), partial(encode_picture, small), rounds=1
            )
            sizes = (len(encode_picture(each)) / 1e6 for each in (real, small))
            shown = "{:.2f} MB, small {:.2f} MB".format(*sizes)
            print(
                f"media     {kind.name} {width} x {height}: {shown}; "
                f"{ours * 1000:.0f} ms, small {base * 1000:.0f} ms"
            )


def _describe(kind: Format, width: int, height: int) -> Picture:
    return Picture(
        width=width,
        height=height,
        mime_type=kind.mime_type,
        prompt=PROMPT,
        model="seedream-5-lite",
        generation="req-01HXYZABCD1234",
        seed=b"benchmark",
    )


def _picture(kind: Format, width: int, height: int) -> int:
    picture = replace(_describe(kind, width, height), grain=True)  # as it is by default
    ours, base = _seconds(
        lambda: encode_picture(picture), lambda: _flat(kind, width, height), rounds=ROUNDS
    )
    what = f"media     {kind.name} {width} x {height}"
    _tell(what, ours, base, len(encode_picture(picture)))
    target = TARGETS.get((kind, width, height))
    return at_most(what, ours, target, " s") if target else 0


def _video(video: Video) -> int:
    ours, base = _seconds(
        lambda: encode_video(video), lambda: _frame_by_frame(video), rounds=ROUNDS // 2
    )
    what = f"media     mp4 {video.width} x {video.height}, {video.duration} s, sound"
    _tell(what, ours, base, len(encode_video(video)))
    return at_most(what, ours, VIDEO_TARGET, " s") if video is VIDEO else 0


def _tell(what: str, ours: float, base: float, size: int) -> None:
    ratio = f"{ours / base:.2f} of a plain encoder's {base * 1000:.0f} ms"
    print(f"{what}: {ours * 1000:.0f} ms, {ratio}, {size / 1000:.0f} kB")


def _seconds(
    ours: Callable[[], bytes], base: Callable[[], bytes], *, rounds: int
) -> tuple[float, float]:
    """Return the median times of both, measured by turns after one round that is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for round_number in range(rounds + 1):
        for work, taken in zip((ours, base), times, strict=True):
            start = perf_counter()
            work()
            if round_number:
                taken.append(perf_counter() - start)
    return median(times[0]), median(times[1])


def _flat(kind: Format, width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), "steelblue").save(file, kind.codec)
    return file.getvalue()


def _frame_by_frame(video: Video) -> bytes:
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(video.fps), options={"preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.codec_context.thread_count = 1
        frame = av.VideoFrame(video.width, video.height, "yuv420p")
        for plane in frame.planes:
            plane.update(
                bytes(range(128)) * (plane.buffer_size // 128) + bytes(plane.buffer_size % 128)
            )
        for number in range(video.frames):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
