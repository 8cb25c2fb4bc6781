"""Reference images: data URLs are read, HTTPS URLs are judged by their form and never fetched."""

from __future__ import annotations

import resource
import tracemalloc
import zlib
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from getimg_mock.errors import Refusal
from getimg_mock.world.picture_headers import sniff_type
from getimg_mock.world.references import MAX_IMAGE_BYTES, check_reference
from tests.api.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable


def _encode(codec: str, size: tuple[int, int] = (8, 5), **options: Any) -> bytes:
    """Return a real picture."""
    file = BytesIO()
    Image.new("RGB", size, "steelblue").save(file, codec, **options)
    return file.getvalue()


PNG, JPEG, WEBP = _encode("PNG"), _encode("JPEG"), _encode("WEBP")


def _said(url: str) -> str | None:
    """Return what is said against `url`, None when nothing is."""
    try:
        check_reference(url, param="it")
    except Refusal as refusal:
        return refusal.message.removeprefix("Invalid 'it': ")
    return None


def _data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "HTTPS://Example.COM",
        "https://example.com:8443/a?b=c#d",
        "https://xn--bcher-kva.example/",
        "https://b\xfccher.example/a",
        "https://8.8.8.8/a.png",
        "https://[2606:4700:4700::1111]/a.png",
        "https://a.b.c.d.example./x",
        "https://example.com/\N{SNOWMAN}",
        "https://example.com/%00",
        "https://127.0.0.1.example.com/",
        "https://example.com/" + "a" * 8000,
    ],
)
def test_a_public_https_url_is_accepted(url: str) -> None:
    """Documented: a public HTTPS URL."""
    assert _said(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "example.com/a.png",
        "//example.com/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:example.com",
        "https:///a.png",
        "x",
        "https",
        "blob:https://example.com/1",
        "gopher://example.com",
        "://",
        "https://?a",
        "https://./",
    ],
)
def test_what_is_no_https_url_is_refused(url: str) -> None:
    """The sentence says what would do."""
    assert _said(url) == "use a public HTTPS URL or a data URL."


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "db.internal",
        "nas.lan",
        "router.home.arpa",
        "intranet",
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.9.9",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[fe80::1%25eth0]",
        "127.0.0.1:443",
        "[::1]:443",
        "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
        "\N{CIRCLED DIGIT ONE}27.0.0.1",
        "127\N{IDEOGRAPHIC FULL STOP}0.0.1",
        "localhost\N{FULLWIDTH FULL STOP}",
        "\N{FULLWIDTH LATIN SMALL LETTER L}ocalhost",
    ],
)
def test_a_host_that_is_not_public_is_refused(host: str) -> None:
    """In every way that a resolver reads it: decimal, hexadecimal, short, mapped, full-width."""
    said = _said(f"https://{host}/a.png")
    assert said is not None
    assert said.endswith(("is not public.", "is not the name of a host.", "is not a URL."))


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.com/a",
        "https://user:pass@example.com/a",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
        "https://:@example.com/",
    ],
)
def test_a_url_with_a_user_is_not_public(url: str) -> None:
    """Nor may a user name disguise the host."""
    said = _said(url)
    assert said == "a URL with a user name or password is not public."


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a b",
        "https://exa\tmple.com/",
        "https://example.com/\n",
        " https://a.co",
        "https://a.co ",
        "\x00https://a.co",
        "https://example.com/\x7f",
        "https://[::1",
        "https://[x]/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com/" + "a" * 9000,
        "https://exa mple.com",
        "https://a..b/",
        "https://example.com:-1/",
        "https://ex\\ample.com",
        "https://-/",
        "https://a,b.example/",
        "https://<script>.example/",
        "https://*.example/",
    ],
)
def test_what_cannot_be_a_url_is_refused(url: str) -> None:
    """A clear error each time; which of the sentences does not matter."""
    assert _said(url) is not None


