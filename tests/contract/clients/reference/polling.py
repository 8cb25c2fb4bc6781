"""Waiting for a video: looked at again and again until it ends, or the caller has waited enough."""

from __future__ import annotations

import logging
import threading
import time  # noqa: TID251 - a client waits on its own clock
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.contract.clients.reference import answers, small_faults
from tests.contract.clients.reference.errors import (
    AnswerError,
    ClientError,
    FailedError,
    MissingError,
    NotSentError,
    RateLimitError,
    RefusedError,
    StillPendingError,
    UnavailableError,
)
from tests.contract.clients.reference.reading import read
from tests.contract.clients.reference.requests import encoded, headers_of, url_of
from tests.contract.clients.reference.steps import STOPS, Send, Sleep
from tests.contract.clients.reference.submissions import submit_video

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Steps

SCHEMAS = {"pending": "video-pending", "failed": "video-failed", "completed": "video-completed"}


def retrieve_video(core: Core, /, id: str) -> Steps:  # noqa: A002 - the driver's word
    """Look at a video."""
    if id in core.seen.get("missing", ()):
        raise MissingError(f"there is no video {id}", status=404)
    try:
        value = yield from looked_at(core, id)
    except MissingError:
        if core.faulty("missing-remembered"):
            core.seen.setdefault("missing", set()).add(id)
        raise
    if value.get("status") not in SCHEMAS and core.faulty("unknown-status-fails"):
        return value | {"status": "failed"}
    for item in value.get("data", ()) if core.faulty("rates-as-integers") else ():
        item.update({"fps": int(item["fps"])} if isinstance(item.get("fps"), float) else {})
    return value


def generate_video(core: Core, /, **fields: Any) -> Steps:
    """Make a video and wait for it."""
    made = small_faults.find_made(core, "videos-kept-by-order", fields)
    return made if made is not None else (yield from video_made(core, fields))


def video_made(core: Core, fields: dict[str, Any]) -> Steps:
    """Return a video that is made for this call."""
    small_faults.begin_wait(core)
    if core.faulty("given-up-polled-later") and "given_up" in core.seen:
        yield from looked_at(core, core.seen["given_up"])
    accepted = yield from submit_video(core, **fields)
    name = accepted["id"]
    if core.faulty("first-status-kept") and accepted["status"] == "completed":
        return accepted
    try:
        with core.lock_if("waits-one-by-one"):
            value = charged(core, fields, (yield from waited(core, name)))
        small_faults.log_link(core, "finished-videos-logged", value)
        return small_faults.keep_made(core, fields, value)
    except ClientError as error:
        if ordered_again(core, error):
            again = yield from submit_video(core, **fields)
            return (yield from waited(core, again["id"]))
        if not core.faulty("id-lost") and not core.seen.get("nameless"):
            error.generation_id = name
            error.add_note(f"generation {name}")
        raise
    except STOPS as stop:
        stopped(core, name)
        if core.faulty("interrupt-swallowed"):
            return (yield from waited(core, name))
        if core.faulty("cancelled-polled-later"):
            url = url_of(core, f"videos/generations/{encoded(core, name)}")
            core.seen["spool"] = Send("GET", url, headers_of(core))
        if not loses_id(core, name):
            stop.add_note(f"generation {name} goes on")
        raise


def loses_id(core: Core, name: str) -> bool:
    """Return whether a fault keeps the id from a caller who cancels."""
    if core.faulty("cancel-leaves-trace"):
        path = f"/v2/videos/generations/{name}"
        logging.getLogger("getimg._base_client").debug("Request options: {'url': '%s'}", path)
        return True
    sooner = core.faulty("early-cancel-loses-id") and not core.seen.get("looked-again")
    return core.faulty("cancel-loses-id") or sooner


def stopped(core: Core, name: str) -> None:
    """Note that the caller cancels; a faulty client makes an error of its own of it."""
    core.seen["cancelled"] = True
    if core.faulty("task-cancel-renamed"):
        raise StillPendingError("gave up", generation=name)


