"""`serve --first-picture`: a picture that is there before the first request of a client."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.in_process.connection import Request
from getimg_mock.in_process.exchange import AdvanceClock, InProcessExchange

KEY: Final = "sk_first_picture"
"""Its workspace is its own, so that the money of others is untouched."""

_PORTS: Final = {"http": 80, "https": 443}
_IMAGE: Final = {"model": "seedream-5-lite", "prompt": "A lighthouse in fog, oil on canvas"}


def describe_picture(app: Application, url: str) -> str:
    """Return the line that says where a first picture is; "" where there is none."""
    picture = make_picture(app, url)
    return f"A first picture to open: {picture}\n" if picture else ""


def make_picture(app: Application, url: str) -> str | None:
    """Make a picture, and return its address at the server of `url`.

    Returns None where none comes at once, as with `--image-seconds` or a fault, for a recorder,
    whose pictures cost money, and for a replay.
    """
    if type(app) is not Application or app.fake.settings.replay is not None:
        return None
    parts = urlsplit(url)
    host = str(parts.hostname)
    request = Request(
        method="POST",
        scheme=parts.scheme,
        host=f"[{host}]" if ":" in host else host,
        port=parts.port or _PORTS[parts.scheme],
        target=b"/v2/images/generations",
        headers=[
            (b"host", parts.netloc.encode("ascii")),
            (b"authorization", f"Bearer {KEY}".encode()),
            (b"content-type", b"application/json"),
        ],
        body=json.dumps(_IMAGE).encode(),
    )
    silent = Application(app.fake, access_log.log_nothing)
    running = InProcessExchange(silent, request, AdvanceClock())
    body = running.take_whole() if running.begin() else None
    running.abort()
    if body is None or running.connection.status != 200:
        return None
    return str(json.loads(body)["data"][0]["url"])
