"""Replays recorded outcomes: which request gets which, and the JSON of recorded answers.

Faults and scenarios act before and after, the workspace decides on money, limits and time, and
links are signed anew. A request counts among its equals once it got its outcome.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from getimg_mock.api.formatting import format_unix_timestamp
from getimg_mock.api.messages import JSON, Answer
from getimg_mock.errors import Refusal
from getimg_mock.world.error_codes import UNRECORDED
from getimg_mock.world.pricing import compute_product
from getimg_mock.world.randomness import digest
from getimg_mock.world.requests import GenerationRequest, to_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from getimg_mock.api.messages import Call
    from getimg_mock.fake import Fake
    from getimg_mock.world.catalogue import Catalogue
    from getimg_mock.world.generations import Generation, Product
    from getimg_mock.world.journal import Headers
    from getimg_mock.world.limits import Kind
    from getimg_mock.world.replayed_jobs import ReplayedAnswer, ReplayedJob
    from getimg_mock.world.replayed_outcomes import Recordings, ReplayedOutcome, Take
    from getimg_mock.world.workspaces import Workspace


class RecordedAnswerError(Exception):
    """The recorded answer made no generation: `answer` is sent as it is.

    It never leaves the package.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"recorded answer {answer.status}")


def submit_recorded(
    call: Call, body: Any, submit: Callable[[ReplayedJob | None], Generation]
) -> Generation:
    """Submit by `submit`, which gets the job that is replayed, or None for one not recorded.

    Raises `RecordedAnswerError` for a recorded answer without a job, and the `Refusal` of a
    request that is not recorded where settings refuse it.
    """
    workspace = call.owner
    with workspace.lock:
        key, take = _find_take(call, body)
        if take is None:
            return submit(None)
        outcome = take.outcome
        if outcome.job is None:
            _count(call, key)
            raise RecordedAnswerError(_build_answer(outcome.answer, workspace.clock.now()))
        call.replayed = outcome
        generation = submit(outcome.job)
        _count(call, key)
        return generation


def find_replay_key(fake: Fake, body: dict[str, Any]) -> bytes:
    """Return the key under which a workspace counts equal image requests; "" without a replay."""
    recordings = fake.recordings
    if recordings is None:
        return b""
    return recordings.find_key("images.generate", body, _import_canonicalizer())


def find_plain_job(fake: Fake, workspace: Workspace, key: bytes) -> ReplayedJob | None:
    """Return the recorded job of an image that completed at once, by the key of its count.

    Returns None for any other, and where the answer says something about the replay.
    """
    recordings = fake.recordings
    if recordings is None:
        return None
    take = recordings.find_take(key, workspace.ordinals.get(key, 0))
    job = take.outcome.job if take is not None and not take.remark else None
    return None if job is None or job.seconds or job.failure is not None else job


def build_plain_product(catalogue: Catalogue, body: dict[str, Any], job: ReplayedJob) -> Product:
    """Return what a plain image body orders, as it was recorded if it was."""
    if job.product is not None:
        return job.product
    request = build_recorded_request(catalogue, "image", body, job)
    return replace(compute_product(request), recording=job.source)


def replay_read(call: Call, request: dict[str, Any]) -> Answer | None:
    """Return the recorded answer to a read, or None for one that is not recorded.

    Raises the `Refusal` of a request that is not recorded where settings refuse it.
    """
    if call.fake.recordings is None:
        return None
    with call.owner.lock:
        key, take = _find_take(call, request)
        if take is None:
            return None
        _count(call, key)
    return _build_answer(take.outcome.answer, call.owner.clock.now())


def build_recorded_request(
    catalogue: Catalogue, kind: Kind, body: dict[str, Any], job: ReplayedJob
) -> GenerationRequest:
    """Return the request of a body that was accepted when it was recorded.

    It is not validated again: getimg.ai has accepted it, whatever the catalogue says.
    """
    name = str(body.get("model"))
    model = catalogue.get(name)
    if model is None or model.type != kind:
        model = catalogue.imagine_model(name, kind)
    video = kind == "video"
    images = body.get("images")
    return GenerationRequest(
        # Positional, in the order of the fields: keywords take three times as long.
        kind,
        model,
        str(body.get("prompt", "")),
        str(body.get("aspect_ratio", model.supported_aspect_ratios[0])),
        str(body.get("resolution", model.supported_resolutions[0])),
        None if video else "jpeg",
        _read_duration(body, model.supported_durations[0]) if video else None,
        body.get("sound") is True and video,
        len(images) if isinstance(images, list) else 0,
        job.identity,
        job,
    )


def render_accepted(outcome: ReplayedOutcome, generation: Generation, headers: Headers) -> Answer:
    """Return the recorded answer to an accepted submission, with the id of this generation."""
    text = _fill(outcome.answer.text, generation.id, generation.created_at)
    return Answer(outcome.answer.status, text.encode(), [JSON, *headers])


def render_result(
    recordings: Recordings | None, generation: Generation, links: Sequence[str] = ()
) -> bytes | None:
    """Return the recorded JSON of a generation that has ended as recorded, else None.

    The id, the links and `deletes_at` are those of this generation.
    """
    job, ending = find_job(recordings, generation), generation.ending
    if job is None or job.result is None or ending is None or ending.failure != job.failure:
        return None
    _, deletes_at, format_link = _import_placeholders()
    text = job.result.text
    for number, link in enumerate(links):
        text = text.replace(format_link(number), link)
    expires = generation.expires
    if expires is not None:
        text = text.replace(deletes_at, format_unix_timestamp(expires))
    return _fill(text, generation.id, ending.at).encode()


