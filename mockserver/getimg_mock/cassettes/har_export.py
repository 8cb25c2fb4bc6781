"""Writes a cassette as HAR 1.2, which browsers' network panels and other tools open.

What a cassette leaves out is made up: ids, links, and moments on the day of the recording. So a HAR
that is imported again gives the same cassette.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.cassette import RecordedBody, RecordedJob
from getimg_mock.cassettes.cassette_files import read_media_file
from getimg_mock.cassettes.placeholders import (
    GENERATION,
    Filling,
    fill_header,
    fill_placeholders,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.cassettes.cassette import (
        Cassette,
        RecordedExchange,
        RecordedFile,
        RecordedResponse,
    )
    from getimg_mock.schemas import Json

_BALANCE: Final = Decimal(100)
_DAYS: Final = {"{start}": "2026-01-01T00:00:00Z", "{end}": "2026-01-02T00:00:00Z"}
_MOST_POLLS: Final = 1000
_VIDEOS: Final = "/v2/videos/generations"


def build_cassette_har(cassette: Cassette, version: str) -> Json:
    """Return a cassette with its media as one HAR document; `version` is that of the product.

    Raises `CassetteError` for media that cannot be read.
    """
    entries: list[Json] = []
    for number, entry in enumerate(cassette.entries, 1):
        entries += _Writer(cassette, entry, f"req-01RECORDED{number:06}").list_entries()
    creator = {"name": "getimg-mock", "version": version}
    return {"log": {"version": "1.2", "creator": creator, "entries": entries}}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes what happened in one entry; `generation` is the id that it gets."""

    cassette: Cassette
    entry: RecordedExchange
    generation: str

    @property
    def started(self) -> datetime:
        return datetime.fromisoformat(self.entry.recorded).replace(tzinfo=UTC)

    @property
    def origin(self) -> str:
        return f"https://{self.cassette.manifest.upstream}"

    def list_entries(self) -> Iterator[Json]:
        """Yield the request, then the polls of a job, then the downloads of its files."""
        asked = self.entry.request
        path = asked.path.replace(GENERATION, self.generation)
        query = asked.query
        for name, day in _DAYS.items():
            query = query.replace(name, day)
        target = f"{path}?{query}" if query else path
        request = self._build_request(asked.method, target, asked.body)
        seconds = self.entry.seconds
        yield self._build_entry(request, self.entry.response, after=0, seconds=seconds)
        if isinstance(self.entry, RecordedJob):
            yield from self._list_polls(self.entry)
        for file in self.entry.files:
            yield self._build_download(file)

    def _list_polls(self, job: RecordedJob) -> Iterator[Json]:
        """Yield as many polls as there were: those that changed something at their times."""
        request = self._build_request("GET", f"{_VIDEOS}/{self.generation}")
        shown: list[tuple[float, RecordedResponse]] = []
        for number, change in enumerate(job.changes, 1):
            is_last = number == len(job.changes) and job.final is not None
            response = job.final if is_last else None
            shown.append((change.after, response or _build_state(job, change.status)))
        shown += [(each.after, each.response) for each in job.interruptions]
        shown.sort(key=lambda each: each[0])
        for after, response in shown:
            yield self._build_entry(request, response, after=after)
        if job.changes:
            last = shown[-1][0]
            again = job.final or _build_state(job, job.changes[-1].status)
            for _ in range(min(job.polls, _MOST_POLLS) - len(shown)):
                yield self._build_entry(request, again, after=last)

    def _build_entry(
        self, request: Json, response: RecordedResponse, *, after: float, seconds: float = 0.0
    ) -> Json:
        started = self.started + timedelta(seconds=after)
        answered = started + timedelta(seconds=seconds)
        filling = Filling(
            generation=self.generation,
            link=partial(self._build_link, answered),
            answered=answered,
            balance=_BALANCE,
        )
        headers = {name: fill_header(text, filling) for name, text in response.headers.items()}
        content = _build_content(response.body, filling, headers.get("content-type", ""))
        return {
            "startedDateTime": started.isoformat(),
            "time": round(seconds * 1000, 3),
            "request": request,
            "response": _build_response(response.status, headers, content),
            "cache": {},
            "timings": {"send": 0, "wait": round(seconds * 1000, 3), "receive": 0},
        }

    def _build_link(self, answered: datetime, index: int) -> str:
        expires = int((answered + timedelta(days=1)).timestamp())
        return f"{self._locate(index)}?exp={expires}&sig=0000"

    def _locate(self, index: int) -> str:
        return f"{self.origin}/v2/downloads/{self.generation}/{index}"

    def _build_download(self, file: RecordedFile) -> Json:
        data = read_media_file(self.cassette.folder, file.media)
        target = f"/v2/downloads/{self.generation}/{file.index}"
        content = {
            "size": len(data),
            "mimeType": file.media_type,
            "text": base64.b64encode(data).decode(),
            "encoding": "base64",
        }
        return {
            "startedDateTime": self.started.isoformat(),
            "time": 0,
            "request": self._build_request("GET", target),
            "response": _build_response(200, {"content-type": file.media_type}, content),
            "cache": {},
            "timings": {"send": 0, "wait": 0, "receive": 0},
        }

    def _build_request(self, method: str, target: str, body: RecordedBody | None = None) -> Json:
        written: Json = {
            "method": method,
            "url": self.origin + target,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": -1,
        }
        if body is not None and body.kind != "none":
            text = body.value if body.kind != "json" else json.dumps(body.value)
            written["postData"] = {"mimeType": "application/json", "params": [], "text": text}
            if body.kind == "base64":
                written["postData"]["_encoding"] = "base64"
        return written


def _build_state(job: RecordedJob, status: str) -> RecordedResponse:
    """Return the answer of a poll that a cassette does not keep."""
    state = {"id": GENERATION, "status": status}
    return replace(job.response, status=200, body=RecordedBody("json", state))


def _build_response(status: int, headers: dict[str, str], content: Json) -> Json:
    return {
        "status": status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _build_content(body: RecordedBody, filling: Filling, kind: str) -> Json:
    text: Any = body.value or ""
    if body.kind == "json":
        text = json.dumps(fill_placeholders(body.value, filling), ensure_ascii=False)
    content: Json = {"mimeType": kind, "text": text}
    if body.kind == "base64":
        content["encoding"] = "base64"
        content["size"] = len(base64.b64decode(text))
    else:
        content["size"] = len(text.encode("utf-8", "surrogatepass"))
    return content
