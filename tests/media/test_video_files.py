"""Videos are what was promised: size, length, rate, sound, and the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import av
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from getimg_mock.media.films import fit_bar
from getimg_mock.media.palettes import draw_palette
from getimg_mock.media.video_files import Video, encode_video
from getimg_mock.world.randomness import Stream

if TYPE_CHECKING:
    from PIL import Image

VIDEO: Final = Video(
    width=320,
    height=192,
    duration=3,
    fps=24,
    has_sound=True,
    prompt="A quiet harbour at first light",
    model="seedance-v1-5-pro",
    generation="req-01HXYZVIDEO1234",
    seed=b"seed",
)
SOUND_FRAME: Final = 1024 / 48_000  # seconds


def image(frame: av.VideoFrame) -> Image.Image:
    """Return what a frame shows."""
    shown: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return shown


def played(file: bytes) -> tuple[list[av.VideoFrame], list[av.AudioFrame], list[Any]]:
    """Return all frames and sounds of a file, and what FFmpeg had to say about it."""
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as remarks:
            with av.open(BytesIO(file), "r") as container:
                frames = list(container.decode(video=0))
            with av.open(BytesIO(file), "r") as container:
                sounds = list(container.decode(audio=0)) if container.streams.audio else []
        return frames, sounds, list(remarks)
    finally:
        av.logging.set_level(None)


def assert_kept(video: Video) -> None:
    """Assert that the file is what the video promised, and decodes without a remark."""
    file = encode_video(video)
    frames, sounds, remarks = played(file)
    assert remarks == []
    count = max(1, round(video.duration * video.fps))
    assert len(frames) == count
    assert {(frame.width, frame.height) for frame in frames} == {(video.width, video.height)}
    assert [frame.time for frame in frames] == pytest.approx(
        [number / video.fps for number in range(count)], abs=0.001
    )
    assert_described(file, video, count)
    heard = sum(sound.samples for sound in sounds) / 48_000
    assert heard == pytest.approx(count / video.fps if video.has_sound else 0, abs=SOUND_FRAME)


def assert_described(file: bytes, video: Video, count: int) -> None:
    """Assert that the file's own description says the same."""
    length = pytest.approx(count / video.fps, abs=0.001)
    with av.open(BytesIO(file), "r") as container:
        assert float(container.duration or 0) / av.time_base == length
        (picture,) = container.streams.video
        assert picture.codec_context.name == "h264"
        assert picture.frames == count
        assert float(picture.average_rate or 0) == pytest.approx(video.fps, rel=1e-4)
        assert float((picture.duration or 0) * (picture.time_base or 0)) == length
        assert len(container.streams.audio) == int(video.has_sound)
        for sound in container.streams.audio:
            assert sound.codec_context.name == "aac"
            assert sound.rate == 48_000
            assert float((sound.duration or 0) * (sound.time_base or 0)) == length


@pytest.mark.parametrize(
    ("width", "height", "duration", "fps", "has_sound"),
    [
        (1920, 1080, 5, 24, True),
        (1280, 720, 4, 24, False),
        (720, 1280, 4, 30, True),
        (1470, 630, 2, 24, True),
        (864, 496, 12, 24, True),
        (640, 640, 2, 25, True),
        (640, 360, 3, 23.976, True),
        (640, 360, 1, 29.97, True),
        (320, 180, 1, 60, True),
        (320, 180, 2, 1, True),
        (1920, 1080, 1, 1, False),
        (4096, 128, 2, 4, False),
        (2, 2, 1, 24, True),
        (1, 1, 1, 24, True),
        (333, 187, 2, 24, True),
        (320, 187, 2, 24, False),
    ],
)
def test_videos_keep_every_promise(
    width: int, height: int, duration: float, fps: float, *, has_sound: bool
) -> None:
    """Size, number and times of frames, length, rate and sound are those of the JSON."""
    assert_kept(
        replace(VIDEO, width=width, height=height, duration=duration, fps=fps, has_sound=has_sound)
    )


