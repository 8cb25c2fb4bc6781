"""Pictures in data URLs: by their structure alone, whatever size they claim to have."""

from __future__ import annotations

import resource
import tracemalloc
import zlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.api.driver import Driver
from tests.api.reference_urls import JPEG, PNG, WEBP, build_data_url, encode, find_objection

if TYPE_CHECKING:
    from collections.abc import Callable


def _chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _png(
    width: int = 1, height: int = 1, *, pixels: bytes | None = None, extra: bytes = b""
) -> bytes:
    """Return a PNG that promises a size; by default with pixels for 1 x 1."""
    start = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    packed = zlib.compress(bytes(4)) if pixels is None else pixels
    parts = (_chunk(b"IHDR", start), extra, _chunk(b"IDAT", packed), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _jpeg(width: int, height: int) -> bytes:
    """Return the sample with another size in its header."""
    at = JPEG.index(b"\xff\xc0") + 5
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return JPEG[:at] + size + JPEG[at + 4 :]


def _webp(width: int, height: int) -> bytes:
    """Return the sample with another size in its header."""
    at = WEBP.index(b"\x9d\x01\x2a") + 3
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return WEBP[:at] + size + WEBP[at + 4 :]


def _animated(codec: str) -> bytes:
    file, frames = BytesIO(), [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, codec, save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("codec", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (640, 480)])
def test_every_picture_that_pillow_writes_is_accepted(
    mode: str, codec: str, size: tuple[int, int]
) -> None:
    """All colour types, bit depths, palettes and metadata; nothing real is refused."""
    image = Image.effect_noise(size, 90).convert("RGB").convert(mode if mode != "I;16" else "L")
    file = BytesIO()
    try:
        image.convert(mode).save(file, codec)
    except (OSError, ValueError):  # the codec has no such mode
        return
    assert find_objection(build_data_url(file.getvalue(), f"image/{codec.lower()}")) is None


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", "comment": b"\xff\xd9"}),
        ("JPEG", {"quality": 100, "subsampling": 0, "optimize": True}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
        ("PNG", {"compress_level": 0}),
        ("PNG", {"dpi": (300, 300), "bits": 8}),
    ],
)
def test_variants_of_the_formats_are_accepted(codec: str, options: dict[str, Any]) -> None:
    """Progressive, lossless, with metadata, and followed by other bytes as phones do."""
    data = encode(codec, (64, 48), **options)
    kind = f"image/{codec.lower()}"
    assert find_objection(build_data_url(data, kind)) is None
    assert find_objection(build_data_url(data + b"followed by a video", kind)) is None


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (_png(0, 5), "image/png", "is a picture without pixels (0 x 5)."),
        (_png(5, 0), "image/png", "is a picture without pixels (5 x 0)."),
        (_jpeg(0, 5), "image/jpeg", "is a picture without pixels (0 x 5)."),
        (_webp(0, 5), "image/webp", "is a picture without pixels (0 x 5)."),
        (_animated("PNG"), "image/png", "is animated; only still pictures are accepted."),
        (_animated("WEBP"), "image/webp", "is animated; only still pictures are accepted."),
        (_png(pixels=b"not zlib"), "image/png", "its pixels cannot be decompressed."),
        (_png(2, 2), "image/png", "it has fewer pixels than its header promises."),
        (_png(pixels=b""), "image/png", "a chunk IDAT is missing."),
        (PNG[:8], "image/png", "it is truncated."),
        (PNG[:8] + PNG[33:], "image/png", "it does not begin with a chunk IHDR."),
        (PNG[:-1], "image/png", "it is truncated."),
        (PNG.replace(b"IEND", b"IEXD"), "image/png", "the checksum of its chunk IEXD is wrong."),
        (JPEG[:4], "image/jpeg", "it is truncated."),
        (JPEG[:-2], "image/jpeg", "it is truncated."),
        (b"\xff\xd8\xff\xd9", "image/jpeg", "it has no pixels."),
        (b"\xff\xd8\xff\xe0\0\4abcd", "image/jpeg", "is not the start of a JPEG segment."),
        (WEBP[:12], "image/webp", "it is truncated."),
        (WEBP[:-1], "image/webp", "it is truncated."),
        (b"RIFF\x04\0\0\0WEBP", "image/webp", "a chunk VP8 or VP8L is missing."),
    ],
)
def test_a_picture_that_no_service_can_use_is_refused(data: bytes, kind: str, said: str) -> None:
    """Broken, truncated, empty or animated; the message says what was found."""
    found = str(find_objection(build_data_url(data, kind)))
    assert found.startswith(f"the {kind} data ")
    assert found.endswith(said)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (_png(50_000, 50_000), "image/png"),
        (_png(2**31 - 1, 2**31 - 1), "image/png"),
        (_png(2**32 - 1, 1), "image/png"),
        (_png(50_000, 50_000, pixels=zlib.compress(bytes(9_000_000))), "image/png"),
        (_jpeg(65_535, 65_535), "image/jpeg"),
        (_webp(16_383, 16_383), "image/webp"),
    ],
)
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(data: bytes, kind: str) -> None:
    """A decompression bomb: the size in the header decides, and the limit is a setting."""
    found = str(find_objection(build_data_url(data, kind)))
    assert found.startswith("the picture has ")
    assert found.endswith(" pixels, at most 64 megapixels are accepted.")


