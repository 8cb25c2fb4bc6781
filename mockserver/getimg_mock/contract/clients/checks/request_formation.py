"""GC1: how requests are formed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from getimg_mock import schemas
from getimg_mock.contract.clients.cases import fault_actions
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
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.message_variants import IMAGE_ANSWER
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail
from getimg_mock.world.operations import REQUEST_SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientExchange, ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_QUERIES: Final = {"models.list": {"type"}, "billing.costs": {"start", "end"}}
_FORMS: Final = {
    "generate_image": "images.generate",
    "generate_video": "videos.create",
    "submit_video": "videos.create",
}
_ODD_PROMPTS: Final = (
    "astral \U0001f3d4\ufe0f \U0001f469\u200d\U0001f680",
    "combining e\u0301 a\u0308\u0323",
    "rtl \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c",
    'zero \u0000 tab \t line \n quote " back \\',
    "\ufeffbom \u2028 \u2029 \ufffd \uffff",
)
_ODD_IDS: Final = (
    "a/b?c=#d",
    "with space+plus%2F",
    "\u00fc\u4e2d",
    "..",
    "../billing/balance",
    ".",
)
_MIN_IMAGE: Final = {"model": IMAGE["model"], "prompt": IMAGE["prompt"]}
_MIN_VIDEO: Final = {"model": VIDEO["model"], "prompt": VIDEO["prompt"]}
_LARGE: Final = 12 * 1024 * 1024
_FRAME: Final = "https://example.com/frame.png"


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    word = stream.letters[:8]
    frames = [{"url": _FRAME, "role": "first_frame"}]
    quick = {"video_seconds": 1}
    return (
        Case(
            name="happy",
            settings=quick,
            calls=(
                ClientCall(op="generate_image", args=_MIN_IMAGE | {"prompt": f"A {word} harbour"}),
                image(),
                ClientCall(op="generate_video", args=_MIN_VIDEO),
                video(images=frames),
                ClientCall(op="submit_video", args=VIDEO),
                models(),
                models("video"),
                ClientCall(op="model", args={"id": "seedream-5-lite"}),
                ClientCall(op="balance"),
                ClientCall(op="costs", args=RANGE),
            ),
        ),
        Case(
            name="unicode",
            settings=quick,
            calls=(
                *(image(prompt=f"{text} {word}") for text in _ODD_PROMPTS),
                *(
                    video(prompt=f"{text} {word}").instead_of("generate_image")
                    for text in _ODD_PROMPTS
                ),
            ),
        ),
        Case(
            name="large-body",
            calls=(image(images=list(_large_references())),),
            patience=None,
            rules=(
                FaultRule(
                    on="images.generate",
                    do=fault_actions.answer_instead(build_json_answer(200, IMAGE_ANSWER)),
                    label="24 MiB of references",
                ),
            ),
        ),
        Case(
            name="odd-ids",
            options={"max_retries": 0},
            calls=tuple(ClientCall(op="retrieve_video", args={"id": each}) for each in _ODD_IDS)
            + tuple(ClientCall(op="model", args={"id": each}) for each in _ODD_IDS),
        ),
        Case(
            name="zones",
            calls=tuple(
                ClientCall(
                    op="costs",
                    args={
                        "start": f"2026-08-2{day}T00:00:00{zone}",
                        "end": f"2026-09-01T00:00:00{zone}",
                    },
                )
                for day, zone in enumerate(("+02:00", "-11:30", "+00:00"))
            ),
        ),
        Case(
            name="no-zone",
            options={"max_retries": 0},
            calls=(
                ClientCall(
                    op="costs", args={"start": "2026-08-28T00:00:00", "end": "2026-09-01T00:00:00"}
                ),
            ),
        ),
        Case(
            name="prefix",
            base="https://api.getimg.ai/gateway/team-7",
            settings=quick,
            calls=(
                image(),
                models(),
                ClientCall(op="submit_video", args=VIDEO),
                ClientCall(op="balance"),
                video().instead_of("submit_video"),
            ),
        ),
        Case(
            name="environment",
            needs=("environment",),
            calls=(ClientCall(op="balance"),),
            patience=None,
            environment={"base_url": "https://gateway.example", "key": "sk_from_environment"},
            base="https://gateway.example",
        ),
        Case(
            name="together",
            together=True,
            patience=None,
            calls=tuple(image(prompt=f"number {n} of {word}") for n in range(6)),
        ),
        Case(
            name="mutation",
            calls=(
                image(images=[{"url": _FRAME, "role": "reference_image"}]),
                video(images=frames),
            ),
            settings=quick,
        ),
    )


@cache
def _large_references() -> tuple[dict[str, str], ...]:
    """Return two references inline: just under 10 MiB each, and 25 MiB together with the rest."""
    link = "data:image/png;base64,iVBORw0KGgo" + "A" * _LARGE
    return ({"url": link, "role": "reference_image"}, {"url": link, "role": "reference_image"})


@client_check(
    "GC101",
    "Method, path, query and body of each call are what the API documents",
    severity="major",
    evidence="documented",
    why="What is not documented is refused, or ignored without a word.",
    fix="Build requests from the published OpenAPI document.",
    cases=("happy", "observed"),
    observable=True,
)
def requests_are_documented(history: ClientHistory) -> Iterator[Observation]:
    """GC101."""
    for each in history.requests:
        if not each.home or each.operation == "downloads.retrieve":
            continue
        if not each.operation:
            yield fail("a documented method and path", f"{each.method} {each.path}", each)
            continue
        form = REQUEST_SCHEMAS.get(each.operation)
        if form is not None:
            found = schemas.violations(form, _body(each))
            yield expect(
                not found,
                "a body that its schema allows",
                "; ".join(f"{v.path}: {v.message}" for v in found[:3]),
                each,
            )
        unknown = set(parse_qs(each.query)) - _QUERIES.get(each.operation, set())
        yield expect(not unknown, "documented query parameters", sorted(unknown), each)
        yield expect(each.method != "GET" or not each.request_body, "no body", "a body", each)


@client_check(
    "GC102",
    "What the caller leaves out is absent from the request, not null",
    severity="major",
    evidence="documented",
    why="A null is a value: it may be refused, or mean something else than the default.",
    fix="Drop unset fields before the body is written.",
    cases=("happy", "observed"),
    observable=True,
)
def what_is_left_out_is_absent(history: ClientHistory) -> Iterator[Observation]:
    """GC102."""
    for outcome in history.calls():
        for each in history.during(outcome):
            if each.operation == _FORMS.get(outcome.op):
                extra = set(_fields(each)) - set(outcome.args)
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
        nulls = [name for name, value in _fields(each).items() if value is None]
        yield expect(not nulls, "no null for what was left out", nulls, each)


@client_check(
    "GC103",
    "Authorization: Bearer is present, once, and exact",
    severity="major",
    evidence="documented",
    why="Documented; two of them are read differently by different servers.",
    fix="Set the header in one place.",
    cases=("happy",),
)
def the_key_is_sent_once(history: ClientHistory) -> Iterator[Observation]:
    """GC103."""
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
    "GC104",
    "A prompt arrives character by character as it was given, references too",
    severity="major",
    evidence="standard",
    why="In another normal form, or cut, it makes another picture; a body may have 25 MiB.",
    fix="Encode JSON as UTF-8 and change nothing.",
    source="RFC 8259, section 8; that a body may have 25 MiB is documented",
    cases=("unicode", "large-body"),
)
def prompts_arrive_as_they_were(history: ClientHistory) -> Iterator[Observation]:
    """GC104."""
    for outcome in history.calls("generate_image", "generate_video"):
        sent = [each for each in history.during(outcome) if each.submits]
        asked = outcome.args["prompt"]
        if not sent:
            yield fail(f"the prompt {asked!a} sent", outcome.shown)
        for each in sent:
            body = _fields(each)
            got = body.get("prompt")
            yield expect(got == asked, f"the prompt {asked!a}", f"{got!a}", each)
            images = outcome.args.get("images")
            yield expect(
                body.get("images") == images,
                f"references of {_size(images)} characters",
                f"{_size(body.get('images'))}, or others",
                each,
            )


def _size(value: Any) -> int:
    return len(json.dumps(value))


@client_check(
    "GC105",
    "Ids are percent-encoded in paths; one that is a dot segment is refused",
    severity="blocker",
    evidence="standard",
    why="An id from outside must not choose another endpoint.",
    fix="Encode every path parameter whole, slashes included; refuse '.' and '..'.",
    source="RFC 3986, sections 3.3 and 5.2.4",
    cases=("odd-ids",),
)
def ids_are_encoded(history: ClientHistory) -> Iterator[Observation]:
    """GC105."""
    for outcome in history.calls("retrieve_video", "model"):
        asked = outcome.args["id"]
        start = "/v2/videos/generations/" if outcome.op == "retrieve_video" else "/v2/models/"
        for each in history.during(outcome):
            target = each.target
            inside = target.removeprefix(start)
            whole = target.startswith(start) and unquote(inside) == asked
            plain = "/" not in inside and "?" not in inside and inside not in {".", ".."}
            yield expect(
                whole and plain,
                f"{start} and the id {asked!r}, encoded, or no request",
                target,
                each,
            )
        if not history.during(outcome):
            yield expect(
                outcome.kind == "error", "an error for an id that cannot be sent", outcome.shown
            )


@client_check(
    "GC106",
    "Moments are sent with a zone, and '+' is encoded",
    severity="major",
    evidence="documented",
    why="The documentation requires the zone; a bare '+' arrives as a space.",
    fix="Refuse a naive datetime, or give it the zone you mean.",
    cases=("zones", "no-zone"),
)
def moments_have_a_zone(history: ClientHistory) -> Iterator[Observation]:
    """GC106."""
    for outcome in history.calls("costs"):
        sent = history.during(outcome)
        zoneless = _parse_utc(outcome.args["start"]) is None
        if not sent:
            yield expect(zoneless and outcome.kind == "error", "the moments sent", outcome.shown)
        for each in sent:
            found = parse_qs(each.query)
            for name in ("start", "end"):
                got = _parse_utc(next(iter(found.get(name, [""]))))
                asked = _parse_utc(outcome.args[name])
                expected = f"{name}={outcome.args[name]}" if asked else f"{name} with a zone"
                right = got is not None and (asked is None or got == asked)
                yield expect(right, expected, each.query, each)


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
    """GC107."""
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
    why='"5" is not 5: it is refused, or read by luck.',
    fix="Write the body with a JSON encoder from typed values.",
    cases=("happy",),
)
def values_keep_their_types(history: ClientHistory) -> Iterator[Observation]:
    """GC108."""
    for outcome in history.calls(*_FORMS):
        for each in history.during(outcome):
            if each.operation != _FORMS[outcome.op]:
                continue
            body = _fields(each)
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


@client_check(
    "GC109",
    "The configured base URL is honoured, its path and the environment included",
    severity="minor",
    evidence="choice",
    why="Gateways and tests live at other addresses.",
    fix="Join paths to the base URL; read the documented variables.",
    cases=("prefix", "environment"),
)
def the_base_url_is_honoured(history: ClientHistory) -> Iterator[Observation]:
    """GC109."""
    prefix = history.base.partition("://")[2].partition("/")[2]
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value" or history.case == "environment",
            "the call to work behind the base URL",
            outcome.shown,
        )
        sent = history.during(outcome)
        if not sent:
            yield fail(f"a request to {history.base}", outcome.shown)
        for each in sent:
            right = each.home and each.target.startswith(f"/{prefix}/" if prefix else "/")
            right = right and "//" not in each.target.partition("?")[0]
            yield expect(right, history.base, f"{each.origin}{each.target}", each)
            if history.case == "environment":
                key = each.get_sent_headers("authorization")
                yield expect(
                    key == ["Bearer sk_from_environment"],
                    "the key of the environment",
                    f"{len(key)} other",
                    each,
                )


@client_check(
    "GC110",
    "Arguments are not changed, and calls at the same time share nothing",
    severity="minor",
    evidence="choice",
    why="A request built in a shared object is sent to the wrong caller.",
    fix="Copy what you change; keep per-call state in the call.",
    cases=("together", "mutation"),
)
def calls_do_not_touch_each_other(history: ClientHistory) -> Iterator[Observation]:
    """GC110."""
    for outcome in history.calls():
        yield expect(
            not outcome.args.get("$changed"),
            "the caller's objects unchanged",
            f"{outcome.op} changed its arguments",
        )
    if history.case != "together":
        return
    made = {
        each.generation: _fields(each).get("prompt") for each in history.submissions if each.paid
    }
    for outcome in history.calls("generate_image"):
        asked = outcome.args["prompt"]
        got = outcome.value.get("id") if isinstance(outcome.value, dict) else None
        yield expect(
            made.get(str(got)) == asked,
            f"the result for {asked!r}",
            outcome.shown if outcome.kind != "value" else f"that for {made.get(str(got))!r}",
        )


def _body(exchange: ClientExchange) -> Any:
    try:
        return json.loads(exchange.request_body or b"")
    except ValueError:
        return None


def _fields(exchange: ClientExchange) -> dict[str, Any]:
    value = _body(exchange)
    return value if isinstance(value, dict) else {}


def _parse_utc(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
