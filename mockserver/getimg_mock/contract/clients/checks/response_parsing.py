"""GC202, GC203, GC206 to GC208, GC210, GC211 and GC213: legal answers, and broken ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    Case,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.value_comparison import find_differences, resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, encode_json
from getimg_mock.contract.clients.checks import message_variants
from getimg_mock.contract.clients.checks.message_variants import (
    IMAGE_ANSWER,
    MODEL,
    MODEL_ANSWER,
    RETRIEVE,
    VIDEO_ANSWER,
)
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.repeated_cases import build_series
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.schema_variants import Variant
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_DOUBTFUL: Final = ("json-bom", "json-untyped", "leap-second")
"""Cases of answers that a client may refuse; many languages have no leap seconds."""
_ORDERS: Final = ("generate_image", "submit_video", "retrieve_video", "generate_video")
_NEEDED: Final = frozenset(
    {
        "",
        "/id",
        "/status",
        "/data",
        "/data/0",
        "/data/0/url",
        "/data/0/mime_type",
        "/usage/total_cost",
    }
)
"""Fields of a result without which it cannot be used, or its cost is not known."""
_READ: Final = frozenset({"", "/id", "/balance", "/total_cost"})
"""Fields of other answers that must not be missing."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases that the variants of messages do not make up: see `message_variants`."""
    # The first of a list is the default, so that its order is not the client's to change.
    rates = MODEL_ANSWER["pricing"]["rates"]
    other = MODEL_ANSWER | {
        "supported_resolutions": ["8K", "720p", "1080p"],
        "supported_aspect_ratios": ["7:13", "16:9", "1:1"],
        "supported_durations": [10, 5, 12],
        "type": "video",
        "supported_references": {"style": 3},
        "pricing": {
            "currency": "USD",
            "rates": [rates[0] | {"billable_unit": "megapixel", "resolution": "8K"}],
        },
    }
    lists = [{"data": [MODEL_ANSWER]}, "models", 7]
    leap = [MODEL_ANSWER | {"created_at": "2016-12-31T23:59:60Z"}]
    yield build_series("unlisted-values", models(), "models.list", [[other, MODEL_ANSWER]])
    yield build_series("mistyped-lists", models(), "models.list", lists, legal=False)
    yield build_series("leap-second", MODEL, "models.retrieve", leap)
    yield from _build_body_cases()
    bare = fault_actions.change_json(_leave_out_optional)
    yield Case(
        name="optional-waited",
        calls=(video(),),
        settings={"video_seconds": 1},
        rules=(FaultRule(on="videos.retrieve", do=bare, label="optional fields left out"),),
    )


def _leave_out_optional(value: dict[str, Any]) -> dict[str, Any]:
    """Return a video without what is optional: its usage, and what its file is like."""
    if value.get("status") != "completed":
        return value
    needed = ("url", "mime_type", "deletes_at")
    data = [{name: item[name] for name in needed} for item in value["data"]]
    return {name: each for name, each in value.items() if name != "usage"} | {"data": data}


def _build_body_cases() -> Iterator[Case]:
    json_, html = "application/json", "text/html"
    garbage = [
        fault_actions.build_text_answer(200, html, fault_actions.HTML),
        fault_actions.build_text_answer(200, "text/plain", b"OK"),
        fault_actions.build_text_answer(200, json_, b""),
        fault_actions.build_text_answer(200, json_, b'{"balance": "12.'),
        fault_actions.build_text_answer(200, json_, b"\xff\xfe\x00"),
        fault_actions.build_text_answer(200, "", b"<html>"),
        WireAnswer(204),
    ]
    yield build_series("garbage-balance", balance(), "billing.balance", garbage, legal=False)
    yield build_series("garbage-models", models(), "models.list", garbage, legal=False)
    # What was paid for is in these, and so is the link that opens it: see GC708.
    looks = _break_json(VIDEO_ANSWER)
    garbage = garbage[:4] + _break_json(IMAGE_ANSWER)
    yield build_series("garbage-video", RETRIEVE, "videos.retrieve", looks, legal=False, logs=True)
    yield build_series("garbage-image", image(), "images.generate", garbage, legal=False, logs=True)


def _break_json(value: Any) -> list[WireAnswer]:
    """Return answers that lack the end of the JSON of a value, or have a comma too many."""
    whole = encode_json(value)
    bodies = (whole[:-1], whole[:-1] + b",}")
    return [fault_actions.build_text_answer(200, "application/json", each) for each in bodies]


