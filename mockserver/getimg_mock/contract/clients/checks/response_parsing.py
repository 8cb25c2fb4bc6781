"""GC2: reading answers, tolerantly and yet not blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, balance, image, models, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.schema_variants import with_unknown_fields
from getimg_mock.contract.clients.cases.value_comparison import find_differences, resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import build_error, build_json_answer
from getimg_mock.contract.clients.checks import equivalent_forms, message_variants, unknown_statuses
from getimg_mock.contract.clients.checks.message_variants import (
    COSTS,
    IMAGE_ANSWER,
    MODEL,
    MODEL_ANSWER,
    RETRIEVE,
    URL,
    USAGE,
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
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_NO_RETRIES: Final[dict[str, Any]] = {"max_retries": 0}
_HUGE: Final = "100000000000000000.01"


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    return (
        *_build_unknown_field_cases(stream),
        *message_variants.cases(),
        *_build_odd_value_cases(),
        *unknown_statuses.cases(),
        *_build_error_cases(),
        *_build_body_cases(),
        *equivalent_forms.cases(stream),
    )


def _build_unknown_field_cases(stream: Stream) -> Iterator[Case]:
    grow = fault_actions.change_json(lambda value: with_unknown_fields(value, stream))
    yield Case(
        name="unknown-fields",
        options=_NO_RETRIES,
        settings={"video_seconds": 4},
        calls=(image(), video(), models(), MODEL, balance(), COSTS),
        rules=(FaultRule(on="*", do=grow, label="unknown fields"),),
    )


def _build_odd_value_cases() -> Iterator[Case]:
    rates = MODEL_ANSWER["pricing"]["rates"]
    other = MODEL_ANSWER | {
        "supported_resolutions": ["8K"],
        "supported_aspect_ratios": ["7:13"],
        "type": "video",
        "supported_references": {"style": 3},
        "pricing": {
            "currency": "USD",
            "rates": [rates[0] | {"billable_unit": "megapixel", "resolution": "8K"}],
        },
    }
    yield build_series("unlisted-values", models(), "models.list", [[other, MODEL_ANSWER]])
    yield build_series(
        "mistyped-lists",
        models(),
        "models.list",
        [{"data": [MODEL_ANSWER]}, "models", 7],
        legal=False,
    )
    item = IMAGE_ANSWER["data"][0]
    numbers = [
        IMAGE_ANSWER | {"data": [item | {"width": 1024.0}]},
        IMAGE_ANSWER | {"usage": USAGE | {"unit_price": 1e-7, "total_cost": 1e-7}},
        IMAGE_ANSWER | {"usage": USAGE | {"quantity": 0, "total_cost": 0}},
        IMAGE_ANSWER | {"data": [item | {"width": 2**53 + 1}]},
        IMAGE_ANSWER | {"usage": USAGE | {"total_cost": 1e300}},
        IMAGE_ANSWER
        | {"usage": USAGE | {"unit_price": 0.0245, "quantity": 5, "total_cost": 0.1225}},
    ]
    yield build_series("numbers", image(), "images.generate", numbers)
    yield build_series(
        "money-balance",
        balance(),
        "billing.balance",
        [{"balance": text, "currency": "USD"} for text in ("0.10", _HUGE, "-3.50", "0")],
    )
    priced = [{**rates[0], "unit_price": text} for text in ("0.10", "0.000000100", _HUGE)]
    yield build_series(
        "money-model",
        MODEL,
        "models.retrieve",
        [MODEL_ANSWER | {"pricing": {"currency": "USD", "rates": [each]}} for each in priced],
    )
    yield build_series(
        "leap-second",
        MODEL,
        "models.retrieve",
        [MODEL_ANSWER | {"created_at": "2016-12-31T23:59:60Z"}],
    )
    yield build_series(
        "empty-data", image(), "images.generate", [IMAGE_ANSWER | {"data": []}], legal=False
    )
    yield build_series(
        "several",
        image(),
        "images.generate",
        [IMAGE_ANSWER | {"data": [item, item | {"width": 1}, item]}],
    )
    yield build_series("no-models", models(), "models.list", [[]])
    yield build_series(
        "no-rates",
        MODEL,
        "models.retrieve",
        [MODEL_ANSWER | {"pricing": {"currency": "USD", "rates": []}}],
    )


def _build_error_cases() -> Iterator[Case]:
    error = {
        "message": "A new kind of refusal.",
        "type": "invalid_request_error",
        "param": None,
        "code": "brand_new_code",
        "retryable": False,
        "details": [{"reason": "x"}],
    }
    yield build_series(
        "unknown-error",
        image(),
        "images.generate",
        [build_json_answer(422, {"error": error, "trace": {"id": "t"}})],
    )
    failed = {"id": "req-GREASE0000002", "status": "failed", "error": error | {"extra": 1}}
    yield build_series("unknown-failure", RETRIEVE, "videos.retrieve", [failed])


def _build_body_cases() -> Iterator[Case]:
    json_, html = "application/json", "text/html"
    garbage = [
        fault_actions.build_text_answer(200, html, fault_actions.HTML),
        fault_actions.build_text_answer(200, "text/plain", b"OK"),
        fault_actions.build_text_answer(200, json_, b""),
        fault_actions.build_text_answer(200, json_, b'{"balance": "12.'),
        fault_actions.build_text_answer(200, json_, b"\xff\xfe\x00"),
        fault_actions.build_text_answer(200, "", b"<html>"),
    ]
    yield build_series("garbage-balance", balance(), "billing.balance", garbage, legal=False)
    yield build_series("garbage-models", models(), "models.list", garbage, legal=False)
    yield build_series("garbage-image", image(), "images.generate", garbage[:4], legal=False)
    yield build_series(
        "long-message",
        image(),
        "images.generate",
        [build_error(400, "invalid_parameter", "long " * 200_000 + "end-of-message")],
    )
    url = URL + "&x=" + "y" * 8000
    yield build_series(
        "long-url",
        image(),
        "images.generate",
        [IMAGE_ANSWER | {"data": [IMAGE_ANSWER["data"][0] | {"url": url}]}],
    )


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
    fix="Keep open sets as texts, not as closed enums.",
    cases=("unlisted-*",),
)
@client_check(
    "GC210",
    "Every RFC 3339 form of a moment is taken",
    severity="minor",
    evidence="standard",
    why="Zones, fractions and leap seconds are all legal.",
    fix="Use a parser for RFC 3339.",
    source="RFC 3339, section 5.6",
    cases=("dates-*", "leap-second"),
)
@client_check(
    "GC211",
    "Legal forms of JSON and its media type are all read",
    severity="minor",
    evidence="standard",
    why="Parameters, escapes, white space and order mean nothing.",
    fix="Parse media types; use a JSON parser.",
    source="RFC 8259, and RFC 9110, section 8.3",
    cases=("json-*",),
)
@client_check(
    "GC213",
    "Unknown, repeated and oddly cased headers change nothing",
    severity="minor",
    evidence="standard",
    why="Whatever stands between adds its own.",
    fix="Look headers up without regard to case; ignore the rest.",
    source="RFC 9110, section 5",
    cases=("odd-headers",),
)
def legal_answers_are_taken(history: ClientHistory) -> Iterator[Observation]:
    """GC202, 203, 210, 211, 213: what is legal is no error, and arrives as it came."""
    for outcome in history.calls():
        yield _judge_outcome(history, outcome)


def _judge_outcome(history: ClientHistory, outcome: CallOutcome) -> Observation:
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
    return _judge_unchanged(came, outcome, *sent)


def _judge_unchanged(came: Any, outcome: CallOutcome, *sent: ClientExchange) -> Observation:
    for pointer, one, other in find_differences(came, outcome.value):
        return fail(f"{pointer or '/'} as it came: {one!r}", repr(other), *sent)
    return expect(True, "", "")  # noqa: FBT003 - all is well


@client_check(
    "GC201",
    "Fields of a later version are ignored, in every object",
    severity="major",
    evidence="choice",
    why="Models have gained fields from one version to the next; the SDK's are open to more.",
    fix="Read what you know and leave the rest alone.",
    cases=("unknown-fields",),
)
def unknown_fields_are_left_alone(history: ClientHistory) -> Iterator[Observation]:
    """GC201: who shows some of them is expected to show them all."""
    for outcome in history.calls():
        yield _judge_outcome(history, outcome)
        sent = find_answer(history, outcome)
        if outcome.kind != "value" or not sent:
            continue
        kept = {
            pointer: resolve_pointer(outcome.value, pointer) == value
            for pointer, value in _find_unknown_fields(sent[0].plain)
            if isinstance(resolve_pointer(outcome.value, pointer.rpartition("/")[0]), dict)
        }
        lost = [pointer for pointer, right in kept.items() if not right]
        yield warn_unless(
            not lost or len(lost) == len(kept),
            "every unknown field, or none",
            f"{', '.join(lost)} lost",
            *sent,
        )


def _find_unknown_fields(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name.startswith("x_"):
                yield f"{pointer}/{name}", each
            else:
                yield from _find_unknown_fields(each, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _find_unknown_fields(each, f"{pointer}/{place}")


@client_check(
    "GC205",
    "An unknown error code, with further fields, is surfaced as it is",
    severity="major",
    evidence="choice",
    why="The caller needs the code and the message that the server gave.",
    fix="Keep code and message as texts.",
    cases=("unknown-error", "unknown-failure"),
)
def unknown_errors_are_surfaced(history: ClientHistory) -> Iterator[Observation]:
    """GC205."""
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        text = f"{outcome.text} {outcome.error.get('code')} {outcome.value}"
        seen = "brand_new_code" in text and "A new kind of refusal." in text
        right = outcome.clear or (outcome.op == "retrieve_video" and outcome.kind == "value")
        yield expect(right and seen, "code and message of the error", outcome.shown, *sent)


@client_check(
    "GC206",
    "A missing required field is a clear error where the answer is read",
    severity="major",
    evidence="choice",
    why="Else it is an AttributeError deep in the caller's code, after paying.",
    fix="Validate required fields when reading.",
    cases=("missing-*",),
)
@client_check(
    "GC207",
    "A required field of the wrong type is a clear error",
    severity="major",
    evidence="choice",
    why="A number for a text, an object for a list: nothing good comes of using it.",
    fix="Validate types when reading.",
    cases=("mistyped-*", "beyond-*"),
)
@client_check(
    "GC208",
    "A success that is no JSON of the API is an error of the client's own",
    severity="major",
    evidence="choice",
    why="Proxies answer 200 with HTML; a str or a JSONDecodeError tells nobody what happened.",
    fix="Check the media type; wrap the parser's errors.",
    cases=("garbage-*",),
)
def broken_answers_are_errors(history: ClientHistory) -> Iterator[Observation]:
    """GC206, 207, 208: what breaks the documented form is an error that was meant."""
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        variant = message_variants.find_variant(history, sent)
        shown = sent[0].body[:100].decode("utf-8", "replace") if sent else ""
        what = variant.name if variant else f"the answer {shown}"
        if history.case.startswith("beyond-") and outcome.kind == "value" and sent:
            seen = _judge_unchanged(sent[0].plain, outcome, *sent)
            yield (
                replace(seen, expected=f"{seen.expected}, or a clear error")
                if seen.failed
                else seen
            )
        else:
            yield expect(outcome.clear, f"a clear error: {what}", outcome.shown, *sent)


@client_check(
    "GC209",
    "Numbers at their edges are taken, money without a detour through floats",
    severity="major",
    evidence="documented",
    why="Balance and prices are decimal texts so that no cent is lost.",
    fix="Use Decimal, or keep the text.",
    cases=("numbers", "money-*"),
)
def numbers_are_taken_exactly(history: ClientHistory) -> Iterator[Observation]:
    """GC209."""
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if outcome.kind != "value" or not sent:
            yield fail("a value: the numbers are legal", outcome.shown, *sent)
            continue
        for pointer, text in _find_amounts(sent[0].plain):
            got = resolve_pointer(outcome.value, pointer)
            right = not isinstance(got, float) and not list(find_differences(text, got))
            yield expect(right, f"{pointer} {text}", repr(got), *sent)
        yield _judge_unchanged(sent[0].plain, outcome, *sent)


def _find_amounts(came: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the amounts of money that come as texts."""
    if "balance" in came:
        yield "/balance", came["balance"]
    for place, rate in enumerate(came.get("pricing", {}).get("rates", ())):
        yield f"/pricing/rates/{place}/unit_price", rate["unit_price"]


