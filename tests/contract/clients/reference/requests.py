"""What is sent: addresses and headers."""

from __future__ import annotations

import base64
import logging
import os
import warnings
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tests.contract.clients.reference.errors import InvalidArgumentError

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core

AGENT = "reference/1"
LATEST: dict[str, str] = {}
"""The key of the client that was created last, which faulty clients send."""


def encoded(core: Core, name: str) -> str:
    """Return an id as one segment of a path."""
    if core.faulty("injected-by-id"):
        core.seen["head"] = name
        return quote(name.splitlines()[0], safe="")
    if core.faulty("raw-ids"):
        return name.replace("\r", "").replace("\n", "").replace(" ", "%20")
    if core.faulty("ids-stripped"):
        name = name.strip()
    if name in {"", ".", ".."} and not core.faulty("dots-sent"):
        raise InvalidArgumentError(f"{name!r} is no id")
    return quote(name, safe="/" if core.faulty("slashes-raw") else "")


def url_of(core: Core, path: str, query: str = "") -> str:
    """Return the address of an operation."""
    base = core.base_url.rstrip("/")
    if core.faulty("looks-at-the-built-in-host") and path.startswith("videos/generations/"):
        base = "https://api.getimg.ai"
    if core.faulty("key-in-query"):
        query = f"{query}&api_key={core.key}".lstrip("&")
    looks = core.faulty("looks-at-the-root") and path.startswith("videos/generations/")
    if core.faulty("prefix-dropped") or looks:
        parts = urlsplit(base)
        base = f"{parts.scheme}://{parts.netloc}"
    if core.faulty("brackets-lost"):
        base = base.replace("[", "").replace("]", "")
    return f"{base}/v2/{path}" + (f"?{query}" if query else "")


def headers_of(core: Core) -> dict[str, str]:
    """Return the headers of every request to the API."""
    headers = {
        "Authorization": f"Bearer {core.key}",
        "Accept": "application/json",
        "User-Agent": AGENT,
        "Accept-Encoding": "gzip, deflate",
    }
    if core.faulty("br-claimed"):
        headers["Accept-Encoding"] += ", br"
    if core.faulty("latest-key-for-all"):
        headers["Authorization"] = f"Bearer {LATEST['key']}"
    if core.faulty("lower-bearer"):
        headers["Authorization"] = f"bearer {core.key}"
    if core.faulty("no-user-agent"):
        headers["User-Agent"] = ""
    if core.faulty("key-coded-in-agent"):
        headers["User-Agent"] += f" ({base64.b64encode(core.key.encode()).decode()})"
    if core.faulty("key-exported"):
        os.environ["GETIMG_API_KEY"] = core.key
    if core.faulty("key-in-warnings"):
        warnings.warn(f"sending {headers}", stacklevel=2)
    if core.faulty("key-logged"):
        logging.getLogger("reference").debug("sending %s", headers)
    return headers | by_hand(core.seen.pop("head", ""))


def by_hand(text: str) -> dict[str, str]:
    """Return the headers that come of text in a head that was put together by hand."""
    lines = (line.partition(": ") for line in text.splitlines()[1:])
    return {name: value for name, colon, value in lines if colon}