@pytest.mark.slow
@settings(max_examples=40)
@given(
    width=st.integers(1, 230),
    height=st.integers(1, 230),
    duration=st.floats(0.05, 3.0),
    fps=st.sampled_from([8, 12, 24, 25, 29.97, 30]),
    has_sound=st.booleans(),
)
def test_small_videos_of_any_shape_keep_every_promise(
    width: int, height: int, duration: float, fps: float, *, has_sound: bool
) -> None:
    """Odd sizes and broken seconds included."""
    assert_kept(
        replace(VIDEO, width=width, height=height, duration=duration, fps=fps, has_sound=has_sound)
    )


@pytest.mark.slow
def test_a_very_long_video_is_as_long_as_promised() -> None:
    """Ten minutes, of which only a few frames were encoded."""
    long = replace(VIDEO, width=64, height=48, duration=600)
    file = encode_video(long)
    frames, sounds, remarks = played(file)
    assert remarks == []
    assert len(frames) == 14_400
    assert sum(sound.samples for sound in sounds) == pytest.approx(600 * 48_000, abs=1024)
    assert_described(file, long, 14_400)


def test_a_broken_file_does_draw_remarks() -> None:
    """The check for a clean file can fail."""
    file = bytearray(encode_video(VIDEO))
    start = file.index(b"mdat") + 1000
    file[start : start + 3000] = bytes(255 - byte for byte in file[start : start + 3000])
    assert played(bytes(file))[2]


@pytest.mark.parametrize(("width", "pixels"), [(320, "yuv420p"), (321, "yuv444p")])
def test_pixels_are_stored_as_every_player_knows_them_unless_a_side_is_odd(
    width: int, pixels: str
) -> None:
    """4:2:0 has one sample of colour for two pixels: an odd side has no half of one."""
    with av.open(BytesIO(encode_video(replace(VIDEO, width=width))), "r") as container:
        assert container.streams.video[0].pix_fmt == pixels


