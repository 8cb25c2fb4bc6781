"""Reference images: data URLs are read, HTTPS URLs are judged by their form and never fetched."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.picture_headers import sniff_type
from getimg_mock.world.references import MAX_IMAGE_BYTES
from tests.api.driver import Driver
from tests.api.reference_urls import JPEG, PNG, WEBP, build_data_url, find_objection


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
    assert find_objection(url) is None


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
    assert find_objection(url) == "use a public HTTPS URL or a data URL."


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
    said = find_objection(f"https://{host}/a.png")
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
    said = find_objection(url)
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
    assert find_objection(url) is not None


@pytest.mark.parametrize("length", [16, 1000, 1_000_000])
def test_bare_base64_is_refused_with_the_remedy(length: int) -> None:
    """Documented: refused; it is what people try first."""
    bare = b64encode(PNG[:8] * length).decode()
    assert (
        find_objection(bare) == "bare base64 is not accepted; use a public HTTPS URL or a data URL."
    )
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
    assert find_objection(build_data_url(data, kind)) is None
    assert find_objection(build_data_url(data, kind).replace("data:", "DATA:")) is None


@pytest.mark.parametrize(
    "kind", ["image/gif", "image/svg+xml", "text/html", "", "image/jpg", "png"]
)
def test_a_data_url_of_another_type_is_refused(kind: str) -> None:
    """The types are documented; image/jpg is none."""
    assert find_objection(build_data_url(PNG, kind)) == (
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
    assert (
        find_objection(build_data_url(data, kind))
        == f"the data URL says {kind}, its bytes are {found}."
    )


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
    assert (
        find_objection(build_data_url(data))
        == f"the decoded bytes are {found}not a PNG, JPEG or WebP image."
    )


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
    assert find_objection(url) == "a data URL has the form data:image/png;base64,..."


@pytest.mark.parametrize(
    "text",
    ["a", "abc", "ab=c", "====", "iVBO Rw0K", "iVBO\nRw0K", "iVBO-_==", "iVBO%3D"],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    """No letter is passed over in silence: a truncated upload must not look whole."""
    assert find_objection(f"data:image/png;base64,{text}") == "the data URL is not valid base64."


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
    assert find_objection(build_data_url(PNG + bytes(size - len(PNG)))) == said


# Structure --------------------------------------------------------------------------------------


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
    if url and find_objection(url) is None:
        assert url.lower().startswith(("https://", "data:image/"))
