"""The messages of the API, and the cases in which one thing about one of them is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    EAST,
    RANGE,
    VIDEO,
    WEST,
    Case,
    ClientCall,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.schema_variants import (
    Variant,
    coverage,
    generate_variants,
    keywords,
)
from getimg_mock.contract.clients.cases.wire_script import build_json_answer, encode_json
from getimg_mock.contract.clients.checks.repeated_cases import build_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientExchange, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.world.randomness import Stream

SIGNATURE: Final = "00ff" * 16
"""As long as that of a real link: who quotes the half of it gives nothing away."""
URL: Final = (
    f"https://api.getimg.ai/v2/downloads/req-GREASE0000001/0?exp=1790000000&sig={SIGNATURE}"
)
USAGE: Final = {"total_cost": 0.04, "billable_unit": "image", "unit_price": 0.04, "quantity": 1}
_DELETES: Final = "2026-09-02T12:00:00.000Z"
IMAGE_ANSWER: Final[dict[str, Any]] = {
    "id": "req-GREASE0000001",
    "status": "completed",
    "model": "seedream-5-lite",
    "data": [
        {
            "url": URL,
            "width": 2048,
            "height": 2048,
            "mime_type": "image/jpeg",
            "deletes_at": _DELETES,
        }
    ],
    "usage": USAGE,
}
VIDEO_ANSWER: Final[dict[str, Any]] = {
    "id": "req-GREASE0000002",
    "status": "completed",
    "model": "seedance-v1-5-pro",
    "data": [
        {
            "url": URL.replace("0001", "0002"),
            "width": 1280,
            "height": 720,
            "duration": 5,
            "fps": 24,
            "has_sound": False,
            "mime_type": "video/mp4",
            "deletes_at": _DELETES,
        }
    ],
    "usage": {
        "total_cost": 0.12,
        "billable_unit": "video_second",
        "unit_price": 0.024,
        "quantity": 5,
    },
}
MODEL_ANSWER: Final[dict[str, Any]] = {
    "id": "seedance-v1-5-pro",
    "name": "Seedance 1.5 Pro \u706f\u53f0 \u00e9 e\u0301 &amp; \u201c%41\u201d",
    "type": "video",
    "created_at": "2026-03-10T09:00:00.000Z",
    "supported_aspect_ratios": ["16:9"],
    "supported_resolutions": ["720p"],
    "supported_durations": [5, 10],
    "supported_references": {"first_frame": 1},
    "supports_sound": True,
    "pricing": {
        "currency": "USD",
        "rates": [
            {
                "billable_unit": "video_second",
                "resolution": "720p",
                "sound": "sound_on",
                "unit_price": "0.0245",
            }
        ],
    },
}
COSTS_ANSWER: Final[dict[str, Any]] = {
    "currency": "USD",
    "data": [{"date": "2026-08-31", "cost": 0.25}],
    "start": "2026-08-31T00:00:00Z",
    "end": "2026-09-01T00:00:00Z",
    "total_cost": 0.25,
}
BALANCE_ANSWER: Final[dict[str, Any]] = {"balance": "12.34", "currency": "USD"}
ACCEPTED: Final[dict[str, Any]] = {"id": "req-GREASE0000003", "status": "pending"}
PENDING: Final[dict[str, Any]] = {"id": "req-GREASE0000002", "status": "pending"}

FAILED: Final[dict[str, Any]] = {
    "id": "req-GREASE0000002",
    "status": "failed",
    "error": {"code": "server_error", "message": "Upstream provider request timed out."},
}
REFUSED: Final[dict[str, Any]] = {
    "error": {
        "message": "Unsupported resolution '4K' for model 'seedream-5-lite'.",
        "type": "invalid_request_error",
        "param": "resolution",
        "code": "invalid_parameter",
        "doc_url": "https://docs.getimg.ai/guides/errors",
    }
}

MODEL: Final = ClientCall(op="model", args={"id": "seedance-v1-5-pro"})
RETRIEVE: Final = ClientCall(op="retrieve_video", args={"id": "req-GREASE0000002"})
COSTS: Final = ClientCall(op="costs", args=RANGE)
SUBMIT: Final = ClientCall(op="submit_video", args=VIDEO)


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """One message: the call that is answered with it, the operation, its schema, an example."""

    call: ClientCall
    on: str
    schema: str
    answer: Any
    status: int = 200

    def build_call(self, variant: Variant) -> ClientCall:
        """Return the call that a variant is an answer to: it has the id that was asked for."""
        value = variant.value
        name = value.get("id") if isinstance(value, dict) else None
        if "id" in self.call.args and isinstance(name, str) and name:
            return replace(self.call, args={"id": name})
        return self.call


MESSAGES: Final[dict[str, SampleMessage]] = {
    "image": SampleMessage(image(), "images.generate", "image-generation", IMAGE_ANSWER),
    "accepted": SampleMessage(SUBMIT, "videos.create", "video-accepted", ACCEPTED, 202),
    "pending": SampleMessage(RETRIEVE, "videos.retrieve", "video-pending", PENDING),
    "failed": SampleMessage(RETRIEVE, "videos.retrieve", "video-failed", FAILED),
    "video": SampleMessage(RETRIEVE, "videos.retrieve", "video-completed", VIDEO_ANSWER),
    "models": SampleMessage(models(), "models.list", "model-list", [MODEL_ANSWER]),
    "model": SampleMessage(MODEL, "models.retrieve", "model", MODEL_ANSWER),
    "balance": SampleMessage(balance(), "billing.balance", "balance", BALANCE_ANSWER),
    "costs": SampleMessage(COSTS, "billing.costs", "costs", COSTS_ANSWER),
    "error": SampleMessage(image(), "images.generate", "error", REFUSED, 400),
}


def _is_status(each: Variant) -> bool:
    return each.pointer == "/status" and each.keyword == "const"


KINDS: Final[dict[str, Callable[[Variant], bool]]] = {
    "optional": lambda v: v.valid and v.keyword in {"optional", "type"},
    "legal": lambda v: (
        v.valid and v.keyword in {"minimum", "minLength", "minItems", "items", "enum", "pattern"}
    ),
    "links": lambda v: v.valid and v.note.startswith("the uri"),
    "dates": lambda v: v.valid and v.note.startswith("the date"),
    "unlisted": lambda v: v.keyword == "x-known-values",
    "missing": lambda v: not v.valid and v.keyword == "required",
    "mistyped": lambda v: not v.valid and v.keyword == "type",
    "unknown-status": _is_status,
    "beyond": lambda v: not v.valid and v.keyword not in {"required", "type"} and not _is_status(v),
}
"""Which variants make up which cases: each variant is of one kind."""


@cache
def list_variants(name: str) -> tuple[Variant, ...]:
    """Return the variants of a message; of a list, those of its items are the items' own."""
    message = MESSAGES[name]
    made = generate_variants(message.schema, message.answer)
    return tuple(each for each in made if name != "models" or not each.pointer)


