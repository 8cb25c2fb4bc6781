"""Entries and manifests as JSON objects, and back: the shapes of schemas/own/cassette-*.json."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from getimg_mock.cassettes.cassette import (
    FORMAT,
    Interruption,
    Manifest,
    RecordedBody,
    RecordedExchange,
    RecordedFile,
    RecordedJob,
    RecordedRequest,
    RecordedResponse,
    StatusChange,
)

if TYPE_CHECKING:
    from getimg_mock.schemas import Json


def encode_manifest(manifest: Manifest) -> Json:
    """Return the JSON object of a manifest."""
    return {
        "format": manifest.format,
        "product": manifest.product,
        "contract": manifest.contract,
        "upstream": manifest.upstream,
        "recorded": list(manifest.recorded),
        "spend": format_amount(manifest.spend),
        "counts": {
            "exchanges": manifest.exchanges,
            "jobs": manifest.jobs,
            "media": manifest.media,
        },
    }


def decode_manifest(value: Json) -> Manifest:
    """Return the manifest of a JSON object that matches its schema."""
    counts = value["counts"]
    return Manifest(
        format=FORMAT,
        product=value["product"],
        contract=value["contract"],
        upstream=value["upstream"],
        recorded=tuple(value["recorded"]),
        spend=Decimal(value["spend"]),
        exchanges=counts["exchanges"],
        jobs=counts["jobs"],
        media=counts["media"],
    )


def encode_entry(entry: RecordedExchange) -> Json:
    """Return the JSON object of an exchange or a job."""
    job = isinstance(entry, RecordedJob)
    found: Json = {
        "kind": "job" if job else "exchange",
        "operation": entry.operation,
        "recorded": entry.recorded,
        "request": {
            "method": entry.request.method,
            "path": entry.request.path,
            **({"query": entry.request.query} if entry.request.query else {}),
            **_encode_body(entry.request.body),
        },
        "response": _encode_response(entry.response),
        "seconds": entry.seconds,
        "cost": format_amount(entry.cost),
    }
    if isinstance(entry, RecordedJob):
        found |= _encode_job(entry)
    found["files"] = [
        {
            "index": each.index,
            "media": each.media,
            "media_type": each.media_type,
            "size": each.size,
        }
        for each in entry.files
    ]
    return found


def _encode_job(job: RecordedJob) -> Json:
    return {
        "polls": job.polls,
        "changes": [{"status": each.status, "after": each.after} for each in job.changes],
        "interruptions": [
            {"after": each.after, "response": _encode_response(each.response)}
            for each in job.interruptions
        ],
        **({} if job.final is None else {"final": _encode_response(job.final)}),
    }


def decode_entry(value: Json, digest: str, occurrence: int) -> RecordedExchange:
    """Return the entry of a JSON object that matches its schema; the rest is in its name."""
    request = value["request"]
    common: dict[str, Any] = {
        "operation": value["operation"],
        "digest": digest,
        "occurrence": occurrence,
        "recorded": value["recorded"],
        "request": RecordedRequest(
            method=request["method"],
            path=request["path"],
            query=request.get("query", ""),
            body=_decode_body(request),
        ),
        "response": _decode_response(value["response"]),
        "seconds": value["seconds"],
        "cost": Decimal(value["cost"]),
        "files": tuple(_decode_file(each) for each in value["files"]),
    }
    return RecordedExchange(**common) if value["kind"] == "exchange" else _decode_job(value, common)


def _decode_job(value: Json, common: dict[str, Any]) -> RecordedJob:
    return RecordedJob(
        **common,
        polls=value["polls"],
        changes=tuple(
            StatusChange(status=each["status"], after=each["after"]) for each in value["changes"]
        ),
        interruptions=tuple(
            Interruption(after=each["after"], response=_decode_response(each["response"]))
            for each in value["interruptions"]
        ),
        final=_decode_response(value["final"]) if "final" in value else None,
    )


def _decode_file(value: Json) -> RecordedFile:
    return RecordedFile(
        index=value["index"],
        media=value["media"],
        media_type=value["media_type"],
        size=value["size"],
    )


def _encode_response(response: RecordedResponse) -> Json:
    return {
        "status": response.status,
        "headers": dict(response.headers),
        **_encode_body(response.body),
    }


def _decode_response(value: Json) -> RecordedResponse:
    return RecordedResponse(
        status=value["status"], headers=value["headers"], body=_decode_body(value)
    )


def _encode_body(body: RecordedBody) -> Json:
    return {} if body.kind == "none" else {body.kind: body.value}


def _decode_body(value: Json) -> RecordedBody:
    if "json" in value:
        return RecordedBody("json", value["json"])
    if "text" in value:
        return RecordedBody("text", value["text"])
    if "base64" in value:
        return RecordedBody("base64", value["base64"])
    return RecordedBody()


def format_amount(amount: Decimal) -> str:
    """Return an amount as a plain decimal string: equal amounts have one form."""
    return f"{amount.normalize():f}" if amount else "0"
