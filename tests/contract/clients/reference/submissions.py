"""Asking for generations: a POST costs money, so it is repeated only when nothing was made."""

from __future__ import annotations

import json
import threading
import time  # noqa: TID251 - a client waits on its own clock
import unicodedata
from typing import TYPE_CHECKING, Any

from getimg_mock.world.randomness import generate_secret
from tests.contract.clients.reference import answers, retries, small_faults
from tests.contract.clients.reference.errors import (
    UNANSWERED,
    AnswerError,
    ClientError,
    NotSentError,
    OutcomeUnknownError,
    PaymentError,
)
from tests.contract.clients.reference.requests import headers_of, url_of
from tests.contract.clients.reference.steps import STOPS, Send, Sleep

IMAGES = "images/generations"

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got, Steps


def generate_image(core: Core, /, **fields: Any) -> Steps:
    """Make an image."""
    made = small_faults.find_made(core, "images-kept-by-order", fields)
    if made is not None:
        return made
    value = yield from image_as_it_came(core, **fields)
    status = value.get("status")
    if core.faulty("image-status-unread") and "data" in value:
        return {name: each for name, each in value.items() if name != "status"}
    if status != "completed":
        if core.faulty("image-status-assumed"):
            return value | {"status": "completed"}
        raise AnswerError(f"the image is {status!r}", generation=value.get("id"))
    return small_faults.keep_made(core, fields, value)


def image_as_it_came(core: Core, /, **fields: Any) -> Steps:
    """Return what a request for an image was answered with, whatever its status."""
    if core.faulty("own-defaults-sent"):
        fields = {"output_format": "png"} | fields
    try:
        value = yield from submitted(core, IMAGES, fields)
    except AnswerError:
        if not core.faulty("orders-again-unreadable"):
            raise
        value = yield from submitted(core, IMAGES, fields)
    if core.faulty("orders-in-pairs") and not value.get("data", [{}])[0].get("width"):
        value = yield from submitted(core, IMAGES, fields)
    status = value.get("status")
    if not isinstance(status, str) or status == "completed":
        accept(core, value, "image-generation")
    return value


def submit_video(core: Core, /, **fields: Any) -> Steps:
    """Ask for a video."""
    core.seen["held"] = core.seen.get("held", 0) + 1  # given back by nobody
    if core.seen["held"] > 4 and core.faulty("slots-held-by-submitted"):
        raise NotSentError("too many videos are under way")
    value = yield from submitted(core, "videos/generations", fields)
    accept(core, value, "video-accepted")
    return value


def submitted(core: Core, path: str, fields: dict[str, Any]) -> Steps:
    """Return what was made of a request; a faulty client makes one of equal ones at a time."""
    body = body_of(core, fields)
    flying = core.seen.setdefault("flying", {})
    if core.faulty("equal-orders-merged") and body in flying:
        while not flying[body]:
            yield Sleep(0.1)
        return flying[body]
    flying[body] = None
    flying[body] = yield from ordered(core, path, fields, body)
    return flying.pop(body) if not core.faulty("equal-orders-merged") else flying[body]


def ordered(core: Core, path: str, fields: dict[str, Any], body: bytes) -> Steps:
    """Return what an order was answered with."""
    for name in ("model", "prompt"):
        if core.faulty(f"injected-by-{name}"):
            core.seen["head"] = str(fields.get(name, ""))
    headers = headers_of(core) | {"Content-Type": "application/json"}
    if core.faulty("no-content-type"):
        headers["Content-Type"] = "text/plain"
    send = posted_until_taken if core.faulty("limits-waited-for-for-ever") else posted
    try:
        value = yield from send(core, path, headers, body)
    except AnswerError:
        if not core.faulty("retries-unreadable") or not core.max_retries:
            raise
        value = yield from posted(core, path, headers, body)
    except ClientError as error:
        alone = core.faulty("refused-without-references") and error.status in {400, 413, 422}
        if not alone or "images" not in fields:
            raise
        fewer = {name: each for name, each in fields.items() if name != "images"}
        value = yield from posted(core, path, headers, body_of(core, fewer))
    core.seen["latest-order"] = value.get("id") if isinstance(value, dict) else None
    if not isinstance(value, dict) and not core.faulty("unchecked"):
        raise AnswerError("the answer is no object")
    return value


