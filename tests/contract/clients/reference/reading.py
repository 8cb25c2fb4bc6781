"""Reads: a GET is repeated until it is answered, or often enough."""

from __future__ import annotations

import time  # noqa: TID251 - a client waits on its own clock
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from tests.contract.clients.reference import answers, retries, small_faults
from tests.contract.clients.reference.errors import (
    UNANSWERED,
    BrokenConnectionError,
    ClientError,
    NotSentError,
)
from tests.contract.clients.reference.requests import headers_of, url_of
from tests.contract.clients.reference.steps import Send, Sleep

if TYPE_CHECKING:
    from typing import Any

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got, Steps


def read(
    core: Core,
    path: str,
    query: dict[str, str] | None = None,
    *,
    attempts: int | None = None,
    raw: str = "",
) -> Steps:
    """Return the JSON at a path; `raw` is a query as it is sent."""
    found = remembered(core, path, query)
    if found is not None:
        return found
    yield from spooled(core)
    most = core.max_retries + 1 if attempts is None else attempts
    most = miscounted(core, path, most, asked=attempts is None)
    url = url_of(core, path, raw or urlencode(query or {}))
    for attempt in range(most):
        last = attempt == most - 1
        core.seen["used"] = True
        circuit_tried(core)
        try:
            got = yield from sent(core, url)
        except UNANSWERED as error:
            small_faults.misname_loss(core, error)
            if last or core.faulty("no-get-retries"):
                raise
            yield Sleep(retries.backoff(core, attempt))
            continue
        core.seen["in_vain"] = core.seen["in_vain"] if got.status >= 500 else 0
        core.seen["broken"] = core.seen.get("broken", 0) + 1 if got.status == 503 else 0
        if core.faulty("late-answers-read") and core.seen.pop("late", False):
            return {"balance": "0.04", "currency": "USD"}  # of the call before
        yield from retries.held_until_reset(core, got, "reads-held-until-reset")
        if got.status < 300:
            return small_faults.keep(core, path, query, kept(core, value_of(core, got)))
        wait = retries.wait_after(core, got, attempt, post=False)
        if core.faulty("asks-elsewhere-when-down") and got.status == 503:
            got = yield Send("GET", f"https://api.getimg.ai/v2/{path}", headers_of(core))
        if last or wait is None:
            refusal = answers.refusal(core, got, post=False)
            raise small_faults.misname_spent(core, refusal) if attempt else refusal
        yield Sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def remembered(core: Core, path: str, query: dict[str, str] | None) -> Any:
    """Return None, or what a faulty client answers with instead of asking."""
    if core.faulty("ample-balance-kept") and "balance" in core.seen and path == "billing/balance":
        since, value = core.seen["balance"]
        if time.monotonic() - since > 5:
            return value
    return small_faults.answer_from_kept(core, path, query)


def circuit_tried(core: Core) -> None:
    """Count a try until it is answered; raise where a fault has opened the circuit, for good."""
    stays = core.faulty("circuit-stays-open") and core.seen.get("broken", 0) > 4
    if stays or (core.faulty("breaker-never-closes") and core.seen.get("in_vain", 0) >= 8):
        raise BrokenConnectionError("the circuit is open")
    core.seen["in_vain"] = core.seen.get("in_vain", 0) + 1


def kept(core: Core, value: Any) -> Any:
    """Return an answer; only faulty clients keep a balance that seems to last for long."""
    ample = isinstance(value, dict) and str(value.get("balance", "")).startswith("1000")
    if core.faulty("ample-balance-kept") and ample and len(str(value["balance"])) < 8:
        core.seen["balance"] = time.monotonic(), value
    return value


def spooled(core: Core) -> Steps:
    """Send an order that failed before: only faulty clients keep one."""
    order = core.seen.pop("spool", None)
    if order is not None:
        with suppress(ClientError):
            yield order


def miscounted(core: Core, path: str, most: int, *, asked: bool) -> int:
    """Return how often to try; only faulty clients do not keep to what was asked for."""
    if core.faulty("retries-cannot-be-off"):
        most = 4
    if core.faulty("retries-without-end"):
        most = 41
    if core.faulty("one-retry-more") and core.max_retries and asked:
        most += 1
    if core.faulty("billing-read-once") and path.startswith("billing/"):
        most = 1
    used_up = core.faulty("retries-used-up") and core.drawn >= 10
    if used_up or (core.faulty("retries-in-common") and core.seen.get("spent", 0) >= most):
        most = 1
    if core.faulty("waits-for-hours") and asked:
        most = max(most, 11)
    return most


def value_of(core: Core, got: Got) -> Any:
    """Return an answer's JSON; what is pending carries the wait that the answer asks for."""
    value = answers.parsed(core, got)
    asked = retries.asked(core, got) if "retry-after" in got.headers else None
    if core.faulty("looks-held-by-the-limit") and got.headers.get("x-ratelimit-remaining") == "0":
        asked = retries.until_reset(core, int(got.headers["x-ratelimit-reset"]))
    if isinstance(value, dict) and asked and value.get("status") == "pending":
        value["$retry_after"] = asked
    return value


def knocked(core: Core, send: Send) -> Steps:
    """Return what a request was answered with; a faulty client tries again until it can connect."""
    while True:
        try:
            return (yield send)
        except NotSentError:
            if not core.faulty("knocks-for-ever"):
                raise
        yield Sleep(2.0)


def sent(core: Core, url: str) -> Steps:
    """Send a GET; only faulty clients follow redirects."""
    headers = headers_of(core)
    if core.faulty("lower-bearer-for-lists") and urlsplit(url).path.endswith("/models"):
        headers["Authorization"] = f"bearer {core.key}"
    got = yield from knocked(core, Send("GET", url, headers, follow=core.faulty("key-follows")))
    most = 1 if core.faulty("key-kept-on-redirect") else 0
    most = 100 if core.faulty("loops-for-ever") else most
    for _ in range(most):
        new = urljoin(url, got.headers.get("location", ""))
        if got.status not in {301, 302, 307, 308} or new.startswith("http:"):
            break
        if core.faulty("loops-for-ever") and urlsplit(new).netloc != urlsplit(url).netloc:
            break
        got = yield Send("GET", url := new, headers)
    return got
