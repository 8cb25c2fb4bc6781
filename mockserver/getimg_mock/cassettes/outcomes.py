"""The outcomes that a cassette gives to requests: entries as the world replays them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock.cassettes.cassette import RecordedJob
from getimg_mock.cassettes.cassette_files import (
    MAX_MEDIA_SIZE,
    MEDIA,
    format_entry_name,
    measure_file,
)
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.placeholders import GENERATION, format_link
from getimg_mock.errors import CassetteError, SettingsError
from getimg_mock.setting_values import read_money
from getimg_mock.world.generations import Product
from getimg_mock.world.randomness import digest
from getimg_mock.world.replayed_jobs import (
    ReplayedAnswer,
    ReplayedFile,
    ReplayedInterruption,
    ReplayedJob,
)
from getimg_mock.world.replayed_outcomes import Recordings, ReplayedOutcome
from getimg_mock.world.transitions import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.cassettes.cassette import Cassette, RecordedExchange, RecordedResponse
    from getimg_mock.settings import Settings

SUBMISSIONS: Final = ("images.generate", "videos.create")
READS: Final = ("models.list", "models.retrieve")
"""The operations that are replayed; the others are answered from the workspace's own state."""

DELETES_AT: Final = "{deletes_at}"
"""The placeholder of the moment at which a file of a replayed result is deleted."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_MIME_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "video/mp4")
_ANSWERED_LATER: Final = re.compile(r"\{answer\+([0-9]{1,9})s\}", re.ASCII)
_UNAUTHORIZED: Final = 401
_FIRST_ERROR: Final = 400
_LARGEST_SIDE: Final = 16384
_FASTEST: Final = 240
_MOST_FILES: Final = 100
_LONGEST: Final = 10**9


def read_recordings(settings: Settings) -> Recordings | None:
    """Return what settings say is replayed, None for nothing; raises `CassetteError`."""
    if settings.replay is None:
        return None
    if settings.on_miss == "real":
        raise SettingsError(
            "on-miss real is for getimg-mock serve, which sends what is missing to the API within "
            "--budget. Use fake or fail here."
        )
    outcomes = build_outcomes(read_cassette(settings.replay))
    return Recordings.of(outcomes, on_miss=settings.on_miss, ignored=settings.replay_ignore)


def build_outcomes(cassette: Cassette) -> list[ReplayedOutcome]:
    """Return the outcomes of a cassette, equal requests in their recorded order.

    Raises `CassetteError` for an entry that cannot be replayed, and for missing media.
    """
    entries = sorted(cassette.entries, key=lambda each: each.occurrence)
    folder = cassette.folder.absolute()
    return [build_outcome(each, folder) for each in entries if is_replayed(each)]


def is_replayed(entry: RecordedExchange) -> bool:
    """Return whether an entry answers requests; a workspace itself decides which keys are valid."""
    is_known = entry.operation in SUBMISSIONS or entry.operation in READS
    return is_known and entry.response.status != _UNAUTHORIZED


def build_request(entry: RecordedExchange) -> Any:
    """Return the request of an entry as `Recordings` compare it."""
    if entry.operation == "models.list":
        return dict(parse_qsl(entry.request.query, keep_blank_values=True))
    if entry.operation == "models.retrieve":
        return {"model": entry.request.path.rpartition("/")[2]}
    body = entry.request.body
    return body.value if body.kind == "json" else {f"{body.kind} body": body.value}


def build_outcome(entry: RecordedExchange, folder: Path) -> ReplayedOutcome:
    """Return the outcome of an entry; raises `CassetteError` for one that cannot be replayed."""
    source = format_entry_name(entry)
    try:
        job = None
        if entry.operation in SUBMISSIONS and entry.response.status < _FIRST_ERROR:
            job = _build_job(entry, source, folder)
        return ReplayedOutcome(
            source, entry.operation, build_request(entry), _build_answer(entry.response), job
        )
    except CassetteError:
        raise
    except SettingsError as error:
        raise CassetteError(f"{source} cannot be replayed: {error}") from None


def _build_answer(response: RecordedResponse) -> ReplayedAnswer:
    body = response.body
    headers = tuple(response.headers.items())
    if body.kind == "json":
        return ReplayedAnswer(response.status, _encode_json(body.value), None, headers)
    is_text = body.kind != "base64"
    data = (body.value or "").encode("utf-8", "replace") if is_text else _decode(body.value)
    return ReplayedAnswer(response.status, "", data, headers)


def _encode_json(value: Any) -> str:
    """Return JSON as answers have it, in which a lone surrogate is a question mark."""
    return _encode(value).encode("utf-8", "replace").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise SettingsError("a body is not base64.") from None


def _build_job(entry: RecordedExchange, source: str, folder: Path) -> ReplayedJob:
    if entry.request.body.kind != "json" or not isinstance(entry.request.body.value, dict):
        raise CassetteError(f"{source} cannot be replayed: its request is not a JSON object.")
    if not isinstance(entry, RecordedJob):
        return _build_image(entry, source, folder)
    job = ReplayedJob(
        source,
        _identify(source),
        None,
        statuses=tuple((each.after, each.status) for each in entry.changes[:-1]),
        interruptions=tuple(
            ReplayedInterruption(each.after, _build_answer(each.response))
            for each in entry.interruptions
        ),
    )
    if entry.final is None or not entry.changes:
        return replace(job, statuses=tuple((each.after, each.status) for each in entry.changes))
    job = replace(job, seconds=min(entry.changes[-1].after, _LONGEST))
    result = _require_object(entry.final, source)
    if result.get("status") != "completed":
        # A status that is not known ends a job, too: it delivers nothing.
        return replace(job, failure=_build_failure(result), result=_build_answer(entry.final))
    return _add_result(job, entry, result, folder)


def _build_image(entry: RecordedExchange, source: str, folder: Path) -> ReplayedJob:
    job = ReplayedJob(source, _identify(source), min(entry.seconds, _LONGEST))
    return _add_result(job, entry, _require_object(entry.response, source), folder)


def _identify(source: str) -> bytes:
    return digest("replayed", source, size=16)


def _require_object(response: RecordedResponse, source: str) -> dict[str, Any]:
    if response.body.kind != "json" or not isinstance(response.body.value, dict):
        raise CassetteError(f"{source} cannot be replayed: its result is not a JSON object.")
    return response.body.value


def _build_failure(result: dict[str, Any]) -> Failure:
    error = result.get("error")
    given = error if isinstance(error, dict) else {}
    return Failure(str(given.get("code", "server_error")), str(given.get("message", "")))


def _add_result(
    job: ReplayedJob, entry: RecordedExchange, result: dict[str, Any], folder: Path
) -> ReplayedJob:
    """Return the job with what it delivered."""
    data = result.get("data")
    items = data if isinstance(data, list) else []
    if not items or not all(isinstance(each, dict) for each in items) or len(items) > _MOST_FILES:
        raise CassetteError(
            f"{job.source} cannot be replayed: its result has no list data of 1 to "
            f"{_MOST_FILES} objects."
        )
    files = _find_files(entry, items, folder)
    later = _ANSWERED_LATER.fullmatch(str(items[0].get("deletes_at")))
    return replace(
        job,
        product=_build_product(entry, result, items, files),
        result=_build_result(result, items),
        retention=float(later[1]) if later is not None else None,
        files=files,
    )


def _build_result(result: dict[str, Any], items: list[dict[str, Any]]) -> ReplayedAnswer:
    """Return the last answer with placeholders for what links and their expiry will be."""
    data = [{**item, "url": format_link(index)} for index, item in enumerate(items)]
    for each in data:
        if "deletes_at" in each:
            each["deletes_at"] = DELETES_AT
    return ReplayedAnswer(200, _encode_json({**result, "id": GENERATION, "data": data}))


def _find_files(
    entry: RecordedExchange, items: list[dict[str, Any]], folder: Path
) -> tuple[ReplayedFile, ...]:
    """Return the files of the items, none where one of them was not downloaded."""
    known = {each.index: each for each in entry.files}
    found = []
    for index, item in enumerate(items):
        if index not in known:
            return ()
        path = folder / MEDIA / known[index].media
        measure_file(path, MAX_MEDIA_SIZE)
        kind = known[index].media_type.partition(";")[0].strip().lower()
        mime_type = kind if kind in _MIME_TYPES else item.get("mime_type")
        if mime_type not in _MIME_TYPES:
            raise CassetteError(
                f"{format_entry_name(entry)} cannot be replayed: it has a file of type "
                f"{kind[:80]!r}. Files can have the types {', '.join(_MIME_TYPES)}."
            )
        found.append(ReplayedFile(str(path), mime_type))
    return tuple(found)


def _build_product(
    entry: RecordedExchange,
    result: dict[str, Any],
    items: list[dict[str, Any]],
    files: tuple[ReplayedFile, ...],
) -> Product:
    """Return what was delivered; values that a product cannot have are in the answer alone."""
    video, item = entry.operation == "videos.create", items[0]
    usage = result.get("usage") if isinstance(result.get("usage"), dict) else None
    used = usage or {}
    default = "video/mp4" if video else "image/jpeg"
    kind = files[0].mime_type if files else item.get("mime_type")
    return Product(
        kind="video" if video else "image",
        model=str(result.get("model", entry.request.body.value.get("model"))),
        mime_type=kind if kind in _MIME_TYPES else default,
        width=round(_read_number(item.get("width"), 1, _LARGEST_SIDE, 1024)),
        height=round(_read_number(item.get("height"), 1, _LARGEST_SIDE, 1024)),
        duration=_read_number(item.get("duration"), 0, _LONGEST, 5) if video else None,
        fps=_read_number(item.get("fps"), 1, _FASTEST, 24) if video else None,
        has_sound=item.get("has_sound") is True,
        billable_unit=str(used.get("billable_unit", "video_second" if video else "image")),
        unit_price=_read_amount(used.get("unit_price", 0)),
        quantity=_read_number(used.get("quantity"), 0, _LONGEST, 1),
        total_cost=read_money(entry.cost),
        file=files[0].path if files else None,
        recording=format_entry_name(entry),
        files=len(items),
    )


def _read_number(value: Any, low: float, high: float, default: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and low <= value <= high else default


def _read_amount(value: Any) -> Decimal:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return read_money(value if is_number else 0)
    except SettingsError:
        return Decimal(0)
