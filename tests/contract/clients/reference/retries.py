"""When to try again, and how long to wait before."""

from __future__ import annotations

import logging
import re
import time  # noqa: TID251 - a client waits on its own clock
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tests.contract.clients.reference.steps import Sleep

if TYPE_CHECKING:
    from datetime import datetime

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.errors import ClientError
    from tests.contract.clients.reference.steps import Got, Steps


def wait_after(core: Core, got: Got, attempt: int, *, post: bool) -> float | None:
    """Return how long to wait before the next attempt; None when there must be none."""
    wait = find_wait(core, got, attempt, post=post)
    core.seen["spent"] = core.seen.get("spent", 0) + (wait is not None)
    return wait


def find_wait(core: Core, got: Got, attempt: int, *, post: bool) -> float | None:
    """Return how long to wait before the next attempt; None when there must be none."""
    seconds = None if core.faulty("reads-come-early") and not post else asked(core, got)
    if core.faulty("key-logged-on-retry"):
        logging.getLogger("reference").warning("%s: trying again with %s", got.status, core.key)
    if core.faulty("key-masked-at-its-end") and got.status == 401:
        logging.getLogger("reference").warning("%s****: refused", core.key[:-4])
    if core.faulty("retries-whatever-asks-for-it") and "retry-after" in got.headers:
        return seconds
    if retried_wrongly(core, got, post=post):
        return backoff(core, attempt)
    if not retried(core, got.status, told=seconds is not None, post=post):
        return None
    if seconds is None:
        at_once = core.faulty("unasked-429-at-once") and got.status == 429
        return 0.0 if at_once else backoff(core, attempt)
    ages = core.faulty("reads-wait-for-ages") and not post
    if seconds > core.longest_wait and not ages:
        return backoff(core, attempt) if core.faulty("long-waits-cut") else None
    as_told = core.faulty("odd-wait-spins") or core.faulty("past-resets-slept-for")
    return seconds if as_told else max(seconds, 0.1)


def retried(core: Core, status: int, *, told: bool, post: bool) -> bool:
    """Return whether a refusal may pass: a POST is repeated only when nothing was made."""
    if post:
        return status == 429 or (status == 503 and told)
    return status in {408, 429, 502, 503, 504} and not core.faulty("no-get-retries")


def retried_wrongly(core: Core, got: Got, *, post: bool) -> bool:
    """Return whether a fault repeats what must not be."""
    status = got.status
    if core.faulty("empty-balance-as-limit") and b'"quota_exceeded"' in got.body:
        return True
    if core.faulty("retries-by-words") and b"try again" in got.body:
        return True
    if core.faulty("retries-refusals") and status in {400, 403, 422}:
        return True
    if not post:
        return False
    reposted_at = {504: "reposts-504", 524: "reposts-524", 502: "loss-hidden-by-refusal"}
    if core.faulty(reposted_at.get(status, "")):
        return True
    on = core.faulty("reposts-5xx") or core.faulty("no-retries-for-reads-alone")
    return (status == 409 and core.faulty("reposts-409")) or (status >= 500 and on)


def reposted(core: Core, error: ClientError) -> bool:
    """Return whether a fault repeats a POST that may have been served."""
    kind = error.code or ""
    if core.faulty("reposts-stale"):
        return kind in {"close", "reset"} and bool(core.seen.get("used"))
    return (
        core.faulty(f"reposts-{kind}")
        or core.faulty("reposts-all")
        or core.faulty("keys-per-attempt")
        or core.faulty("one-key-for-all")
        or core.faulty("no-idempotency-key")
        or core.faulty("body-rebuilt-lost")
    )


def asked(core: Core, got: Got) -> float | None:
    """Return how many seconds an answer asks to be left alone; None when it says nothing."""
    text = got.headers.get("retry-after", "").strip()
    if core.faulty("header-names-by-case") and b"Retry-After" not in dict(got.headers.raw):
        text = ""
    deaf = core.faulty("told-by-429-alone") and got.status != 429
    if deaf or core.faulty("retry-after-ignored"):
        return None
    if core.faulty("odd-wait-crash") and text:
        return float(int(text)) if "," not in text else 0.0
    if core.faulty("odd-wait-spins") and text and not text.isdigit() and "," not in text:
        core.longest_wait = 10
        return 0.0
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
        if core.faulty("short-waits-halved") and seconds < 20 and got.status == 429:
            seconds /= 2
        if core.faulty("comes-early"):
            seconds -= 0.95
        return seconds / 1000 if core.faulty("retry-after-milliseconds") else seconds
    moment = None if core.faulty("dates-ignored") else date_in(core, text)
    if moment is not None:
        return ahead(moment.timestamp(), more=1)
    reset = got.headers.get("x-ratelimit-reset", "")
    known = reset.isdigit() and not core.faulty("reset-ignored")
    known = known or (core.faulty("odd-reset-crash") and bool(reset))
    return until_reset(core, int(reset)) if known else None


def until_reset(core: Core, moment: int) -> float | None:
    """Return the seconds until a limit is reset; only a faulty client takes the moment for them."""
    if core.faulty("reset-as-duration"):
        core.longest_wait = float("inf")
        return float(moment)
    if core.faulty("past-resets-slept-for"):
        return moment - time.time()
    return ahead(moment, more=0.5)


def held_until_reset(core: Core, got: Got, fault: str) -> Steps:
    """Go on at once; a faulty client waits where an answer says that no order is left."""
    if core.faulty(fault) and got.headers.get("x-ratelimit-remaining") == "0":
        yield Sleep(until_reset(core, int(got.headers["x-ratelimit-reset"])) or 0.0)


def date_in(core: Core, text: str) -> datetime | None:
    """Return the date that a header gives, if it gives one."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found and core.faulty("dates-local") else found


def ahead(moment: float, *, more: float) -> float | None:
    """Return the seconds until shortly after a moment; None when it has passed."""
    seconds = moment - time.time()
    return seconds + more if seconds > 0 else None


def backoff(core: Core, attempt: int) -> float:
    """Return how long to wait when the server does not say."""
    if core.faulty("no-backoff"):
        return 0.2
    if core.faulty("third-wait-none") and attempt == 2:
        return 0.0
    core.drawn += 1
    if core.faulty("exponent-kept"):
        attempt = core.seen["exponent"] = core.seen.get("exponent", -1) + 1
    jitter = 0.0 if core.faulty("no-jitter") else core.chance.draw_unit(str(core.drawn))
    if core.faulty("same-bounds"):
        return 0.2 + jitter / 20
    if core.faulty("waits-for-hours"):
        return 200 + 80 * attempt / core.max_retries + jitter
    if core.used_to("full-jitter"):
        return float(jitter * min(30.0, 0.5 * 2**attempt))
    cap = 1e9 if core.faulty("uncapped") else 30.0
    base = 20.0 if core.faulty("uncapped") else 0.5
    factor = 6 if core.faulty("uncapped") else 2
    return float(min(cap, base * factor**attempt) * (1 + jitter / 4))