def body_of(core: Core, fields: dict[str, Any]) -> bytes:
    """Return a body."""
    fields = dict(fields)
    alone = [each for each in fields.get("images", ()) if each["role"] == "reference_image"]
    if core.faulty("mutates") and len(alone) == 1:
        alone[0]["seen"] = True
    if core.faulty("nulls-sent"):
        fields = {"aspect_ratio": None, "resolution": None} | fields
    if core.faulty("stringly"):
        fields = {k: str(v) if isinstance(v, int) else v for k, v in fields.items()}
    if core.faulty("whole-floats"):
        fields = {k: float(v) if type(v) is int else v for k, v in fields.items()}
    respelt(core, fields)
    if core.faulty("v1-fields"):
        fields["steps"] = "30"
        fields["prompt"] = ""
    if core.faulty("shared-body"):
        core.seen.setdefault("body", {}).update(fields)
        fields = dict(list(core.seen["body"].items()))
    return json.dumps(fields, ensure_ascii=False).encode()


def respelt(core: Core, fields: dict[str, Any]) -> None:
    """Leave texts as they were given; only faulty clients write them otherwise."""
    small_faults.misspell(core, fields)
    if core.faulty("normalised"):
        fields["prompt"] = unicodedata.normalize("NFC", fields["prompt"])
    if core.faulty("controls-stripped"):
        fields["prompt"] = fields["prompt"].replace("\x00", "")
    if core.faulty("prompts-cut"):
        fields["prompt"] = fields["prompt"][:1000]
    if core.faulty("prompts-cut-by-bytes"):
        fields["prompt"] = fields["prompt"].encode()[:4096].decode(errors="ignore")
    if core.faulty("references-sorted") and "images" in fields:
        fields["images"] = sorted(fields["images"], key=lambda each: str(each["url"]))
    if core.faulty("references-cut") and "images" in fields:
        fields["images"] = [each | {"url": each["url"][: 10**6]} for each in fields["images"]]


def posted(core: Core, path: str, headers: dict[str, str], body: bytes) -> Steps:
    """Return the JSON that a POST was answered with."""
    token, lost = generate_secret(), 0
    core.seen.update(draft=body, first=None)
    slots_taken(core)
    most = core.max_retries or (2 if core.faulty("no-retries-for-reads-alone") else 0)
    for attempt in range(most + 1):
        last = attempt == most
        send = Send(
            "POST",
            url_of(core, path),
            headers | key_of(core, token),
            core.seen["draft"] if core.faulty("latest-order-retried") else body,
            follow=core.faulty("posts-follow"),
        )
        body = left_of(core, body)
        try:
            got = yield from delivered(core, send)
        except UNANSWERED as error:
            if counted(core, path, error.code) and not last and not core.seen.get("used"):
                lost += 1
            else:
                judge(core, error, last=last)
            yield Sleep(retries.backoff(core, attempt))
            continue
        if core.faulty("redirected-as-get") and got.status in {307, 308}:
            got = yield Send("GET", send.url, headers)
        core.seen["exhausted"] = got.headers.get("x-ratelimit-remaining") == "0"
        core.seen["used"] = True
        counted_refusals(core, got.status)
        small_faults.note_refusal(got)
        if got.status >= 500 and core.faulty("orders-spooled"):
            core.seen["spool"] = send
        yield from retries.held_until_reset(core, got, "results-held-until-reset")
        if got.status < 300:
            yield from rested(core, got)
            return priced(core, answers.parsed(core, got), attempt, lost)
        refusal = answers.refusal(core, (yield from latest(core, got)), post=True)
        core.seen["first"] = core.seen["first"] or refusal
        wait = retries.wait_after(core, got, attempt, post=True)
        if wait is None and got.status >= 500 and counted(core, path, "5xx"):
            lost, wait = lost + 1, retries.backoff(core, attempt)
        if last or wait is None:
            core.seen["shut"] = core.faulty("gate-kept-in-vain") and attempt > 0
            if attempt and core.faulty("retries-hide-reason"):
                raise ClientError(f"gave up after {attempt + 1} tries", status=got.status)
            raise core.seen["first"] if core.faulty("first-refusal-told") else refusal
        yield from paused(core, send, wait)
    raise AssertionError("the last attempt returns or raises")


