"""Videos that are written without FFmpeg keep the promises of those that FFmpeg encodes."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import av
import pytest

from getimg_mock.contract.provider.media_probe import probe_media, require_decoder
from getimg_mock.contract.verification.provider import verify_provider
from getimg_mock.errors import MissingPackageError, SettingsError
from getimg_mock.media import video_files
from getimg_mock.media.films import draw_first_frame
from getimg_mock.media.own_files import read_media_rule
from getimg_mock.media.uncompressed_film import write_uncompressed
from getimg_mock.media.video_files import encode_video
from tests.media.test_video_files import VIDEO, assert_kept, image, lit_pixels, played

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let videos be made as where the extra `video` is not installed."""
    monkeypatch.setattr(video_files, "_find_encoder", lambda: write_uncompressed)


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the import of the package `av` fail."""
    monkeypatch.delitem(sys.modules, "getimg_mock.media.key_frames", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)


@pytest.mark.usefixtures("uncompressed")
@pytest.mark.parametrize(
    ("width", "height", "duration", "fps", "has_sound"),
    [
        (1280, 720, 4, 24, True),
        (640, 360, 3, 23.976, True),
        (320, 180, 12, 24, False),
        (320, 180, 2, 1, True),
        (2048, 128, 2, 2, False),
        (333, 187, 2, 24, True),
        (2, 2, 0.3, 30, True),
        (1, 1, 1, 24, True),
    ],
)
def test_videos_keep_every_promise(
    width: int, height: int, duration: float, fps: float, *, has_sound: bool
) -> None:
    """Size, number and times of frames, length, rate and sound are those of the JSON."""
    assert_kept(
        replace(VIDEO, width=width, height=height, duration=duration, fps=fps, has_sound=has_sound)
    )


@pytest.mark.usefixtures("uncompressed")
@pytest.mark.parametrize("width", [320, 321])
def test_the_pixels_are_those_of_the_poster(width: int) -> None:
    """They are stored: each brightness is that which BT.709 gives its colour."""
    video = replace(VIDEO, width=width, duration=0.1)
    frame = played(encode_video(video))[0][0]
    plane = frame.planes[0]
    drawn = draw_first_frame(video_files._build_film(video))
    for at in range(0, width * (video.height - 32), 97):
        across, down = at % width, at // width
        colour = drawn.getpixel((across, down))
        assert isinstance(colour, tuple)
        luma = sum(
            part * weight for part, weight in zip(colour, (0.2126, 0.7152, 0.0722), strict=True)
        )
        stored = bytes(plane)[plane.line_size * down + across]
        assert stored == pytest.approx(16 + 219 / 255 * luma, abs=0.6)


@pytest.mark.usefixtures("uncompressed")
def test_the_bar_grows_from_frame_to_frame_and_is_full_at_the_end() -> None:
    """The frames between are the same as those between encoded key frames."""
    images = [image(frame) for frame in played(encode_video(VIDEO))[0]]
    lit = [lit_pixels(each, VIDEO.width, VIDEO.height) for each in images]
    wanted = [max(16, VIDEO.width * shown / len(images)) for shown in range(1, len(images) + 1)]
    assert lit == pytest.approx(wanted, abs=4)
    assert lit[-1] == VIDEO.width


@pytest.mark.usefixtures("uncompressed")
def test_a_player_can_jump_and_start_before_the_end_of_the_file() -> None:
    """There is a key frame in each ten seconds, and the index comes first."""
    file = encode_video(replace(VIDEO, duration=20, width=96, height=64))
    with av.open(BytesIO(file), "r") as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
        unit = container.streams.video[0].time_base or 1
    assert [float((key or 0) * unit) for key in keys] == [0, 10]
    assert 0 < file.index(b"moov") < file.index(b"mdat")


@pytest.mark.usefixtures("uncompressed")
def test_the_sound_is_silence() -> None:
    """A track of the promised length that no test has to be turned down for."""
    sounds = played(encode_video(VIDEO))[1]
    assert sounds
    assert not any(bytes(sound.planes[0]).strip(b"\0") for sound in sounds)


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_video_is_written_all_the_same() -> None:
    """A link of a fake that was installed without the extra never answers 500."""
    assert encode_video(VIDEO) == write_uncompressed(video_files._build_film(VIDEO))


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_video_of_ones_own_is_refused_with_what_to_install(
    tmp_path: Path,
) -> None:
    """The rule is refused, and not the download of what it promised."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(encode_video(VIDEO))
    with pytest.raises(SettingsError, match=r"pip install 'getimg-mock\[video\]'"):
        read_media_rule({"file": str(path)})


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_service_is_not_judged_by_its_files() -> None:
    """A run that could pay begins only where its videos can be judged."""
    with pytest.raises(MissingPackageError, match=r"getimg-mock\[verify\]"):
        require_decoder()
    with pytest.raises(MissingPackageError, match=r"getimg-mock\[verify\]"):
        probe_media(b"\0\0\0\x18ftypisom")
    with pytest.raises(MissingPackageError, match=r"getimg-mock\[verify\]"):
        verify_provider("fake", only="GP405")
