"""GC101 to GC103, GC107 and GC108: what a request consists of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from getimg_mock import schemas
from getimg_mock.contract.clients.cases.case_rules import (
    IMAGE,
    RANGE,
    VIDEO,
    Case,
    ClientCall,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.request_bodies import parse_body, read_fields
from getimg_mock.contract.verdicts import expect, fail, warn_unless
from getimg_mock.world.operations import REQUEST_SCHEMAS
from getimg_mock.world.unknown_fields import find_unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.limits import Kind
    from getimg_mock.world.randomness import Stream


_QUERIES: Final = {"models.list": {"type"}, "billing.costs": {"start", "end"}}
_FORMS: Final = {
    "generate_image": "images.generate",
    "generate_video": "videos.create",
    "submit_video": "videos.create",
}
_DEFAULTS: Final = {
    "generate_image": {("output_format", '"jpeg"')},
    "generate_video": {("sound", "false")},
    "submit_video": {("sound", "false")},
}
"""Documented defaults, as JSON: to send one changes nothing."""
_MIN_IMAGE: Final = {"model": IMAGE["model"], "prompt": IMAGE["prompt"]}
_MIN_VIDEO: Final = {"model": VIDEO["model"], "prompt": VIDEO["prompt"]}
_FRAMES: Final = [{"url": "https://example.com/frame.png", "role": "first_frame"}]


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the one case: each operation, with as few and with many fields."""
    prompt = f"A {stream.letters[:8]} harbour"
    yield Case(
        name="happy",
        settings={"video_seconds": 1},
        calls=(
            ClientCall(op="generate_image", args=_MIN_IMAGE | {"prompt": prompt}),
            image(),
            image(),
            ClientCall(op="generate_video", args=_MIN_VIDEO),
            video(images=_FRAMES),
            ClientCall(op="submit_video", args=VIDEO),
            models(),
            models("video"),
            ClientCall(op="model", args={"id": "seedream-5-lite"}),
            ClientCall(op="balance"),
            ClientCall(op="costs", args=RANGE),
        ),
    )


