"""Faulty clients: each is the reference client with one fault, named after the rule it breaks.

They are written from the catalogue's statements; a check is never changed to catch one only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Faulty:
    """One faulty client; `breaks` is the statement it was written from."""

    fault: str
    breaks: str


# Blockers are those that lose money, data or secrets.
MUTANTS: Final = tuple(
    Faulty(fault, breaks)
    for breaks, faults in {
        "GC101": ("v1-fields", "cache-busted"),
        "GC102": ("nulls-sent", "null-query", "defaults-sent"),
        "GC103": ("lower-bearer", "lower-bearer-for-lists"),
        "GC104": ("normalised", "controls-stripped", "references-cut", "prompts-cut"),
        "GC105": ("raw-ids", "dots-sent", "slashes-raw"),
        "GC106": ("naive-sent", "raw-plus"),
        "GC107": ("no-user-agent", "no-content-type"),
        "GC108": ("stringly", "whole-floats"),
        "GC109": ("prefix-dropped", "environment-ignored"),
        "GC110": ("mutates",),
        "GC201": ("strict-fields", "unknown-pruned"),
        "GC202": ("width-required", "null-as-zero", "param-required"),
        "GC203": ("known-types-only", "strict-units", "types-mapped"),
        "GC204": (
            "unknown-status-ends",
            "unknown-status-fails",
            "image-status-assumed",
            "image-status-unread",
            "polls-for-data",
        ),
        "GC205": ("known-codes-only",),
        "GC206": ("missing-unchecked", "unchecked"),
        "GC207": ("types-unchecked", "bad-dates-raw"),
        "GC208": ("garbage-returned", "raw-json-errors"),
        "GC209": ("floats", "float-balance", "usage-rounded"),
        "GC210": ("strict-dates", "zones-dropped"),
        "GC211": ("exact-media-type", "bom-fatal"),
        "GC212": (
            "first-item",
            "first-alone",
            "two-at-most",
            "empty-list-fatal",
            "no-rates-is-free",
        ),
        "GC213": ("odd-headers-fatal",),
        "GC214": ("message-cut",),
        "GC301": ("code-dropped", "message-dropped", "402-without-code", "409-mute", "reads-mute"),
        "GC302": ("failed-returned", "failure-raw"),
        "GC303": ("one-error-type", "401-like-402"),
        "GC304": ("502-untyped", "502-untyped-on-post"),
        "GC305": ("key-in-errors", "key-in-cause"),
        "GC306": ("surrogates-kept",),
        "GC307": ("request-id-dropped",),
        "GC401": ("reposts-reset", "reposts-all", "reposts-reset-counted"),
        "GC402": ("reposts-close", "reposts-close-counted"),
        "GC403": ("reposts-timeout", "reposts-timeout-counted"),
        "GC404": ("reposts-truncated", "reposts-truncated-counted"),
        "GC405": ("reposts-5xx", "reposts-5xx-counted"),
        "GC406": ("reposts-409",),
        "GC407": ("keys-per-attempt", "one-key-for-all", "no-idempotency-key", "key-never-fresh"),
        "GC408": ("refused-garbled",),
        "GC409": (
            "no-get-retries",
            "billing-read-once",
            "first-outage-fatal",
            "outages-summed",
            "circuit-stays-open",
        ),
        "GC410": ("retries-refusals",),
        "GC411": (
            "retry-after-ignored",
            "retry-after-milliseconds",
            "short-waits-halved",
            "comes-early",
        ),
        "GC412": ("long-waits-cut", "dates-ignored"),
        "GC413": ("reset-ignored",),
        "GC414": ("odd-wait-crash", "odd-wait-spins"),
        "GC415": (
            "no-backoff",
            "no-jitter",
            "uncapped",
            "retries-without-end",
            "retries-cannot-be-off",
            "same-bounds",
            "waits-for-hours",
            "one-retry-more",
        ),
        "GC416": ("unknown-as-not-sent", "lost-called-free", "outcome-called-known"),
        "GC417": ("body-rebuilt",),
        "GC418": ("cost-doubled", "references-charged"),
        "GC419": (
            "orders-again-unreadable",
            "retries-unreadable",
            "orders-in-pairs",
            "orders-again-after-failure",
            "orders-again-after-outage",
        ),
        "GC420": ("one-current-video",),
        "GC501": ("seconds-for-milliseconds", "polls-early"),
        "GC502": ("pending-for-ever", "id-lost", "polls-counted", "pauses-double"),
        "GC503": ("polls-on", "polls-on-later"),
        "GC504": ("poll-error-fatal",),
        "GC505": ("404-fatal",),
        "GC506": ("interrupt-swallowed", "cancel-loses-id"),
        "GC507": ("first-status-kept",),
        "GC508": ("slower-ignored",),
        "GC509": ("busy-together", "paced-alone"),
        "GC510": ("wall-clock",),
        "GC511": ("failed-polled-on", "failure-mute", "failure-polled-again"),
        "GC601": ("key-on-downloads", "cookies-shared", "key-when-refused"),
        "GC602": (
            "truncation-ignored",
            "written-in-place",
            "part-left-under-name",
            "cut-chunks-ignored",
            "appends-the-whole",
        ),
        "GC603": ("any-body-saved", "404-saved", "any-2xx-saved"),
        "GC604": ("expired-regenerates", "expired-untyped", "expired-looks-for-ever"),
        "GC605": ("links-rebuilt",),
        "GC606": ("read-whole",),
        "GC607": ("resumes-blindly",),
        "GC608": ("name-from-server", "suffix-from-type", "name-from-id"),
        "GC609": ("overwrites", "never-overwrites", "replaced-in-place"),
        "GC610": ("downloads-follow",),
        "GC611": ("html-saved",),
        "GC612": ("no-download-timeout", "part-in-the-way"),
        "GC613": ("first-file-saved", "second-dropped"),
        "GC614": ("index-not-in-name", "names-by-second"),
        "GC701": ("key-kept-on-redirect",),
        "GC702": ("key-follows",),
        "GC703": (
            "key-logged",
            "key-logged-on-retry",
            "key-in-repr",
            "key-pickled",
            "key-in-query",
        ),
        "GC704": ("posts-follow",),
        "GC705": ("loops-for-ever",),
        "GC706": ("no-tls-verification",),
        "GC707": ("key-to-proxy",),
        "GC708": ("links-logged", "links-in-errors"),
        "GC709": ("injected-by-id", "injected-by-model", "injected-by-prompt"),
        "GC710": ("bombs",),
        "GC801": ("per-read-timeout",),
        "GC802": ("no-read-timeout",),
        "GC803": ("packed-unread", "br-claimed", "deflate-bare"),
        "GC804": ("reposts-stale",),
        "GC805": ("informational-fatal",),
        "GC806": ("length-required",),
        "GC807": ("length-unchecked", "length-unchecked-on-post"),
        "GC808": ("brackets-lost", "names-hurried", "connecting-unbounded"),
        "GC809": ("answers-unclosed", "files-left", "threads-left", "parts-pile-up", "beats-left"),
        "GC810": ("one-thread-only", "fork-shares"),
        "GC811": ("date-trusted",),
    }.items()
    for fault in faults
)
