"""A small cassette: one picture, one video, and a refusal."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from getimg_mock import schemas
from getimg_mock.cassettes.canonical_requests import canonicalize_request
from getimg_mock.cassettes.cassette import (
    Cassette,
    Manifest,
    RecordedBody,
    RecordedExchange,
    RecordedResponse,
)
from getimg_mock.cassettes.cassette_writer import prepare_folder, write_cassette, write_media
from getimg_mock.cassettes.encoded_entries import decode_entry

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = b"\xff\xd8 a picture"


def build_refusal(prompt: str = "", occurrence: int = 1) -> RecordedExchange:
    """Return a submission that was refused."""
    found = canonicalize_request(
        "POST", "/v2/images/generations", body=b'{"model": "x", "prompt": "%s"}' % prompt.encode()
    )
    return RecordedExchange(
        operation=found.operation,
        digest=found.digest,
        occurrence=occurrence,
        recorded="2026-11-29",
        request=found.request,
        response=RecordedResponse(
            status=400, body=RecordedBody("json", {"error": {"message": "No.", "code": "x"}})
        ),
    )


def write_sample(folder: Path) -> Cassette:
    """Write a cassette of the examples that the schemas show, and return it."""
    prepare_folder(folder)
    media = write_media(folder, PICTURE, "image/jpeg")
    picture = schemas.load_schema("own/cassette-exchange")["examples"][0]
    picture["files"] = [{**picture["files"][0], "media": media, "size": len(PICTURE)}]
    video = schemas.load_schema("own/cassette-job")["examples"][0]
    entries = (
        decode_entry(picture, "0" * 12, 1),
        decode_entry(video, "1" * 12, 1),
        build_refusal(),
    )
    manifest = Manifest(product="1", contract="1", upstream="api.getimg.ai", spend=Decimal(1))
    return write_cassette(Cassette(folder=folder, manifest=manifest, entries=entries))