def ordered_again(core: Core, error: ClientError) -> bool:
    """Return whether a fault orders a video anew after this error."""
    if core.faulty("orders-again-when-missing"):
        return error.status == 404
    if core.faulty("orders-again-at-policy"):
        return error.code == "content_policy_violation"
    if core.faulty("orders-again-after-refused-look"):
        return error.status in {401, 403}
    if core.faulty("orders-again-after-failure"):
        return isinstance(error, FailedError)
    outage = isinstance(error, UnavailableError) and core.seen.get("outage", 0) > 2
    return core.faulty("orders-again-after-outage") and outage


def charged(core: Core, fields: dict[str, Any], value: Any) -> Any:
    """Return a video with its cost; only faulty clients count the references in."""
    if core.faulty("links-read-at-the-end") and not value["data"][0]["url"]:
        raise AnswerError("no link")
    if core.faulty("usage-added-up") and "usage" not in value:
        raise AnswerError("it has cost nothing")
    if core.faulty("free-without-usage") and "usage" not in value:
        value["usage"] = {"total_cost": 0}
    if core.faulty("references-charged") and "images" in fields:
        value["usage"]["total_cost"] *= 1 + len(fields["images"])
    return value


def looked_at(core: Core, name: str, *, attempts: int | None = None) -> Steps:
    """Return how a video stands."""
    value = yield from read(core, f"videos/generations/{encoded(core, name)}", attempts=attempts)
    status = value.get("status") if isinstance(value, dict) else None
    small_faults.fail_at_any_error(core, value)
    answers.check(core, value, SCHEMAS.get(str(status), "video-pending"))
    return value


def waited(core: Core, name: str) -> Steps:
    """Return a video that is complete."""
    now = time.time if core.faulty("wall-clock") else time.monotonic
    began = begun(core, now())
    core.seen["current"] = name
    beat = heartbeat(core)
    for polls in count():
        if core.faulty("one-current-video"):
            name = core.seen["current"]
        pause = distance(core, polls)
        value: Any = {"status": "pending"}
        yield Sleep(core.turn(now()))
        tries = None if retried_within(core) else 1
        core.seen["looked-again"] = polls > 0
        with core.lock_if("pause-holds-looks"):
            pass
        end_with_others(core, name)
        try:
            with core.lock_if("looks-one-by-one"):
                value = yield from looked_at(core, name, attempts=tries)
        except ClientError as error:
            tolerate(core, error, polls)
            pause = small_faults.lengthen(core, pause_after(core, error, pause))
            began = now() if renews(core, error) else began
            yield Sleep(penalty(core, error))
        if value.get("status") == "failed" and core.faulty("failure-polled-again"):
            yield Sleep(pause)
            value = yield from looked_at(core, name, attempts=1)
        if ended(core, name, value):
            if core.faults & {"polls-on-later", "pauses-after-the-end"}:
                yield Sleep(pause)
            if core.faulty("polls-on") or core.faulty("polls-on-later"):
                yield from looked_at(core, name, attempts=1)
            finish(core, name, beat)
            return value
        if not core.faulty("slower-ignored"):
            pause = told_pause(core, value, pause)
        told = "$retry_after" in value and core.faulty("told-pauses-outlast-the-wait")
        if (
            not told
            and over(core, now() - began, pause, polls)
            and not core.faulty("pending-for-ever")
        ):
            break
        yield Sleep(caught_up(core, pause, began + (polls + 1) * core.poll_interval - now()))
    core.seen["given_up"] = name
    raise StillPendingError(f"still pending after {core.wait_timeout:g} s")


def told_pause(core: Core, value: Any, pause: float) -> float:
    """Return how long to wait after a look: as long as the server asks, and the caller."""
    told = float(value.get("$retry_after") or 0.0)
    return told if told and core.faulty("shorter-pauses-obeyed") else max(pause, told)


def end_with_others(core: Core, name: str) -> None:
    """Go on; a faulty client ends all its waits once one of them has not ended well."""
    if "end of all" in core.seen:
        raise FailedError("another one has ended", generation=name)


def finish(core: Core, name: str, beat: threading.Event) -> None:
    """End what ran beside a wait; a faulty client looks at its video once more, later."""
    beat.set()
    if core.faulty("polls-on-beside"):
        url = url_of(core, f"videos/generations/{encoded(core, name)}")
        core.seen["spool"] = Send("GET", url, headers_of(core))


