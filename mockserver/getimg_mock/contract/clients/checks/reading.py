"""GC2: reading answers, tolerantly and yet not blindly."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients import acts
from getimg_mock.contract.clients.adversary import Rule
from getimg_mock.contract.clients.cases import (
    RANGE,
    VIDEO,
    Call,
    Case,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.checking import ClientCheck
from getimg_mock.contract.clients.checks import forms, statuses
from getimg_mock.contract.clients.checks.series import series
from getimg_mock.contract.clients.grease import Variant, variants, with_unknown_fields
from getimg_mock.contract.clients.timeline import problem, replied
from getimg_mock.contract.verdicts import held, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.history import ClientHistory, Outcome
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.chance import Stream

_URL: Final = "https://api.getimg.ai/v2/downloads/req-GREASE0000001/0?exp=1790000000&sig=00ff"
_USAGE: Final = {"total_cost": 0.04, "billable_unit": "image", "unit_price": 0.04, "quantity": 1}
_DELETES: Final = "2026-09-02T12:00:00.000Z"
IMAGE_ANSWER: Final[dict[str, Any]] = {
    "id": "req-GREASE0000001", "status": "completed", "model": "seedream-5-lite",
    "data": [{"url": _URL, "width": 2048, "height": 2048, "mime_type": "image/jpeg",
              "deletes_at": _DELETES}],
    "usage": _USAGE,
}  # fmt: skip
VIDEO_ANSWER: Final[dict[str, Any]] = {
    "id": "req-GREASE0000002", "status": "completed", "model": "seedance-v1-5-pro",
    "data": [{"url": _URL.replace("0001", "0002"), "width": 1280, "height": 720, "duration": 5,
              "fps": 24, "has_sound": False, "mime_type": "video/mp4", "deletes_at": _DELETES}],
    "usage": {"total_cost": 0.12, "billable_unit": "video_second", "unit_price": 0.024,
              "quantity": 5},
}  # fmt: skip
MODEL_ANSWER: Final[dict[str, Any]] = {
    "id": "seedance-v1-5-pro", "name": "Seedance 1.5 Pro", "type": "video",
    "created_at": "2026-03-10T09:00:00.000Z", "supported_aspect_ratios": ["16:9"],
    "supported_resolutions": ["720p"], "supported_durations": [5, 10],
    "supported_references": {"first_frame": 1}, "supports_sound": True,
    "pricing": {"currency": "USD", "rates": [
        {"billable_unit": "video_second", "resolution": "720p", "sound": "sound_on",
         "unit_price": "0.0245"}]},
}  # fmt: skip
COSTS_ANSWER: Final[dict[str, Any]] = {
    "currency": "USD", "data": [{"date": "2026-08-31", "cost": 0.25}],
    "start": "2026-08-31T00:00:00Z", "end": "2026-09-01T00:00:00Z", "total_cost": 0.25,
}  # fmt: skip
BALANCE_ANSWER: Final[dict[str, Any]] = {"balance": "12.34", "currency": "USD"}
ACCEPTED: Final[dict[str, Any]] = {"id": "req-GREASE0000003", "status": "pending"}
PENDING: Final[dict[str, Any]] = {"id": "req-GREASE0000002", "status": "pending"}

_QUIET: Final[dict[str, Any]] = {"max_retries": 0}
_MODEL: Final = Call(op="model", args={"id": "seedance-v1-5-pro"})
_RETRIEVE: Final = Call(op="retrieve_video", args={"id": "req-GREASE0000002"})
_COSTS: Final = Call(op="costs", args=RANGE)
_HUGE: Final = "100000000000000000.01"

MESSAGES: Final[dict[str, tuple[Call, str, str, dict[str, Any]]]] = {
    "image": (image(), "images.generate", "image-generation", IMAGE_ANSWER),
    "video": (_RETRIEVE, "videos.retrieve", "video-completed", VIDEO_ANSWER),
    "model": (_MODEL, "models.retrieve", "model", MODEL_ANSWER),
    "balance": (balance(), "billing.balance", "balance", BALANCE_ANSWER),
    "costs": (_COSTS, "billing.costs", "costs", COSTS_ANSWER),
}
"""By name: the call, the operation, the schema and an answer to begin with."""


def generated(name: str) -> list[Variant]:
    """Return the variants of a message that cases send."""
    _, _, schema, answer = MESSAGES[name]
    return list(variants(schema, answer))


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    return (
        *_grown(stream),
        *_schema_cases(),
        *_odd_values(),
        *statuses.cases(),
        *_errors(),
        *_bodies(),
        *forms.cases(stream),
    )


def _grown(stream: Stream) -> Iterator[Case]:
    grow = acts.changed(lambda value: with_unknown_fields(value, stream))
    yield Case(
        name="unknown-fields", options=_QUIET, settings={"video_seconds": 4},
        calls=(image(), video(), models(), _MODEL, balance(), _COSTS),
        rules=(Rule(on="*", do=grow, label="unknown fields"),),
    )  # fmt: skip


def _schema_cases() -> Iterator[Case]:
    for name, (call, on, _, _) in MESSAGES.items():
        listed = generated(name)
        for kind, chosen in (
            ("optional", [v for v in listed if v.valid and v.keyword in {"required", "type"}]),
            (
                "legal",
                [
                    v
                    for v in listed
                    if v.valid and v.keyword in {"minimum", "minLength", "minItems"}
                ],
            ),
            ("unlisted", [v for v in listed if v.keyword == "x-known-values"]),
            ("dates", [v for v in listed if v.keyword == "format"]),
            ("missing", [v for v in listed if not v.valid and v.keyword == "required"]),
            ("mistyped", [v for v in listed if not v.valid and v.keyword == "type"]),
        ):
            if chosen:
                yield series(f"{kind}-{name}", call, on, [v.value for v in chosen])
    yield series("missing-accepted", Call(op="submit_video", args=VIDEO), "videos.create",
                  [{"status": "pending"}])  # fmt: skip
    yield series("mistyped-models", models(), "models.list",
                  [{"data": [MODEL_ANSWER]}, "models", 7, None])  # fmt: skip


def _odd_values() -> Iterator[Case]:
    rates = MODEL_ANSWER["pricing"]["rates"]
    other = MODEL_ANSWER | {
        "supported_resolutions": ["8K"], "supported_aspect_ratios": ["7:13"], "type": "video",
        "supported_references": {"style": 3},
        "pricing": {"currency": "USD", "rates": [
            rates[0] | {"billable_unit": "megapixel", "sound": "stereo", "resolution": "8K"}]},
    }  # fmt: skip
    yield series("unlisted-values", models(), "models.list", [[other, MODEL_ANSWER]])
    item = IMAGE_ANSWER["data"][0]
    numbers = [
        IMAGE_ANSWER | {"data": [item | {"width": 1024.0}]},
        IMAGE_ANSWER | {"usage": _USAGE | {"unit_price": 1e-7, "total_cost": 1e-7}},
        IMAGE_ANSWER | {"usage": _USAGE | {"quantity": 0, "total_cost": 0}},
        IMAGE_ANSWER | {"data": [item | {"width": 2**53 + 1}]},
        IMAGE_ANSWER | {"usage": _USAGE | {"total_cost": 1e300}},
    ]
    yield series("numbers", image(), "images.generate", numbers)
    yield series(
        "money-balance",
        balance(),
        "billing.balance",
        [{"balance": text, "currency": "USD"} for text in ("0.10", _HUGE, "-3.50", "0")],
    )
    priced = [{**rates[0], "unit_price": text} for text in ("0.10", "0.000000100", _HUGE)]
    yield series(
        "money-model",
        _MODEL,
        "models.retrieve",
        [MODEL_ANSWER | {"pricing": {"currency": "USD", "rates": [each]}} for each in priced],
    )
    yield series("leap-second", _MODEL, "models.retrieve",
                  [MODEL_ANSWER | {"created_at": "2016-12-31T23:59:60Z"}])  # fmt: skip
    yield series("empty-data", image(), "images.generate", [IMAGE_ANSWER | {"data": []}])
    yield series("several", image(), "images.generate",
                  [IMAGE_ANSWER | {"data": [item, item | {"width": 1}, item]}])  # fmt: skip
    yield series("no-models", models(), "models.list", [[]])
    yield series("no-rates", _MODEL, "models.retrieve",
                  [MODEL_ANSWER | {"pricing": {"currency": "USD", "rates": []}}])  # fmt: skip


def _errors() -> Iterator[Case]:
    error = {
        "message": "A new kind of refusal.",
        "type": "invalid_request_error",
        "param": None,
        "code": "brand_new_code",
        "retryable": False,
        "details": [{"reason": "x"}],
    }
    yield series("unknown-error", image(), "images.generate",
                  [replied(422, {"error": error, "trace": {"id": "t"}})])  # fmt: skip
    failed = {"id": "req-GREASE0000002", "status": "failed", "error": error | {"extra": 1}}
    yield series("unknown-failure", _RETRIEVE, "videos.retrieve", [failed])


def _bodies() -> Iterator[Case]:
    json_, html = "application/json", "text/html"
    garbage = [
        acts.text(200, html, acts.HTML), acts.text(200, "text/plain", b"OK"),
        acts.text(200, json_, b""), acts.text(200, json_, b'{"balance": "12.'),
        acts.text(200, json_, b"\xff\xfe\x00"), acts.text(200, "", b"<html>"),
    ]  # fmt: skip
    yield series("garbage-balance", balance(), "billing.balance", garbage)
    yield series("garbage-models", models(), "models.list", garbage)
    yield series("garbage-image", image(), "images.generate", garbage[:4])
    yield series(
        "long-message",
        image(),
        "images.generate",
        [problem(400, "invalid_parameter", "long " * 200_000 + "end-of-message")],
    )
    url = _URL + "&x=" + "y" * 8000
    yield series("long-url", image(), "images.generate", [
        IMAGE_ANSWER | {"data": [IMAGE_ANSWER["data"][0] | {"url": url}]}])  # fmt: skip


def legal_answers_are_taken(history: ClientHistory) -> Iterator[Observation]:
    """GC201, 202, 203, 210, 211, 213: what is legal is no error, and nothing of it is lost."""
    for outcome in history.calls():
        yield _taken(history, outcome)


def _taken(history: ClientHistory, outcome: Outcome) -> Observation:
    sent = history.during(outcome)
    answer = sent[-1] if sent else None
    if outcome.kind != "value":
        return wrong("a value: the answer is legal", outcome.shown, *sent[-1:])
    for name in ("id", "status", "balance"):
        expected = answer.plain.get(name) if answer and isinstance(answer.plain, dict) else None
        got = outcome.value.get(name) if isinstance(outcome.value, dict) else None
        if isinstance(expected, str) and outcome.op != "costs" and got != expected:
            return wrong(f"{name} {expected!r}", f"{name} {got!r}", *sent[-1:])
    return held(True, "", "")  # noqa: FBT003 - all is well


def unknown_errors_are_surfaced(history: ClientHistory) -> Iterator[Observation]:
    """GC205."""
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        text = f"{outcome.text} {outcome.error.get('code')} {outcome.value}"
        seen = "brand_new_code" in text and "A new kind of refusal." in text
        right = outcome.clear or (outcome.op == "retrieve_video" and outcome.kind == "value")
        yield held(right and seen, "code and message of the error", outcome.shown, *sent)


def broken_answers_are_errors(history: ClientHistory) -> Iterator[Observation]:
    """GC206, 207, 208: what breaks the documented form is an error that was meant."""
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        shown = sent[0].body[:100].decode("utf-8", "replace") if sent else ""
        yield held(outcome.clear, f"a clear error for {shown}", outcome.shown, *sent)


def numbers_are_taken_exactly(history: ClientHistory) -> Iterator[Observation]:
    """GC209."""
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        if outcome.kind != "value" or not sent:
            yield wrong("a value: the numbers are legal", outcome.shown, *sent)
            continue
        for name, asked, got in _amounts(sent[0].plain, outcome.value):
            exact = _decimal(got) == Decimal(asked)
            yield held(exact and not isinstance(got, float), f"{name} {asked}",
                       f"{name} {got!r}", *sent)  # fmt: skip
        if history.case == "numbers":
            asked_width = sent[0].plain["data"][0]["width"]
            got_width = _dig(outcome.value, "data", 0, "width")
            yield held(_same_number(asked_width, got_width), f"width {asked_width}", got_width,
                       *sent)  # fmt: skip


def _same_number(asked: float, got: Any) -> bool:
    """Return whether a number is the one that was sent; beyond 2^53 - 1 as near as a double is.

    JSON promises no more than that (RFC 8259, section 6), and some languages have no more.
    """
    if not isinstance(got, (int, float)) or abs(asked) < 2**53:
        return bool(got == asked)
    return float(got) == float(asked)


def _amounts(asked: Any, got: Any) -> Iterator[tuple[str, str, Any]]:
    if "balance" in asked:
        yield "balance", asked["balance"], _dig(got, "balance")
    for place, rate in enumerate(asked.get("pricing", {}).get("rates", ())):
        found = _dig(got, "pricing", "rates", place, "unit_price")
        yield "unit_price", rate["unit_price"], found


def _dig(value: Any, *way: str | int) -> Any:
    for step in way:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _decimal(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None


def few_and_many_are_handled(history: ClientHistory) -> Iterator[Observation]:
    """GC212."""
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        if history.case == "empty-data":
            yield held(outcome.kind == "value" or outcome.clear, "a value or a clear error",
                       outcome.shown, *sent)  # fmt: skip
        elif history.case == "several":
            yield held(len(_dig(outcome.value, "data") or ()) == 3, "all three media",
                       outcome.shown, *sent)  # fmt: skip
        elif history.case == "no-models":
            yield held(outcome.kind == "value" and not outcome.value, "an empty list",
                       outcome.shown, *sent)  # fmt: skip
        else:
            free = _dig(outcome.value, "pricing", "rates")
            yield held(free == [], "no rates, which is not a price of 0", outcome.shown, *sent)


def long_texts_are_whole(history: ClientHistory) -> Iterator[Observation]:
    """GC214."""
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        if history.case == "long-message":
            yield held(outcome.clear and "end-of-message" in outcome.text,
                       "an error with the whole message", outcome.shown, *sent)  # fmt: skip
        else:
            got = str(_dig(outcome.value, "data", 0, "url"))
            yield held(len(got) > 8000, "the whole link", outcome.shown, *sent)


CHECKS: Final = (
    ClientCheck(id="GC201", severity="major", evidence="documented", cost="0",
        statement="Fields of a later version are ignored, in every object",
        why="The API may add fields at any time; the SDK's models are open.",
        fix="Read what you know and leave the rest alone.",
        judge=legal_answers_are_taken, cases=("unknown-fields",)),
    ClientCheck(id="GC202", severity="major", evidence="documented", cost="0",
        statement="Every optional field may be null where documented, or absent",
        why="width, height, duration, fps and a video's usage are optional.",
        fix="Model optional fields as optional.",
        judge=legal_answers_are_taken, cases=("optional-*", "legal-*")),
    ClientCheck(id="GC203", severity="major", evidence="documented", cost="0",
        statement="Unknown formats, units, resolutions, ratios and sound values are taken",
        why="The catalogue grows without a new version of the API.",
        fix="Keep open sets as texts, not as closed enums.",
        judge=legal_answers_are_taken, cases=("unlisted-*",)),
    statuses.CHECK,
    ClientCheck(id="GC205", severity="major", evidence="documented", cost="0",
        statement="An unknown error code, with further fields, is surfaced as it is",
        why="The caller needs the code and the message that the server gave.",
        fix="Keep code and message as texts.",
        judge=unknown_errors_are_surfaced, cases=("unknown-error", "unknown-failure")),
    ClientCheck(id="GC206", severity="major", evidence="seed", cost="0",
        statement="A missing required field is a clear error where the answer is read",
        why="Else it is an AttributeError deep in the caller's code, after paying.",
        fix="Validate required fields when reading.",
        judge=broken_answers_are_errors, cases=("missing-*",)),
    ClientCheck(id="GC207", severity="major", evidence="seed", cost="0",
        statement="A required field of the wrong type is a clear error",
        why="A number for a text, an object for a list: nothing good comes of using it.",
        fix="Validate types when reading.",
        judge=broken_answers_are_errors, cases=("mistyped-*",)),
    ClientCheck(id="GC208", severity="major", evidence="seed", cost="0",
        statement="A success that is no JSON of the API is an error of the client's own",
        why="Proxies answer 200 with HTML; a str or a JSONDecodeError tells nobody what happened.",
        fix="Check the media type; wrap the parser's errors.",
        judge=broken_answers_are_errors, cases=("garbage-*",)),
    ClientCheck(id="GC209", severity="major", evidence="documented", cost="0",
        statement="Numbers at their edges are taken, money without a detour through floats",
        why="Balance and prices are decimal texts so that no cent is lost.",
        fix="Use Decimal, or keep the text.",
        judge=numbers_are_taken_exactly, cases=("numbers", "money-*")),
    ClientCheck(id="GC210", severity="minor", evidence="documented", cost="0",
        statement="Every RFC 3339 form of a moment is taken",
        why="Zones, fractions and leap seconds are all legal.",
        fix="Use a parser for RFC 3339.",
        judge=legal_answers_are_taken, cases=("dates-*", "leap-second")),
    ClientCheck(id="GC211", severity="minor", evidence="seed", cost="0",
        statement="Legal forms of JSON and its media type are all read",
        why="Parameters, escapes, white space and order mean nothing.",
        fix="Parse media types; use a JSON parser.",
        judge=legal_answers_are_taken, cases=("json-*",)),
    ClientCheck(id="GC212", severity="minor", evidence="documented", cost="0",
        statement="No items and several items are handled; no rates is not free",
        why="data is a list; an empty list of rates means unknown.",
        fix="Do not take the first item for granted.",
        judge=few_and_many_are_handled,
        cases=("empty-data", "several", "no-models", "no-rates")),
    ClientCheck(id="GC213", severity="minor", evidence="seed", cost="0",
        statement="Unknown, repeated and oddly cased headers change nothing",
        why="Whatever stands between adds its own.",
        fix="Look headers up without regard to case; ignore the rest.",
        judge=legal_answers_are_taken, cases=("odd-headers",)),
    ClientCheck(id="GC214", severity="minor", evidence="seed", cost="0",
        statement="Long texts are neither cut nor fatal",
        why="Signed links and messages have no documented length.",
        fix="Set no limits of your own on texts.",
        judge=long_texts_are_whole, cases=("long-message", "long-url")),
)  # fmt: skip