def test_the_limit_of_pixels_is_a_setting() -> None:
    """Nothing is documented about it: our choice."""
    url = build_data_url(encode("JPEG", (2000, 1000)), "image/jpeg")
    assert Driver.of(reference_megapixels=2).image(images=[{"url": url}]).status == 200
    reply = Driver.of(reference_megapixels=1).image(images=[{"url": url}])
    assert reply.error == {
        "message": "Invalid 'images[0].url': the picture has 2000 x 1000 pixels, "
        "at most 1 megapixels are accepted.",
        "type": "invalid_request_error",
        "param": "images[0].url",
        "code": "invalid_parameter",
    }
    assert reply.header("x-mock-hint") == (
        "send a still PNG, JPEG or WebP image of at most 10 MiB and 1 megapixels"
    )


def test_frames_of_a_video_are_checked_alike() -> None:
    """First and last frames are references, too."""
    api = Driver.of()
    good = {"url": build_data_url(PNG), "role": "first_frame"}
    bad = {"url": build_data_url(PNG[:-20]), "role": "last_frame"}
    video = {"model": "seedance-v1-5-pro", "images": [good, bad]}
    before = api.books()
    assert api.video(**video).error["param"] == "images[1].url"
    assert api.books() == before


@cache
def _zeros() -> bytes:
    """Return 200 MB, compressed to 200 kB."""
    packer, block = zlib.compressobj(6), bytes(1_000_000)
    return b"".join((*(packer.compress(block) for _ in range(200)), packer.flush()))


# Pictures that cost much where they are decoded.
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "pixels": (lambda: _png(50_000, 50_000, pixels=_zeros()), "png"),
    "more pixels than promised": (lambda: _png(1, 1, pixels=_zeros()), "png"),
    "the largest that is accepted": (lambda: _png(8000, 8000, pixels=_zeros()), "png"),
    "text": (lambda: _png(extra=_chunk(b"zTXt", b"a\0\0" + _zeros())), "png"),
    "chunks": (lambda: _png(extra=_chunk(b"teSt", b"") * 800_000), "png"),
    "segments": (lambda: JPEG[:2] + b"\xff\xfe\0\2" * 2_000_000 + JPEG[2:], "jpeg"),
    "fill bytes": (lambda: JPEG[:2] + b"\xff" * 9_000_000 + JPEG[3:], "jpeg"),
    "sides of a JPEG": (lambda: _jpeg(65_535, 65_535), "jpeg"),
    "sides of a WebP": (lambda: _webp(16_383, 16_383), "webp"),
    "noise": (lambda: PNG[:8] + bytes(9_000_000), "png"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_no_picture_costs_more_memory_than_its_own_bytes(name: str) -> None:
    """At most copies of the request; what libraries allocate is not traced, but counted here."""
    make, kind = HOSTILE[name]
    url = build_data_url(make(), f"image/{kind}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        find_objection(url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(url) + 2 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_what_is_inflated_is_bounded() -> None:
    """So is the time: no more than 32 MiB of the 192 MB that this picture has are looked at."""
    data = _png(8000, 8000, pixels=_zeros())
    inflated = []

    make = zlib.decompressobj

    class Counting:
        def __init__(self) -> None:
            self._real = make()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def decompress(self, *arguments: Any) -> bytes:
            part = self._real.decompress(*arguments)
            inflated.append(len(part))
            return part

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("getimg_mock.world.picture_headers.zlib.decompressobj", Counting)
        assert find_objection(build_data_url(data)) is None
    assert sum(inflated) < 33 * 1024 * 1024
    assert max(inflated) <= 256 * 1024


@given(
    which=st.sampled_from([(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]),
    cut=st.integers(1, 400),
)
def test_a_picture_cut_anywhere_is_refused(which: tuple[bytes, str], cut: int) -> None:
    """An upload that broke off must not look whole."""
    data, kind = which
    assert find_objection(build_data_url(data[: max(0, len(data) - cut)], kind)) is not None


@given(
    which=st.sampled_from([(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]),
    changes=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6),
)
def test_any_damage_is_accepted_or_refused_and_nothing_else(
    which: tuple[bytes, str], changes: list[tuple[int, int]]
) -> None:
    """No bytes are a crash."""
    data, kind = bytearray(which[0]), which[1]
    for at, value in changes:
        data[at % len(data)] = value
    said = find_objection(build_data_url(bytes(data), kind))
    assert said is None or said.endswith(".")
