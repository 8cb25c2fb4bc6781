"""The fake on a socket: in the foreground for `getimg-mock serve`, in a thread for Python."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

from uvicorn.config import Config
from uvicorn.server import ServerState

from getimg_mock.application import create_app
from getimg_mock.control.request_guard import require_token
from getimg_mock.errors import ServerError, SettingsError, StoreError
from getimg_mock.isolation.thread_names import SERVER_THREAD
from getimg_mock.serving.connection_handout import ConnectionReceiver
from getimg_mock.serving.http_protocol import HttpProtocol
from getimg_mock.serving.tls_settings import TlsSetup, prepare_tls
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Unpack

    from getimg_mock.application import Application
    from getimg_mock.control.handle import WorkspaceHandle
    from getimg_mock.settings_options import SettingsOptions

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
_LONGEST_TURN = 1.0
"""The seconds after which an event loop that does not come round is not waited for any longer."""
_REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class MockServer:
    """A fake that listens on a port of its own, in a thread.

        with MockServer(balance="25", video_seconds=0) as server:
            client = GetimgAI(base_url=server.url, api_key="sk_anything")

    Takes the options of `getimg-mock serve` by name, or one `Settings` as `settings`. Without a
    `port` it listens on a free one; it prints nothing unless `quiet=False`. Raises `SettingsError`
    for invalid options, `TypeError` for `settings` together with options and, from `start()`,
    `ServerError` if the port is taken.
    """

    def __init__(
        self, *, settings: Settings | None = None, **options: Unpack[SettingsOptions]
    ) -> None:
        if settings is None:
            options = {"port": 0, "quiet": True, **options}
            settings = Settings.of(**options)
        elif options:
            raise TypeError("Pass either settings or single options, not both.")
        if settings.workers != 1:
            raise SettingsError("A MockServer is one process: getimg-mock serve has workers.")
        self._tls = prepare_tls(require_token(settings))
        self.settings = settings = self._tls.settings
        self.app: Application = create_app(settings)
        self.further_entrances: tuple[Entrance, ...] = ()
        """Listening sockets that the next `start()` serves, too."""
        self._url: str | None = None
        self._tls_url: str | None = None
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """The address to give to clients, without a slash at the end."""
        if self._url is None:
            raise ServerError(
                "The server is not running. Call start(), or use it in a with statement."
            )
        return self._url

    @property
    def tls_url(self) -> str | None:
        """The address that speaks HTTPS; None without `tls`, or while the server is stopped."""
        return self._tls_url

    @property
    def certificate_authority(self) -> Path | None:
        """The file that clients trust for `tls_url`; None for a certificate of your own."""
        return self._tls.authority

    def workspace(self, key: str) -> WorkspaceHandle:
        """Return the controls of a key's workspace: clock, scenarios, money, journal and more."""
        from getimg_mock.control.handle import connect_local  # noqa: PLC0415 - serving needs none of it

        return connect_local(self.app.fake, key, before=self.finish_answers)

    def finish_answers(self) -> None:
        """Return when the journal has every exchange whose whole answer was sent.

        A client may read an answer a moment before its exchange is in the journal. The handles of
        `workspace` call this. Waits for a second at most.
        """
        loop = self._loop
        if loop is None or threading.current_thread() is self._thread:
            return
        turn = threading.Lock()  # an event would wait by the time of a test, where that is linked
        turn.acquire()
        with suppress(RuntimeError):  # the loop has been closed meanwhile: nothing is answered
            loop.call_soon_threadsafe(turn.release)
            turn.acquire(timeout=_LONGEST_TURN)

    def start(self) -> Self:
        """Listen in a thread; return when the server accepts requests."""
        if self._thread is not None:
            raise ServerError("The server is already running.")
        entrances = open_entrances(self._tls)
        self._url, self._tls_url = describe_entrances(entrances, self._tls)
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=((*entrances, *self.further_entrances), started),
            name=SERVER_THREAD,
            daemon=True,
        )
        self._thread.start()
        started.wait()
        return self

    def stop(self) -> None:
        """Abort all connections and close the port; may be called more than once."""
        if self._stop is not None:
            self._stop()
        if self._thread is not None:
            self._thread.join()
        self._url = self._tls_url = self._thread = self._stop = self._loop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, entrances: Sequence[Entrance], started: threading.Event) -> None:
        async def run() -> None:
            loop, over = asyncio.get_running_loop(), asyncio.Event()
            self._loop = loop
            self._stop = lambda: loop.call_soon_threadsafe(over.set)
            await serve(self.app, entrances, over, started=started.set)

        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(run())
        finally:
            started.set()


