"""Bodies that are no request: not JSON, not text, too large, of another type."""

from __future__ import annotations

import pytest

from getimg_mock import schemas
from tests.api.driver import IMAGE, Driver

IMAGES = "/v2/images/generations"
MIB = 1024 * 1024


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n\t",
        b"{",
        b"}",
        b"nul",
        b"'a'",
        b"{'model': 1}",
        b'{"model": 1,}',
        b"\xff\xfe",
        b'\xef\xbb\xbf{"model": "x"}',
        b'{"model": "\x00"}',
        b'{"model": "a\nb"}',
        b'{"model": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": ["\\udc00\\ud800"]}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1}{"a": 1}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"model": "\xe4"}',
        '{"model": "x"}'.encode("utf-16"),
        b"\x1f\x8b\x08\x00",
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": 0x1}',
        b"--a\r\nContent-Disposition: form-data\r\n",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_is_a_400_without_a_param(api: Driver, body: bytes) -> None:
    """Our choice: `invalid_parameter` with `param: null`, and a sentence that says why."""
    before = api.books()
    reply = api.request("POST", IMAGES, body=body)
    assert reply.status == 400
    assert schemas.violations("error", reply.json) == []
    assert (reply.error["code"], reply.error["param"]) == ("invalid_parameter", None)
    assert reply.error["message"].startswith("The request body ")
    assert api.books() == before


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"[]", "an array"),
        (b'"a"', "a string"),
        (b"5", "a number"),
        (b"5.5", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
        (b"1e999", "a number"),
    ],
)
def test_what_is_no_object_is_named(api: Driver, body: bytes, shown: str) -> None:
    """The sentence says what came instead."""
    reply = api.request("POST", IMAGES, body=body)
    assert reply.status == 400
    assert reply.error["message"] == f"The request body must be a JSON object, not {shown}."


def test_nesting_in_a_field_that_nobody_reads_is_bounded_too(api: Driver) -> None:
    """However deep, it is let pass or refused, and no crash."""
    found = {}
    for depth in (10, 60, 100, 250, 260, 300, 900, 1100, 5000, 200_000):
        nested = b"[" * depth + b"]" * depth
        body = b'{"model": "seedream-5-lite", "prompt": "x", "extra": %b}' % nested
        found[depth] = api.request("POST", IMAGES, body=body).status
    assert (found[10], found[200_000]) == (200, 400)
    assert set(found.values()) == {200, 400}


def test_of_two_equal_names_the_last_counts(api: Driver) -> None:
    """JSON leaves it open; what Python and JavaScript do is what clients expect."""
    body = b'{"model": "nope", "model": "seedream-5-lite", "prompt": "x"}'
    assert api.request("POST", IMAGES, body=body).json["model"] == "seedream-5-lite"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;",
    ],
)
def test_json_may_be_declared_in_every_way(api: Driver, content_type: str) -> None:
    """Case and parameters of a media type do not matter."""
    headers = {"content-type": content_type}
    reply = api.request(
        "POST", IMAGES, body=b'{"model": "seedream-5-lite", "prompt": "x"}', headers=headers.items()
    )
    assert reply.status == 200


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("", "none"),
        ("text/plain", "'text/plain'"),
        ("multipart/form-data; boundary=x", "'multipart/form-data'"),
        ("application/x-www-form-urlencoded", "'application/x-www-form-urlencoded'"),
    ],
)
def test_another_content_type_is_a_415(api: Driver, content_type: str, shown: str) -> None:
    """Documented: JSON in and out, no multipart; the status is our choice."""
    reply = api.request("POST", IMAGES, body=b"x", headers={"content-type": content_type}.items())
    assert reply.status == 415
    assert reply.error["message"] == (
        f"The Content-Type must be application/json; this request has {shown}."
    )


def _padded(size: int) -> bytes:
    head = b'{"model": "seedream-5-lite", "prompt": "x", "padding": "'
    return head + b"x" * (size - len(head) - 2) + b'"}'


