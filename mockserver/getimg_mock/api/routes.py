"""Routes each request to the function that answers its operation."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock.api import billing, downloads, images, models, videos
from getimg_mock.api.endpoints import Endpoint, HandledOperation
from getimg_mock.api.error_envelope import invalid_api_key, unknown_path
from getimg_mock.api.path_advice import advise_older_path, advise_path
from getimg_mock.api.plain_images import PlainImages
from getimg_mock.api.plain_polls import PlainPolls
from getimg_mock.world.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.messages import Answer, Call, Handler
    from getimg_mock.fake import Fake

HANDLERS: Final[Mapping[str, Handler]] = {
    "images.generate": images.generate,
    "videos.create": videos.create,
    "videos.retrieve": videos.retrieve,
    "models.list": models.list_,
    "models.retrieve": models.retrieve,
    "billing.balance": billing.retrieve_balance,
    "billing.costs": billing.retrieve_costs,
    "downloads.retrieve": downloads.retrieve,
}
"""Which function answers which operation."""


class Routes:
    """The ASGI application for the API's paths; others get 404."""

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        # Most requests have a path without a parameter, or with one at its end, such as polls.
        # These are found without matching patterns.
        self._plain: dict[str, Endpoint] = {}
        self._ending: dict[str, tuple[str, Endpoint]] = {}
        self._patterns: list[tuple[re.Pattern[str], Endpoint]] = []
        self._ways = {each.operation: each(fake, log) for each in (PlainImages, PlainPolls)}
        for place in _list_places():
            endpoint = Endpoint(fake, log, place.operations, self._ways.get(place.name))
            if place.pattern is not None:
                self._patterns.append((place.pattern, endpoint))
            elif place.parameter:
                self._ending[place.path] = place.parameter, endpoint
            else:
                self._plain[place.path] = endpoint
        self._elsewhere = Endpoint(fake, log, _ELSEWHERE)

    def retire(self) -> None:
        """Let what has been prepared be prepared again: another fake serves from now on."""
        for way in self._ways.values():
            way.is_retired = True

    def find_endpoint(self, scope: Scope) -> Endpoint | None:
        """Return the endpoint of a path that needs no patterns: any but those of downloads.

        Sets the path parameter in the scope.
        """
        path = scope["path"]
        found = self._plain.get(path)
        if found is None:
            parent, _, last = path.rpartition("/")
            if last and parent in self._ending:
                name, found = self._ending[parent]
                scope["path_params"] = {name: last}
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or handle the host's lifespan events."""
        if scope["type"] == "lifespan":
            await _serve_lifespan(receive, send)
            return
        endpoint = self.find_endpoint(scope) or self._match(scope)
        await endpoint(scope, receive, send)

    def _match(self, scope: Scope) -> Endpoint:
        for pattern, endpoint in self._patterns:
            found = pattern.fullmatch(scope["path"])
            if found is not None:
                scope["path_params"] = found.groupdict()
                return endpoint
        return self._elsewhere


class _Place(NamedTuple):
    """An operation and its place, which are the same for all fakes: each test has one.

    `path` is without the one `parameter` at its end; `pattern` is that of a path with several.
    """

    name: str
    operations: Mapping[str, HandledOperation]
    path: str
    parameter: str = ""
    pattern: re.Pattern[str] | None = None


@cache
def _list_places() -> tuple[_Place, ...]:
    return tuple(_find_place(*each) for each in OPERATIONS.items())


def _find_place(name: str, operation: Operation) -> _Place:
    handled = HandledOperation(operation, HANDLERS[name])
    path, operations = operation.path, dict.fromkeys(operation.methods, handled)
    if path.count("{") > 1:
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
        return _Place(name, operations, path, pattern=pattern)
    parent, _, parameter = path.partition("/{")
    return _Place(name, operations, parent, parameter.rstrip("}"))


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    """Say that the application has started and shut down, when its host asks."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


class _AnyMethod(dict[str, HandledOperation]):
    """The operations of an unknown path: the same for every method."""

    def __init__(self, operation: HandledOperation) -> None:
        super().__init__()
        self._operation = operation

    def get(self, _method: str, _default: object = None) -> HandledOperation:
        return self._operation


async def _refuse_unknown_path(call: Call) -> Answer:
    path = str(call.scope["path"])
    if path == "/v1" or path.startswith("/v1/"):
        # Observed in July 2026: the older API refuses valid v2 keys.
        raise invalid_api_key(advise_older_path(path))
    raise unknown_path(path, advise_path(call.method, path))


_ELSEWHERE: Final = _AnyMethod(
    HandledOperation(
        Operation(name="unknown", method="", path="", keyed=False), _refuse_unknown_path
    )
)
