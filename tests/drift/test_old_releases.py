"""The releases of the official SDK, from each to the next: the table is what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.drift.own_description import describe_own
from getimg_mock.drift.python_sdk import describe_python_sdk
from getimg_mock.drift.sdk_changes import compare_descriptions
from getimg_mock.drift.sdk_releases import load_package
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from getimg_mock.drift.api_shapes import ApiDescription

pytestmark = pytest.mark.slow  # five downloads

RELEASES = ("0.0.3", "0.1.0", "0.2.0", "0.3.0", "0.4.0")
GAINED = (
    "pricing",
    "supported_aspect_ratios",
    "supported_durations",
    "supported_references",
    "supported_resolutions",
    "supports_sound",
)
CHANGED: dict[tuple[str, str], set[tuple[str, str, str]]] = {
    ("0.0.3", "0.1.0"): {("client environment GETIMG_AI_CUSTOM_HEADERS", "added", "info")},
    ("0.1.0", "0.2.0"): set(),
    ("0.2.0", "0.3.0"): set(),
    ("0.3.0", "0.4.0"): {
        ("models.retrieve", "added", "info"),
        ("billing.balance", "added", "info"),
        ("billing.costs", "added", "info"),
        *((f"models.list response [].{name}", "added", "info") for name in GAINED),
        ("images.generate request images[].url", "limit changed", "warning"),
        ("videos.create request images[].url", "limit changed", "warning"),
    },
}


@pytest.fixture(scope="session")
def releases() -> dict[str, ApiDescription]:
    """Return what each release says, fetched once; skips where no registry answers."""
    try:
        return {each: describe_python_sdk(load_package(f"getimg=={each}")) for each in RELEASES}
    except SettingsError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("old", "new"), CHANGED)
def test_the_table_is_what_changed(releases: dict[str, ApiDescription], old: str, new: str) -> None:
    """No row is missing, and none is false."""
    found = [*compare_descriptions(releases[old], releases[new])]
    assert {(row.subject, row.change, row.severity) for row in found} == CHANGED[old, new]
    assert len(found) == len(CHANGED[old, new])


def test_the_fake_is_what_the_newest_known_release_says(
    releases: dict[str, ApiDescription],
) -> None:
    """The schemas, the operations and the known defaults are those of 0.4.0; 0.3.0 lacks some."""
    assert [*compare_descriptions(describe_own("python"), releases["0.4.0"])] == []
    older = {row.subject for row in compare_descriptions(describe_own("python"), releases["0.3.0"])}
    assert older == {
        "models.retrieve",
        "billing.balance",
        "billing.costs",
        *(f"models.list response [].{name}" for name in GAINED),
    }


def test_a_table_back_in_time_is_the_reverse(releases: dict[str, ApiDescription]) -> None:
    """What was added is removed, which breaks."""
    forth = [*compare_descriptions(releases["0.3.0"], releases["0.4.0"])]
    back = [*compare_descriptions(releases["0.4.0"], releases["0.3.0"])]
    assert {row.subject for row in back} == {row.subject for row in forth}
    assert {row.severity for row in back if row.change == "removed"} == {"breaking"}
