"""Parts of a file and conditions on it, as RFC 9110 has them (our choice: all supported)."""

from __future__ import annotations

from email.parser import BytesParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.driver import Driver

if TYPE_CHECKING:
    from tests.api.driver import Reply

MADE = "Tue, 01 Sep 2026 12:00:00 GMT"
BEFORE = "Tue, 01 Sep 2026 11:59:59 GMT"
AFTER = "Tue, 01 Sep 2026 12:00:01 GMT"


class Served:
    """One picture behind its link."""

    def __init__(self) -> None:
        self.api = Driver.of()
        self.url: str = self.api.image(model="z-image-turbo").json["data"][0]["url"]
        whole = self.api.download(self.url)
        self.data = whole.body
        self.etag = whole.header("etag") or ""

    def asked(self, method: str = "GET", **headers: str) -> Reply:
        """Fetch it with these headers; `if_match` is If-Match."""
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.api.download(self.url, method=method, headers=sent)


FILE = Served()
SIZE = len(FILE.data)


def test_a_file_says_that_it_can_be_had_in_parts() -> None:
    """RFC 9110 14.3: `Accept-Ranges: bytes`."""
    assert FILE.asked().header("accept-ranges") == "bytes"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("0-99", 0, 99),
        ("100-199", 100, 199),
        ("-1", SIZE - 1, SIZE - 1),
        ("-100", SIZE - 100, SIZE - 1),
        ("100-", 100, SIZE - 1),
        ("0-", 0, SIZE - 1),
        (f"{SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"0-{SIZE}", 0, SIZE - 1),
        (f"0-{10**17}", 0, SIZE - 1),
        (f"-{10**17}", 0, SIZE - 1),
        (f"0-{10**18}", 0, SIZE - 1),
        (f"0-{10**19}", 0, SIZE - 1),
        (f"0-{2**64}", 0, SIZE - 1),
        (f"-{10**30}", 0, SIZE - 1),
        (f"0-{'9' * 4500}", 0, SIZE - 1),
        (f"{'0' * 30}5-{'0' * 30}9", 5, 9),
        (f"5-9,{10**19}-", 5, 9),
        (f"-{SIZE}", 0, SIZE - 1),
        (f"10-20,{SIZE}-", 10, 20),
        (f"{SIZE + 5}-,-5", SIZE - 5, SIZE - 1),
    ],
)
def test_one_range_is_a_206_with_just_those_bytes(asked: str, first: int, last: int) -> None:
    """RFC 9110 14.2: both ends are inclusive; what lies beyond the end is cut off."""
    reply = FILE.asked(range=f"bytes={asked}")
    assert reply.status == 206
    assert reply.body == FILE.data[first : last + 1]
    assert reply.header("content-range") == f"bytes {first}-{last}/{SIZE}"
    assert reply.header("content-length") == str(last - first + 1)
    assert reply.header("content-type") == "image/jpeg"
    assert reply.header("etag") == FILE.etag


@pytest.mark.parametrize("asked", [f"{SIZE}-", f"{SIZE}-{SIZE + 10}", "-0", f"{10**17}-", "-0,-0"])
def test_a_range_outside_of_the_file_is_a_416_with_its_size(asked: str) -> None:
    """RFC 9110 15.5.17, in the API's envelope."""
    reply = FILE.asked(range=f"bytes={asked}")
    assert reply.status == 416
    assert reply.header("content-range") == f"bytes */{SIZE}"
    assert reply.header("content-type") == "application/json"
    assert reply.error["code"] == "range_not_satisfiable"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-1",
        "bytes=--1",
        "items=0-1",
        "bytes=0x0-5",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=0-1;",
        f"bytes={'9' * 4500}-{'8' * 4500}",
        f"bytes={10**19}-{10**18}",
        "bytes=" + ",".join(["0-0"] * 17),
        "bytes=\xb2-\xb3",
        "bytes=,,,",
    ],
)
def test_a_range_that_says_nothing_is_passed_over(header: str) -> None:
    """RFC 9110 14.2: an invalid or excessive Range is ignored, and the whole file comes."""
    reply = FILE.asked(range=header)
    assert (reply.status, reply.body) == (200, FILE.data)