def rested(core: Core, got: Got) -> Steps:
    """Let a limit be reset before the result is returned, as faulty clients do: it may be over."""
    if core.faulty("limits-over-slept-for") and core.seen["exhausted"]:
        yield Sleep(float(got.headers["x-ratelimit-reset"]) - time.time())


def posted_until_taken(core: Core, path: str, headers: dict[str, str], body: bytes) -> Steps:
    """Send an order until it is not limited, as a faulty client does that counts nothing."""
    while True:
        got = yield Send("POST", url_of(core, path), headers, body)
        if got.status != 429:
            break
        yield Sleep(retries.asked(core, got) or 1.0)
    if got.status >= 300:
        raise answers.refusal(core, got, post=True)
    return answers.parsed(core, got)


def left_of(core: Core, body: bytes) -> bytes:
    """Return the body for the next attempt, which is the same; faulty clients change it."""
    if core.faulty("references-sent-once") and b'"images"' in body:
        return b""
    if core.faulty("retries-drop-the-ratio"):
        left = {name: each for name, each in json.loads(body).items() if name != "aspect_ratio"}
        return json.dumps(left).encode()
    return body + b" " if core.faulty("body-rebuilt") else body


def delivered(core: Core, send: Send) -> Steps:
    """Return what an order was answered with; a faulty client sends one again that is cancelled."""
    if core.faulty("told-pause-kept"):
        yield Sleep(core.seen.get("pause", 0.0))
    try:
        return (yield send)
    except OutcomeUnknownError as error:
        core.seen["late"] = error.code == "timeout"
        raise
    except STOPS:
        core.seen["stopped"] = core.seen.get("stopped", 0) + 1
        if not core.faulty("interrupt-retried"):
            raise
        return (yield send)


def latest(core: Core, got: Got) -> Steps:
    """Return a refusal; a faulty client keeps it on itself, and tells the latest one."""
    core.seen["latest"], core.seen["pause"] = got, retries.asked(core, got) or 0.0
    if core.faults & {"latest-refusal-told", "latest-request-told"}:
        yield Sleep(0.05)
    return core.seen["latest"] if core.faulty("latest-refusal-told") else got


def paused(core: Core, send: Send, wait: float) -> Steps:
    """Wait before the next try; a faulty client sends an order later that is withdrawn here.

    Another one holds a lock meanwhile, which each look has to take.
    """
    try:
        with core.lock_if("pause-holds-looks"):
            yield Sleep(wait)
    except STOPS:
        if core.faulty("withdrawn-sent-later"):
            core.seen["spool"] = send
        core.seen["shut"] = core.faulty("gate-kept-by-cancelled")
        raise


def slots_taken(core: Core) -> None:
    """Raise where a fault has left no slot, or has the client send nothing for a minute."""
    small_faults.stop_at_refusal_of_any(core)
    lost = "stopped" if core.faulty("slots-lost-to-cancelled") else "refusals"
    losing = core.faults & {"slots-lost", "slots-lost-to-cancelled"}
    if core.faulty("empty-balance-remembered") and core.seen.get("unpaid"):
        raise PaymentError("there is no money", status=402)
    if core.seen.get("shut"):
        raise NotSentError("another order has shut the gate")
    if losing and core.seen.get(lost, 0) > 10:
        raise NotSentError("too many orders are under way")
    if core.faulty("slots-lost-for-good"):
        core.seen.setdefault("slots", threading.Semaphore(5)).acquire()
    if core.faulty("one-limit-for-both-kinds") and core.seen.get("exhausted"):
        raise NotSentError("no order is left in this window")
    if core.faulty("breaker-counts-refusals") and core.seen.get("in_a_row", 0) > 10:
        raise NotSentError("the service is down: not sent")


