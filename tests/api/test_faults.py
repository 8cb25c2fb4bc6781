"""Every fault at every point, as a client sees it that has nothing but a socket."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av
import pytest
from PIL import Image, UnidentifiedImageError

from getimg_mock import MockServer, schemas
from getimg_mock.world.behaviours import ERRORS, REPLACEMENT_FAULTS, RESPONSE_FAULTS
from tests.api.fault_points import PICTURE, POINTS, Client
from tests.api.sockets import PATIENCE, Observed, connected, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBERS = count(1)
FAULTS = REPLACEMENT_FAULTS + RESPONSE_FAULTS


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Return a fake that all tests here share, each with a key of its own."""
    with MockServer(video_seconds=0) as server:
        yield server


@pytest.fixture
def client(server: MockServer) -> Client:
    """Return a client whose waits cost no time."""
    client = Client(server, f"sk_faults_{next(NUMBERS)}")
    client.world.clock.autojump = True
    return client


every_point = pytest.mark.parametrize("operation", POINTS)


def is_dead(right: Observed, seen: Observed) -> bool:
    """Return whether there is the error of an expired link, or another link than the right one."""
    if seen.status == 410:
        return bool(seen.json["error"]["code"] == "url_expired")
    return seen.is_complete and seen.body != right.body


def is_corrupt(right: Observed, seen: Observed) -> bool:
    """Return whether it is a file of the same kind and length that cannot be shown."""
    alike = len(seen.body) == len(right.body) and seen.body[:20] == right.body[:20]
    return seen.is_complete and alike and is_picture(right.body) > is_picture(seen.body)


# What each fault does: the right answer and what is seen instead of it.
SHOWN: dict[str, Callable[[Observed, Observed], bool]] = {
    "html": lambda _, seen: (
        seen.is_complete
        and (seen.status, seen.headers["content-type"]) == (502, "text/html")
        and b"<html>" in seen.body
    ),
    "hang": lambda _, seen: (seen.data, seen.end) == (b"", "silence"),
    "reset": lambda _, seen: (seen.data, seen.end) == (b"", "reset"),
    "close": lambda _, seen: (seen.data, seen.end) == (b"", "eof"),
    "hang_body": lambda right, seen: seen.end == "silence" and is_half(seen, right),
    "truncate": lambda right, seen: seen.end == "eof" and is_half(seen, right),
    "wrong_length": lambda right, seen: (
        seen.end == "eof"
        and len(seen.body) == len(right.body) < int(seen.headers["content-length"])
    ),
    "drip": lambda right, seen: seen.is_complete and len(seen.body) == len(right.body),
    "malformed_json": lambda right, seen: (
        seen.is_complete and is_json(right.body) > is_json(seen.body)
    ),
    "wrong_type": lambda _, seen: seen.is_complete and seen.headers["content-type"] == "text/html",
    "corrupt_media": is_corrupt,
    "expired_url": is_dead,
}


def is_half(seen: Observed, right: Observed) -> bool:
    """Return whether all was promised and half of it came."""
    promised = int(seen.headers["content-length"])
    return promised == len(right.body) and 0 < len(seen.body) < promised


def is_json(data: bytes) -> bool:
    """Return whether it is JSON."""
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def is_picture(data: bytes) -> bool:
    """Return whether Pillow can show it, every line of it."""
    try:
        Image.open(BytesIO(data)).load()
    except (UnidentifiedImageError, OSError, SyntaxError):
        return False
    return True


def is_possible(fault: str, operation: str) -> bool:
    """Return whether a fault can be done to an operation."""
    only = {
        "corrupt_media": {"downloads.retrieve"},
        "malformed_json": set(POINTS) - {"downloads.retrieve"},
        "expired_url": set(POINTS) - {"videos.create"},
    }
    return operation in only.get(fault, POINTS)


HAPPEN = [(fault, point) for fault in FAULTS for point in POINTS if is_possible(fault, point)]