def build_result_template(job: ReplayedJob) -> str | None:
    """Return the recorded JSON with %(id)s, %(link)s and %(deletes_at)s, to be filled in at once.

    Returns None for one that needs `render_result`.
    """
    if job.result is None or "{answer" in job.result.text or "{balance" in job.result.text:
        return None
    generation, deletes_at, format_link = _import_placeholders()
    text = job.result.text.replace("%", "%%").replace(format_link(0), "%(link)s")
    return text.replace(deletes_at, "%(deletes_at)s").replace(generation, "%(id)s")


# Imported on first use, as few fakes replay, and once: an import takes as long as an answer's text.


@cache
def _import_placeholders() -> tuple[str, str, Callable[[int], str]]:
    from getimg_mock.cassettes.outcomes import DELETES_AT  # noqa: PLC0415 - see above
    from getimg_mock.cassettes.placeholders import GENERATION, format_link  # noqa: PLC0415 - see above

    return GENERATION, DELETES_AT, format_link


@cache
def _import_canonicalizer() -> Callable[[Any], Any]:
    from getimg_mock.cassettes.canonical_requests import canonicalize_value  # noqa: PLC0415 - see above

    return canonicalize_value


def find_job(recordings: Recordings | None, generation: Generation) -> ReplayedJob | None:
    """Return the recorded job of a generation, or None for one that is not replayed."""
    if recordings is None:
        return None
    outcome = recordings.find_outcome(generation.product.recording)
    return outcome.job if outcome is not None else None


def interrupt(call: Call, generation: Generation) -> Answer | None:
    """Return the answer to a poll that did not get one when it was recorded, or None.

    Each is given once, to the first poll from its time on.
    """
    job = find_job(call.fake.recordings, generation)
    if job is None or not job.interruptions:
        return None
    workspace, key = call.owner, digest("interruption", generation.id, size=16)
    with workspace.lock:
        given = workspace.ordinals.get(key, 0)
        now = workspace.clock.now()
        elapsed = (now - generation.created_at).total_seconds()
        if given >= len(job.interruptions) or elapsed < job.interruptions[given].after:
            return None
        workspace.ordinals[key] = given + 1
    return _build_answer(job.interruptions[given].answer, now, generation.id)


def find_recorded_status(call: Call, generation: Generation) -> str:
    """Return the status of a pending generation, as it was recorded at this time of its life."""
    job = find_job(call.fake.recordings, generation)
    if job is None:
        return "pending"
    return job.find_status((call.owner.clock.now() - generation.created_at).total_seconds())


def choose_recorded_file(fake: Fake, generation: Generation, index: int) -> Generation:
    """Return a generation as it is when its file number `index` is the one that is delivered."""
    job = find_job(fake.recordings, generation)
    files = job.files if job is not None else ()
    if index >= len(files):
        return generation
    chosen = files[index]
    product = replace(generation.product, file=chosen.path, mime_type=chosen.mime_type)
    return generation._replace(product=product)


def _find_take(call: Call, request: Any) -> tuple[bytes, Take | None]:
    recordings = call.fake.recordings
    if recordings is None:
        raise LookupError(f"{call.operation} was replayed without a cassette")
    canonicalize_value = _import_canonicalizer()
    key = recordings.find_key(call.operation, request, canonicalize_value)
    take = recordings.find_take(key, call.owner.ordinals.get(key, 0))
    if take is not None:
        call.remark = take.remark
        return key, take
    said = recordings.describe_miss(call.operation, canonicalize_value(request))
    if recordings.on_miss == "fail":
        raise Refusal(
            UNRECORDED, said, hint="record it, or let the fake answer it with on-miss fake"
        )
    call.remark = said
    return key, None


def _count(call: Call, key: bytes) -> None:
    call.owner.ordinals[key] = call.owner.ordinals.get(key, 0) + 1


def _build_answer(recorded: ReplayedAnswer, answered: datetime, generation: str = "") -> Answer:
    from getimg_mock.cassettes import placeholders  # noqa: PLC0415 - few fakes replay

    filling = placeholders.Filling(
        generation=generation, link=placeholders.format_link, answered=answered
    )
    headers = [
        (name.encode(), placeholders.fill_header(value, filling).encode("latin-1", "replace"))
        for name, value in recorded.headers
    ]
    if recorded.data is not None:
        return Answer(recorded.status, recorded.data, headers)
    body = _fill(recorded.text, generation, answered).encode()
    has_type = any(name == b"content-type" for name, _ in headers)
    return Answer(recorded.status, body, headers if has_type else [JSON, *headers])


def _fill(text: str, generation: str, answered: datetime) -> str:
    """Return encoded JSON with the values of a replay for its placeholders."""
    text = text.replace(_import_placeholders()[0], generation)
    if "{answer" not in text and "{balance" not in text:
        return text
    from getimg_mock.cassettes import placeholders  # noqa: PLC0415 - few fakes replay

    filling = placeholders.Filling(
        generation=generation, link=placeholders.format_link, answered=answered
    )
    return str(placeholders.fill_placeholders(text, filling))


def _read_duration(body: dict[str, Any], default: float) -> float:
    value = to_whole(body.get("duration", default))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else default
