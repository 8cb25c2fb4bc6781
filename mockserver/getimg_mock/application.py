"""The ASGI application: getimg's surface and, under `/__mock__/`, our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api import access_log, routes
from getimg_mock.api.authentication import key_of
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from typing import Unpack

    from starlette.types import ASGIApp, Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.settings_options import SettingsOptions

# Neither getimg.ai nor anybody else has paths that begin so.
_OURS = "/__mock__"


class Application:
    """A fake as an ASGI application, for any ASGI host; `fake` is what it serves."""

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        self.fake = fake
        self._api = routes.Routes(fake, log)
        self._control: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the host's start and stop."""
        if scope.get("root_path"):
            scope = _below(scope)
        if scope["type"] == "http" and _is_ours(scope["path"]):
            await self._controlled(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._api(scope, receive, send)

    async def _controlled(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._control is None:
            # A fifth of all that there is to import, and many a fake is never steered.
            from getimg_mock.control.surface import Surface  # noqa: PLC0415 - see above

            self._control = Surface(self.fake, key_of)
        await self._control(scope, receive, send)


def _below(scope: Scope) -> Scope:
    """Return the scope of a mounted application with the path as it is below the mount."""
    path, root = str(scope.get("path", "")), str(scope["root_path"]).rstrip("/")
    return {**scope, "path": path[len(root) :]} if path.startswith(f"{root}/") else scope


def _is_ours(path: str) -> bool:
    return path.startswith(_OURS) and path[len(_OURS) : len(_OURS) + 1] in {"", "/"}


def create_app(settings: Settings | None = None, **options: Unpack[SettingsOptions]) -> Application:
    """Return the fake as an ASGI application.

    Takes either `settings` or single options, such as `balance="25"`; without both, the defaults.
    Prints one line per request unless `quiet` is set. Raises `SettingsError` for invalid options,
    and `TypeError` for `settings` together with options.
    """
    if settings is None:
        settings = Settings.of(**options)
    elif options:
        raise TypeError("Pass either settings or single options, not both.")
    return Application(Fake.of(settings), _log(settings))


def _log(settings: Settings) -> AccessLog:
    if settings.quiet:
        return access_log.silent
    lines = access_log.json_line if settings.log_format == "json" else access_log.text_line
    return access_log.Printer(lines)