@pytest.mark.parametrize(("fault", "operation"), HAPPEN)
def test_a_fault_really_happens_on_the_socket(client: Client, fault: str, operation: str) -> None:
    """As it is called, marked in the journal; the rule counts it, and the next answer is right."""
    ask = POINTS[operation](client)
    right = ask()
    assert right.is_complete
    assert client.last().fault is None
    client.break_(on=operation, fault=fault, first=1)
    seen = ask(patience=PATIENCE if fault.startswith("hang") else 20)
    assert SHOWN[fault](right, seen)
    exchange = client.last()
    assert (exchange.operation, exchange.fault, exchange.rules) == (operation, fault, ("rule-1",))
    assert exchange.sent == (seen.end == "eof" and seen.status is not None and seen.is_complete)
    (rule,) = client.world.scenarios
    assert (rule.seen, rule.hits) == (1, 1)
    assert ask().status == right.status
    assert client.last().fault is None


def test_every_fault_is_observed_wherever_it_can_happen() -> None:
    """Or one of them would be a mere promise."""
    assert set(SHOWN) == set(FAULTS) == {fault for fault, _ in HAPPEN}


@pytest.mark.parametrize("fault", [fault for fault, point in HAPPEN if point == "images.generate"])
def test_a_fault_before_the_work_makes_and_costs_nothing(client: Client, fault: str) -> None:
    """What takes the place of the answer comes before the work; what spoils one, after it."""
    before = client.world.compute_balance()
    client.break_(fault=fault, on="images.generate")
    client.picture(patience=PATIENCE if fault.startswith("hang") else 20)
    what = [effect.what for effect in client.last().effects]
    if fault in REPLACEMENT_FAULTS:
        assert what == []
        assert client.world.compute_balance() == before
    else:
        assert what == ["generation", "hold", "charge"]
        assert client.world.compute_balance() < before


@pytest.mark.parametrize(
    "instead",
    [
        *({"fault": fault} for fault in REPLACEMENT_FAULTS),
        {"error": "server_error"},
        {"status": 503},
        {"answer": {"status": 204}},
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["videos.create", "images.generate"])
def test_commit_then_fail(client: Client, operation: str, instead: dict[str, Any]) -> None:
    """The work is done and charged, the answer is lost."""
    client.break_(on=operation, after_commit=True, **instead)
    seen = POINTS[operation](client)(patience=PATIENCE if "hang" in instead.values() else 20)
    assert seen.status not in {200, 202}
    exchange = client.last()
    assert [effect.what for effect in exchange.effects] == ["generation", "hold", "charge"]
    assert exchange.generation in client.world.generations
    assert str(exchange.fault).endswith("after commit")
    assert client.world.ledger.charged > 0


def test_what_is_refused_is_not_lost(client: Client) -> None:
    """Commit then fail needs a commit: a bad request is told so."""
    client.break_(on="images.generate", after_commit=True, fault="close")
    seen = client.sent("POST", "/v2/images/generations", {"model": "seedream-5-lite"})
    assert (seen.status, seen.json["error"]["code"]) == (400, "parameter_missing")
    assert client.last().fault is None


@every_point
@pytest.mark.parametrize("name", ERRORS)
def test_every_documented_error_comes_in_getimgs_envelope(
    client: Client, operation: str, name: str
) -> None:
    """At every point, before any work; 429 RPM says when to come back, 429 concurrency does not."""
    ask = POINTS[operation](client)
    client.break_(on=operation, error=name)
    before = client.world.compute_balance()
    seen = ask()
    status, code, message = ERRORS[name]
    assert (seen.status, seen.is_complete) == (status, True)
    assert schemas.violations("error", seen.json) == []
    assert (seen.json["error"]["code"], seen.json["error"]["message"]) == (code, message)
    assert ("retry-after" in seen.headers) == (name == "rate_limit")
    assert ("doc_url" in seen.json["error"]) == (name == "invalid_api_key")
    exchange = client.last()
    assert (exchange.fault, exchange.effects) == (f"{status} {code}", ())
    assert client.world.compute_balance() == before


def test_the_rate_limit_headers_stand_on_faulted_answers_too(client: Client) -> None:
    """They are on every answer of a generation operation."""
    client.break_(on="videos.*", error="rate_limit", retry_after=7)
    seen = client.submit()
    assert seen.headers["retry-after"] == "7"
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(seen.headers)


@pytest.mark.parametrize("status", [200, 204, 304, 418])
def test_an_answer_word_for_word_keeps_the_connection_in_order(client: Client, status: int) -> None:
    """Whatever its status: what has no body has none, and the next request is answered."""
    client.break_(on="models.list", first=1, answer={"status": status, "text": "Words."})
    one = written("GET", "/v2/models", client.key).replace(b"Connection: close\r\n", b"")
    with connected(client.server.url) as connection:
        connection.sendall(one)
        head = connection.recv(1 << 20)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert (b"Words." in head) == (status not in {204, 304})
        connection.sendall(written("GET", "/v2/models", client.key))
        assert connection.recv(1 << 20).startswith(b"HTTP/1.1 200 ")


def test_drips_come_in_the_time_of_the_workspace(server: MockServer) -> None:
    """A piece each hundredth of a second of its clock, and none before its time."""
    client = Client(server, f"sk_faults_{next(NUMBERS)}")
    client.world.clock.freeze()
    client.break_(on="billing.balance", fault="drip")
    body = b'{"balance":"100.00","currency":"USD"}'
    with connected(server.url) as connection:
        connection.sendall(written("GET", "/v2/billing/balance", client.key))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1 << 20)
        for byte in body:
            # The waiter may not be there yet; a moment that has come is not waited for.
            client.world.advance(0.01)
            assert connection.recv(1) == bytes([byte])
        assert connection.recv(1) == b""
    assert b"content-length: %d" % len(body) in head.lower()


