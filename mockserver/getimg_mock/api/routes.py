"""Every path of the API on one screen (api-facts section 1)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from starlette.routing import Route, Router

from getimg_mock.api import billing, downloads, images, models, videos
from getimg_mock.api.operations import Endpoint, Operation
from getimg_mock.api.problems import invalid_api_key, unknown_path

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.messages import Answer, Call
    from getimg_mock.fake import Fake

GENERATE_IMAGE = Operation("images.generate", images.generate, limited="image")
CREATE_VIDEO = Operation("videos.create", videos.create, limited="video")
RETRIEVE_VIDEO = Operation("videos.retrieve", videos.retrieve, limited="video")
LIST_MODELS = Operation("models.list", models.list_)
RETRIEVE_MODEL = Operation("models.retrieve", models.retrieve)
BALANCE = Operation("billing.balance", billing.balance)
COSTS = Operation("billing.costs", billing.costs)
DOWNLOAD = Operation("downloads.retrieve", downloads.retrieve, keyed=False)

PATHS: dict[str, tuple[str, Operation]] = {
    "/v2/images/generations": ("POST", GENERATE_IMAGE),
    "/v2/videos/generations": ("POST", CREATE_VIDEO),
    "/v2/videos/generations/{id}": ("GET", RETRIEVE_VIDEO),
    "/v2/models": ("GET", LIST_MODELS),
    "/v2/models/{model}": ("GET", RETRIEVE_MODEL),
    "/v2/billing/balance": ("GET", BALANCE),
    "/v2/billing/costs": ("GET", COSTS),
    "/v2/downloads/{id}/{index}": ("GET", DOWNLOAD),
}

OPERATIONS = tuple(operation.name for _, operation in PATHS.values())


class Routes:
    """The ASGI application that answers the API's paths, and 404 for all others."""

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        endpoints = {}
        for path, (method, operation) in PATHS.items():
            methods = (method, "HEAD") if method == "GET" else (method,)
            endpoints[path] = Endpoint(fake, log, dict.fromkeys(methods, operation))
        elsewhere = Operation("unknown", _nowhere, keyed=False)
        # Most requests are to a path without a parameter, or with one at its end, such as the polls
        # of a video: these are found without trying one pattern after the other.
        self._plain = {path: found for path, found in endpoints.items() if "{" not in path}
        self._ending = {
            path[: path.index("/{")]: (path[path.index("{") + 1 : -1], found)
            for path, found in endpoints.items()
            if path.count("{") == 1
        }
        self._router = Router(
            [Route(path, endpoint) for path, endpoint in endpoints.items()],
            redirect_slashes=False,
            default=Endpoint(fake, log, _Any(elsewhere)),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the host's start and stop."""
        path = scope.get("path", "")
        endpoint: ASGIApp | None = self._plain.get(path)
        if endpoint is None:
            parent, _, last = path.rpartition("/")
            if last and parent in self._ending:
                name, endpoint = self._ending[parent]
                scope = {**scope, "path_params": {name: last}}
        await (endpoint or self._router)(scope, receive, send)


class _Any(dict[str, Operation]):
    """The operations of a path that does not exist: the same for every method."""

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self._operation = operation

    def get(self, _method: str, _default: object = None) -> Operation:
        return self._operation


async def _nowhere(call: Call) -> Answer:
    path = str(call.scope["path"])
    if path == "/v1" or path.startswith("/v1/"):
        # Observed in July 2026: a good v2 key is refused by the older API.
        raise invalid_api_key("this is the older API; the paths of this one begin with /v2")
    near = get_close_matches(path[:200], [each for each in PATHS if "{" not in each], 1, 0.8)
    raise unknown_path(path, near[0] if near else None)
