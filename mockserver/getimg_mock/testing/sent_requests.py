"""Notes the requests that a process sends, and the line of the project that has sent each.

A fake on a socket sees a request, and not the code that has made it. HTTP libraries that are
imported are watched: httpx, httpx2, aiohttp, and what is built on `http.client`, such as requests.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.patches import Patches
from getimg_mock.testing.call_sites import find_call_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Note = Callable[[str, str, str], object]
    """Takes method, path and `file:line`."""

# Module, class and function that sends a request, and how its arguments name method and address.
_SENDERS: Final = (
    ("httpx", "HTTPTransport", "handle_request"),
    ("httpx", "AsyncHTTPTransport", "handle_async_request"),
    ("httpx2", "HTTPTransport", "handle_request"),
    ("httpx2", "AsyncHTTPTransport", "handle_async_request"),
    ("aiohttp", "ClientSession", "_request"),
    ("http.client", "HTTPConnection", "putrequest"),
)


@contextmanager
def watch_requests(note: Note) -> Iterator[None]:
    """Call `note` for each request that the code of the project sends within this context."""
    patches = Patches()
    for module, kind, name in _SENDERS:
        owner = getattr(sys.modules.get(module), kind, None)
        if owner is not None:
            patches.replace(owner, name, partial(_watch, patches, note))
    try:
        yield
    finally:
        patches.restore()


def _watch(patches: Patches, note: Note, original: Callable[..., Any]) -> Callable[..., Any]:
    def send(owner: object, *arguments: Any, **options: Any) -> Any:
        if patches.active and (place := find_call_site()):
            note(*_describe(*arguments[:2]), place)
        # An asynchronous one returns what is awaited.
        return original(owner, *arguments, **options)

    return send


def _describe(first: Any, second: Any = "") -> tuple[str, str]:
    """Return method and path of a request of httpx, or of a method and an address."""
    if isinstance(first, str):
        return first, urlsplit(str(second)).path
    return str(first.method), str(first.url.path)
