"""GC3: what an error says to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    KEY,
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.encodings import ENCODINGS, accepts_encoding
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    build_error,
    build_json_answer,
)
from getimg_mock.contract.clients.checks.key_parts import find_key_part
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.repeated_cases import build_series
from getimg_mock.contract.clients.checks.retries import READS
from getimg_mock.contract.clients.checks.several_errors import REFUSED_OFTEN, RETRIED
from getimg_mock.contract.clients.checks.submission_rules import build_submission_rules
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ERRORS: Final = (
    (400, "invalid_parameter", "Unsupported resolution '4K' for model 'seedream-5-lite'."),
    (401, "invalid_api_key", "Incorrect API key provided."),
    (402, "quota_exceeded", "Insufficient balance."),
    (403, "forbidden", "This key may not do that: {scope} of %s, 100% refus\u00e9 \u706f\u53f0."),
    (404, "not_found", "Not found."),
    (409, "conflict", "A request like this is under way."),
    (413, "too_large", "The request is too large.\r\nAt most 25 MiB are taken."),
    (422, "content_policy_violation", "The prompt failed our safety checks."),
    (429, "rate_limit", "Too many requests."),
    (500, "server_error", "Something went wrong on our end"),
)
_REFUSING: Final = frozenset({400, 401, 402, 403, 404, 409, 413, 422, 429})
_READ_STATUSES: Final = (401, 403, 404, 429, 500)
_LATIN_1: Final = "<h1>Erreur passag\u00e8re</h1>".encode("latin-1")
"""A page as old gateways write it: its bytes are no UTF-8, and nothing says so."""
_BARE_ERRORS: Final = (
    build_json_answer(500, {"error": "Internal"}),
    build_json_answer(500, {"error": None}),
    fault_actions.build_text_answer(520, "text/html", _LATIN_1),  # no registered status
    build_json_answer(500, {"message": "Internal"}),
    build_json_answer(500, []),
    WireAnswer(500, (("Content-Type", "application/json"),)),
)
"""Errors without the API's envelope."""
_BARE_REFUSALS: Final = (
    fault_actions.build_page(403),
    fault_actions.build_text_answer(413, "text/plain", b"too large"),
    fault_actions.build_text_answer(405, "text/html; charset=iso-8859-1", _LATIN_1),
    build_json_answer(404, {"detail": "Not Found"}),
    build_json_answer(400, {"error": {"message": None, "code": None}}),
    build_json_answer(422, {"error": ["prompt"]}),
    build_json_answer(402, "no money"),
    WireAnswer(401),
)
"""Refusals without the envelope, as gateways and frameworks write them."""
_PICTURE: Final = {"url": PIXEL, "role": "reference_image"}
_FRAME: Final = {"url": PIXEL, "role": "first_frame"}
_UNKNOWN_ID: Final = "req-0000000000000000000000000000"
_BAD_KEY: Final = "key_client_contract_of_nobody"

_OTHERS: Final = ("odd-key", "missing-image", "html-200", "free-errors", "bad-key")
_BROKEN_OFF: Final = ("outage-*", "nobody-*", "read-lost-*", "lost-*", "cut-*")
_PACKED: Final = "errors-packed"
_FREE: Final = ("free-errors", "bad-key")
"""The cases of refusals that cost nothing, on any service."""

_FALLBACK_CALL: Final = video().instead_of("generate_image")


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    request_id = f"req_{stream.letters[:12]}"
    listed = [build_error(*each, ("X-Request-Id", request_id)) for each in _ERRORS]
    yield from _build_listed_cases(listed)
    packed = FaultRule(on="*", label="packed", do=_refuse_packed(listed[2]))
    calls = (image(), models(), video())
    yield Case(name=_PACKED, calls=calls, rules=(packed,), limit=HOUR)
    yield from _build_free_cases()
    yield _build_odd_key_case()
    yield from _build_other_cases(listed)


def _build_listed_cases(listed: list[WireAnswer]) -> Iterator[Case]:
    """Yield the cases in which each call gets the next of the documented errors."""
    of_reads = [each for each in listed if each.status in _READ_STATUSES]
    yield Case(
        name="errors",
        calls=(image(),) * len(listed) + (_FALLBACK_CALL,) * len(listed),
        options=NO_RETRIES,
        limit=2 * HOUR,
        rules=build_submission_rules("errors", fault_actions.answer_by_call(listed * 2)),
    )
    busy, down = listed[-2], listed[-1]
    yield Case(
        name="errors-retried",
        calls=(image(), models(), balance(), _FALLBACK_CALL),
        options={"max_retries": 2},
        limit=2 * HOUR,
        patience=None,
        rules=(
            *build_submission_rules("429", fault_actions.answer_instead(busy)),
            FaultRule(on="models.list", label="500", do=fault_actions.answer_instead(down)),
            FaultRule(on="billing.balance", label="429", do=fault_actions.answer_instead(busy)),
        ),
    )
    refuse = fault_actions.answer_by_call(of_reads * len(READS))
    yield Case(
        name="errors-of-reads",
        calls=tuple(call for _, call in READS for _ in of_reads),
        options=NO_RETRIES,
        limit=2 * HOUR,
        rules=tuple(FaultRule(on=on, label="errors", do=refuse) for on, _ in READS),
    )