def test_a_hanging_client_does_not_hold_up_the_others(client: Client) -> None:
    """A hang is one connection's."""
    client.break_(on="models.list", fault="hang", first=1)
    with connected(client.server.url) as hanging:
        hanging.sendall(written("GET", "/v2/models", client.key))
        while not sum(rule.hits for rule in client.world.scenarios):
            client.sent("GET", "/v2/billing/balance")
        assert client.sent("GET", "/v2/models").status == 200


def test_faults_by_header_and_by_magic_prompt(client: Client) -> None:
    """No control call is needed for a fault of the socket."""
    assert client.picture(x_mock_behaviour="fault=reset").end == "reset"
    seen = client.sent(
        "POST", "/v2/images/generations", PICTURE | {"prompt": "A bird mock:fault=close"}
    )
    assert (seen.data, seen.end) == (b"", "eof")
    assert [client.last().fault for _ in range(2)] == ["reset", "close"]


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_corrupt_picture_begins_like_one_and_is_none(client: Client, output_format: str) -> None:
    """In every format: its kind can be told, and no decoder shows it."""
    body = PICTURE | {"output_format": output_format}
    made = client.sent("POST", "/v2/images/generations", body).json["data"][0]
    url = urlsplit(made["url"])
    right = client.sent("GET", f"{url.path}?{url.query}")
    client.break_(fault="corrupt_media")
    seen = client.sent("GET", f"{url.path}?{url.query}")
    assert is_corrupt(right, seen)
    assert seen.headers["content-type"] == made["mime_type"]
    part = client.sent("GET", f"{url.path}?{url.query}", range="bytes=0-2")
    assert (part.status, len(part.body), part.is_complete) == (206, 3, True)


def test_a_corrupt_video_cannot_be_played(client: Client) -> None:
    """Nor opened."""
    video = client.submit().json["id"]
    found = client.sent("GET", f"/v2/videos/generations/{video}").json["data"][0]
    client.break_(fault="corrupt_media")
    url = urlsplit(found["url"])
    seen = client.sent("GET", f"{url.path}?{url.query}")
    assert seen.body[4:8] == b"ftyp"
    with pytest.raises(av.FFmpegError):
        av.open(BytesIO(seen.body))


def test_a_link_that_is_dead_on_arrival(client: Client) -> None:
    """The URL is signed and over; its promise stands as usual, and asking again helps."""
    video = client.submit().json["id"]
    client.break_(on="videos.retrieve", fault="expired_url", first=1)
    dead, alive = (
        client.sent("GET", f"/v2/videos/generations/{video}").json["data"][0] for _ in range(2)
    )
    assert dead | {"url": ""} == alive | {"url": ""}
    url = urlsplit(dead["url"])
    gone = client.sent("HEAD", f"{url.path}?{url.query}")
    assert gone.status == 410


def test_a_mark_says_what_was_done_and_not_what_was_meant(client: Client) -> None:
    """A pending video has no link to spoil: its answer is right, and unmarked."""
    held = client.submit(x_mock_behaviour="hold").json["id"]
    client.break_(on="videos.retrieve", fault="expired_url")
    client.last()
    assert client.sent("GET", f"/v2/videos/generations/{held}").json["status"] == "pending"
    assert client.last().fault is None