def cases(_: Stream) -> Iterator[Case]:
    """Yield a case for each kind of variants of each message."""
    for name, message in MESSAGES.items():
        for kind, belongs in KINDS.items():
            chosen = [each for each in list_variants(name) if belongs(each)]
            if chosen:
                yield build_series(
                    f"{kind}-{name}",
                    [message.build_call(each) for each in chosen],
                    message.on,
                    [each.value for each in chosen],
                    status=message.status,
                    legal=chosen[0].valid,
                    zone=WEST if name == "costs" else EAST,
                    logs=kind == "missing" and name in {"image", "video"},
                )


def find_variant(history: ClientHistory, sent: list[ClientExchange]) -> Variant | None:
    """Return the variant that was answered with; None where the answer is none."""
    kind, _, name = history.case.rpartition("-")
    if not sent or name not in MESSAGES or kind not in KINDS:
        return None
    found = (each for each in list_variants(name) if KINDS[kind](each))
    return next((each for each in found if encode_json(each.value) == sent[-1].body), None)


def measure_coverage() -> dict[str, dict[str, set[bool]]]:
    """Return, by schema, its keywords with the sides on which cases try them."""
    schemas = ("usage", *(each.schema for each in MESSAGES.values()))
    found = {name: {each: set[bool]() for each in sorted(keywords(name))} for name in schemas}
    for name, message in MESSAGES.items():
        for keyword, side in coverage(message.schema, message.answer, list(list_variants(name))):
            place = found[keyword.partition(" ")[0]]
            if keyword in place:
                place[keyword].add(side)
    return found


def answer_failed(turn: FaultContext, **more: Any) -> WireAnswer:
    """Answer that the video that is asked for has failed; `more` are other fields."""
    return build_json_answer(200, FAILED | {"id": fault_actions.find_asked_id(turn)} | more)


def answer_pending(turn: FaultContext) -> WireAnswer:
    """Answer that the video that is asked for is pending."""
    return build_json_answer(200, PENDING | {"id": fault_actions.find_asked_id(turn)})


def coverage_table() -> str:
    """Return the coverage as a table in Markdown: keywords by schema, and how they are tried."""
    lines = [
        "| schema | keywords | on both sides | on one | on none |",
        "| --- | --- | --- | --- | --- |",
    ]
    totals = [0, 0, 0, 0]
    for name, places in sorted(measure_coverage().items()):
        tried = [len(sides) for sides in places.values()]
        row = [len(tried), tried.count(2), tried.count(1), tried.count(0)]
        totals = [one + other for one, other in zip(totals, row, strict=True)]
        lines.append(f"| `{name}` | " + " | ".join(map(str, row)) + " |")
    lines.append("| all | " + " | ".join(map(str, totals)) + " |")
    return "\n".join(lines) + "\n"