def _build_free_cases() -> Iterator[Case]:
    yield Case(
        name="free-errors",
        options=NO_RETRIES,
        calls=(
            image(model="no-such-model"),
            ClientCall(op="retrieve_video", args={"id": _UNKNOWN_ID}),
            ClientCall(op="model", args={"id": "no-such-model"}),
            video(model="no-such-model").instead_of("generate_image"),
        ),
    )
    yield Case(
        name="bad-key",
        options=NO_RETRIES,
        key=_BAD_KEY,
        calls=(models(), balance(), image(), _FALLBACK_CALL),
    )


def _build_odd_key_case() -> Case:
    """Return the case of a key that was read from a file, with the end of its line."""
    return Case(
        name="odd-key",
        options=NO_RETRIES,
        key=f"{KEY}\n",
        calls=(balance(), models(), image(), _FALLBACK_CALL),
    )


def _build_other_cases(listed: list[WireAnswer]) -> Iterator[Case]:
    page = fault_actions.build_page(502)
    serve_page = fault_actions.answer_instead(page)
    yield Case(
        name="html-502",
        calls=(balance(), image(), _FALLBACK_CALL),
        options=NO_RETRIES,
        limit=HOUR,
        rules=(FaultRule(on="*", label="502 HTML", legal=False, do=serve_page),),
    )
    yield build_series(
        "bodies-500", balance(), "billing.balance", list(_BARE_ERRORS), legal=False, limit=HOUR
    )
    yield build_series(
        "bodies-4xx", balance(), "billing.balance", list(_BARE_REFUSALS), legal=False, limit=HOUR
    )
    bare = [*_BARE_ERRORS[:3], *_BARE_REFUSALS]
    yield build_series(
        "bodies-of-orders", image(), "images.generate", bare, legal=False, limit=HOUR
    )
    yield _build_key_case(listed)


def _build_key_case(listed: list[WireAnswer]) -> Case:
    """Return the case of errors after which a client may say what it has sent."""
    refuse, fail = (fault_actions.answer_instead(listed[place]) for place in (1, -1))
    reset = fault_actions.end_before_work("reset")
    return Case(
        name="errors-key",
        calls=(image(images=[_PICTURE]), models(), balance(), video(images=[_FRAME])),
        options=NO_RETRIES,
        rules=(
            *build_submission_rules("401", refuse),
            FaultRule(on="models.list", label="reset", do=reset),
            FaultRule(on="billing.balance", label="500", must=False, do=fail),
        ),
        limit=2 * HOUR,
    )


def _refuse_packed(refusal: WireAnswer) -> FaultAction:
    """Return the action that refuses in the first encoding that the client names, if it does."""

    def act(turn: FaultContext) -> WireAnswer:
        named = [value for name, value in turn.asked.headers if name.lower() == "accept-encoding"]
        taken = [each for each in ENCODINGS if accepts_encoding(each, named)]
        if not taken:
            return refusal
        packed = WireAnswer(refusal.status, refusal.headers, ENCODINGS[taken[0]](refusal.body))
        return packed.with_headers(("Content-Encoding", taken[0]))

    return act