@pytest.mark.parametrize("length", [16, 1000, 1_000_000])
def test_bare_base64_is_refused_with_the_remedy(length: int) -> None:
    """Documented: refused; it is what people try first."""
    bare = b64encode(PNG[:8] * length).decode()
    assert _said(bare) == "bare base64 is not accepted; use a public HTTPS URL or a data URL."
    reply = Driver.of().image(images=[{"url": bare}])
    assert reply.header("x-mock-hint") == "prefix it with data:image/png;base64,"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (WEBP, "image/webp"),
        (PNG, "IMAGE/PNG"),
        (PNG, "image/png;charset=utf-8"),
    ],
)
def test_a_data_url_of_the_three_formats_is_accepted(data: bytes, kind: str) -> None:
    """Documented: PNG, JPEG, WebP."""
    assert _said(_data_url(data, kind)) is None
    assert _said(_data_url(data, kind).replace("data:", "DATA:")) is None


@pytest.mark.parametrize(
    "kind", ["image/gif", "image/svg+xml", "text/html", "", "image/jpg", "png"]
)
def test_a_data_url_of_another_type_is_refused(kind: str) -> None:
    """The types are documented; image/jpg is none."""
    assert _said(_data_url(PNG, kind)) == (
        f"'{kind}' is not one of image/png, image/jpeg, image/webp."
    )


@pytest.mark.parametrize(
    ("data", "kind", "found"),
    [
        (JPEG, "image/png", "image/jpeg"),
        (PNG, "image/webp", "image/png"),
        (WEBP, "image/jpeg", "image/webp"),
    ],
)
def test_bytes_of_another_format_are_refused(data: bytes, kind: str, found: str) -> None:
    """The bytes are sniffed."""
    assert _said(_data_url(data, kind)) == f"the data URL says {kind}, its bytes are {found}."


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "empty, "),
        (b"GIF89a", "a GIF image, "),
        (b"<svg/>", "an SVG image, "),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><svg>", "an SVG image, "),
        (b"<!DOCTYPE html><p>", "HTML, "),
        (b"<a/>", "XML or HTML, "),
        (b"BM1234", "a BMP image, "),
        (b"\0\0\0\x20ftypheic", "a HEIC image, "),
        (b"\0\0\0\x20ftypavif", "an AVIF image, "),
        (b"\0\0\0\x20ftypisom", "an MP4 video, "),
        (b"%PDF-1.7", "a PDF document, "),
        (b"\x89PNG", ""),
        (b"RIFF1234WAVE", ""),
        (b"\0" * 9, ""),
        (b"\0" * 1_000_000, ""),
    ],
)
def test_bytes_of_no_format_are_refused(data: bytes, found: str) -> None:
    """The sentence says what they are, where that is known; nor does an empty image pass."""
    assert sniff_type(data) is None
    assert _said(_data_url(data)) == f"the decoded bytes are {found}not a PNG, JPEG or WebP image."


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:,",
        "data:image/png,abc",
        "data:image/png;base64",
        "data:image/png;base64;,a",
        "data:;base64",
        "data:image/png",
        "data:image/png;utf8,<svg>",
        "data:image/png base64,aaaa",
    ],
)
def test_a_data_url_of_another_form_is_refused_with_the_form(url: str) -> None:
    """Documented form: data:image/png;base64,..."""
    assert _said(url) == "a data URL has the form data:image/png;base64,..."


@pytest.mark.parametrize(
    "text",
    ["a", "abc", "ab=c", "====", "iVBO Rw0K", "iVBO\nRw0K", "iVBO-_==", "iVBO%3D"],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    """No letter is passed over in silence: a truncated upload must not look whole."""
    assert _said(f"data:image/png;base64,{text}") == "the data URL is not valid base64."


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (MAX_IMAGE_BYTES - 1, None),
        (MAX_IMAGE_BYTES, None),
        (MAX_IMAGE_BYTES + 1, "the decoded image is larger than 10 MiB."),
        (MAX_IMAGE_BYTES + 2, "the decoded image is larger than 10 MiB."),
        (MAX_IMAGE_BYTES + 3, "the decoded image is larger than 10 MiB."),
        (2 * MAX_IMAGE_BYTES, "the decoded image is larger than 10 MiB."),
    ],
)
def test_a_decoded_image_has_at_most_10_mib(size: int, said: str | None) -> None:
    """Documented, to the byte, whatever the padding."""
    assert _said(_data_url(PNG + bytes(size - len(PNG)))) == said


