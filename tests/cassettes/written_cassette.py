"""Writes a small cassette for tests, entry by entry, as a recording would leave it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PIL import Image

from getimg_mock.cassettes.canonical_requests import canonicalize_request
from getimg_mock.cassettes.cassette import (
    Interruption,
    RecordedBody,
    RecordedExchange,
    RecordedFile,
    RecordedJob,
    RecordedResponse,
    StatusChange,
)
from getimg_mock.cassettes.cassette_writer import (
    prepare_folder,
    write_entries,
    write_manifest,
    write_media,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IMAGE_PATH = "/v2/images/generations"
VIDEO_PATH = "/v2/videos/generations"
IMAGE = {"model": "seedream-9", "prompt": "A lighthouse"}
VIDEO = {"model": "seedance-9", "prompt": "Waves", "duration": 5}
DAY = 86400


def draw_picture(colour: str = "teal", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a small JPEG."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def build_result(cost: float = 0.07, *, items: int = 1, **fields: Any) -> dict[str, Any]:
    """Return the JSON of a completed image, with a field that the fake does not know."""
    data = [
        {
            "url": f"{{link:{index}}}",
            "width": 40,
            "height": 30,
            "mime_type": "image/jpeg",
            "deletes_at": f"{{answer+{DAY}s}}",
        }
        for index in range(items)
    ]
    usage = {"total_cost": cost, "billable_unit": "image", "unit_price": cost, "quantity": 1}
    return {
        "id": "{generation}",
        "status": "completed",
        "model": "seedream-9",
        "revised_prompt": "A 100 % white lighthouse",
        "data": data,
        "usage": usage,
        **fields,
    }


def build_error(code: str, message: str, **fields: Any) -> dict[str, Any]:
    """Return the JSON of an error."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, **fields}}


@dataclass
class WrittenCassette:
    """A cassette that is being written to `folder`."""

    folder: Path
    entries: list[RecordedExchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare_folder(self.folder)
        self.save()

    def save(self) -> Path:
        """Write what was added, and return the folder."""
        write_entries(self.folder, self.entries)
        write_manifest(self.folder, product="0.0", contract="1", upstream="api.getimg.ai")
        return self.folder

    def add_image(
        self,
        body: Any = IMAGE,
        result: Any = None,
        *,
        files: Sequence[bytes] | None = None,
        seconds: float = 0.0,
        cost: str = "0.07",
    ) -> RecordedExchange:
        """Add an image that was completed."""
        found = build_result() if result is None else result
        pictures = [draw_picture()] if files is None else files
        return self.add(
            body, 200, found, seconds=seconds, cost=Decimal(cost), files=self._keep(pictures)
        )

    def add(self, body: Any, status: int, answer: Any, **fields: Any) -> RecordedExchange:
        """Add an exchange of an image request, or of another `path` and `method`."""
        method, path = fields.pop("method", "POST"), fields.pop("path", IMAGE_PATH)
        query, headers = fields.pop("query", ""), fields.pop("headers", {})
        data = None if body is None else json.dumps(body).encode()
        form = canonicalize_request(method, path, query, data)
        made = RecordedExchange(
            operation=form.operation,
            digest=form.digest,
            occurrence=self._count(form.digest),
            recorded="2026-11-01",
            request=form.request,
            response=RecordedResponse(
                status=status,
                headers={"content-type": "application/json"} | headers,
                body=RecordedBody("json", answer),
            ),
            **fields,
        )
        self.entries.append(made)
        return made

    def add_video(
        self,
        final: Any = None,
        *,
        body: Any = VIDEO,
        changes: Sequence[tuple[str, float]] = (("pending", 0.1), ("completed", 30.5)),
        interruptions: Sequence[tuple[float, int, Any]] = (),
        files: Sequence[bytes] | None = None,
        cost: str = "0.5",
        accepted: Any = None,
    ) -> RecordedJob:
        """Add a video; `final` is the JSON that ended it, False for one that was not polled."""
        form = canonicalize_request("POST", VIDEO_PATH, "", json.dumps(body).encode())
        result = build_video_result() if final is None else final
        kept = () if final is False else self._keep([b"not a film"] if files is None else files)
        told = {"id": "{generation}", "status": "pending"} if accepted is None else accepted
        made = RecordedJob(
            operation=form.operation,
            digest=form.digest,
            occurrence=self._count(form.digest),
            recorded="2026-11-01",
            request=form.request,
            response=RecordedResponse(status=202, body=RecordedBody("json", told)),
            seconds=0.2,
            cost=Decimal(cost),
            files=kept,
            polls=len(changes) + len(interruptions) + 2,
            changes=tuple(StatusChange(status=status, after=after) for status, after in changes),
            interruptions=tuple(
                Interruption(
                    after=after,
                    response=RecordedResponse(status=status, body=RecordedBody("json", value)),
                )
                for after, status, value in interruptions
            ),
            final=None
            if final is False
            else RecordedResponse(status=200, body=RecordedBody("json", result)),
        )
        self.entries.append(made)
        return made

    def _keep(self, files: Sequence[bytes]) -> tuple[RecordedFile, ...]:
        return tuple(
            RecordedFile(
                index=index,
                media=write_media(self.folder, data, _guess_type(data)),
                media_type=_guess_type(data),
                size=len(data),
            )
            for index, data in enumerate(files)
        )

    def _count(self, digest: str) -> int:
        return 1 + sum(each.digest == digest for each in self.entries)


def build_video_result(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a completed video."""
    item = {
        "url": "{link:0}",
        "width": 320,
        "height": 180,
        "duration": 5,
        "fps": 24,
        "has_sound": True,
        "mime_type": "video/mp4",
        "deletes_at": f"{{answer+{DAY}s}}",
    }
    usage = {
        "total_cost": 0.5,
        "billable_unit": "video_second",
        "unit_price": 0.1,
        "quantity": 5,
    }
    return {
        "id": "{generation}",
        "status": "completed",
        "model": "seedance-9",
        "data": [item],
        "usage": usage,
        **fields,
    }


def _guess_type(data: bytes) -> str:
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "video/mp4"
