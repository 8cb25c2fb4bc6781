"""The bar of a key frame is written, not encoded: to the pixel, and in the poster's own colours."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import av
import pytest

from getimg_mock.media.films import fit_bar
from getimg_mock.media.video_files import Video, encode_video

WIDTHS: Final = (320, 330, 352)


@pytest.mark.parametrize("width", WIDTHS)
def test_key_frames_light_exactly_the_pixels_that_are_due(width: int) -> None:
    """Macroblocks that are stored, half lit and copied from the left join without a seam."""
    bar = fit_bar(width, 192)
    assert bar
    file = encode_video(
        Video(width, 192, 9, 10, has_sound=False, prompt="", model="", generation="", seed=b"1")
    )
    with av.open(BytesIO(file), "r") as container:
        frames = [frame for frame in container.decode(video=0) if frame.key_frame]
    assert len(frames) == 5
    for index, frame in enumerate(frames):
        lit = min(bar.count_lit(18 * index + 1, 90), width)
        for plane, part in zip(frame.planes, (1, 2, 2), strict=True):
            pixels = memoryview(plane).cast("B")
            for line in range(bar.top // part, 192 // part):
                row = pixels[line * plane.line_size :][: width // part].tobytes()
                bright, dark = row[:1], row[-1:]
                assert row == bright * (lit // part) + dark * (width // part - lit // part)
                assert bright != dark or plane is not frame.planes[0]