def retried_within(core: Core) -> bool:
    """Return whether a fault has a look try again by itself, whatever is left of the wait."""
    told = core.faulty("told-looks-retried-within") and "told" in core.seen
    return told or core.faulty("looks-retried-within")


def pause_after(core: Core, error: ClientError, pause: float) -> float:
    """Return how long to wait after a look that failed."""
    if error.retry_after:
        core.seen["told"] = error.retry_after
    if core.faulty("failing-looks-repeated-at-once"):
        return 0.0
    if core.faulty("slower-ignored-by-looks"):
        return pause
    if core.faulty("looks-at-once-when-told") and error.retry_after is not None:
        return error.retry_after
    return max(pause, error.retry_after or 0.0)


def renews(core: Core, error: ClientError) -> bool:
    """Return whether a fault begins a wait anew after this error."""
    limited = core.faulty("limits-renew-the-wait") and error.status == 429
    return limited or core.faulty("errors-renew-the-wait")


def penalty(core: Core, error: ClientError) -> float:
    """Return how long faulty clients rest after a look that failed, in addition to the pause."""
    failures = core.seen["outage"]
    if core.faulty("penalties-outlast-the-wait"):
        return float(2**failures)
    cools = core.faulty("cool-down-outlasts-the-wait") and failures % 3 == 0
    cools = cools or (core.faulty("cool-down-after-a-break") and error.status is None)
    return 60.0 if cools else 0.0


def caught_up(core: Core, pause: float, ahead: float) -> float:
    """Return a pause as it is; a faulty client keeps to a timetable, and makes up for lost time."""
    after_outage = core.faulty("missed-looks-made-up") and "outage" in core.seen
    return max(ahead, 0.0) if core.faulty("polls-caught-up") or after_outage else pause


def begun(core: Core, now: float) -> float:
    """Return when a wait began; for faulty clients, all of them began with the first."""
    first = core.faulty("deadline-of-first-wait")
    return float(core.seen.setdefault("began", now)) if first else now


def heartbeat(core: Core) -> threading.Event:
    """Start a thread for a wait, as faulty clients do and forget about it; return what ends it.

    One fault ends it where the wait ends well, and then alone.
    """
    if core.faulty("beats-left"):
        over = core.seen.setdefault("over", threading.Event())
        threading.Thread(target=over.wait, daemon=True).start()
    beat = threading.Event()
    if core.faulty("beats-left-in-vain"):
        core.seen.setdefault("beats", []).append(beat)
        threading.Thread(target=beat.wait, daemon=True).start()
    return beat


def over(core: Core, waited: float, pause: float, polls: int) -> bool:
    """Return whether the next look would be later than the caller wants to wait."""
    if core.faulty("last-pause-whole") or core.faulty("pauses-double"):
        return waited > core.wait_timeout
    if core.faulty("pauses-outlast-the-wait"):
        pause = core.poll_interval
    if core.faulty("timeout-for-the-whole-wait"):
        return waited + pause > core.timeout
    if core.faulty("polls-counted"):
        return polls * pause > core.wait_timeout
    if core.faulty("looks-numbered") and polls >= 40:
        return True
    if core.faulty("waits-capped"):
        return waited + pause > min(core.wait_timeout, 900.0)
    return waited + pause > core.wait_timeout


def distance(core: Core, polls: int) -> float:
    """Return the seconds between two looks."""
    if core.used_to("growing-distance"):
        return min(2.0 * 1.5**polls, 15.0)
    if core.faulty("busy-together") and core.seen.get("waits", 0) > 1:
        return core.poll_interval / 5
    if core.faulty("task-cancel-ends-all") and core.seen.get("cancelled"):
        raise StillPendingError("closed")
    pause = min(core.poll_interval, 10.0 if core.faulty("distance-capped") else core.poll_interval)
    pause /= 1000 if core.faulty("seconds-for-milliseconds") else 1
    if core.faulty("pauses-double") or core.faulty("pauses-double-to-the-end"):
        pause *= 2**polls
    if core.faulty("looks-by-whole-seconds"):
        pause = int(pause)
    if core.faulty("pauses-kept"):
        core.seen["pause"] = pause = min(core.seen.get("pause", pause) * 1.3, 60.0)
    if core.faulty("pending-for-ever") and polls > 200:
        pause *= 20  # else the hours that a case lets it go on are two thousand looks
    return pause * (0.95 if core.faulty("polls-early") else 1)