@client_check(
    "GC101",
    "Method, path, query and body of each call are what the API documents",
    severity="major",
    evidence="documented",
    why="The API refuses what it does not document, or silently ignores it.",
    fix="Build requests from the published OpenAPI document.",
    cases=("happy", "cancelled*", "given-up-twice", "observed"),
    observable=True,
)
def requests_are_documented(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each request to the API matches the published OpenAPI document.

    Also those of waits that are cancelled, or given up: no request ends a generation.
    Fails on an unknown method or path, a body that its schema refuses, an unknown query parameter,
    a GET with a body, or a key that is not sent as Bearer. A request that was observed and refused
    for its body or key is a warning, since a test may expect that. So is a field that the API does
    not document in a body that was paid for.
    """
    for each in history.requests:
        if not each.home or each.operation == "downloads.retrieve":
            continue
        if not each.operation:
            sent = f"{each.method} {each.path}{_quote_hint(each)}"
            yield fail("a documented method and path", sent, each)
            continue
        yield from _judge_key(each)
        yield from _judge_body(each, observed=history.case == "observed")
        unknown = set(parse_qs(each.query)) - _QUERIES.get(each.operation, set())
        yield expect(not unknown, "documented query parameters", sorted(unknown), each)
        yield expect(each.method != "GET" or not each.request_body, "no body", "a body", each)


def _judge_key(each: ClientExchange) -> Iterator[Observation]:
    """Judge the key of a request that was refused for it."""
    if each.status != 401 or each.label:
        return
    sent = each.get_sent_header("authorization") or ""
    yield expect(
        sent.startswith("Bearer "),
        "Authorization: Bearer <key>",
        f"401 without it{_quote_hint(each)}",
        each,
    )
    yield warn_unless(False, "a key that the API knows", "401", each)  # noqa: FBT003 - it was refused


def _judge_body(each: ClientExchange, *, observed: bool) -> Iterator[Observation]:
    form = REQUEST_SCHEMAS.get(each.operation)
    if form is None:
        return
    body = parse_body(each)
    found = schemas.violations(form, body)
    judge = warn_unless if observed and 400 <= each.status < 500 else expect
    yield judge(
        not found,
        "a body that its schema allows",
        "; ".join(f"{v.path}: {v.message}" for v in found[:3]) + _quote_hint(each),
        each,
    )
    if each.paid:
        kind: Kind = "image" if each.operation == "images.generate" else "video"
        names = ", ".join(field.path for field in find_unknown_fields(kind, body))
        yield warn_unless(
            not names,
            "documented fields in a body that is paid for",
            f"{names}: accepted, charged and ignored{_quote_hint(each)}",
            each,
        )


def _quote_hint(each: ClientExchange) -> str:
    """Return what the fake advises, in brackets."""
    hint = each.fields.get("x-mock-hint") or each.fields.get("X-Mock-Hint")
    return f" ({hint})" if hint else ""


@client_check(
    "GC102",
    "What the caller leaves out is absent from the request, not null",
    severity="major",
    evidence="documented",
    why="A null is a value: the API may refuse it, or take it for another than the default.",
    fix="Drop unset fields before the body is serialised.",
    cases=("happy", "observed"),
    observable=True,
)
def what_is_left_out_is_absent(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a field or parameter that the caller omits is not sent.

    Fails on a submission with a null or an extra field, and on an extra parameter of a model list.
    A default that the documentation names, `output_format: jpeg` and `sound: false`, may be sent.
    """
    for outcome in history.calls():
        for each in history.during(outcome):
            if each.operation == _FORMS.get(outcome.op):
                extra = _find_extra_fields(each, outcome)
                yield expect(not extra, "no field that the caller left out", sorted(extra), each)
            elif outcome.op == "models" and each.operation == "models.list":
                found = parse_qs(each.query, keep_blank_values=True)
                yield expect(
                    set(found) == set(outcome.args),
                    "no parameter that was left out",
                    each.query,
                    each,
                )
    for each in history.submissions:
        nulls = [name for name, value in read_fields(each).items() if value is None]
        yield expect(not nulls, "no null for what was left out", nulls, each)


def _find_extra_fields(each: ClientExchange, outcome: CallOutcome) -> set[str]:
    """Return the fields of an order that the caller left out and that are no documented default."""
    defaults = _DEFAULTS[outcome.op]
    return {
        name
        for name, value in read_fields(each).items()
        if name not in outcome.args and (name, json.dumps(value)) not in defaults
    }


@client_check(
    "GC103",
    "Authorization: Bearer is present, once, and exact",
    severity="major",
    evidence="documented",
    why="The header is documented; servers differ in which of two they read.",
    fix="Set the header in one place.",
    cases=("happy",),
)
def the_key_is_sent_once(history: ClientHistory) -> Iterator[Observation]:
    """Demands exactly one `Authorization: Bearer <key>` header on each request to the API.

    Fails when the header is missing, repeated, or spelled differently.
    """
    key = history.secrets[0][1]
    for each in history.requests:
        if each.home and each.operation not in {"downloads.retrieve", ""}:
            sent = each.get_sent_headers("authorization")
            yield expect(
                sent == [f"Bearer {key}"],
                "one header Authorization: Bearer <key>",
                [value.replace(key, "<key>") for value in sent],
                each,
            )


@client_check(
    "GC107",
    "Content-Type, Content-Length and User-Agent say what is sent, by whom",
    severity="minor",
    evidence="standard",
    why="Servers and their operators rely on them.",
    fix="Let the HTTP library set the length; name your client.",
    source="RFC 9110, sections 8.3, 8.6 and 10.1.5",
    cases=("happy", "observed"),
    observable=True,
)
def headers_say_what_is_sent(history: ClientHistory) -> Iterator[Observation]:
    """Demands a User-Agent on each request, and the right type and length on each POST.

    Fails when a header is missing or when Content-Length differs from the body.
    """
    for each in history.requests:
        if not each.home or not each.operation or each.operation == "downloads.retrieve":
            continue
        yield expect(each.get_sent_header("user-agent"), "a User-Agent", "none", each)
        if each.method != "POST":
            continue
        kind = (each.get_sent_header("content-type") or "").partition(";")[0].strip().lower()
        yield expect(kind == "application/json", "Content-Type: application/json", kind, each)
        length, body = each.get_sent_headers("content-length"), each.request_body or b""
        chunked = (each.get_sent_header("transfer-encoding") or "").lower() == "chunked"
        yield expect(
            length == [str(len(body))] or (chunked and not length),
            f"Content-Length: {len(body)}",
            length,
            each,
        )


@client_check(
    "GC108",
    "Numbers, booleans and lists keep their JSON types",
    severity="major",
    evidence="documented",
    why='"5" is not 5: the API may refuse it, or accept it only by chance.',
    fix="Serialise the body with a JSON encoder from typed values.",
    cases=("happy", "ordered-references"),
)
def values_keep_their_types(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each argument arrives in the body with its value and its JSON type.

    Fails when a number is sent as a string or as a float, or a model's id in other letters.
    """
    for outcome in history.calls(*_FORMS):
        for each in history.during(outcome):
            if each.operation != _FORMS[outcome.op]:
                continue
            body = read_fields(each)
            for name, value in outcome.args.items():
                if name.startswith("$"):
                    continue
                got = body.get(name)
                yield expect(
                    got == value and type(got) is type(value),
                    f"{name}: {json.dumps(value)}",
                    f"{name}: {json.dumps(got)}",
                    each,
                )