# Structure --------------------------------------------------------------------------------------


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
    assert _said(_data_url(file.getvalue(), f"image/{codec.lower()}")) is None


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
    data = _encode(codec, (64, 48), **options)
    kind = f"image/{codec.lower()}"
    assert _said(_data_url(data, kind)) is None
    assert _said(_data_url(data + b"followed by a video", kind)) is None


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
    found = str(_said(_data_url(data, kind)))
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
    found = str(_said(_data_url(data, kind)))
    assert found.startswith("the picture has ")
    assert found.endswith(" pixels, at most 64 megapixels are accepted.")


def test_the_limit_of_pixels_is_a_setting() -> None:
    """Nothing is documented about it: our choice."""
    url = _data_url(_encode("JPEG", (2000, 1000)), "image/jpeg")
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
    good = {"url": _data_url(PNG), "role": "first_frame"}
    bad = {"url": _data_url(PNG[:-20]), "role": "last_frame"}
    video = {"model": "seedance-v1-5-pro", "images": [good, bad]}
    before = api.books()
    assert api.video(**video).error["param"] == "images[1].url"
    assert api.books() == before


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
    url = _data_url(make(), f"image/{kind}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        _said(url)
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
        assert _said(_data_url(data)) is None
    assert sum(inflated) < 33 * 1024 * 1024
    assert max(inflated) <= 256 * 1024


@given(
    which=st.sampled_from([(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]),
    cut=st.integers(1, 400),
)
def test_a_picture_cut_anywhere_is_refused(which: tuple[bytes, str], cut: int) -> None:
    """An upload that broke off must not look whole."""
    data, kind = which
    assert _said(_data_url(data[: max(0, len(data) - cut)], kind)) is not None


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
    said = _said(_data_url(bytes(data), kind))
    assert said is None or said.endswith(".")


def test_the_wrong_one_of_several_is_named() -> None:
    """`param` says which."""
    good = {"url": "https://example.com/a.png"}
    reply = Driver.of().image(images=[good, good, {"url": "http://example.com"}])
    assert reply.error["param"] == "images[2].url"


def test_the_number_of_references_is_the_models() -> None:
    """Documented: at most 8, fewer per model."""
    api = Driver.of()
    images = [{"url": "https://example.com/a.png"}] * 5
    assert api.image(images=images).status == 200
    reply = api.image(model="gemini-3-1-flash-image", images=images)
    assert (reply.status, reply.error["param"]) == (400, "images")
    assert "at most 4" in reply.error["message"]


def test_the_lenient_mode_takes_any_reference() -> None:
    """The official SDK's own tests send "x"."""
    assert Driver.of(strictness="schema").image(images=[{"url": "x"}]).status == 200


pieces = st.sampled_from(
    [
        "https://",
        "http:",
        "data:",
        "image/png",
        ";base64,",
        "/",
        "@",
        ":",
        "[",
        "]",
        "::1",
        "%",
        "127.0.0.1",
        "localhost",
        ".",
        "..",
        "#",
        "?",
        "\\",
        "\x00",
        " ",
        "\N{SNOWMAN}",
        "example.com",
        "\ufeff",
        "\N{FULLWIDTH FULL STOP}",
        "xn--",
        "0x",
        "9" * 30,
        "iVBORw0KGgo=",
        "=",
        ",",
        ";",
    ]
)


@given(url=st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join)))
def test_any_text_is_accepted_or_refused_and_nothing_else(url: str) -> None:
    """No text is a crash, and none that is accepted is other than HTTPS or a picture."""
    if url and _said(url) is None:
        assert url.lower().startswith(("https://", "data:image/"))
