"""Redirects of downloads are followed on the same host, and nothing else is."""

from __future__ import annotations

import pytest

from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.targets.download_redirects import follow_redirects
from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
from getimg_mock.contract.targets.http_target import HttpSession, HttpTarget
from getimg_mock.contract.targets.persistent_connection import PersistentConnection

BASE = "http://127.0.0.1:1"
FILE = "/v2/downloads/req-1/0"
BYTES = ReceivedResponse(200, (), b"bytes")


def follow(target: str, location: str) -> tuple[ReceivedResponse, list[str]]:
    """Return what a redirect to `location` ends with, and what was sent for it."""
    sent: list[str] = []

    def send(request: PreparedRequest) -> ReceivedResponse:
        sent.append(request.target)
        return BYTES

    moved = ReceivedResponse(302, (("location", location),), b"")
    return follow_redirects(BASE, PreparedRequest("GET", target, (), None), moved, send), sent


@pytest.mark.parametrize("location", [f"{BASE}/store/1", "/store/1"])
def test_a_file_may_be_in_a_store_of_the_same_host(location: str) -> None:
    """That bytes are answered directly is inferred, so that a redirect is no fault."""
    assert follow(FILE, location) == (BYTES, ["/store/1"])


@pytest.mark.parametrize(
    ("target", "location"),
    [(FILE, "https://elsewhere.example/1"), ("/v2/models", f"{BASE}/store/1"), (FILE, "")],
)
def test_nothing_else_is_followed(target: str, location: str) -> None:
    """A provider cannot send the tool to another host, or reads with a key to another path."""
    received, sent = follow(target, location)
    assert (received.status, sent) == ((302, []) if location else (200, [FILE]))


def test_a_circle_of_redirects_ends() -> None:
    """Every wait has a bound."""
    moved = ReceivedResponse(302, (("location", FILE),), b"")
    request = PreparedRequest("GET", FILE, (), None)
    assert follow_redirects(BASE, request, moved, lambda _: moved).status == 302


def test_files_that_are_loaded_at_the_same_time_are_followed_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plan may ask for several at once, each on a connection of its own."""

    def exchange(_: PersistentConnection, sent: PreparedRequest) -> ReceivedResponse:
        moved = sent.target.startswith("/v2/")
        return ReceivedResponse(302, (("location", "/store/1"),), b"") if moved else BYTES

    monkeypatch.setattr(PersistentConnection, "exchange", exchange)
    session = HttpSession(HttpTarget(BASE, {"a": "sk_one"}))
    file = (PreparedRequest("GET", FILE, (), None), request_file("made", together=True))
    assert list(session.exchange_all([file, file])) == [BYTES, BYTES]