@client_check(
    "GC301",
    "error.code and error.message of every refusal reach the caller",
    severity="major",
    evidence="documented",
    why="The documentation asks callers to act on the code.",
    fix="Put code and message on the error.",
    cases=("errors", "errors-of-reads", "errors-retried", *REFUSED_OFTEN, _PACKED, *_FREE),
)
def errors_are_visible(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each refusal raises an error with the code and the message of its body.

    Tries the documented statuses on submissions and reads, and those that are tried again until
    the client gives up: then the last refusal counts, also where the one before was of another
    kind; and refusals that are compressed, for clients that accept that. Fails when either text is
    missing; of a file, its status is enough. An error that cannot be unpickled is a warning: it
    breaks a pool of processes instead of reaching the caller.
    """
    for outcome in history.calls():
        if history.case == "errors":
            whole = outcome.error.get("unpickles", True)
            yield warn_unless(whole, "an error that comes out of its pickle again", outcome.shown)
        for each in _find_refusals(history, outcome):
            error = each.error
            if history.case == _PACKED:
                error = dict(zip(("code", "message"), _ERRORS[2][1:], strict=True))
            code, message = str(error.get("code")), str(error.get("message"))
            text = f"{outcome.text} {outcome.error.get('code')}"
            told = all(line in text for line in message.splitlines())  # on one line, or several
            told = (code in text and told) or _says_status_of_file(outcome, each)
            seen = outcome.kind == "error" and told
            yield expect(seen, f"an error with {code!r} and {message!r}", outcome.shown, each)


def _says_status_of_file(outcome: CallOutcome, each: ClientExchange) -> bool:
    """Return whether an error says why a file does not come: its host need not be the API's."""
    said = outcome.error.get("status") == each.status or str(each.status) in outcome.text
    return outcome.op == "download" and said


def _find_refusals(history: ClientHistory, outcome: CallOutcome) -> list[ClientExchange]:
    """Return the refusal that a call ended in.

    Of an order that was refused after another one was made, the refusal is not what matters; nor
    of one that was saved as the file: that is another check's.
    """
    unclear = history.case == RETRIED and any(each.paid for each in history.during(outcome))
    saved = outcome.op == "download" and outcome.kind == "value"
    return [] if unclear or saved else find_answer(history, outcome)


@client_check(
    "GC303",
    "401, 402, 404, 429 and 5xx differ by type or status",
    severity="major",
    evidence="documented",
    why="Each needs another reaction: a new key, a top-up, a corrected id, or a later attempt.",
    fix="Raise one error type for each, or put the status on the error.",
    cases=(
        "errors",
        "refusal-???",
        "read-lost-*",
        "nobody-*",
        "refused-403",
        *REFUSED_OFTEN,
        *_FREE,
    ),
)
def errors_differ(history: ClientHistory) -> Iterator[Observation]:
    """Demands that errors for 401, 402, 404, 429 and 500 differ in their type or status.

    Fails when two of these statuses give the same type and status, also after several tries, or
    when a call raises nothing.
    Fails as well when an error has the status of a refusal, and no answer had it: where there was
    no answer, or one with words that belong to another refusal.
    """
    for outcome in history.calls():
        yield from _statuses_were_answered(history, outcome)
    if history.case not in {"errors", *REFUSED_OFTEN, *_FREE}:
        return
    seen: dict[tuple[object, ...], int] = {}
    for outcome in history.calls():
        for each in _find_refusals(history, outcome):
            status = min(each.status, 500)  # one of 5xx, which are alike
            if status not in {401, 402, 404, 429, 500}:
                continue
            # Of tries that are used up, an error may have a type of its own, and say their code.
            code = outcome.error.get("code") if history.case in REFUSED_OFTEN else None
            named = (outcome.error.get("type"), outcome.error.get("status"), code)
            other = seen.setdefault(named, status)
            yield expect(
                outcome.kind == "error" and other == status,
                f"{each.status} distinguished from {other}",
                outcome.shown,
                each,
            )


def _statuses_were_answered(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge the status on an error: that of a refusal is one that came, not one that is thought."""
    sent, told = history.during(outcome), outcome.error.get("status")
    if outcome.kind == "error" and isinstance(told, int) and told in _REFUSING:
        came = {each.status for each in sent}
        yield expect(
            told in came,
            f"the status of an answer: {', '.join(map(str, sorted(came))) or 'there was none'}",
            f"{told}; {outcome.shown}",
            *sent[-1:],
        )


@client_check(
    "GC304",
    "An error in HTML, or without the API's envelope, is a typed error with its status",
    severity="major",
    evidence="standard",
    why="It comes from a proxy, or from a service that is about to fall over.",
    fix="Decide by the status before parsing the body.",
    source="RFC 9110, section 15: a status is understood by its class",
    cases=("html-502", "bodies-500", "bodies-4xx", "bodies-of-orders"),
)
def other_errors_are_typed(history: ClientHistory) -> Iterator[Observation]:
    """Demands a clear error that contains the status when a proxy answers 502 with HTML.

    So it does for a 500 with other JSON than an error's, or with no body, for a status that no
    registry has, and for refusals in these forms, of reads and of orders. Fails when the status is
    missing, when the error has no text, or when the parser's own error reaches the caller.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        status = sent[0].status if sent else 502
        told = outcome.error.get("status") == status or str(status) in outcome.text
        told = told and outcome.error.get("printable", True)
        yield expect(outcome.clear and told, f"an error that says {status}", outcome.shown, *sent)


@client_check(
    "GC305",
    "No error contains the key, or a picture that was sent",
    severity="blocker",
    evidence="choice",
    why="Errors end up in logs, tickets and screenshots.",
    fix="Leave headers and bodies of requests out of errors.",
    cases=("errors*", "failed-video*", "held*", "refused-*", "garbage-*", *_BROKEN_OFF, *_OTHERS),
)
def errors_keep_the_key(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the text, traceback and data of an error do not contain the API key.

    Tries refusals, broken answers, a reset connection, a wrong key, and one with a line feed at its
    end, which no header can have. Fails wherever eight characters of the key in succession are, its
    `sk_` apart, or the key in another notation: a mask may leave four at each end. Fails as well
    where the data of a reference are.
    """
    key = history.secrets[0][1]
    for outcome in history.calls():
        if outcome.kind == "error":
            yield expect(
                PIXEL.partition(",")[2] not in outcome.text,
                "no picture in its text",
                "that of the reference",
                *find_answer(history, outcome),
            )
            # Of a key that no header can have, an HTTP library's error in its trace may tell.
            more = () if history.case == "odd-key" else ("trace", "data", "shown")
            for where in ("text", *more):
                yield expect(
                    find_key_part(str(outcome.error.get(where, "")), key) < 0,
                    f"no key in its {where}",
                    "the key",
                    *find_answer(history, outcome),
                )
