"""Downloads of a recording: each link is fetched once, and served from the cassette after that."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from getimg_mock.cassettes.cassette_files import (
    MAX_MEDIA_SIZE,
    read_media_file,
)
from getimg_mock.cassettes.cassette_writer import write_media
from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_MAX_LINKS: Final = 20_000
_IDENTITY: Final = (("accept-encoding", "identity"),)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file in the cassette: its name there, its Content-Type, and the headers it came with."""

    media: str
    media_type: str
    size: int


@dataclass(slots=True)
class _Link:
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: FetchedFile | None = None


@dataclass(slots=True)
class DownloadStore:
    """Files by link. `fetch` sends a request to the service.

    A link is a target, path with query, that a recorded result has shown.
    """

    folder: Path
    fetch: Callable[[PreparedRequest], ReceivedResponse]
    _links: dict[str, _Link] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, targets: Iterable[str]) -> None:
        """Note links that results have shown."""
        with self._lock:
            for each in targets:
                if len(self._links) < _MAX_LINKS:
                    self._links.setdefault(each, _Link())

    def knows(self, target: str) -> bool:
        """Return whether a result has shown this link."""
        return target in self._links

    def get(self, target: str) -> tuple[FetchedFile | None, ReceivedResponse]:
        """Return the file of a link with its content, or the service's refusal to give it.

        Two requests at the same time fetch a file once.
        """
        link = self._links[target]
        with link.lock:
            if link.file is not None:
                data = read_media_file(self.folder, link.file.media)
                kind = ("content-type", link.file.media_type)
                return link.file, ReceivedResponse(200, (kind,), data)
            received = self.fetch(PreparedRequest("GET", target, _IDENTITY, None))
            if received.status == 200 and 0 < len(received.body) <= MAX_MEDIA_SIZE:
                link.file = self._store(received)
            return link.file, received

    def _store(self, received: ReceivedResponse) -> FetchedFile:
        told = dict(received.headers).get("content-type", "")
        media_type = "".join(each for each in told[:200] if " " <= each <= "~")
        media = write_media(self.folder, received.body, media_type)
        return FetchedFile(media, media_type, len(received.body))

    def fetch_rest(self) -> list[str]:
        """Fetch what no client has downloaded; returns the links that gave no file."""
        with self._lock:
            waiting = [target for target, link in self._links.items() if link.file is None]
        return [target for target in waiting if self.get(target)[0] is None]

    def find(self, target: str) -> FetchedFile | None:
        """Return the file of a link that was fetched."""
        link = self._links.get(target)
        return None if link is None else link.file
