"""Turns the exchanges of a recording into the entries of a cassette, as they come."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from getimg_mock.cassettes.canonical_requests import canonicalize_request
from getimg_mock.cassettes.cassette import (
    Interruption,
    RecordedExchange,
    RecordedFile,
    RecordedJob,
    StatusChange,
)
from getimg_mock.cassettes.cassette_files import MAX_ENTRIES
from getimg_mock.cassettes.cassette_writer import (
    format_draft,
    write_draft,
    write_entries,
    write_manifest,
)
from getimg_mock.cassettes.distillation import KEPT_HEADERS, Distiller
from getimg_mock.contract.cassette_recording.upstream_forwarder import find_host
from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from getimg_mock.cassettes.canonical_requests import CanonicalRequest
    from getimg_mock.cassettes.cassette import Manifest, RecordedResponse
    from getimg_mock.contract.cassette_recording.download_store import DownloadStore
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
    from getimg_mock.redaction import KnownKeys

_MAX_COST: Final = Decimal(10**9)
_MAX_ITEMS: Final = 64
_MAX_CHANGES: Final = 100
_MAX_INTERRUPTIONS: Final = 1000
_MAX_STATUS: Final = 100
_MAX_PARSED: Final = 2 << 20


class ExchangeTimes(NamedTuple):
    """When a request came, and when its response had come."""

    started: datetime
    answered: datetime


class _Seen(NamedTuple):
    """An exchange: canonical request, response as it came and distilled, its JSON object, times."""

    asked: CanonicalRequest
    status: int
    response: RecordedResponse
    answer: dict[str, Any]
    times: ExchangeTimes


@dataclass(slots=True)
class _Kept:
    """An entry while the recording runs; `links` are those of its files, by item."""

    entry: RecordedExchange
    started: datetime
    links: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class CassetteRecorder:
    """Collects what was exchanged with the service at `url`; `finish` writes the cassette.

    Of equal reads with equal responses in a row, the first is kept. Beyond the limits of a
    cassette nothing more is kept: `left_out` counts it.
    """

    folder: Path
    url: str
    durable: bool = False
    """Whether what was paid for is written at once, so that a recording may end at any time."""
    left_out: int = 0
    foreign_links: int = 0
    """Links of results to other hosts: their files are not recorded."""
    _distiller: Distiller = field(default_factory=Distiller)
    _kept: list[_Kept] = field(default_factory=list)
    _jobs: dict[str, _Kept] = field(default_factory=dict)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _last: dict[tuple[str, str], RecordedExchange] = field(default_factory=dict)
    _latest: dict[tuple[str, str], int] = field(default_factory=dict)
    """A hash of the last response to each read."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self,
        request: PreparedRequest,
        received: ReceivedResponse,
        times: ExchangeTimes,
        keys: KnownKeys,
    ) -> None:
        """Keep an exchange."""
        path, _, query = request.target.partition("?")
        asked = canonicalize_request(request.method, path, query, request.body, keys=keys)
        name = path.rpartition("/")[2] if asked.operation == "videos.retrieve" else ""
        with self._lock:
            job = self._jobs.get(name)
            if job is None and self._is_repeated(asked, received):
                return
            answer = _read_object(received.body)
            if job is not None and _note_pending(job, received.status, answer, times):
                return
            self._distiller.keys = keys
            response = self._distiller.distill_response(
                asked.operation,
                received.status,
                received.headers,
                received.body,
                answered=times.answered,
                generation=_find_generation(asked.operation, path, answer),
            )
            seen = _Seen(asked, received.status, response, answer, times)
            if job is not None:
                job.links |= self._find_links(answer)
                _note_poll(job, seen)
                self._save(job.entry)
            else:
                self._keep(seen, self._find_links(answer))

    def _is_repeated(self, asked: CanonicalRequest, received: ReceivedResponse) -> bool:
        """Return whether a read got the same response as the last equal read."""
        if asked.operation in SUBMISSIONS:
            return False
        headers = tuple(each for each in received.headers if each[0] in KEPT_HEADERS)
        found = hash((received.status, received.body, headers))
        name = (asked.operation, asked.digest)
        repeated = self._latest.get(name) == found
        self._latest[name] = found
        return repeated

    def _keep(self, seen: _Seen, links: dict[int, str]) -> None:
        entry = _build_entry(seen)
        name = (entry.operation, entry.digest)
        last = self._last.get(name)
        repeated = last is not None and last.response == entry.response
        if repeated and entry.operation not in SUBMISSIONS:
            return
        entry = replace(entry, occurrence=self._counts[name] + 1)
        draft = format_draft(entry) if len(self._kept) < MAX_ENTRIES else None
        if draft is None:
            self.left_out += 1
            return
        self._counts[name] += 1
        self._last[name] = entry
        kept = _Kept(entry, seen.times.started, links)
        self._kept.append(kept)
        if isinstance(entry, RecordedJob):
            self._jobs[str(seen.answer["id"])] = kept
        if entry.operation in SUBMISSIONS and self.durable:
            write_draft(self.folder, entry, draft)

    def _save(self, entry: RecordedExchange) -> None:
        draft = format_draft(entry) if self.durable else None
        if draft is not None:
            write_draft(self.folder, entry, draft)

    def _find_links(self, answer: dict[str, Any]) -> dict[int, str]:
        """Return the targets of the links of a result that lead to the service itself."""
        data = answer.get("data")
        found: dict[int, str] = {}
        if answer.get("status") != "completed" or not isinstance(data, list):
            return found
        for index, item in enumerate(data[:_MAX_ITEMS]):
            url = item.get("url") if isinstance(item, dict) else None
            target = find_own_target(url, self.url) if isinstance(url, str) else None
            if target is not None:
                found[index] = target
            elif url is not None:
                self.foreign_links += 1
        return found

    def finish(self, downloads: DownloadStore, *, product: str, contract: str) -> Manifest:
        """Write all entries with their files, and the manifest."""
        with self._lock:
            entries = [_add_files(each, downloads) for each in self._kept]
        write_entries(self.folder, entries)
        return write_manifest(
            self.folder, product=product, contract=contract, upstream=find_host(self.url)
        )

    def list_entries(self) -> list[RecordedExchange]:
        """Return the entries so far, without their files."""
        with self._lock:
            return [each.entry for each in self._kept]


