"""What a file's bytes say, in whatever form a service may have it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import av
import pytest
from av.container import InputContainer

from getimg_mock.contract.provider.media_probe import probe_media
from tests.api.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 5


def _film(*, sound: bool) -> bytes:
    driver = Driver.of(video_seconds=0)
    made = driver.video(model="seedance-v1-5-pro", duration=SECONDS, sound=sound).json["id"]
    return driver.download(driver.poll(made).json["data"][0]["url"]).body


def _copy(film: bytes, options: Mapping[str, str]) -> bytes:
    """Return a film whose packets are in another container."""
    copied = io.BytesIO()
    with (
        av.open(io.BytesIO(film)) as source,
        av.open(copied, "w", format="mp4", options=dict(options)) as target,
    ):
        streams = {
            each.index: target.add_stream_from_template(each)
            for each in (*source.streams.video, *source.streams.audio)
        }
        assert isinstance(source, InputContainer)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return copied.getvalue()


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer"},
    ],
    ids=["plain", "fragments", "fragments without an index"],
)
def test_a_film_has_the_same_rate_in_every_container(
    options: dict[str, str],
    sound: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A file in fragments does not state its length, of which decoders make a rate."""
    plain = _film(sound=sound)
    found = probe_media(_copy(plain, options))
    assert found.flaw == ""
    assert found.fps == pytest.approx(24, abs=0.01)
    assert found.duration == pytest.approx(SECONDS, abs=0.1)
    assert (found.width, found.height) == probe_media(plain)[1:3]
    assert found.has_sound == sound