@client_check(
    "GC212",
    "No items and several items are handled; no rates is not free",
    severity="minor",
    evidence="documented",
    why="data is a list; an empty list of rates means unknown.",
    fix="Do not take the first item for granted.",
    cases=("empty-data", "several", "no-models", "no-rates"),
)
def few_and_many_are_handled(history: ClientHistory) -> Iterator[Observation]:
    """GC212."""
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if history.case == "empty-data":
            yield expect(
                outcome.kind == "value" or outcome.clear,
                "a value or a clear error",
                outcome.shown,
                *sent,
            )
        elif history.case == "several":
            yield expect(
                len(resolve_pointer(outcome.value, "/data") or ()) == 3,
                "all three media",
                outcome.shown,
                *sent,
            )
        elif history.case == "no-models":
            yield expect(
                outcome.kind == "value" and not outcome.value, "an empty list", outcome.shown, *sent
            )
        else:
            free = resolve_pointer(outcome.value, "/pricing/rates")
            yield expect(free == [], "no rates, which is not a price of 0", outcome.shown, *sent)


@client_check(
    "GC214",
    "Long texts are neither cut nor fatal",
    severity="minor",
    evidence="choice",
    why="Signed links and messages have no documented length.",
    fix="Set no limits of your own on texts.",
    cases=("long-message", "long-url"),
)
def long_texts_are_whole(history: ClientHistory) -> Iterator[Observation]:
    """GC214."""
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if history.case == "long-message":
            yield expect(
                outcome.clear and "end-of-message" in outcome.text,
                "an error with the whole message",
                outcome.shown,
                *sent,
            )
        else:
            got = str(resolve_pointer(outcome.value, "/data/0/url"))
            yield expect(len(got) > 8000, "the whole link", outcome.shown, *sent)