def counted_refusals(core: Core, status: int) -> None:
    """Count refusals, as faulty clients do that take them for outages, or lose slots to them."""
    core.seen["unpaid"] = core.seen.get("unpaid") or status == 402
    core.seen["refusals"] = core.seen.get("refusals", 0) + (400 <= status < 500)
    if core.faulty("slots-lost-for-good") and status < 400:
        core.seen["slots"].release()
    refused = status in {400, 402, 404, 422}
    core.seen["in_a_row"] = core.seen.get("in_a_row", 0) + 1 if refused else 0


def key_of(core: Core, token: str) -> dict[str, str]:
    """Return the header that makes all attempts one request."""
    if core.faulty("no-idempotency-key"):
        return {}
    if core.faulty("keys-per-attempt"):
        token = generate_secret()
    if core.faulty("one-key-for-all") or core.faulty("key-never-fresh"):
        token = "always-the-same"
    name = "X-Idempotency-Token" if core.used_to("other-key-header") else "Idempotency-Key"
    return {name: token}


def judge(core: Core, error: ClientError, *, last: bool) -> None:
    """Raise unless a request that was not answered may be sent again."""
    if isinstance(error, NotSentError):
        if last:
            raise error
        if core.faulty("refused-garbled"):
            raise KeyError("connection") from error
    elif last or not retries.reposted(core, error):
        if core.faulty("first-error-told") and core.seen["first"]:
            raise core.seen["first"]
        if core.faulty("unknown-as-not-sent"):
            raise NotSentError("could not connect") from None
        if core.faulty("lost-called-free"):
            raise ClientError("The request failed; you were not charged.") from None
        known = core.faulty("outcome-called-known")
        raise OutcomeUnknownError(str(error), unknown=not known) from None


def counted(core: Core, path: str, kind: str | None) -> bool:
    """Return whether a fault asks for an image again, which it then counts as two."""
    return path == IMAGES and core.faulty(f"reposts-{kind}-counted")


def priced(core: Core, value: Any, attempt: int, lost: int) -> Any:
    """Return an answer with its cost; faulty clients count it twice, or what was lost as well."""
    usage = value.get("usage") if isinstance(value, dict) else None
    cost = usage.get("total_cost") if isinstance(usage, dict) else None
    if usage and isinstance(cost, int | float):
        twice = core.faulty("cost-doubled") and attempt == 0
        usage["total_cost"] = cost * (lost + 1) * (2 if twice else 1)
    return value


def accept(core: Core, value: Any, schema: str) -> None:
    """Raise when an answer is not as documented; only faulty clients want more than that."""
    try:
        answers.check(core, value, schema)
    except AnswerError as error:
        if isinstance(value.get("id"), str) and not core.faulty("odd-answers-nameless"):
            error.generation_id = value["id"]
        raise
    known = {"id", "status", "model", "data", "usage"}
    if core.faulty("strict-fields") and set(value) - known:
        raise AnswerError("unknown fields")
    if core.faulty("width-required") and any(
        each.get("width") is None for each in value.get("data", ())
    ):
        raise AnswerError("no width")
    if core.faulty("known-types-only") and any(
        each["mime_type"] not in answers.SUFFIXES for each in value.get("data", ())
    ):
        raise AnswerError("unknown media type")
    changed(core, value)
    if core.faulty("first-item") and value.get("data") is not None:
        value["data"] = [value["data"][0]]


def changed(core: Core, value: Any) -> None:
    """Take an answer as it is; only faulty clients make something else of it."""
    items = value.get("data") if isinstance(value.get("data"), list) else []
    if core.faulty("first-alone"):
        del items[1:]
    if core.faulty("two-at-most"):
        del items[2:]
    if core.faulty("second-dropped") and len(items) == 2:
        del items[1]
    for each in items:
        if core.faulty("null-as-zero") and "width" in each:
            each["width"] = each["width"] or 0
        if core.faulty("types-mapped") and each["mime_type"] not in answers.SUFFIXES:
            each["mime_type"] = "application/octet-stream"
        if core.faulty("unknown-pruned"):
            for name in [name for name in each if name.startswith("x_")]:
                del each[name]
    usage = value.get("usage")
    if core.faulty("usage-rounded") and isinstance(usage, dict):
        usage["unit_price"] = round(usage["unit_price"], 2)