def test_a_body_of_exactly_the_limit_is_taken(api: Driver) -> None:
    """Documented: the whole JSON body may have 25 MiB."""
    body = _padded(25 * MIB)
    assert len(body) == 25 * MIB
    assert api.request("POST", IMAGES, body=body).status == 200


@pytest.mark.parametrize("declared", [True, False])
def test_one_byte_more_is_a_413(api: Driver, declared: bool) -> None:  # noqa: FBT001 - a parameter
    """Documented limit, our status; whether the length was declared or the body was chunked."""
    body = _padded(25 * MIB + 1)
    chunks = body if declared else [body[:MIB], body[MIB:]]
    before = api.books()
    reply = api.request("POST", IMAGES, body=chunks)
    assert reply.status == 413
    assert reply.error["message"] == "The request body is larger than 25 MiB."
    assert reply.header("connection") is None
    assert api.books() == before


def test_a_body_that_announces_gigabytes_is_not_awaited(api: Driver) -> None:
    """The answer comes at once, and the connection ends with it."""
    headers = {"content-length": str(10**12)}
    reply = api.request("POST", IMAGES, body=[b""], headers=headers.items())
    assert (reply.status, reply.header("connection")) == (413, "close")


def test_a_body_without_end_is_broken_off() -> None:
    """What is read beyond the limit, so that the client can hear of it, is bounded too."""
    api = Driver.of(max_body_mib=1)
    reply = api.request("POST", IMAGES, body=[b"x" * MIB] * 140)
    assert (reply.status, reply.header("connection")) == (413, "close")


def test_a_client_that_waits_for_leave_is_told_before_it_sends(api: Driver) -> None:
    """`Expect: 100-continue` with too much to come: 413, and nothing was read."""
    headers = {"content-length": str(26 * MIB), "expect": "100-continue"}
    reply = api.request("POST", IMAGES, body=[], headers=headers.items())
    assert reply.status == 413


@pytest.mark.parametrize("length", ["", "-1", "x", "\xb2", "9" * 5000, "1e3", "0x10", " 12"])
def test_a_length_that_is_no_number_is_not_believed(api: Driver, length: str) -> None:
    """A host may pass on any header: the body that comes is what counts."""
    body = b'{"model": "seedream-5-lite", "prompt": "x"}'
    reply = api.request("POST", IMAGES, body=[body], headers={"content-length": length}.items())
    assert reply.status == (413 if length.startswith("999") else 200)


def test_the_largest_body_is_a_setting() -> None:
    """`--max-body-mib`, and the sentence says the number."""
    reply = Driver.of(max_body_mib=2).request("POST", IMAGES, body=_padded(2 * MIB + 1))
    assert reply.error["message"] == "The request body is larger than 2 MiB."


def test_a_body_that_comes_in_pieces_is_one_body(api: Driver) -> None:
    """Where a piece ends means nothing, not even within a character."""
    body = '{"model": "seedream-5-lite", "prompt": "\N{SNOWMAN}"}'.encode()
    whole = api.request("POST", IMAGES, body=body)
    other = Driver.of()
    pieces = other.request("POST", IMAGES, body=[body[at : at + 1] for at in range(len(body))])
    assert pieces.json == whole.json


def test_a_client_that_goes_away_is_not_charged(api: Driver) -> None:
    """A body that never ended is no request."""
    before = api.books()
    api.abandon("POST", IMAGES, body=b'{"model": "seedream-5-lite", "prompt": "x"}')
    assert api.books() == before


def test_the_body_of_a_get_is_not_read(api: Driver) -> None:
    """Nothing in the API reads it; some clients send `{}`."""
    headers = {"content-type": "application/json"}
    reply = api.request("GET", "/v2/billing/balance", body=b"{", headers=headers.items())
    assert reply.status == 200


def test_the_fields_of_the_other_kind_are_just_unknown(api: Driver) -> None:
    """`duration` on a picture and `output_format` on a video are let pass, whatever they hold."""
    assert api.image(duration="long", sound="loud").status == 200
    assert api.video(output_format="gif").status == 202
    assert api.post(IMAGES, IMAGE | {"duration": 10**300}).status == 200
