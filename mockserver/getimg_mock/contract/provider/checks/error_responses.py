"""GP1: statuses and error envelopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from getimg_mock.contract.provider.decisions import may_hang_up
from getimg_mock.contract.provider.documented_statuses import (
    answers_transfer,
    find_documented_codes,
    find_mixed_statuses,
    is_open_download,
    read_documented_statuses,
)
from getimg_mock.contract.provider.mixed_up_errors import find_mistaken_models
from getimg_mock.contract.verdicts import OK, check, expect, fail, fail_as, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# Where a malformed request may be called one, whatever the operation (GP312).
_UNDOCUMENTED_ROLES: Final = frozenset({"malformed-id", "odd-path", "unknown-model"})


_BAD_REQUEST: Final = 400

_UNAUTHORIZED: Final = 401

_PLACEHOLDER: Final = re.compile(r"(?<!/)\{(?:[a-z_]+|\d)\}|%\([a-z_]+\)[sd]")
"""A place in a message that was to be filled in, and not a part of a path."""

_NOT_IMPLEMENTED: Final = 501

_RETRYABLE: Final = frozenset({408, 409, 425, 429})
"""Errors of the client that may end by themselves; SDKs send the request again."""


_FIELDS: Final = frozenset(
    {
        "model",
        "prompt",
        "aspect_ratio",
        "resolution",
        "output_format",
        "images",
        "duration",
        "sound",
    }
)

# A model is named in paths, too.
_FIELDS_OF_SUBMISSIONS: Final = _FIELDS - {"model"}

_PARAMETERS_OF_READS: Final = frozenset({"start", "end", "type"})

_FIELD_OF_PART: Final = {"url": "images", "role": "images", "image": "images"}

_FIELD_OF_FAULT: Final = {
    "length": "prompt",
    "number-form": "duration",
    "unknown-model": "model",
    "reference-url": "images",
    "reference-bytes": "images",
    "reference-count": "images",
    "reference-role": "images",
}


_INTERNALS: Final = re.compile(
    r"Traceback \(most recent|File \"/|\bat [\w.$]+ ?\(.*:\d+(?::\d+)?\)|node_modules/"
    r"|goroutine \d+ \[|\b\w+\.(?:py|go|rb|js|ts|java|cs|php):\d+"
    r"|\b(?:10|127)(?:\.\d{1,3}){3}\b|\b192\.168(?:\.\d{1,3}){2}\b|\blocalhost:\d"
    r"|\b172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}\b|\.internal\b|\.svc\b|\.cluster\.local\b"
    r"|\b(?:postgres(?:ql)?|mysql|mongodb|rediss?|amqp|s3|gs)://"
    r"|\bSELECT [^.]+ FROM \w|\bINSERT INTO \w"
    r"|\bat 0x[0-9a-f]{6}|(?<![\w./])/(?:usr|app|srv|var|opt|home)/[\w-]+/"
)


@check(
    "GP102",
    "A status that is not documented for the operation is reported, with its body",
    severity="major",
    evidence="seed",
    cost="T",
    why="Clients decide by status whether to submit again, and can only guess at an unknown one.",
    fix="Answer with a documented status of the operation, or document the new one.",
)
def statuses_are_documented(history: History) -> Iterator[Observation]:
    """Require that each response has a status that is documented for its operation.

    Applies to every GET and POST. Fails on any other status, except 400 for a malformed path, and
    where some fields of an order are refused with 400 and others with 422. Source: documented.
    """
    for each in history:
        if not each.operation or each.method not in {"GET", "POST"} or not each.status:
            continue
        if each.use in _UNDOCUMENTED_ROLES and each.status == _BAD_REQUEST:
            continue
        if is_open_download(history, each) or answers_transfer(each):
            continue
        known = read_documented_statuses(each.operation)
        yield expect(
            each.status in known,
            f"a documented status of {each.operation}",
            f"{each.status} {each.body[:120]!r}",
            each,
        )
    yield from find_mixed_statuses(history)


@check(
    "GP104",
    "No valid HTTP request gets a 5xx",
    severity="major",
    evidence="seed",
    cost="T",
    why="A 5xx is retried, and a retried submission may be paid twice.",
    fix="Handle the exception behind the 5xx: answer 4xx for bad input, and never drop the "
    "connection.",
)
def no_server_errors(history: History) -> Iterator[Observation]:
    """Require a response below 500 to every request that is valid HTTP.

    Applies to plans without injected faults. Fails on a 5xx, and on a connection without a
    response. Source: our choice.
    """
    if history.plan.rules:
        return
    for each in history:
        if may_hang_up(each) and not each.status:
            continue
        # A server may say that it does not know a method (RFC 9110).
        unknown = each.status == _NOT_IMPLEMENTED and each.method not in {"GET", "POST"}
        yield expect(
            0 < each.status < 500 or unknown or answers_transfer(each),
            "no 5xx, and an answer at all",
            f"{each.status or 'no answer'} {each.body[:120]!r}",
            each,
        )


@check(
    "GP105",
    "Every 4xx and 5xx is an error envelope with a message and the documented code",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented: clients decide by error.code and show error.message.",
    fix="Build every error response in one place, with a message and the code documented for it.",
)
def errors_are_envelopes(history: History) -> Iterator[Observation]:
    """Require an error envelope with `error.code` and `error.message` in each 4xx and 5xx.

    Applies to every response but HEAD. Fails on an empty or missing text, on another code than that
    documented for the status or the fault, on a message with an empty place such as `{value}`, on
    an `error` in a success, and on `x-should-retry` with an error that is documented as final. How
    a download is refused is left open.
    Source: documented.
    """
    for each in history:
        if each.method == "HEAD" or answers_transfer(each):
            continue
        if each.status >= 400:
            code, message = each.error.get("code"), each.error.get("message")
            good = isinstance(code, str) and code and isinstance(message, str) and message
            if is_open_download(history, each):
                yield note("a refused download has another body", each) if not good else OK
                continue
            yield expect(
                good,
                "an envelope with error.code and error.message, texts",
                f"{each.body[:160]!r}",
                each,
            )
            yield from (_check_finality(each), _check_wording(each, str(message)))
            wanted = find_documented_codes(each) if good and not history.plan.rules else ()
            if wanted:
                yield expect(code in wanted, f"code {' or '.join(wanted)}", code, each)
        elif each.status and each.operation != "videos.retrieve" and "error" in each.object:
            yield fail("no error in an answer that says it succeeded", f"{each.body[:160]!r}", each)


def _check_wording(each: HttpExchange, message: str) -> Observation:
    """Require a message whose places have been filled in, but for what the request has as well."""
    empty = _PLACEHOLDER.search(message)
    own = empty is not None and empty[0].encode() in (each.request_body or b"")
    return expect(empty is None or own, "a message without placeholders", message[:160], each)


def _check_finality(each: HttpExchange) -> Observation:
    """Require that an error which is documented as final does not ask for a retry."""
    final = each.status < 500 and each.status not in _RETRYABLE
    again = each.fields.get("x-should-retry", "").lower()
    return expect(not final or again != "true", "no retry of it", f"x-should-retry: {again}", each)


@check(
    "GP106",
    "The same cause has the same error.code; a message shows no internals, no key",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Programs branch on codes, and messages are written to logs.",
    fix="Map each cause to a fixed code, and keep exception texts and keys out of messages.",
)
def error_codes_are_stable(history: History) -> Iterator[Observation]:
    """Require one `error.code` for one cause, and messages without internals or keys.

    Applies to every error. Fails when equal requests get different codes, or a message shows a
    stack trace, an internal address, a key, or the model of a request at the same moment. Source:
    our choice.
    """
    yield from find_mistaken_models(history)
    codes: dict[tuple[Any, ...], tuple[object, HttpExchange]] = {}
    for each in history:
        if not each.error:
            continue
        yield from _check_for_leaks(history, each)
        if each.valid is not False or each.status < 400 or each.status == 429:
            continue
        cause: tuple[Any, ...] = (
            each.method,
            each.path,
            each.query,
            each.key,
            each.request_body,
            each.request_headers,
        )
        if each.fault in {"missing", "unknown-model"}:
            cause = (each.operation, each.fault)
        code = each.error.get("code")
        first, where = codes.setdefault(cause, (code, each))
        yield expect(first == code, f"the code {first!r} again", code, where, each)


def _may_name_an_address(each: HttpExchange) -> bool:
    """Whether a message may name the address that a URL of a reference has led to.

    Of traffic without a plan, any request with such a URL counts.
    """
    if each.step is not None:
        return each.fault == "reference-url"
    images = each.asked.get("images")
    listed = images if isinstance(images, list) else []
    return any(str(item.get("url")).startswith("http") for item in listed if isinstance(item, dict))


def _check_for_leaks(history: History, each: HttpExchange) -> Iterator[Observation]:
    """Require an error without what no service may show, whatever is assumed."""
    resolved = _may_name_an_address(each)
    for text in _collect_texts(each.error):
        told = not resolved and _INTERNALS.search(text)
        leak = told and _INTERNALS.search(_strip_echo(text, each))
        if leak or any(secret in text for _, secret in history.secrets):
            yield fail_as("FAIL", "an error without internals or keys", text, each)
        else:
            yield OK


def _collect_texts(value: Any) -> Iterator[str]:
    """Yield every text in an error, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _collect_texts(inner)