@pytest.mark.parametrize("has_sound", [True, False])
def test_the_same_video_has_the_same_bytes_also_in_another_process(*, has_sound: bool) -> None:
    """Nothing in a file depends on threads, on addresses or on the time of day."""
    video = replace(VIDEO, has_sound=has_sound)
    program = (
        "import hashlib; from getimg_mock.media.video_files import Video, encode_video; "
        f"print(hashlib.sha256(encode_video({video!r})).hexdigest())"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter runs our own line
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == hashlib.sha256(encode_video(video)).hexdigest()
    assert encode_video(video) == encode_video(video)


def test_the_index_comes_before_the_media() -> None:
    """A player can start while the rest is still being downloaded."""
    file = encode_video(VIDEO)
    assert 0 < file.index(b"moov") < file.index(b"mdat")


def test_nothing_moves_but_the_bar() -> None:
    """Frames are copied, not guessed, and key frames are alike: no pixel drifts or flickers."""
    images = [image(frame) for frame in played(encode_video(VIDEO))[0]]
    bar = fit_bar(VIDEO.width, VIDEO.height)
    assert bar
    still = [each.crop((0, 0, VIDEO.width, bar.top)) for each in images]
    assert all(not ImageChops.difference(still[0], each).getbbox() for each in still)


@pytest.mark.parametrize(
    ("width", "height", "duration"), [(320, 192, 3), (322, 180, 5), (321, 187, 3), (640, 98, 0.5)]
)
def test_the_bar_grows_from_frame_to_frame_and_is_full_at_the_end(
    width: int, height: int, duration: float
) -> None:
    """Whoever watches sees that the video plays, and how far it has come."""
    video = replace(VIDEO, width=width, height=height, duration=duration)
    images = [image(frame) for frame in played(encode_video(video))[0]]
    lit = [lit_pixels(each, width, height) for each in images]
    wanted = [max(16, width * shown / len(images)) for shown in range(1, len(images) + 1)]
    assert lit == pytest.approx(wanted, abs=4)
    assert lit[-1] == width


def lit_pixels(shown: Image.Image, width: int, height: int) -> int:
    """Return how much of the bar is of the colour of its beginning."""
    bar = fit_bar(width, height)
    assert bar
    line = shown.convert("L").crop((0, bar.top + 2, width, bar.top + 3)).tobytes()
    dark, light = sorted((line[0], 255 - line[0]))
    middle = (dark + light) / 2
    return next(
        (at for at, value in enumerate(line) if (value > middle) != (line[0] > middle)), width
    )


def test_any_moment_can_be_jumped_to() -> None:
    """After a jump a player shows what it would have shown without."""
    file = encode_video(replace(VIDEO, duration=6))
    frames = played(file)[0]
    with av.open(BytesIO(file), "r") as container:
        for second in (5, 1, 3.5, 0):
            container.seek(int(second * av.time_base), backward=True)
            shown = next(
                frame for frame in container.decode(video=0) if frame.time >= second - 0.001
            )
            there = frames[round(second * 24)]
            assert shown.time == there.time
            assert not ImageChops.difference(image(shown), image(there)).getbbox()


def test_there_are_key_frames_every_other_second() -> None:
    """A jump costs at most two seconds of decoding."""
    with av.open(BytesIO(encode_video(replace(VIDEO, duration=10))), "r") as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
        unit = container.streams.video[0].time_base or 1
    assert [float((key or 0) * unit) for key in keys] == [0, 2, 4, 6, 8]


def test_a_bar_that_takes_too_large_steps_is_drawn_anew_each_time() -> None:
    """Decoders are told how far frames copy at most; what goes beyond is a key frame."""
    coarse = replace(VIDEO, width=4096, height=128, duration=2, fps=4, has_sound=False)
    with av.open(BytesIO(encode_video(coarse)), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.is_keyframe for packet in packets] == [True] * 8


def test_colours_are_those_of_the_poster_and_are_tagged_as_such() -> None:
    """HD players take BT.709 for granted: other numbers would look washed out or too red."""
    bar = fit_bar(VIDEO.width, VIDEO.height)
    assert bar
    for seed in (b"1", b"2", b"3", b"4", b"5", b"6"):
        frame = played(encode_video(replace(VIDEO, seed=seed, duration=0.1)))[0][0]
        assert (frame.colorspace, frame.color_range) == (Colorspace.ITU709, ColorRange.MPEG)
        red, green, blue = draw_palette(Stream(seed, "palette")).line
        luma = 16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
        last_of_bar = frame.planes[0].line_size * (bar.top + 2) + VIDEO.width - 20
        assert bytes(frame.planes[0])[last_of_bar] == pytest.approx(luma, abs=1.5)


def test_the_sound_is_quiet_begins_and_ends_in_silence_and_does_not_click() -> None:
    """Nobody who opens a file at night is woken up; repeated frames join without a step."""
    sounds = played(encode_video(replace(VIDEO, duration=12)))[1]
    samples = [
        value
        for sound in sounds
        for value in memoryview(bytes(sound.planes[0])).cast("f")[: sound.samples].tolist()
    ]
    loudest = max(map(abs, samples))
    assert 0.05 < loudest < 0.25
    assert max(map(abs, samples[:480])) < 0.02
    assert max(map(abs, samples[12 * 48_000 - 480 : 12 * 48_000])) < 0.02
    # The chord's own steepest step, with some room for what AAC adds.
    steps = [abs(one - other) for one, other in pairwise(samples)]
    assert max(steps) < 0.02


@pytest.mark.parametrize("field", ["prompt", "model", "generation"])
def test_each_label_is_in_the_picture(field: str) -> None:
    """Whoever watches a file can tell which request it came from."""
    texts = {"prompt": VIDEO.prompt, "model": VIDEO.model, "generation": VIDEO.generation}
    texts[field] = "something else"
    other = replace(
        VIDEO,
        prompt=texts["prompt"],
        model=texts["model"],
        generation=texts["generation"],
    )
    one, two = (image(played(encode_video(video))[0][0]) for video in (VIDEO, other))
    assert ImageChops.difference(one, two).point(lambda value: 255 * (value > 64)).getbbox()


def test_hostile_texts_are_drawn_like_any_other(hostile_text: str) -> None:
    """Whatever the API accepted as a prompt has a video."""
    assert_kept(
        replace(
            VIDEO,
            duration=0.2,
            prompt=hostile_text,
            model=hostile_text[:200],
            generation=hostile_text[:200],
        )
    )


def test_files_are_of_a_sane_size() -> None:
    """Ten seconds of 1080p with sound are less than a megabyte."""
    assert len(encode_video(replace(VIDEO, width=1920, height=1080, duration=10))) < 1_000_000
