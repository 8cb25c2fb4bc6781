"""The ASGI application: getimg.ai's API and, under `/__mock__/`, the control interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api import access_log, routes
from getimg_mock.api.authentication import parse_key
from getimg_mock.api.links import read_client_address
from getimg_mock.api.raw_connection import NO_WIRE, has_wire
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from typing import Unpack

    from starlette.types import ASGIApp, Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.endpoints import Endpoint
    from getimg_mock.control.surface import Judge
    from getimg_mock.settings_options import SettingsOptions

# No path of getimg.ai begins so.
_CONTROL_PREFIX = "/__mock__"


class Application:
    """A fake as an ASGI application, for any ASGI host; `fake` is what it serves.

    `judge` gives the verdict on the client of a key, for the page; None, the default, gives none.
    """

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        self.fake = fake
        self._log = log
        self._api = routes.Routes(fake, log)
        self.judge: Judge | None = None
        self._control: ASGIApp | None = None

    def replace_fake(self, fake: Fake) -> None:
        """Serve `fake` from the next request on; its store and journal must be the same.

        Requests that are being answered keep the settings with which they began.
        """
        if self.fake.defaults is not None:
            self.fake.defaults.settings = fake.settings
        self.fake = fake
        self._api.retire()
        self._api = routes.Routes(fake, self._log)
        self._control = None

    def find_endpoint(self, scope: Scope) -> Endpoint | None:
        """Return the endpoint of an HTTP request, ready to be called, or None.

        It can be called outside a task of asyncio, which drawing files, pages and streams need;
        for these this application itself is to be called.
        """
        return self._api.find_endpoint(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or handle the host's lifespan events."""
        if scope.get("root_path"):
            scope = _strip_mount(scope)
        if scope["type"] == "http" and _is_control_path(scope["path"]):
            await self._serve_control(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/":
            await self._serve_root(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._api(scope, receive, send)

    async def _serve_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._control is None:
            # Imported on first use: a fifth of the import time, and many fakes get no control call.
            from getimg_mock.control.surface import Surface  # noqa: PLC0415 - see above

            self._control = Surface(
                self.fake, parse_key, _explain_missing_socket, self._api, self.judge
            )
        await self._control(scope, receive, send)

    async def _serve_root(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Welcome a browser; an API client gets the 404 of an unknown path."""
        from getimg_mock.control import page_files  # noqa: PLC0415 - few fakes are looked at

        shown = scope["method"] in {"GET", "HEAD"} and page_files.prefers_html(scope["headers"])
        if not shown:
            await self._api(scope, receive, send)
            return
        trusted = self.fake.settings.trust_forwarded
        url = read_client_address(scope, trust_forwarded=trusted)
        await page_files.send_welcome(url, scope, send)


def _explain_missing_socket(scope: Scope) -> str | None:
    return None if has_wire(scope) else NO_WIRE


def _strip_mount(scope: Scope) -> Scope:
    """Return the scope of a mounted application with its path relative to the mount."""
    path, root = str(scope.get("path", "")), str(scope["root_path"]).rstrip("/")
    return {**scope, "path": path[len(root) :]} if path.startswith(f"{root}/") else scope


def _is_control_path(path: str) -> bool:
    return path.startswith(_CONTROL_PREFIX) and path[
        len(_CONTROL_PREFIX) : len(_CONTROL_PREFIX) + 1
    ] in {"", "/"}


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
    return Application(Fake.of(settings), _create_log(settings))


def _create_log(settings: Settings) -> AccessLog:
    if settings.quiet:
        return access_log.log_nothing
    lines = access_log.format_json if settings.log_format == "json" else access_log.format_text
    return access_log.Printer(lines)