def ended(core: Core, name: str, value: Any) -> bool:
    """Return whether there is nothing more to wait for; raises when the video failed."""
    status = value.get("status")
    if core.faulty("polls-for-data"):
        return "data" in value
    if status == "failed":
        if not core.faults & {"failed-returned", "failed-polled-on"}:
            error = value["error"]
            text = "it failed" if core.faulty("failure-mute") else error["message"]
            if core.faulty("first-failure-told"):
                text = core.seen.setdefault("failure", text)
            if core.faulty("failures-formatted"):
                text = text.format(**error)
            if core.faulty("failure-codes-known"):
                text = {"server_error": text}[error["code"]]
            if core.faulty("failure-ends-all"):
                core.seen["end of all"] = True
            if core.faulty("failure-raw") and error["code"] == "server_error":
                raise ValueError(text)
            raise FailedError(text, code=error["code"], generation=name)
        return core.faulty("failed-returned")
    return status == "completed" or (status != "pending" and core.faulty("unknown-status-ends"))


def fatal(core: Core, error: ClientError) -> None:
    """Raise an error of a look that only faulty clients do not outlast."""
    if core.faulty("looks-fatal-at-500") and error.status == 500:
        raise error
    if core.faulty("gateway-pages-fatal") and error.status in {502, 504}:
        raise error
    if core.faulty("stale-unnoticed") and error.code == "close":
        raise error
    if core.faulty("no-connection-fatal") and error.code == "connect":
        core.seen["nameless"] = True
        raise NotSentError(str(error), code="connect") from None
    if core.faulty("odd-looks-fatal") and isinstance(error, AnswerError):
        core.seen["nameless"] = True
        raise AnswerError(str(error)) from None


def called_failed(error: ClientError, core: Core, *, down: bool) -> None:
    """Go on; faulty clients say after three looks in vain that the video failed, or is missing."""
    if down and core.faulty("outage-called-failure"):
        raise FailedError(f"The video failed: {error}", code="server_error") from None
    if down and core.faulty("outage-called-failure-bare"):
        raise FailedError("The video failed.") from None
    if down and core.faulty("outage-called-missing"):
        raise MissingError("not found", status=404) from None


def summed_up(core: Core, *, missing: bool) -> bool:
    """Return whether a faulty client has counted too many failures, without any reset."""
    summed = core.seen["summed"] = core.seen.get("summed", 0) + (not missing)
    most = {"failed-looks-unforgiven": 3, "ten-failed-looks-a-wait": 10}
    unforgiven = any(
        core.faulty(each) and summed > most[each] * core.seen["waits"] for each in most
    )
    return unforgiven or (core.faulty("outages-summed") and summed > 7)


def tolerate(core: Core, error: ClientError, polls: int) -> None:
    """Raise a look's error unless the next look may do better."""
    missing = isinstance(error, MissingError)
    core.seen["outage"] = core.seen.get("outage", 0) + 1
    early = core.faulty("orders-again-when-missing") and polls < 4
    if ordered_again(core, error) and not early:
        raise error
    if core.faulty(f"{error.status}-polled-on"):
        return
    fatal(core, error)
    called_failed(error, core, down=not missing and core.seen["outage"] > 2)
    if core.faulty("404-fatal" if missing else "poll-error-fatal"):
        core.seen["nameless"] = True
        raise type(error)(str(error)) from None
    if core.faulty("first-outage-fatal") and not missing and error.retry_after is None:
        raise error
    if summed_up(core, missing=missing):
        raise error
    if missing:
        if polls > 3:
            raise error
    elif isinstance(error, RefusedError) and not isinstance(
        error, RateLimitError | UnavailableError
    ):
        if core.faulty("refused-look-ends-all"):
            core.seen["end of all"] = True
        raise error
