"""What an answer says: its JSON, whether that is what the API documents, and refusals."""

from __future__ import annotations

import contextlib
import json
import logging
import time  # noqa: TID251 - a client reads its own clock
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from getimg_mock import schemas
from tests.contract.clients.reference.errors import (
    REFUSALS,
    AnswerError,
    ClientError,
    OutcomeUnknownError,
    RefusedError,
    UnavailableError,
)
from tests.contract.clients.reference.retries import asked
from tests.contract.clients.reference.small_faults import misjudge, misread

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got

_NO_ENVELOPE = (ValueError, KeyError, TypeError)
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
}


def parsed(core: Core, got: Got) -> Any:
    """Return the JSON of an answer."""
    core.seen["request"] = got.headers.get("x-request-id") or core.seen.get("request")
    kind = got.headers.get("content-type", "application/json").partition(";")[0].strip()
    if core.faulty("exact-media-type"):
        kind = got.headers.get("content-type", "")
        if kind != "application/json":
            raise AnswerError(f"no JSON: {kind!r}")
    if core.faulty("garbage-returned") and kind.lower() != "application/json":
        return got.body.decode("latin-1")
    if core.faulty("raw-json-errors"):
        return json.loads(got.body)
    if core.faulty("date-trusted") and "date" in got.headers:
        skew = parsedate_to_datetime(got.headers["date"]).timestamp() - time.time()
        if abs(skew) > 6 * 3600:
            raise AnswerError(f"a clock is {skew:.0f} s off")
    try:
        encoding = "utf-8" if core.faulty("bom-fatal") else "utf-8-sig"
        value = json.loads(got.body.decode(encoding))
    except (ValueError, RecursionError) as error:
        quoted = f": {got.body.decode('latin-1')}" if core.faulty("broken-json-quoted") else ""
        raise AnswerError(f"the answer is no JSON{quoted}", status=got.status) from error
    if kind.lower() != "application/json":
        raise AnswerError(f"the answer is {kind}", status=got.status)
    if core.faulty("odd-headers-fatal") and len(got.headers.get_list("vary")) > 1:
        raise AnswerError("two Vary headers")
    return value


def check(core: Core, value: Any, schema: str) -> None:
    """Raise when a value is not what the API documents."""
    if core.faulty("unchecked") or (core.faulty("garbage-returned") and isinstance(value, str)):
        return
    wrong = {"required", "type"}
    if core.faulty("missing-unchecked"):
        wrong = {"type"}
    if core.faulty("types-unchecked"):
        wrong = {"required"}
    if core.faulty("empty-fatal"):
        wrong.add("minItems")
    found = [each for each in schemas.violations(schema, value) if each.keyword in wrong]
    if found:
        quoted = f" in {json.dumps(value)}" if core.faulty("broken-answers-quoted") else ""
        if core.faulty("broken-answers-logged"):
            logging.getLogger("reference").warning("not as documented: %s", value)
        raise AnswerError(f"{found[0].path or '/'}: {found[0].message}{quoted}")
    if core.faulty("empty-list-fatal") and value == []:
        raise IndexError("no models")
    misread(core, value)


def refusal(core: Core, got: Got, *, post: bool) -> ClientError:
    """Return the error for an answer that refuses."""
    if core.faulty("502-untyped-on-post") and post and got.status == 502:
        raise json.JSONDecodeError("Expecting value", "", 0)
    code, message = (None, "no") if mute(core, got, post=post) else complaint(core, got)
    text = f"{got.status} {code or ''}: {message}".strip()
    text += indiscretion(core)
    if core.faulty("known-statuses-only"):
        text += HTTPStatus(got.status).phrase
    facts = {
        "status": got.status,
        "code": code,
        "retry_after": asked(core, got),
        "request_id": None if core.faulty("request-id-dropped") else request_id_of(core, got),
    }
    if core.faulty("one-error-type"):
        return RefusedError(message + str(code), code=code)
    if core.faulty("401-like-402") and got.status in {401, 402}:
        return RefusedError(text, **facts | {"status": None})
    if got.status >= 500:
        if post:
            known = core.faulty("outcome-of-gateways-known") and got.status in {502, 504}
            return OutcomeUnknownError(text, unknown=not known, **facts)
        return UnavailableError(text, **facts)
    made = REFUSALS.get(got.status, RefusedError)(text, **facts)
    if core.faulty("surrogates-kept"):
        made.args = (text,)
    if core.faulty("key-in-cause"):
        made.__cause__ = ValueError(f"refused: Bearer {core.key}")
    return misjudge(core, made)


def request_id_of(core: Core, got: Got) -> str | None:
    """Return the id of a request; faulty clients have that of another one."""
    if core.faulty("latest-request-told") and "latest" in core.seen:
        got = core.seen["latest"]
    earlier = core.seen.get("request") if core.faulty("earlier-request-told") else None
    return got.headers.get("x-request-id") or earlier


def indiscretion(core: Core) -> str:
    """Return what faulty clients say of the request in an error."""
    if core.faulty("key-in-errors"):
        return f" (sent with Bearer {core.key})"
    if core.faulty("order-in-errors"):
        return f" (sent {core.seen.get('draft', b'').decode()})"
    return f" (sent with {core.key[:-4]}****)" if core.faulty("key-half-masked") else ""


def mute(core: Core, got: Got, *, post: bool) -> bool:
    """Return whether a fault keeps a refusal's words from the caller."""
    return (core.faulty("409-mute") and got.status == 409) or (
        core.faulty("reads-mute") and not post
    )


def complaint(core: Core, got: Got) -> tuple[str | None, str]:
    """Return code and message of a refusal, as far as its body has them."""
    error: Any = {}
    if core.faulty("pages-taken-for-utf-8"):
        got.body.decode()
    caught = (ValueError, KeyError) if core.faulty("envelope-trusted") else _NO_ENVELOPE
    with contextlib.suppress(*caught):
        error = json.loads(got.body)["error"]
    error = error if isinstance(error, dict) else {}
    if core.faulty("refusals-trusted") and got.status < 500 and not error:
        raise KeyError("error")
    code, message = error.get("code"), str(error.get("message", ""))
    if core.faulty("param-required") and error:
        message += f" ({error['param']})" if error["param"] else ""
    if core.faulty("code-dropped") or (core.faulty("402-without-code") and got.status == 402):
        code = None
    if core.faulty("messages-formatted"):
        message = message.format(scope="images")
    if core.faulty("message-dropped"):
        message = ""
    if core.faulty("message-cut"):
        message = message[:1000]
    if core.faulty("502-untyped") and not error:
        raise json.JSONDecodeError("Expecting value", "", 0)
    if core.faulty("known-codes-only") and code == "brand_new_code":
        raise KeyError(code)
    return code, message
