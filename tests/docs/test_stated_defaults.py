"""Defaults that the documentation states are those of the settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock._shipped import read_text
from getimg_mock.api.openapi_document import build_openapi
from getimg_mock.setting_values import Span
from getimg_mock.settings import Settings, format_option_name
from getimg_mock.world.behaviours import Behaviour
from getimg_mock.world.catalogue import FPS, SECONDS
from getimg_mock.world.journal import MAX_BODY
from getimg_mock.world.limits import REALISTIC
from tests.docs.fidelity_table import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
DEFAULTS = Settings()
SHORTEST, LONGEST = SECONDS["video"]
RATE_LIMIT = Behaviour.of({"error": "rate_limit"}).error or pytest.fail("rate_limit is an error")

# The claims of docs/fidelity.md that state a default, written from the settings.
OBSERVED = Settings.of(timing="observed").image_seconds
CLAIMS = (
    f"a file is kept {DEFAULTS.retention / 3600:g} hours from completion",
    f"the whole body has at most {DEFAULTS.max_body_mib} MiB",
    f"a body over {DEFAULTS.max_body_mib} MiB: 413 `invalid_parameter`",
    f"a bad signature: {DEFAULTS.tampered_status}, code `invalid_signature`",
    f"an expired link: {DEFAULTS.expired_status}, code `url_expired`",
    f"no such item, or not completed: {DEFAULTS.unknown_download_status} `not_found`",
    f"the window is {DEFAULTS.rate_window} s",
    f"how long a video takes: {SHORTEST:g} to {LONGEST:g} s by model and length",
    (
        f"`--limits realistic`: {REALISTIC.image_rpm} images a minute and "
        f"{REALISTIC.concurrent} at the same time"
    ),
    f"`--limits realistic`: {REALISTIC.video_rpm} videos a minute",
    (
        f"`--timing observed`: {OBSERVED.low:g} to {OBSERVED.high:g} s for an image, "
        "evenly drawn between the two"
    ),
    (
        "a picture in a data URL is still and has at least one pixel; pictures with too many, "
        f"by default more than {DEFAULTS.reference_megapixels:g} megapixels, are refused (full)"
    ),
)
# Numbers in a row with a setting that are no default: what getimg.ai was seen to do, say.
OTHERS = (
    "at most 8 `images`, fewer by model (full)",
    "a role that the model does not support: 400 `invalid_parameter` (full)",
    "there is no safety check of prompts: 422 happens only where it is asked for",
    "429 above 3 at the same time, on another account",
    "2K at 1:1 is 2048x2048; 1080p at 16:9 is 1920x1080 with 24 frames per second",
    "a model without a rate for what is asked costs 0 here",
    "it takes 25 to 35 s; here, by default, no time at all",
    (
        "a picture has about as many bytes as a real one: "
        "at 2048 x 2048 about 5 MB as PNG, 1 MB as JPEG, 0.6 MB as WebP"
    ),
)


def page(name: str) -> str:
    """Return a page of the documentation."""
    return (DOCS / name).read_text(encoding="utf-8")


def shipped_claims() -> Iterator[dict[str, str]]:
    """Yield the rows of fixtures/behaviours.json."""
    loaded: dict[str, list[dict[str, str]]] = json.loads(read_text("fixtures", "behaviours.json"))
    for found in loaded.values():
        yield from found


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_default_is_stated_as_it_is(claim: str) -> None:
    """A default that is changed changes the page and the shipped rows with it."""
    assert claim in {row["claim"] for found in rows(page("fidelity.md")).values() for row in found}
    assert claim in {row["claim"] for row in shipped_claims()}


def test_every_number_that_a_setting_changes_is_compared() -> None:
    """A new row with a default in it cannot be forgotten here."""
    numbers = {
        row["claim"]
        for row in shipped_claims()
        if "--" in row["setting"] and re.search(r"\d", row["claim"].replace("/v2/", ""))
    }
    assert numbers == {*CLAIMS, *OTHERS}


@pytest.mark.parametrize(
    ("name", "default", "claim"),
    [
        ("image_seconds", Span(0, 0), "it takes 25 to 35 s; here, by default, no time at all"),
        ("video_seconds", None, f"how long a video takes: {SHORTEST:g} to {LONGEST:g} s"),
        ("fail_rate", 0.0, "how often a video fails: never"),
        ("limits", "generous", "the limits: so high that nobody meets them"),
        ("charge_at", "completion", "held at submission, charged at completion"),
        ("silent_sound", "accept", "`sound: true` on a model without sound: accepted"),
        ("key_pattern", r"sk_[\x21-\x7e]+", "a key looks like `sk_<secret>`"),
    ],
)
def test_a_default_in_words_is_the_default(name: str, default: Any, claim: str) -> None:
    """Where the page says it in words, a change of the default fails here and names the words."""
    assert getattr(DEFAULTS, name) == default
    stated = [row for row in shipped_claims() if row["claim"].startswith(claim)]
    assert [f"--{format_option_name(name)}" in row["setting"] for row in stated] == [True]


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("journal.md", f"bodies are kept up to {MAX_BODY // 1024} KiB"),
        ("catalogue.md", f"a video | {FPS} |"),
        ("catalogue.md", f"longer for longer videos | `[{SHORTEST:g}, {LONGEST:g}]` for a video"),
        ("control.md", f"(`http://{DEFAULTS.host}:{DEFAULTS.port}`)"),
        ("control.md", f"assert workspace.ledger.balance == {DEFAULTS.balance}"),
        ("scenarios.md", f"`Retry-After: {RATE_LIMIT.retry_after}`"),
        ("../README.md", f"starts the fake on http://{DEFAULTS.host}:{DEFAULTS.port}"),
    ],
)
def test_a_page_states_the_default_that_is(name: str, stated: str) -> None:
    """Pages for users repeat a default where it helps; each repetition is compared."""
    assert stated in page(name)


def test_the_openapi_document_states_the_largest_body() -> None:
    """It is the limit of a fake with default settings."""
    answers = build_openapi()["paths"]["/v2/images/generations"]["post"]["responses"]
    assert f"{DEFAULTS.max_body_mib} MiB" in answers["413"]["description"]
