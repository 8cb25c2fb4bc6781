"""MockServer: the fake on a port, in a thread, started and stopped at will."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from getimg_mock import MockServer, ServerError, Settings, SettingsError, UnknownNameError
from getimg_mock.api import endpoints, recording
from getimg_mock.serving.server import format_url, open_listener
from getimg_mock.world.clock import stopwatch

IMAGE = {"model": "z-image-turbo", "prompt": "x"}
OPEN_FILES = Path("/proc/self/fd")


def _call(url: str, body: Any = None, key: str = "sk_server") -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=10) as answer:  # noqa: S310 - our own
        return json.load(answer)


def test_it_answers_while_the_block_lasts_and_not_after() -> None:
    """The port is open within `with`, and closed at its end."""
    with MockServer() as server:
        url = server.url
        assert _call(f"{url}/v2/billing/balance")["balance"] == "100.00"
    with pytest.raises(URLError):
        _call(f"{url}/v2/billing/balance")


def test_the_address_has_no_slash_at_its_end() -> None:
    """It can be a client's base URL as it is."""
    with MockServer() as server:
        assert server.url == f"http://127.0.0.1:{server.url.rpartition(':')[2]}"


def test_there_is_no_address_before_the_start_and_after_the_stop() -> None:
    """An error that says what to do, not an address that nobody answers at."""
    server = MockServer()
    with pytest.raises(ServerError, match=r"Call start\(\)"):
        _ = server.url
    server.start()
    server.stop()
    with pytest.raises(ServerError, match="not running"):
        _ = server.url


def test_it_can_be_stopped_twice_and_before_it_was_started() -> None:
    """Cleaning up needs no bookkeeping."""
    server = MockServer()
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_it_cannot_be_started_twice() -> None:
    """The first port would be lost."""
    with MockServer() as server, pytest.raises(ServerError, match="already running"):
        server.start()


def test_started_again_it_is_the_same_world() -> None:
    """What was spent stays spent: only the port was away."""
    server = MockServer(balance=1)
    for spent in ("0.988", "0.976"):
        with server:
            _call(f"{server.url}/v2/images/generations", IMAGE | {"resolution": "2K"})
            assert _call(f"{server.url}/v2/billing/balance")["balance"] == spent


def test_two_at_once_never_meet() -> None:
    """No module-level state: same key, two worlds."""
    with MockServer(balance=1) as one, MockServer(balance=2) as other:
        assert one.url != other.url
        _call(f"{one.url}/v2/images/generations", IMAGE)
        assert _call(f"{other.url}/v2/billing/balance")["balance"] == "2.00"
        assert _call(f"{one.url}/v2/billing/balance")["balance"] != "1.00"


def test_a_taken_port_is_an_error_that_names_it() -> None:
    """And the server can be started later, when it is free."""
    with MockServer() as server:
        port = int(server.url.rpartition(":")[2])
        late = MockServer(port=port)
        with pytest.raises(ServerError, match=f"127.0.0.1.* port {port}.*--port 0"):
            late.start()
    with late:
        assert _call(f"{late.url}/v2/billing/balance")


@pytest.mark.parametrize(
    "host",
    ["a..b", "b\xfc" * 40, "no\x00host", "host.invalid", "256.1.1.1", "::x", "\ud800", "a b"],
    ids=ascii,
)
def test_a_host_that_is_none_is_an_error_and_no_traceback(host: str) -> None:
    """Whatever the resolver makes of it."""
    with pytest.raises(ServerError, match="Cannot listen on"):
        open_listener(Settings.of(host=host, port=0))


def test_an_ipv6_address_stands_in_brackets() -> None:
    """As URLs have it."""
    try:
        listener = open_listener(Settings.of(host="::1", port=0))
    except ServerError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert format_url(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_settings_are_given_by_name_or_whole_and_not_both() -> None:
    """Two sources would leave open which one counts."""
    with pytest.raises(TypeError, match="not both"):
        MockServer(settings=Settings(), balance=1)
    with pytest.raises(UnknownNameError, match="'balanse'"):
        MockServer(balanse=1)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="balance: "):
        MockServer(balance="much")
    assert MockServer(settings=Settings.of(port=0, seed="x")).settings.seed == "x"


