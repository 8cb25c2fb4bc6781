"""The fake in process: requests without a socket, on a clock that stands still unless told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from getimg_mock.api import access_log
from getimg_mock.application import Application
from getimg_mock.fake import Fake
from getimg_mock.in_process.exchange import AdvanceClock, Request, call_application
from getimg_mock.settings import Settings
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from starlette.types import Receive, Scope, Send

    from getimg_mock.in_process.exchange import ClockWait, WaitStrategy
    from getimg_mock.world.workspaces import Workspace

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
KEY = "sk_driver"

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse in a storm"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves under a full moon", "duration": 5}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a client has it: header names in lower case, the body as bytes."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the one header of that name, or None; two of them are a bug."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} stands {len(found)} times on the answer"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What stands in the error envelope."""
        found: dict[str, Any] = self.json["error"]
        return found


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that a refusal must leave alone."""

    credited: Decimal
    held: Decimal
    charged: Decimal
    by_date: Mapping[Any, Decimal]
    entries: int
    counted: Mapping[Any, Any]
    generations: int


@dataclass
class Driver:
    """One fake and one client of it, in the same thread.

    Every workspace has a clock of its own, which begins at `START` and stands still.
    """

    app: Application
    key: str = KEY
    patience: WaitStrategy = field(default_factory=lambda: Impatient())  # noqa: PLW0108 - below

    @classmethod
    def of(
        cls, *, start: datetime = START, patience: WaitStrategy | None = None, **values: Any
    ) -> Driver:
        """Return a driver of a new fake with these settings.

        A request may wait where `patience` allows it; by default a wait fails the test.
        """
        settings: dict[str, Any] = {"quiet": True, "media_size": "small"} | values
        fake = Fake.of(
            Settings.of(**settings),
            clock=lambda: VirtualClock(start=start, rate=0),
        )
        return cls(Application(fake, access_log.log_nothing), patience=patience or Impatient())

    def workspace(self, key: str | None = None) -> Workspace:
        """Return the workspace of a key, by default the driver's."""
        return self.app.fake.store.get_or_create(key or self.key)

    def advance(self, seconds: float, key: str | None = None) -> None:
        """Move a workspace's clock forward."""
        clock = self.workspace(key).clock
        clock.advance_to(clock.now() + timedelta(seconds=seconds))

    def books(self, key: str | None = None) -> Books:
        """Return the money, limits and generations of a workspace, as values."""
        workspace = self.workspace(key)
        ledger = workspace.ledger
        return Books(
            ledger.credited,
            ledger.held,
            ledger.charged,
            dict(ledger.by_date),
            len(ledger.entries),
            workspace.limiter.get_counts(),
            len(workspace.generations),
        )

    def get(self, target: str, **options: Any) -> Reply:
        """Send a GET."""
        return self.request("GET", target, **options)

    def post(self, target: str, body: Any, **options: Any) -> Reply:
        """Send a POST with `body` as JSON."""
        return self.request("POST", target, body=json.dumps(body).encode(), **options)

    def image(self, **fields: Any) -> Reply:
        """Ask for a picture."""
        return self.post("/v2/images/generations", IMAGE | fields)

    def video(self, **fields: Any) -> Reply:
        """Ask for a video."""
        return self.post("/v2/videos/generations", VIDEO | fields)

    def poll(self, video_id: str) -> Reply:
        """Ask what has become of a video."""
        return self.get(f"/v2/videos/generations/{video_id}")

    def balance(self) -> str:
        """Return the balance, as the API writes it."""
        shown: str = self.get("/v2/billing/balance").json["balance"]
        return shown

    def download(self, url: str, *, method: str = "GET", headers: Any = ()) -> Reply:
        """Fetch a link of the fake's, without a key."""
        target = url.removeprefix("http://testserver")
        return self.request(method, target, headers=headers, key=None)

    def request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | Sequence[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
        key: str | None = KEY,
    ) -> Reply:
        """Send one request and return its answer; `body` may be a sequence of chunks.

        The path of `target` is taken as an ASGI host has decoded it: `%` in it is a percent sign.
        """
        sent = {name.lower(): value for name, value in headers}
        defaults = {"host": "testserver"}
        if key is not None:
            defaults["authorization"] = f"Bearer {key}"
        if method == "POST":
            defaults["content-type"] = "application/json"
        if isinstance(body, bytes) and body:
            defaults["content-length"] = str(len(body))
        path, _, query = target.partition("?")
        return self.send(
            Request(
                method=method,
                scheme="http",
                host="127.0.0.1",
                port=4010,
                target=b"/?" + query.encode("latin-1", "replace"),
                headers=[
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in (defaults | sent).items()
                ],
                body=body,
            ),
            {"path": path},
        )

    def send(self, request: Request, changes: Mapping[str, Any] | None = None) -> Reply:
        """Run the application over one request; it must answer whole, and without waiting.

        `changes` are what another ASGI host would put in the scope.
        """

        async def hosted(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app({**scope, **(changes or {})}, receive, send)

        connection = call_application(hosted, request, self.patience)
        assert connection.error is None, connection.error
        assert connection.status is not None
        assert connection.is_over
        return Reply(
            connection.status,
            [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in connection.headers
            ],
            b"".join(connection.chunks),
        )

    def abandon(self, method: str, target: str, *, body: bytes) -> None:
        """Begin a request, send `body` as part of its body, and go away; nothing is answered."""
        headers = [
            (b"authorization", f"Bearer {self.key}".encode()),
            (b"content-type", b"application/json"),
        ]
        request = Request(
            method, "http", "127.0.0.1", 4010, target.encode(), headers, body, is_complete=False
        )
        connection = call_application(self.app, request, self.patience)
        assert (connection.status, list(connection.chunks)) == (None, [])


class Impatient(AdvanceClock):
    """Fails where the application waits: on a clock that stands still it has no reason to."""

    def wait(self, wait: ClockWait) -> None:
        """Fail."""
        raise AssertionError(f"the application waits for {wait!r}")
