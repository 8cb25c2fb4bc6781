"""A request leaves nothing behind that only a search for garbage would find."""

from __future__ import annotations

import gc
import http.client
import json

import pytest

from getimg_mock.serving.request_cycle import RequestCycle
from getimg_mock.serving.server import MockServer
from tests.api.driver import IMAGE


@pytest.mark.slow
def test_requests_leave_no_cycles_of_references() -> None:
    """Looking for such garbage took a fifth of the time of a request.

    Head and body are sent at once. A body that comes later may keep one exchange more alive, so
    that the count would depend on how the bytes arrive.
    """
    body = json.dumps(IMAGE).encode()
    head = (
        "POST /v2/images/generations HTTP/1.1\r\nHost: fake\r\nAuthorization: Bearer sk_cycles\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with MockServer() as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
        connection.connect()
        gc.collect()
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            for _ in range(5):
                connection.sock.sendall(head.encode() + body)
                answer = http.client.HTTPResponse(connection.sock)
                answer.begin()
                assert (answer.status, bool(answer.read())) == (200, True)
            left = sum(isinstance(each, RequestCycle) for each in gc.get_objects())
        finally:
            if was_enabled:
                gc.enable()
        connection.close()
    assert left <= 1  # that of the last request