def _strip_echo(text: str, exchange: HttpExchange) -> str:
    """Return a message without the texts that the request itself contained."""
    for value in (*exchange.asked.values(), exchange.path, *exchange.parameters.values()):
        if isinstance(value, str) and value:
            text = text.replace(value, "")
    for segment in unquote(exchange.path).split("/"):
        # Of an id only an address: shorter ones, such as an index, may be part of a real leak.
        if _INTERNALS.search(segment):
            text = text.replace(segment, "")
    images = exchange.asked.get("images")
    for image in images if isinstance(images, list) else ():
        url = image.get("url") if isinstance(image, dict) else None
        for part in re.split(r"[/\[\]@?#]", url) if isinstance(url, str) else ():
            text = text.replace(part, "") if part else text
    return text


@check(
    "GP107",
    "The same invalid request gets the same status each time",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Retries and alerts depend on the status, so it must not vary.",
    fix="Validate in a fixed order that does not depend on time, worker or server.",
)
def same_request_same_status(history: History) -> Iterator[Observation]:
    """Require the same status for each repetition of one invalid request.

    Applies to requests that are equal in method, path, key, headers and body. Fails when their
    statuses differ. Source: our choice.
    """
    seen: dict[tuple[Any, ...], HttpExchange] = {}
    for each in history:
        if each.valid is not False or each.status in {0, 429} or each.status >= 500:
            continue
        key = (
            each.method,
            each.path,
            each.query,
            each.key,
            each.request_body,
            each.request_headers,
        )
        first = seen.setdefault(key, each)
        if first is not each:
            yield expect(
                first.status == each.status, f"{first.status}, as before", each.status, first, each
            )


