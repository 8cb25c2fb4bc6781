"""Which claim of docs/fidelity.md a change touches, by the name of what changed."""

from __future__ import annotations

import re
from typing import Final

_CLAIMS: Final[tuple[tuple[str, str], ...]] = (
    (r"images\.generate request output_format", "`output_format` is `png`, `jpeg` or `webp`"),
    (r"images\.generate request images\[\]\.role", "`images[].role` may be left out"),
    (r"images\.generate request images\[\]\.url", "a public HTTPS URL, or a data URL"),
    (r"images\.generate request images", "at most 8 `images`"),
    (r"images\.generate request (aspect_ratio|resolution)", "without `aspect_ratio` or"),
    (r"images\.generate request", "`model` and `prompt` are required"),
    (r"images\.generate response usage", "in `usage` all four fields are present"),
    (r"images\.generate response data\[\]", "`data` has one item with"),
    (r"images\.generate", "the call blocks until the picture is done"),
    (r"videos\.create request images\[\]\.url", "a public HTTPS URL, or a data URL"),
    (r"videos\.create request images", "`images[].role` is required: `reference_image`"),
    (r"videos\.create request duration", "`duration` is a whole number of seconds"),
    (r"videos\.create request sound", "`sound` is a boolean, without it false"),
    (r"videos\.create request", "the fields of an image, without `output_format`"),
    (r"videos\.create", "accepted: 202 with `id` and `status"),
    (r"videos\.retrieve response .*data\[\]", "the item has `url width height duration fps"),
    (r"videos\.retrieve response .*usage", "`usage` is present on a completed video"),
    (r"videos\.retrieve response .*error", "always HTTP 200, a failed generation included"),
    (r"videos\.retrieve", "`pending`, then `completed` or `failed`, which are final"),
    (r"models\.list query type", "`?type=image` and `?type=video` filter"),
    (r"models\.list", "`GET /v2/models` is a bare array"),
    (r"models\.retrieve", "`GET /v2/models/{model}` is one such object"),
    (r"billing\.balance", "`GET /v2/billing/balance` is"),
    (r"billing\.costs query", "`GET /v2/billing/costs` needs `start` and `end`"),
    (r"billing\.costs", "`cost` and `total_cost` are numbers"),
    (r"model \S+ pricing", "rates are ordered by price; `unit_price` is a decimal string"),
    (r"model \S+ default", "the first listed ratio, resolution and duration is the default"),
    (r"model ", "which models there are, and each value of each"),
    (r"client (base_url|environment)", "the API answers at the address of the fake"),
    (r"client ", "over the limit a minute: 429 `rate_limit` with `Retry-After` in seconds"),
)
"""Patterns of subjects, the narrowest first, with the beginning of the claim."""

NO_CLAIM: Final = "every path stands under `/v2`; JSON in, JSON out"
"""The claim that an operation touches of which the page says nothing else."""


def find_claim(subject: str) -> str:
    """Return the beginning of the claim that a change of `subject` touches."""
    return next((claim for pattern, claim in _CLAIMS if re.match(pattern, subject)), NO_CLAIM)


def list_claims() -> tuple[str, ...]:
    """Return the beginnings of all claims that changes can touch."""
    return (*dict.fromkeys(claim for _, claim in _CLAIMS), NO_CLAIM)
