"""A client of the fake on a socket, and the points at which a fault can happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.api.driver import IMAGE, VIDEO
from tests.api.sockets import Observed, observed, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock import MockServer
    from getimg_mock.world.journal import Exchange
    from getimg_mock.world.workspaces import Workspace

PICTURE = IMAGE | {"model": "z-image-turbo", "prompt": "A small picture"}


@dataclass
class Client:
    """A client with a key of its own, and all that its workspace knows."""

    server: MockServer
    key: str

    def __post_init__(self) -> None:
        """Listen to the journal: an exchange is there only when it is over."""
        self.heard: SimpleQueue[Exchange] = SimpleQueue()
        self.world.journal.subscribe(self.heard.put)

    @property
    def world(self) -> Workspace:
        """The workspace of the key."""
        return self.server.app.fake.store.get_or_create(self.key)

    def break_(self, **rule: Any) -> None:
        """Put a rule in force."""
        self.world.scenarios.add(rule, self.world.clock.now())

    def sent(
        self, method: str, target: str, body: Any = None, *, patience: float = 20, **headers: str
    ) -> Observed:
        """Send a request and return what came of it."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        key = None if "/downloads/" in target else self.key
        request = written(method, target, key, body, given)
        return observed(self.server.url, request, patience=patience)

    def submit(self, **options: Any) -> Observed:
        """Ask for a video."""
        return self.sent("POST", "/v2/videos/generations", VIDEO, **options)

    def picture(self, **options: Any) -> Observed:
        """Ask for a picture."""
        return self.sent("POST", "/v2/images/generations", PICTURE, **options)

    def last(self) -> Exchange:
        """Return the next exchange that is over."""
        return self.heard.get(timeout=20)


# The points at which a fault can happen: what is asked there when all is ready for it.


def submit_video(client: Client) -> Callable[..., Observed]:
    """Return how to submit a video."""
    return client.submit


def submit_image(client: Client) -> Callable[..., Observed]:
    """Return how to ask for a picture."""
    return client.picture


def poll(client: Client) -> Callable[..., Observed]:
    """Return how to poll a video that is done."""
    video = client.submit().json["id"]
    client.last()
    return lambda **options: client.sent("GET", f"/v2/videos/generations/{video}", **options)


def download(client: Client) -> Callable[..., Observed]:
    """Return how to download a picture."""
    url = urlsplit(client.picture().json["data"][0]["url"])
    client.last()
    return lambda **options: client.sent("GET", f"{url.path}?{url.query}", **options)


POINTS = {
    "videos.create": submit_video,
    "images.generate": submit_image,
    "videos.retrieve": poll,
    "downloads.retrieve": download,
}
