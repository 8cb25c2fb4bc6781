"""The fake as a route of a respx router, beside routes of the test's own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import respx
from respx.models import SideEffectError

from getimg_mock.testing.options import API_HOST

if TYPE_CHECKING:
    import httpx

    from getimg_mock.testing.httpx_transport import HttpxTransport


def mounted(router: respx.MockRouter, transport: HttpxTransport) -> respx.Route:
    """Add the fake to a router, and return its route."""
    return router.routes.add(_Fake(router, transport))


class _Fake(respx.Route):
    """Answers requests to getimg.ai's host from the fake, unless another route fits as well."""

    def __init__(self, router: respx.MockRouter, transport: HttpxTransport) -> None:
        super().__init__(host=API_HOST)
        self._router = router
        self._transport = transport

    def match(self, request: httpx.Request, **_context: Any) -> Any:
        """Return the answer, or None for a request that is somebody else's."""
        if not self.pattern.match(request) or self._is_taken(request):
            return None
        # A coroutine is awaited by one of the two callers, and taken for an answer by the other.
        if sys._getframe(1).f_code.co_name == "aresolve":  # noqa: SLF001 - nothing else tells them apart
            return self._transport.handle_async_request(request)
        try:
            return self._transport.handle_request(request)
        except Exception as error:
            raise SideEffectError(self, origin=error) from error

    def _is_taken(self, request: httpx.Request) -> bool:
        others = [each for each in self._router.routes if each is not self and each.pattern]
        return any(each.pattern.match(request) for each in others)
