"""The fake's own paths, under `/__mock__/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from getimg_mock._shipped import read_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from getimg_mock.fake import Fake

PREFIX: Final = "/__mock__"


def is_ours(path: str) -> bool:
    """Return whether a path is the fake's own and not getimg.ai's."""
    return path == PREFIX or path.startswith(PREFIX + "/")


def router(fake: Fake) -> Router:
    """Return the ASGI application that answers the fake's own paths."""
    del fake
    return Router(
        [
            Route(f"{PREFIX}/health", _health, methods=["GET"]),
            Route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"]),
        ],
        redirect_slashes=False,
        default=_unknown,
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _openapi(_request: Request) -> Response:
    return Response(read_text("schemas", "openapi.json"), media_type="application/json")


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    body = {"error": {"code": "not_found", "message": f"{scope['path'][:200]} is no path of ours."}}
    await JSONResponse(body, status_code=404)(scope, receive, send)
