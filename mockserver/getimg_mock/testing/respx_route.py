"""The fake as a route of a respx router, together with routes of the test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import respx
from respx.models import SideEffectError

from getimg_mock.testing.options import API_HOST

if TYPE_CHECKING:
    import httpx

    from getimg_mock.testing.httpx_transport import HttpxTransport


def mount_route(router: respx.MockRouter, transport: HttpxTransport) -> respx.Route:
    """Add the fake to a router and return its route."""
    return router.routes.add(_FakeRoute(router, transport))


class _FakeRoute(respx.Route):
    """Passes requests to getimg.ai's host to the fake, unless another route matches too."""

    def __init__(self, router: respx.MockRouter, transport: HttpxTransport) -> None:
        super().__init__(host=API_HOST)
        self._router = router
        self._transport = transport

    def match(self, request: httpx.Request, **_context: Any) -> Any:
        """Return the response, or None for a request that another route matches."""
        if not self.pattern.match(request) or self._is_taken(request):
            return None
        # Of the two callers, one awaits a coroutine and the other takes it for a response.
        if sys._getframe(1).f_code.co_name == "aresolve":  # noqa: SLF001 - nothing else tells them apart
            return self._transport.handle_async_request(request)
        try:
            return self._transport.handle_request(request)
        except Exception as error:
            raise SideEffectError(self, origin=error) from error

    def _is_taken(self, request: httpx.Request) -> bool:
        others = [each for each in self._router.routes if each is not self and each.pattern]
        return any(each.pattern.match(request) for each in others)
