"""A cassette in memory: its manifest, its exchanges and its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = 1
"""The version of the format, as manifests state it."""

BodyKind = Literal["none", "json", "text", "base64"]


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """A body: a JSON value, or a text, or base64 of other bytes; `value` is None for no body."""

    kind: BodyKind = "none"
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request as it counts for matching, see `canonical_requests`; it has no headers."""

    method: str
    path: str
    query: str = ""
    body: RecordedBody = RecordedBody()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """A response with placeholders, see `placeholders`; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: RecordedBody = RecordedBody()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A file of a result: item `index` of `data`; `media` is its name in the folder `media/`.

    `media_type` is the Content-Type that the download had, and `size` counts bytes.
    """

    index: int
    media: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """A status of a job, first seen so many seconds after its submission."""

    status: str
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A poll that was not answered with a state of the job, but for example with 429 or 500."""

    after: float
    response: RecordedResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExchange:
    """One request with its response.

    `digest` identifies the canonical request, and `occurrence` counts equal ones from 1.
    `recorded` is a UTC date, `seconds` the time to the response, and `cost` in US dollars what the
    response says that the request cost.
    """

    operation: str
    digest: str
    occurrence: int
    recorded: str
    request: RecordedRequest
    response: RecordedResponse
    seconds: float = 0.0
    cost: Decimal = Decimal(0)
    files: tuple[RecordedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedJob(RecordedExchange):
    """A video: its submission as the exchange, and all of its polls.

    `changes` are its states in order. `final` is the response that ended it; None when the client
    did not poll it to its end. `files` and `cost` are those of `final`.
    """

    polls: int = 0
    changes: tuple[StatusChange, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    final: RecordedResponse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a cassette says of itself; all but `upstream` can be computed from its files.

    `recorded` lists UTC dates. `spend` is in US dollars.
    """

    product: str
    contract: str
    upstream: str
    recorded: tuple[str, ...] = ()
    spend: Decimal = Decimal(0)
    exchanges: int = 0
    jobs: int = 0
    media: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """A cassette; `entries` are its exchanges and jobs, sorted by the names of their files."""

    folder: Path
    manifest: Manifest
    entries: tuple[RecordedExchange, ...] = ()

    @property
    def exchanges(self) -> tuple[RecordedExchange, ...]:
        """The entries that are no jobs."""
        return tuple(each for each in self.entries if not isinstance(each, RecordedJob))

    @property
    def jobs(self) -> tuple[RecordedJob, ...]:
        """The videos."""
        return tuple(each for each in self.entries if isinstance(each, RecordedJob))

    @property
    def media(self) -> frozenset[str]:
        """The names of the files that entries refer to."""
        return frozenset(file.media for entry in self.entries for file in entry.files)
