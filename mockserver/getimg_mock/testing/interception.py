"""Requests of unmodified code to getimg.ai, answered in process.

While at least one claim is active, the transports of httpx, httpx2 and httpx-aiohttp pass requests
to a claimed host to the fake; other requests are sent as usual. A module that is not imported yet
is patched when it is.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.isolation.socket_hooks import ConnectionAttempt
from getimg_mock.patches import Patches
from getimg_mock.virtual_time.import_hooks import ImportHook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from getimg_mock.application import Application
    from getimg_mock.in_process.exchange import WaitStrategy
    from getimg_mock.isolation.api_guard import ApiGuard

_DOWNLOADS: Final = "/v2/downloads/"


@dataclass(eq=False)
class Claim:
    """Routes requests to `hosts` with `key`, or with a key that no claim has, to `app`.

    Requests of a module in `spared` are sent as usual. `check` is called before each asynchronous
    exchange.
    """

    app: Application
    key: str
    hosts: frozenset[str]
    patience: WaitStrategy
    check: Callable[[], object] = lambda: None
    spared: set[str] = field(default_factory=set)
    transports: dict[str, Any] = field(default_factory=dict)

    def transport(self, module: str) -> Any:
        """Return the claim's transport for `httpx` or `httpx2`."""
        found = self.transports.get(module)
        if found is None:
            found = self.transports[module] = _build_transport(module, self)
        return found


class Interception:
    """The active claims of this process, and the functions that were replaced for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: list[Claim] = []
        self._guards: list[ApiGuard] = []
        self._patches = Patches()
        self._imports = ImportHook(
            {
                "httpx": self._patch_httpx,
                "httpx2": self._patch_httpx2,
                "httpx_aiohttp": self._patch_httpx_aiohttp,
            }
        )

    def add(self, claim: Claim) -> None:
        """Activate a claim."""
        with self._lock:
            self._claims.append(claim)
            self._start_once()

    def remove(self, claim: Claim) -> None:
        """Deactivate a claim; with the last one, restore the replaced functions."""
        with self._lock:
            self._claims.remove(claim)
            self._stop_unused()

    @contextmanager
    def refuse(self, guard: ApiGuard) -> Iterator[None]:
        """Pass requests to a guard while there is no claim, before a name is looked up."""
        with self._lock:
            self._guards.append(guard)
            self._start_once()
        try:
            yield
        finally:
            with self._lock:
                self._guards.remove(guard)
                self._stop_unused()

    def find_claim(self, request: Any, module: str) -> Claim | None:
        """Return the claim on a request of httpx or httpx2, or None."""
        host = request.url.host
        if not self._claims:
            for guard in tuple(self._guards):
                guard.check(ConnectionAttempt("connection", host))
        claims = [each for each in self._claims if host in each.hosts and module not in each.spared]
        if len(claims) < 2:
            return claims[0] if claims else None
        key = request.headers.get("authorization", "").partition(" ")[2].strip()
        path = request.url.path
        return next((each for each in claims if _is_meant(each, key, path)), claims[-1])

    def _start_once(self) -> None:
        if len(self._claims) + len(self._guards) == 1:
            self._patches = Patches()
            self._imports.start()

    def _stop_unused(self) -> None:
        if not self._claims and not self._guards:
            self._imports.stop()
            self._patches.restore()

    def _patch_httpx(self, module: ModuleType) -> None:
        self._replace(module.HTTPTransport, "handle_request", "httpx")
        self._replace(module.AsyncHTTPTransport, "handle_async_request", "httpx")

    def _patch_httpx2(self, module: ModuleType) -> None:
        self._replace(module.HTTPTransport, "handle_request", "httpx2")
        self._replace(module.AsyncHTTPTransport, "handle_async_request", "httpx2")

    def _patch_httpx_aiohttp(self, module: ModuleType) -> None:
        self._replace(
            module.AiohttpTransport, "handle_async_request", "httpx", shown="httpx_aiohttp"
        )

    def _replace(self, owner: type, name: str, module: str, *, shown: str | None = None) -> None:
        shown = shown or module

        def make_sync(original: Callable[..., Any]) -> Callable[..., Any]:
            def handle_request(transport: Any, request: Any) -> Any:
                claim = self.find_claim(request, shown)
                if claim is None:
                    return original(transport, request)
                return claim.transport(module).handle_request(request)

            return handle_request

        def make_async(original: Callable[..., Any]) -> Callable[..., Any]:
            async def handle_async_request(transport: Any, request: Any) -> Any:
                claim = self.find_claim(request, shown)
                if claim is None:
                    return await original(transport, request)
                claim.check()
                return await claim.transport(module).handle_async_request(request)

            return handle_async_request

        self._patches.replace(owner, name, make_sync if name == "handle_request" else make_async)


# The replaced functions belong to the whole process, so there is one instance.
INTERCEPTION: Final = Interception()


def _is_meant(claim: Claim, key: str, path: str) -> bool:
    if key or not path.startswith(_DOWNLOADS):
        return key == claim.key
    generation = path.removeprefix(_DOWNLOADS).partition("/")[0]
    return any(claim.app.fake.store.find_holders(generation))


def _build_transport(module: str, claim: Claim) -> Any:
    if module == "httpx":
        from getimg_mock.testing.httpx_transport import HttpxTransport  # noqa: PLC0415 - optional

        return HttpxTransport(claim.app, patience=claim.patience)
    from getimg_mock.testing.httpx2_transport import Httpx2Transport  # noqa: PLC0415 - optional

    return Httpx2Transport(claim.app, patience=claim.patience)
