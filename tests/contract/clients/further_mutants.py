"""Faulty clients of further kinds, by the rule that each breaks: see `mutants`."""

from __future__ import annotations

from typing import Final

FURTHER: Final[dict[str, tuple[str, ...]]] = {
    "GC104": (
        "line-ends-changed",
        "entities-decoded",
        "percents-decoded",
        "quotes-straightened",
        "links-encoded-anew",
        "pictures-called-png",
        "references-limited-as-text",
        "frames-by-place",
    ),
    "GC105": ("ids-stripped",),
    "GC106": ("moments-at-midnight",),
    "GC108": ("models-lowered",),
    "GC110": ("results-marked",),
    "GC202": ("texts-composed", "texts-unescaped"),
    "GC203": ("choices-sorted",),
    "GC205": ("codes-lowered",),
    "GC209": ("zeros-left-out", "ids-of-digits-as-numbers", "balance-to-four-places"),
    "GC212": ("files-sorted",),
    "GC215": ("models-kept-whatever-type", "model-from-kept-list"),
    "GC301": ("first-lines-told",),
    "GC302": ("first-failure-told",),
    "GC303": ("refusals-guessed-by-words", "no-connection-as-401", "dead-link-as-401"),
    "GC304": ("error-without-text",),
    "GC305": (
        "headers-in-arguments",
        "key-in-late-errors",
        "key-in-failures",
        "key-in-limits",
        "key-in-losses",
        "key-in-dead-links",
    ),
    "GC307": ("latest-order-told",),
    "GC405": ("reposts-524",),
    "GC410": ("refused-without-references",),
    "GC418": ("images-kept-by-order", "videos-kept-by-order"),
    "GC419": ("orders-again-when-missing", "orders-again-at-policy"),
    "GC501": ("distance-capped",),
    "GC512": ("waits-capped",),
    "GC604": ("dead-links-hammered",),
    "GC609": ("overwrites-ever-after",),
    "GC613": ("first-file-if-none",),
    "GC703": ("key-logged-at-deadline", "key-logged-at-failure", "key-logged-at-odd-answers"),
    "GC708": (
        "orders-logged",
        "results-in-arguments",
        "finished-videos-logged",
        "links-logged-at-loss",
    ),
    "GC711": (
        "models-shared-by-all",
        "videos-shared-by-all",
        "refusal-stops-all",
        "limit-stops-all",
    ),
}
