"""Plain requests on a connection, whose short ways wait for what a durable store keeps."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any

from getimg_mock import MockServer
from getimg_mock.api.plain_heads import PlainWay
from getimg_mock.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tests.store.makers import Maker

KEY = "sk_plain_requests_0123456789"
IMAGES = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
# Of equal length, so that their heads are equal, too.
PROMPTS = ("a lighthouse", "a lighthouse", "in fog, grey!", f"{KEY} shown")


def _open(address: str) -> MockServer:
    return MockServer(store=address, clock="virtual", seed="plain", video_seconds=60)


def _send(connection: socket.socket, method: str, path: str, body: Any = None) -> Any:
    """Send a request in one piece, and return the status and the value of its answer."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {KEY}"]
    if data:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)
    reply = http.client.HTTPResponse(connection, method=method)
    reply.begin()
    return reply.status, json.loads(reply.read())


def _connect(server: MockServer) -> socket.socket:
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _send_all(server: MockServer) -> Iterator[tuple[int, Any]]:
    connection = _connect(server)
    for prompt in PROMPTS:
        body = {"model": "seedream-5-lite", "prompt": prompt.ljust(40)}
        for _ in range(2):
            status, answer = _send(connection, "POST", IMAGES, body)
            yield status, answer["id"]
    made = _send(connection, "POST", VIDEOS, {"model": "seedance-v1-5-pro", "prompt": "x"})
    for _ in range(4):
        yield _send(connection, "GET", f"{VIDEOS}/{made[1]['id']}")
    connection.close()


def _describe(exchange: Any) -> Any:
    """Return an exchange without what differs from run to run: times, links and ports."""
    shown = exchange.as_json() | {"at": "", "wall": "", "milliseconds": 0}
    shown["effects"] = [each | {"at": ""} for each in shown["effects"]]
    for side in ("request", "response"):
        left_out = {"host", "date", "x-ratelimit-reset"}
        shown[side]["headers"] = [
            each for each in shown[side]["headers"] if each[0] not in left_out
        ]
    if exchange.operation == "images.generate":
        shown["response"] = shown["response"]["status"]
    return shown


def test_short_ways_give_and_keep_what_memory_has(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answers and the same journal, in which no key is."""
    found, journals = [], []
    kept: list[bool] = []
    keep = PlainWay.keep

    def note(way: PlainWay, *values: Any) -> Any:
        outcome = keep(way, *values)
        kept.append(outcome[0])
        return outcome

    monkeypatch.setattr(PlainWay, "keep", note)
    for address in ("memory", durable.address):
        with _open(address) as server:
            found.append(list(_send_all(server)))
            if address == "memory":
                journals.append(list(server.app.fake.store.get_or_create(KEY).journal))
            store = server.app.fake.store
        store.close()
    journals.append(list(durable.open().get_or_create(KEY).journal))
    assert found[0] == found[1]
    assert kept == [True] * (2 * len(PROMPTS) - 1 + 3)
    described = [[_describe(each) for each in journal] for journal in journals]
    assert described[0] == described[1]
    assert KEY not in str(described)


def _fail(rows: Any, times: int) -> Callable[..., None]:
    commit, left = rows.commit, times

    def fail(changes: list[Any], failed: Any = None) -> None:
        nonlocal left
        if left and any(each.generations for each in changes):
            left -= 1
            raise StoreError("The disk is full.")
        commit(changes, failed)

    return fail


def test_what_is_not_kept_is_tried_again_and_then_refused(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was kept, so nothing is there twice."""
    body = {"model": "seedream-5-lite", "prompt": "a lighthouse"}
    with _open(durable.address) as server:
        connection = _connect(server)
        rows = server.app.fake.store._rows  # type: ignore[attr-defined]
        for times, status in ((0, 200), (1, 200), (2, 503), (0, 200)):
            with monkeypatch.context() as patch:
                patch.setattr(rows, "commit", _fail(rows, times))
                assert _send(connection, "POST", IMAGES, body)[0] == status
        connection.close()
        workspace = server.app.fake.store.get_or_create(KEY)
        assert len(workspace.generations) == 3
        assert (
            workspace.ledger.charged
            == 3 * next(iter(workspace.generations.values())).product.total_cost
        )
        server.app.fake.store.close()