def list_own_links(received: ReceivedResponse, origin: str) -> list[str]:
    """Return the targets of the download links in a response that lead to the service itself."""
    if received.status != 200 or b"/downloads" not in received.body:
        return []
    data = _read_object(received.body).get("data")
    items = data[:_MAX_ITEMS] if isinstance(data, list) else []
    urls = [item.get("url") for item in items if isinstance(item, dict)]
    found = [find_own_target(url, origin) for url in urls if isinstance(url, str)]
    return [each for each in found if each is not None]


def find_own_target(url: str, origin: str) -> str | None:
    """Return path and query of a download link of the service at `origin`; None for another."""
    own = f"{origin.rstrip('/')}/v2/downloads/"
    if not url.startswith(own) or not url.isascii() or not url.isprintable() or " " in url:
        return None
    parts = urlsplit(url.removeprefix(origin.rstrip("/")))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _find_generation(operation: str, path: str, answer: dict[str, Any]) -> str:
    """Return the id of the generation that an exchange is about; a model has an id, too."""
    place = {"videos.retrieve": 4, "downloads.retrieve": 3}.get(operation)
    if place is None and operation not in SUBMISSIONS:
        return ""
    told = answer.get("id")
    if isinstance(told, str):
        return told
    return "" if place is None else path.split("/")[place]


def _note_pending(job: _Kept, status: int, answer: dict[str, Any], times: ExchangeTimes) -> bool:
    """Note a poll that says that a video has not ended; return False for any other answer."""
    state, entry = answer.get("status"), job.entry
    plain = status == 200 and isinstance(state, str) and state not in TERMINAL
    if not plain or not isinstance(entry, RecordedJob) or entry.final is not None:
        return False
    after = _count_seconds(job.started, times.answered)
    job.entry = _note_state(replace(entry, polls=entry.polls + 1), str(state), after)
    return True


def _note_poll(job: _Kept, seen: _Seen) -> None:
    entry = job.entry
    if not isinstance(entry, RecordedJob):
        return
    entry = replace(entry, polls=entry.polls + 1)
    status = seen.answer.get("status")
    if seen.status != 200 or not isinstance(status, str):
        after = _count_seconds(job.started, seen.times.started)
        found = Interruption(after=after, response=seen.response)
        job.entry = replace(entry, interruptions=(*entry.interruptions, found)[:_MAX_INTERRUPTIONS])
    elif entry.final is not None:
        job.entry = entry
    else:
        job.entry = _note_state(entry, status, _count_seconds(job.started, seen.times.answered))
        if status in TERMINAL:
            cost = _read_cost(seen.answer)
            job.entry = replace(job.entry, final=seen.response, cost=cost)


def _note_state(entry: RecordedJob, status: str, after: float) -> RecordedJob:
    if entry.changes and entry.changes[-1].status == status[:_MAX_STATUS]:
        return entry
    seen = StatusChange(status=status[:_MAX_STATUS], after=after)
    return replace(entry, changes=(*entry.changes, seen)[:_MAX_CHANGES])


def _build_entry(seen: _Seen) -> RecordedExchange:
    operation, started = seen.asked.operation, seen.times.started
    common: dict[str, Any] = {
        "operation": operation,
        "digest": seen.asked.digest,
        "occurrence": 1,
        "recorded": f"{started:%Y-%m-%d}",
        "request": seen.asked.request,
        "response": seen.response,
        "seconds": _count_seconds(started, seen.times.answered),
    }
    accepted = seen.status == 202 and isinstance(seen.answer.get("id"), str)
    if operation == "videos.create" and accepted:
        return RecordedJob(**common)
    charged = operation == "images.generate" and seen.status == 200
    return RecordedExchange(**common, cost=_read_cost(seen.answer) if charged else Decimal(0))


def _add_files(kept: _Kept, downloads: DownloadStore) -> RecordedExchange:
    files = []
    for index, target in sorted(kept.links.items()):
        found = downloads.find(target)
        if found is not None:
            files.append(
                RecordedFile(
                    index=index, media=found.media, media_type=found.media_type, size=found.size
                )
            )
    return replace(kept.entry, files=tuple(files))


def _read_object(body: bytes) -> dict[str, Any]:
    if body.lstrip()[:1] != b"{" or len(body) > _MAX_PARSED:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_cost(answer: dict[str, Any]) -> Decimal:
    usage = answer.get("usage")
    told = usage.get("total_cost") if isinstance(usage, dict) else None
    cost = parse_decimal(str(told) if isinstance(told, (int, float)) else told)
    if cost is None or not 0 <= cost < _MAX_COST:
        return Decimal(0)
    return round(cost, 9)


def _count_seconds(started: datetime, moment: datetime) -> float:
    """Return the seconds from one moment to another, rounded: a diff shows no noise."""
    return max(0.0, round((moment - started).total_seconds(), 2))