class Acceptor(Protocol):
    """Makes the protocol of each new connection; `close` ends what the protocols have begun."""

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""

    def close(self) -> None:
        """End connections that the server does not know."""


@dataclass(frozen=True, slots=True)
class _HttpAcceptor:
    build_protocol: Callable[[], HttpProtocol]

    def __call__(self) -> asyncio.Protocol:
        return self.build_protocol()

    def close(self) -> None:
        """Do nothing: the server aborts the connections of its own protocols."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """A listening socket: plain HTTP, or TLS with `context`, or what `build` makes of HTTP."""

    listener: socket.socket
    context: ssl.SSLContext | None = None
    build: Callable[[Callable[[], HttpProtocol]], Acceptor] = _HttpAcceptor


async def serve(
    app: Application,
    entrances: Sequence[Entrance],
    over: asyncio.Event,
    *,
    started: Callable[[], object] = lambda: None,
    channel: socket.socket | None = None,
) -> None:
    """Answer requests to `entrances` until `over` is set; then abort all connections.

    With `channel`, another process accepts connections, and hands them on over it.
    """
    config = Config(
        app,
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # the setting trust_forwarded decides
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    config.load()
    state = ServerState()

    def build_protocol() -> HttpProtocol:
        return HttpProtocol(config, state, {})

    loop = asyncio.get_running_loop()
    acceptors = [each.build(build_protocol) for each in entrances]
    servers: list[asyncio.Server | ConnectionReceiver] = []
    if channel is None:
        for each, acceptor in zip(entrances, acceptors, strict=True):
            servers.append(
                await loop.create_server(
                    acceptor, sock=each.listener, ssl=each.context, backlog=_BACKLOG
                )
            )
    else:
        contexts = [each.context for each in entrances]
        servers.append(ConnectionReceiver(channel, [*zip(acceptors, contexts, strict=True)]))
    started()
    try:
        await over.wait()
    finally:
        for server in servers:
            server.close()
        for acceptor in acceptors:
            acceptor.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        for task in tuple(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        with suppress(StoreError), app.fake.store.batch():
            pass  # a unit of work ends what the store keeps later than answers are sent


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop of uvloop, or of asyncio if uvloop is not installed."""
    try:
        import uvloop  # noqa: PLC0415 - not available on Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def open_listener(settings: Settings) -> socket.socket:
    """Return a socket that listens on the host and port; raises `ServerError` if it cannot."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, TypeError, ValueError) as error:  # the last two: an invalid host name
        why = error.strerror if isinstance(error, OSError) else "invalid host name"
        raise ServerError(
            f"Cannot listen on {settings.host!r} port {settings.port}: {why}. "
            "Choose another port with --port; --port 0 takes a free one."
        ) from None
    return listener


def open_entrances(tls: TlsSetup) -> list[Entrance]:
    """Return the listening sockets, that of HTTP first; raises `ServerError` if it cannot."""
    settings = tls.settings
    is_alone = settings.tls_port is None
    first = Entrance(open_listener(settings), tls.context if is_alone else None)
    if tls.context is None or settings.tls_port is None:
        return [first]
    try:
        secure = open_listener(replace(settings, port=settings.tls_port))
    except BaseException:
        first.listener.close()
        raise
    return [first, Entrance(secure, tls.context)]


def describe_entrances(entrances: Sequence[Entrance], tls: TlsSetup) -> tuple[str, str | None]:
    """Return the URL of the first entrance, and that of HTTPS, if there is one."""
    urls = {
        each.context is not None: format_url(each.listener, tls if each.context else None)
        for each in entrances
    }
    return urls.get(False) or urls[True], urls.get(True)


def format_url(listener: socket.socket, tls: TlsSetup | None = None) -> str:
    """Return the URL of a listening socket, which speaks HTTPS with `tls`.

    One that listens on all addresses is named by that of this machine: 0.0.0.0 is none that a
    client can ask for everywhere, and no certificate has it.
    """
    host, port = listener.getsockname()[:2]
    host = _REACHED.get(host, host)
    scheme = "http" if tls is None else "https"
    host = (tls and tls.host) or host
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
