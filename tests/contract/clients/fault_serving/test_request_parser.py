"""Requests are parsed alike, however their bytes arrive and however often they were seen."""

from __future__ import annotations

import pytest

from getimg_mock.contract.clients.fault_serving.request_parser import RequestParser

_POLL = b"GET /v2/videos/generations/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\n\r\n"
_ORDER = b"POST /v2/images/generations HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
_WITH_BODY = b"GET /v2/models HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


def _parse(*pieces: bytes) -> list[object]:
    parser = RequestParser("https://a:443", 1)
    return [each for piece in pieces for each in parser.feed(piece)]


@pytest.mark.parametrize("whole", [_POLL, _ORDER, _WITH_BODY, _POLL + _POLL, _POLL + _ORDER])
def test_the_same_bytes_are_the_same_requests(whole: bytes) -> None:
    """In one piece, for the first or the second time, or byte by byte."""
    expected = _parse(*(whole[place : place + 1] for place in range(len(whole))))
    assert expected
    assert _parse(whole) == expected
    assert _parse(whole) == expected


def test_a_request_that_was_seen_before_is_one_of_its_connection() -> None:
    """It counts among the requests of the connection, and what precedes it is not forgotten."""
    first, order, again = _parse(_POLL, _ORDER[:-1], _ORDER[-1:], _POLL)
    assert [each.reused for each in (first, order, again)] == [False, True, True]  # type: ignore[attr-defined]
    parser = RequestParser("https://a:443", 1)
    assert parser.feed(_ORDER[:-2]) == []
    (order,) = parser.feed(b'"' + _POLL[:1])  # what looks like a request may be a body
    assert order.body == b'"G'


def test_what_is_not_http_is_not_taken_for_it() -> None:
    """Also where it begins like a request."""
    parser = RequestParser("https://a:443", 1)
    assert parser.feed(b"GET / HTTP/1.1\r\n\r\n") == []
    assert "Host" in parser.broken
    assert parser.feed(_POLL) == []
