"""What the fake can do to a request besides answering it: one vocabulary for all sources.

Scenario rules, magic prompts and the request header `X-Mock-Behaviour` use the same words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from getimg_mock.errors import Refusal, SettingsError, UnknownNameError
from getimg_mock.setting_values import Span, shorten_value
from getimg_mock.world import error_messages
from getimg_mock.world.error_codes import STATUSES
from getimg_mock.world.operations import OPERATIONS, SUBMISSIONS
from getimg_mock.world.transitions import OPEN, TransitionRule

if TYPE_CHECKING:
    from collections.abc import Mapping

# Replaces the right answer: before the work is done, or after it (`after_commit`).
ReplacementFault = Literal["html", "hang", "reset", "close"]
# Applied to the right answer, so always after the work.
ResponseFault = Literal[
    "hang_body",
    "drip",
    "truncate",
    "wrong_length",
    "malformed_json",
    "wrong_type",
    "corrupt_media",
    "expired_url",
]
Oddity = Literal[
    "unknown_fields",
    "nulls",
    "unknown_mime_type",
    "unknown_error_code",
    "reordered_keys",
    "long_strings",
]

REPLACEMENT_FAULTS: Final = get_args(ReplacementFault)
RESPONSE_FAULTS: Final = get_args(ResponseFault)
SOCKET_FAULTS: Final = ("reset", "close", "truncate", "hang_body", "wrong_length")
"""The faults that need the socket, which only servers of getimg-mock give access to."""
ODDITIES: Final = get_args(Oddity)


def _error_named(code: str, message: str, status: int | None = None) -> tuple[int, str, str]:
    return (status or STATUSES[code], code, message)


# Errors by name: status, code, message. `concurrency` is the 429 without Retry-After;
# `unavailable` (503) is undocumented.
ERRORS: Final[Mapping[str, tuple[int, str, str]]] = {
    "invalid_api_key": _error_named("invalid_api_key", error_messages.INCORRECT_KEY),
    "parameter_missing": _error_named("parameter_missing", "Missing required parameter: 'prompt'."),
    "invalid_parameter": _error_named("invalid_parameter", "Invalid 'prompt'."),
    "quota_exceeded": _error_named("quota_exceeded", error_messages.INSUFFICIENT_BALANCE),
    "not_found": _error_named("not_found", "Not found."),
    "content_policy_violation": _error_named("content_policy_violation", error_messages.UNSAFE),
    "rate_limit": _error_named("rate_limit", error_messages.TOO_MANY_REQUESTS),
    "concurrency": _error_named("rate_limit", error_messages.TOO_MANY_CONCURRENT),
    "server_error": _error_named("server_error", error_messages.SOMETHING_WENT_WRONG),
    "unavailable": _error_named("server_error", error_messages.SOMETHING_WENT_WRONG, 503),
}

_DEFAULT_RETRY_AFTER: Final = 60

# Operations that some behaviours are limited to; all others apply to any operation.
_DOWNLOAD_OPERATIONS: Final = frozenset({"downloads.retrieve"})
_LINK_OPERATIONS: Final = _DOWNLOAD_OPERATIONS | {
    name for name, each in OPERATIONS.items() if each.has_links
}

# The server computes these itself; a wrong length is the fault `wrong_length`.
_FRAMING: Final = ("content-length", "transfer-encoding", "connection")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error in getimg.ai's envelope; `retry_after` is the header's value, or None."""

    status: int
    code: str
    message: str
    param: str | None = None
    retry_after: str | None = None

    def to_refusal(self) -> Refusal:
        """Return it as the error that the API answers with."""
        return Refusal(
            self.code,
            self.message,
            param=self.param,
            status=self.status,
            retry_after=self.retry_after,
        )


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer that a rule gives verbatim: `body` is JSON, unless `text` is given."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What the fake does to a request; a field that is None changes nothing.

    `latency` delays the work. `error`, `answer` and the faults of `REPLACEMENT_FAULTS` replace
    the right answer: before the work or, with `after_commit`, after it, when it is charged.
    `oddity` is a legal variation that a tolerant client must accept.
    """

    latency: Span | None = None
    error: ErrorAnswer | None = None
    answer: CannedAnswer | None = None
    fault: str | None = None
    after_commit: bool = False
    oddity: tuple[str, ...] = ()
    transition: TransitionRule = OPEN

    @property
    def replaces(self) -> bool:
        """Whether it replaces the right answer."""
        return self.error is not None or self.answer is not None or self.fault in REPLACEMENT_FAULTS

    def reaches(self, operation: str) -> bool:
        """Return whether any part of it applies to requests for `operation`."""
        if self.error is not None or self.answer is not None or self.oddity:
            return True
        if self.latency is not None:
            return True
        if self.fault == "malformed_json":
            return operation not in _DOWNLOAD_OPERATIONS
        if self.fault == "corrupt_media":
            return operation in _DOWNLOAD_OPERATIONS
        if self.fault == "expired_url":
            return operation in _LINK_OPERATIONS
        return self.fault is not None or operation in SUBMISSIONS

    @property
    def name(self) -> str | None:
        """Its name in the journal, or None when the right answer is sent unchanged."""
        when = " after commit" if self.after_commit else ""
        if self.error is not None:
            return f"{self.error.status} {self.error.code}{when}"
        if self.answer is not None:
            return f"canned {self.answer.status}{when}"
        if self.fault is not None:
            return f"{self.fault}{when if self.fault in REPLACEMENT_FAULTS else ''}"
        return " ".join(self.oddity) or None

    def fill_from(self, lower: Behaviour) -> Behaviour:
        """Return this behaviour, with fields that it leaves open taken from `lower`."""
        spoken = self.replaces or self.fault is not None
        answer = self if spoken else lower
        return Behaviour(
            latency=self.latency if self.latency is not None else lower.latency,
            error=answer.error,
            answer=answer.answer,
            fault=answer.fault,
            after_commit=answer.after_commit,
            oddity=self.oddity or lower.oddity,
            transition=self.transition.fill_from(lower.transition),
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Behaviour:
        """Read a behaviour from JSON, TOML or keywords; raises `SettingsError`.

        Keys: `latency`, `error` (a name of `ERRORS`), `status`, `code`, `message`, `param`,
        `retry_after`, `answer`, `fault`, `after_commit`, `oddity` (one or a list), `transition`.
        """
        for name in values:
            if name not in BEHAVIOUR_KEYS:
                raise UnknownNameError("behaviour", str(name), BEHAVIOUR_KEYS)
        given = {name: value for name, value in values.items() if value is not None}
        behaviour = cls(
            latency=Span.parse(given["latency"]) if "latency" in given else None,
            error=_parse_error(given),
            answer=_parse_canned(given["answer"]) if "answer" in given else None,
            fault=_check_name("fault", given["fault"], REPLACEMENT_FAULTS + RESPONSE_FAULTS)
            if "fault" in given
            else None,
            after_commit=_parse_after_commit(given),
            oddity=_parse_oddities(given["oddity"]) if "oddity" in given else (),
            transition=_parse_transition(given["transition"]) if "transition" in given else OPEN,
        )
        _check(behaviour)
        return behaviour


NOTHING: Final = Behaviour()

BEHAVIOUR_KEYS: Final = (
    "latency",
    "error",
    "status",
    "code",
    "message",
    "param",
    "retry_after",
    "answer",
    "fault",
    "after_commit",
    "oddity",
    "transition",
)


def _check(behaviour: Behaviour) -> None:
    kinds = [name for name in ("error", "answer", "fault") if getattr(behaviour, name) is not None]
    if len(kinds) > 1:
        raise SettingsError(f"{kinds[0]} and {kinds[1]} cannot be combined: use two rules.")
    if behaviour.after_commit and not behaviour.replaces:
        raise SettingsError(
            "after_commit needs something that replaces the answer: an error, a status, an "
            f"answer, or one of the faults {', '.join(REPLACEMENT_FAULTS)}."
        )


def _parse_error(given: Mapping[str, Any]) -> ErrorAnswer | None:
    status = given.get("status")
    if "error" in given:
        name = _check_name("error", given["error"], tuple(ERRORS))
        known, code, message = ERRORS[name]
        retry = str(_DEFAULT_RETRY_AFTER) if name == "rate_limit" else None
        answer = ErrorAnswer(known, code, message, "prompt" if known == 400 else None, retry)
    elif status is not None:
        answer = _build_error(status)
    else:
        for name in ("code", "message", "param", "retry_after"):
            if name in given:
                raise SettingsError(f"{name} needs an error to belong to: add error or status.")
        return None
    changes: dict[str, Any] = {
        name: _parse_text(name, given[name])
        for name in ("code", "message", "param")
        if name in given
    }
    if "retry_after" in given:
        changes["retry_after"] = _parse_retry_after(given["retry_after"])
    if status is not None:
        changes["status"] = _parse_status(status)
    return replace(answer, **changes)


def _build_error(status: Any) -> ErrorAnswer:
    number = _parse_status(status)
    for known, code, message in ERRORS.values():
        if known == number:
            retry = str(_DEFAULT_RETRY_AFTER) if number == 429 else None
            return ErrorAnswer(known, code, message, retry_after=retry)
    code = "server_error" if number >= 500 else "invalid_parameter"
    return ErrorAnswer(number, code, error_messages.SOMETHING_WENT_WRONG)


def _parse_status(value: Any) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 200 <= number <= 599:
        raise SettingsError(f"status: {shorten_value(value)} is not a status from 200 to 599.")
    return number


def _parse_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{name}: {shorten_value(value)} is not a string.")
    return value


def _parse_retry_after(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and value.isascii() and value.isprintable()):
        return str(value)
    raise SettingsError(
        f"retry_after: {shorten_value(value)} is neither a number nor a header value in ASCII."
    )


def _parse_canned(value: Any) -> CannedAnswer:
    if not isinstance(value, dict):
        raise SettingsError("answer: use a table with status, headers, and body or text.")
    keys = tuple(each.name for each in fields(CannedAnswer))
    for name in value:
        _check_name("answer key", name, keys)
    text = value.get("text")
    if text is not None and not isinstance(text, str):
        raise SettingsError(f"answer.text: {shorten_value(text)} is not a string.")
    headers = _parse_headers(value.get("headers", {}))
    return CannedAnswer(_parse_status(value.get("status", 200)), headers, value.get("body"), text)


def _parse_headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise SettingsError("answer.headers: use a table of names and values.")
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(str(name)) or str(name).lower() in _FRAMING:
            raise SettingsError(
                f"answer.headers: {shorten_value(name)} cannot be set; for a wrong length, "
                "use the fault wrong_length."
            )
        if not isinstance(text, str) or not (text.isascii() and text.isprintable()):
            raise SettingsError(
                f"answer.headers: {shorten_value(text)} is not a header value in ASCII."
            )
    return tuple((str(name).lower(), text) for name, text in value.items())


def _parse_oddities(value: Any) -> tuple[str, ...]:
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, (list, tuple)) or not named:
        raise SettingsError(
            f"oddity: {shorten_value(value)} is neither a name nor a list of names."
        )
    return tuple(_check_name("oddity", each, ODDITIES) for each in named)


def _parse_transition(value: Any) -> TransitionRule:
    if not isinstance(value, dict):
        raise SettingsError("transition: use a table such as {seconds = 600}.")
    rule = TransitionRule.of(value)
    if not (rule.says_when or rule.says_how):
        raise SettingsError(
            "transition needs when (seconds, polls, hold) or how (failed, completed, fail_rate)."
        )
    return rule


def _parse_after_commit(given: Mapping[str, Any]) -> bool:
    value = given.get("after_commit", False)
    if not isinstance(value, bool):
        raise SettingsError(f"after_commit: {shorten_value(value)} is neither true nor false.")
    return value


def _check_name(kind: str, name: Any, names: tuple[str, ...]) -> str:
    if not isinstance(name, str) or name not in names:
        raise UnknownNameError(kind, str(name), names)
    return name