@check(
    "GP116",
    "error.param names the field that is wrong, or nothing",
    severity="major",
    evidence="documented",
    cost="T",
    why="Documented: forms show the message next to the field of this name.",
    fix="Take param from the check that failed, or leave it null.",
)
def params_name_the_field(history: History) -> Iterator[Observation]:
    """Require that `error.param` does not name another field than the one that is wrong.

    Applies to refused submissions with one wrong field, and to those with two, of which code and
    message are about one. Null and unknown names are left alone.
    Fails on the name of another field, on a submission's field in an error of a read, on any name
    in a 401, and on a name that is not spelled as in the request, such as `body.resolution` or
    `aspectRatio`. Parts of a field may follow it, as in `images[0].url`. Source: documented.
    """
    for each in history:
        field = _find_wrong_field(each)
        told = each.error.get("param")
        if each.operation == "downloads.retrieve":
            continue  # A link is refused for its signature, which has no documented name.
        if each.status == _UNAUTHORIZED and each.error:
            yield expect(told is None, "param null in a 401, literally", told, each)
        elif each.method == "GET" and isinstance(told, str):
            others = _FIELDS_OF_SUBMISSIONS & set(re.findall(r"[a-z_]+", told))
            good = not others and _is_spelled_as_sent(told, _PARAMETERS_OF_READS)
            yield expect(good, "param as spelled in this request, or null", told, each)
        if each.status != _BAD_REQUEST or not isinstance(told, str):
            continue
        if each.fault == "two-faults":
            yield from _compare_with_message(each, told)
        if not field:
            continue
        named = {_FIELD_OF_PART.get(word, word) for word in re.findall(r"[a-z_]+", told)}
        wrong = named & _FIELDS
        good = (not wrong or field in wrong) and _is_spelled_as_sent(told, _FIELDS)
        yield expect(good, f"param {field}, or null", told, each)


def _compare_with_message(each: HttpExchange, told: str) -> Iterator[Observation]:
    """Require that of two wrong fields `param` names the one that code and message are about."""
    names = each.step.field.split(" and ") if each.step else []
    message = str(each.error.get("message"))
    about = [name for name in names if re.search(rf"\b{name}\b", message)]
    if each.error.get("code") == "parameter_missing":
        about = names[:1]
    if len(about) == 1 and told in names:
        yield expect(told == about[0], f"param {about[0]}, or null: {message[:80]}", told, each)


def _is_spelled_as_sent(told: str, names: frozenset[str]) -> bool:
    """Return whether a name begins with one of `names`, or has none of them in any spelling."""
    first = re.match(r"\w*", told)
    if first and first[0] in names | _FIELD_OF_PART.keys():
        return True
    plain = {name.replace("_", "") for name in names}
    return not plain & {word.replace("_", "").lower() for word in re.findall(r"[A-Za-z_]+", told)}


def _find_wrong_field(exchange: HttpExchange) -> str:
    """Return the one field that the plan made wrong, or an empty text."""
    known = _FIELD_OF_FAULT.get(exchange.fault, "")
    told = exchange.step.field if exchange.step else ""
    if exchange.fault in {"missing", "type", "enum", "model-value"} and " and " not in told:
        found = re.match(r"[a-z_]+", told)
        known = found[0] if found else ""
    return _FIELD_OF_PART.get(known, known)