def test_many_starts_and_stops_leave_nothing_behind() -> None:
    """Neither threads nor open files."""
    MockServer().start().stop()
    threads = threading.active_count()
    files = len(list(OPEN_FILES.iterdir())) if OPEN_FILES.exists() else 0
    for _ in range(20):
        with MockServer() as server:
            _call(f"{server.url}/v2/images/generations", IMAGE)
    assert threading.active_count() <= threads
    if files:
        assert len(list(OPEN_FILES.iterdir())) <= files


def test_stopping_breaks_off_requests_that_hang() -> None:
    """A picture that takes ten minutes does not keep a test suite for ten minutes."""
    with MockServer(image_seconds=600) as server:
        errors: list[Exception] = []
        waiting = threading.Thread(target=_post_and_note, args=(server.url, errors))
        waiting.start()
        while not len(server.app.fake.store.get_or_create("sk_server").generations):
            waiting.join(0.01)
        began = stopwatch()
    waiting.join(10)
    assert stopwatch() - began < 5
    assert len(errors) == 1


def _post_and_note(url: str, errors: list[Exception]) -> None:
    try:
        _call(f"{url}/v2/images/generations", IMAGE)
    except OSError as error:  # the connection was broken off
        errors.append(error)


def test_stopping_closes_connections_that_are_kept_alive() -> None:
    """A client in a pool sees the end at once."""
    with MockServer() as server:
        connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=10)
        connection.request("GET", "/v2/models", headers={"Authorization": "Bearer sk_server"})
        assert connection.getresponse().read()
        kept = connection.sock
        assert isinstance(kept, socket.socket)
    assert _ended(kept)
    connection.close()


def _ended(kept: socket.socket) -> bool:
    try:
        return kept.recv(1) == b""
    except ConnectionResetError:
        return True


def test_many_clients_at_once_are_each_answered_rightly() -> None:
    """The books are exact and every id is there once, whatever overlaps."""
    with MockServer(balance=10) as server:
        image = f"{server.url}/v2/images/generations"
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: _call(image, IMAGE), range(160)))
        ids = {answer["id"] for answer in answers}
        spent = sum(Decimal(str(answer["usage"]["total_cost"])) for answer in answers)
        assert len(ids) == 160
        left = _call(f"{server.url}/v2/billing/balance")["balance"]
        assert Decimal(left) == 10 - spent


def test_the_last_money_is_spent_once() -> None:
    """Of many that ask at the same moment, as many get through as can be paid."""
    with MockServer(balance="0.06", models=None) as server:
        image = f"{server.url}/v2/images/generations"
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: _status(image), range(48)))
        assert sorted(set(statuses)) == [200, 402]
        assert statuses.count(200) == 10
        assert _call(f"{server.url}/v2/billing/balance")["balance"] == "0.00"


def _status(url: str) -> int:
    try:
        _call(url, IMAGE | {"resolution": "1K"})
    except HTTPError as error:
        with error:
            return error.code
    return 200


def test_forwarded_headers_are_not_believed_unless_asked() -> None:
    """Not even from loopback, which the server under us would trust by itself."""
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    for trusted, begin in ((False, "http://127.0.0.1:"), (True, "https://evil.example/v2/")):
        with MockServer(trust_forwarded=trusted) as server:
            request = Request(  # noqa: S310 - our own
                f"{server.url}/v2/images/generations",
                json.dumps(IMAGE).encode(),
                {"Authorization": "Bearer sk_x", "Content-Type": "application/json"} | forwarded,
            )
            with urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
                url = json.load(answer)["data"][0]["url"]
        assert url.startswith(begin)


def test_a_handle_sees_the_exchange_of_every_answer_that_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer is sent before its exchange is recorded, and a client may be quicker."""
    sent, begin = threading.Event(), threading.Event()
    real = recording.record

    def record_late(*given: Any, **named: Any) -> None:
        sent.set()
        begin.wait(5)
        real(*given, **named)

    monkeypatch.setattr(endpoints, "record", record_late)
    with MockServer() as server, ThreadPoolExecutor() as pool:
        journal = server.workspace("sk_server").journal
        assert not list(journal)
        refused = pool.submit(_call, f"{server.url}/v2/models/no-such-model")
        assert sent.wait(5)
        seen = pool.submit(list, journal)
        with pytest.raises(HTTPError) as error:
            refused.result(timeout=5)
        error.value.close()
        assert not wait([seen], timeout=0.1).done
        begin.set()
        assert [each.status for each in seen.result(timeout=5)] == [404]