@client_check(
    "GC202",
    "Every optional field may be null where documented, or absent",
    severity="major",
    evidence="documented",
    why="width, height, duration, fps and a video's usage are optional.",
    fix="Model optional fields as optional.",
    cases=("optional-*", "legal-*", "links-*"),
)
@client_check(
    "GC203",
    "Unknown formats, units, resolutions, ratios and sound values are taken",
    severity="major",
    evidence="documented",
    why="The catalogue grows without a new version of the API.",
    fix="Treat open sets as strings, not as closed enums.",
    cases=("unlisted-*",),
)
@client_check(
    "GC210",
    "Every RFC 3339 form of a moment is taken",
    severity="major",
    evidence="standard",
    why="RFC 3339 allows zones, fractions of seconds and leap seconds.",
    fix="Use a parser for RFC 3339.",
    source="RFC 3339, section 5.6",
    cases=("dates-*", "leap-second"),
)
@client_check(
    "GC211",
    "Legal forms of JSON and its media type are all read",
    severity="major",
    evidence="standard",
    why="Parameters, escapes, white space and the order of fields have no meaning; the answer to a "
    "paid order that is not read is lost.",
    fix="Parse media types; use a standard JSON parser.",
    source="RFC 8259, and RFC 9110, section 8.3",
    cases=("json-*",),
)
@client_check(
    "GC213",
    "Unknown, repeated and oddly cased headers change nothing",
    severity="major",
    evidence="standard",
    why="Proxies add headers of their own.",
    fix="Look headers up without regard to case; ignore unknown ones.",
    source="RFC 9110, section 5",
    cases=("odd-headers*",),
)
def legal_answers_are_taken(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a legal answer is returned as it came, or that a refusal becomes a clear error.

    The case decides what is unusual: absent or null fields, unknown values, forms of dates, of JSON
    or of headers. Fails on an error for a legal answer, and on a field that arrives changed. A byte
    order mark, or no media type at all, is not quite legal: to refuse that is a warning, and so it
    is for a leap second.
    """
    yield from (
        expect(each.kind == "value", "the file", each.shown) for each in history.calls("download")
    )
    for outcome in () if history.calls("download") else history.calls():
        seen = judge_outcome(history, outcome)
        if history.case == "optional-waited" and outcome.kind == "value":
            cost = resolve_pointer(outcome.value, "/usage/total_cost")
            yield expect(cost is None, "no cost: none was told", repr(cost))
        doubtful = history.case in _DOUBTFUL and outcome.clear
        yield replace(seen, status="WARN") if seen.failed and doubtful else seen


def judge_outcome(history: ClientHistory, outcome: CallOutcome) -> Observation:
    """Judge that a legal answer was taken and arrived unchanged, or became a clear error."""
    sent = find_answer(history, outcome)
    variant = message_variants.find_variant(history, sent)
    what = f" with {variant.name}" if variant else ""
    if not sent:
        return fail("a request", outcome.shown)
    came = sent[0].plain
    refused = sent[0].status >= 400
    failed = isinstance(came, dict) and came.get("status") == "failed"
    if refused or (failed and outcome.kind != "value"):
        # Whether it says code and message is for others to judge: see GC205 and GC301.
        return expect(outcome.clear, f"a clear error{what}", outcome.shown, *sent)
    if outcome.kind != "value":
        return fail(f"a value: the answer{what} is legal", outcome.shown, *sent)
    if variant and variant.keyword == "optional":
        made_up = resolve_pointer(outcome.value, variant.pointer)
        if made_up is not None:
            return fail(f"nothing{what}", repr(made_up), *sent)
    return judge_unchanged(came, outcome, *sent)


def judge_unchanged(came: Any, outcome: CallOutcome, *sent: ClientExchange) -> Observation:
    """Judge that a call returned what came, field by field."""
    for pointer, one, other in find_differences(came, outcome.value):
        return fail(f"{pointer or '/'} as it came: {one!r}", repr(other), *sent)
    return expect(True, "", "")  # noqa: FBT003 - all is well


@client_check(
    "GC206",
    "A missing required field is a clear error where the answer is read",
    severity="major",
    evidence="choice",
    why="Otherwise an AttributeError appears later in the caller's code, after paying.",
    fix="Validate required fields when parsing the answer.",
    cases=("missing-*",),
)
@client_check(
    "GC207",
    "A required field of the wrong type is a clear error",
    severity="major",
    evidence="choice",
    why="A value of the wrong type causes errors far from where it was read.",
    fix="Validate types when parsing the answer.",
    cases=("mistyped-*", "beyond-*"),
)
@client_check(
    "GC208",
    "A success without the API's JSON is an error of the client's own",
    severity="major",
    evidence="choice",
    why="Proxies answer 200 with HTML; a str or a JSONDecodeError does not explain what happened.",
    fix="Check the media type; wrap the parser's errors in the client's own.",
    cases=("garbage-*",),
)
def broken_answers_are_errors(history: ClientHistory) -> Iterator[Observation]:
    """Demands a clear error for an answer that breaks the documented form.

    The case decides what is broken: a missing field, a wrong type, or a body without JSON. Fails on
    a returned value and on a bare KeyError, AttributeError or JSONDecodeError. A value out of its
    bounds, or a null in an optional field, may also be returned unchanged or left out. A client
    that returns what came without a field that it does not need, such as the name of a model, is
    warned of.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        variant = message_variants.find_variant(history, sent)
        shown = sent[0].body[:100].decode("utf-8", "replace") if sent else ""
        what = variant.name if variant else f"the answer {shown}"
        if history.case.startswith("beyond-") and outcome.kind == "value" and sent:
            seen = judge_unchanged(sent[0].plain, outcome, *sent)
            yield (
                replace(seen, expected=f"{seen.expected}, or a clear error")
                if seen.failed
                else seen
            )
        else:
            judge = warn_unless if variant and not _is_needed(variant, outcome) else expect
            yield judge(outcome.clear, f"a clear error: {what}", outcome.shown, *sent)


def _is_needed(variant: Variant, outcome: CallOutcome) -> bool:
    """Return whether a client may not return an answer in which this field is broken."""
    if outcome.kind != "value":
        return True
    if outcome.op in _ORDERS:
        return variant.pointer in _NEEDED
    return variant.keyword == "required" and variant.pointer in _READ
