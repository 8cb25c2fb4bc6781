"""Clients that disconnect: their work is dropped, and the server stops at once."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from getimg_mock.media import pictures
from tests.serving.wire import JSON, KEY, exchange, find_statuses

if TYPE_CHECKING:
    from getimg_mock.media.pictures import Picture

CLIENTS = 40
PATIENCE = 20


def _build_image(prompt: str) -> bytes:
    body = {"model": "seedream-4", "prompt": prompt, "resolution": "4K", "output_format": "png"}
    data = json.dumps(body).encode()
    head = b"POST /v2/images/generations HTTP/1.1\r\n" + KEY + JSON
    return head + b"Content-Length: %d\r\n\r\n" % len(data) + data


def _find_urls(received: bytes) -> list[bytes]:
    return re.findall(rb'"url":"http://fake.test([^"]+)', received)


def _generate(port: int, count: int) -> list[bytes]:
    requests = b"".join(_build_image(f"picture {each}") for each in range(count))
    return _find_urls(exchange(port, requests, half_close=True))


@pytest.mark.parametrize("offer", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
@pytest.mark.parametrize("reset", [True, False])
def test_a_picture_for_a_client_that_has_gone_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch,
    reset: bool,  # noqa: FBT001 - a parameter
    offer: bytes,
) -> None:
    """Whether it closed or reset its connection: the queue holds only what is awaited."""
    drawn, go_on = list[str](), Event()

    def encode(item: Picture) -> bytes:
        go_on.wait(PATIENCE)
        drawn.append(item.prompt)
        return b"1"

    monkeypatch.setattr(pictures, "encode_picture", encode)
    with MockServer(balance=10**6, image_rpm=10**6) as server:
        port = int(server.url.rpartition(":")[2])
        urls = _generate(port, CLIENTS)
        with ExitStack() as stack:
            for url in urls:
                client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
                stack.callback(client.close)
                client.sendall(b"GET " + url + b" HTTP/1.1\r\n" + KEY + offer + b"\r\n")
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" + bytes(4))
            cache = server.app.fake.cache
            while cache.queued < CLIENTS - 2:
                exchange(port, b"GET /v2/models HTTP/1.1\r\n" + KEY + b"\r\n", half_close=True)
        while cache.queued:
            exchange(port, b"GET /v2/models HTTP/1.1\r\n" + KEY + b"\r\n", half_close=True)
        go_on.set()
        last = b"GET " + urls[-1] + b" HTTP/1.1\r\n" + KEY + b"\r\n"
        assert find_statuses(exchange(port, last, half_close=True)) == [200]
    assert len(drawn) <= 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stays", [True, False])
def test_a_signal_ends_the_server_whatever_is_queued(
    stop: signal.Signals,
    stays: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Its process ends without drawing what is queued, whether clients wait for it or not."""
    command = [sys.executable, "-m", "getimg_mock", "serve", "--port", "0", "--quiet"]
    command += ["--image-rpm", "1000000", "--balance", "100000"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process,  # noqa: S603 - ours
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[3].rpartition(b":")[2])
        for url in _generate(port, 120):
            client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            stack.callback(client.close)
            client.sendall(b"GET " + url + b" HTTP/1.1\r\n" + KEY + b"\r\n")
            if not stays:
                client.close()
        process.send_signal(stop)
        # Far below what drawing 120 of these pictures takes.
        assert process.wait(10) == 0