def test_several_ranges_come_in_several_parts() -> None:
    """RFC 9110 14.6: multipart/byteranges, each part with its own Content-Range."""
    reply = FILE.asked(range="bytes=0-9, 100-109 ,-5")
    assert reply.status == 206
    kind = reply.header("content-type") or ""
    assert kind.startswith("multipart/byteranges; boundary=")
    assert reply.header("content-range") is None
    message = BytesParser().parsebytes(b"content-type: %b\r\n\r\n" % kind.encode() + reply.body)
    parts = list(message.walk())[1:]
    assert [part["content-range"] for part in parts] == [
        f"bytes 0-9/{SIZE}",
        f"bytes 100-109/{SIZE}",
        f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}",
    ]
    boundary = kind.partition("boundary=")[2].encode()
    pieces = reply.body.split(b"--" + boundary)
    contents = [piece.partition(b"\r\n\r\n")[2][:-2] for piece in pieces[1:-1]]
    assert contents == [FILE.data[:10], FILE.data[100:110], FILE.data[-5:]]
    assert reply.header("content-length") == str(len(reply.body))


def test_head_pays_no_heed_to_ranges() -> None:
    """RFC 9110 14.2: Range is for GET alone."""
    assert FILE.asked("HEAD", range="bytes=0-9").status == 200
    assert FILE.asked("HEAD", range=f"bytes={SIZE}-").status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (FILE.etag, 206),
        ('"other"', 200),
        (f"W/{FILE.etag}", 200),
        (MADE, 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("nonsense", 200),
        ("", 200),
    ],
)
def test_if_range_gives_the_whole_file_when_it_changed(condition: str, status: int) -> None:
    """RFC 9110 13.1.5: strong comparison, exact date; a resumed download never mixes files."""
    reply = FILE.asked(range="bytes=0-9", if_range=condition)
    assert reply.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": FILE.etag}, 304),
        ({"if_none_match": f"W/{FILE.etag}"}, 304),
        ({"if_none_match": f'"a", {FILE.etag} ,"b"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": ""}, 200),
        ({"if_modified_since": MADE}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": "nonsense"}, 200),
        ({"if_none_match": '"other"', "if_modified_since": AFTER}, 200),
        ({"if_none_match": FILE.etag, "if_modified_since": BEFORE}, 304),
        ({"if_match": FILE.etag}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": f'"a",{FILE.etag}'}, 200),
        ({"if_match": '"other"'}, 412),
        ({"if_match": f"W/{FILE.etag}"}, 412),
        ({"if_unmodified_since": MADE}, 200),
        ({"if_unmodified_since": AFTER}, 200),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": "nonsense"}, 200),
        ({"if_match": FILE.etag, "if_unmodified_since": BEFORE}, 200),
        ({"if_match": FILE.etag, "if_none_match": FILE.etag}, 304),
        ({"if_match": '"other"', "if_none_match": FILE.etag}, 412),
        ({"if_none_match": FILE.etag, "range": "bytes=0-9"}, 304),
        ({"if_match": '"other"', "range": "bytes=0-9"}, 412),
        ({"if_match": FILE.etag, "range": "bytes=0-9"}, 206),
    ],
)
def test_conditions_are_judged_in_the_order_of_the_standard(
    headers: dict[str, str], status: int
) -> None:
    """RFC 9110 13.2.2: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, ranges."""
    reply = FILE.asked(**headers)
    assert reply.status == status
    if status == 304:
        assert reply.body == b""
        assert reply.header("content-length") is None
        assert reply.header("etag") == FILE.etag


def test_each_file_has_an_etag_of_its_own() -> None:
    """Another picture, another tag; the same picture, the same."""
    api = Driver.of()
    links = [
        api.image(model="z-image-turbo", prompt=prompt).json["data"][0]["url"]
        for prompt in ("one", "two")
    ]
    tags = [api.download(link, method="HEAD").header("etag") for link in links]
    assert len(set(tags)) == 2
    assert api.download(links[0], method="HEAD").header("etag") == tags[0]


words = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=30),
    st.text('0123456789-,= bytesBYTES"W/*GMTSep:', max_size=30),
    st.sampled_from([MADE, BEFORE, AFTER, FILE.etag, f"W/{FILE.etag}", "bytes=0-1,5-6", "*"]),
    st.datetimes().map(lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} +2500"),
)


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "range",
                "if-range",
                "if-match",
                "if-none-match",
                "if-modified-since",
                "if-unmodified-since",
            ]
        ),
        words,
    ),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_any_conditions_and_ranges_get_a_right_answer(headers: dict[str, str], method: str) -> None:
    """No header makes a 500; bytes that come are the file's, and the lengths are true."""
    reply = FILE.api.download(FILE.url, method=method, headers=headers.items())
    assert reply.status in {200, 206, 304, 412, 416}
    if reply.status == 200:
        assert reply.body == (FILE.data if method == "GET" else b"")
    if reply.status == 206 and (content := reply.header("content-range")):
        first, last = map(int, content.split()[1].partition("/")[0].split("-"))
        assert reply.body == FILE.data[first : last + 1]
    if reply.status != 304:
        length = int(reply.header("content-length") or -1)
        assert length == (len(reply.body) if method == "GET" else length)
