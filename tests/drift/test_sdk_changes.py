"""What two descriptions of the API differ in, and how severe each difference is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.drift.api_shapes import ApiDescription, OperationShape, flatten_schema
from getimg_mock.drift.node_sdk import describe_node_sdk
from getimg_mock.drift.own_description import describe_own, read_baseline
from getimg_mock.drift.sdk_changes import compare_descriptions
from getimg_mock.drift.sdk_packages import read_package
from getimg_mock.drift.touched_claims import find_claim, list_claims
from tests.docs.fidelity_table import rows as claim_rows
from tests.docs.markdown_tables import DOCS
from tests.drift.packages import NODE, write_tarball

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OBJECT: dict[str, Any] = {
    "type": "object",
    "required": ["model"],
    "properties": {
        "model": {"type": "string"},
        "format": {"enum": ["png", "jpeg"]},
        "images": {
            "type": "array",
            "items": {"type": "object", "required": [], "properties": {"url": {"type": "string"}}},
        },
    },
}


def change(**properties: Any) -> dict[str, Any]:
    """Return the message with other properties; None removes one."""
    changed = {**OBJECT["properties"], **properties}
    return {
        **OBJECT,
        "properties": {name: each for name, each in changed.items() if each is not None},
    }


def describe(
    part: str = "request",
    schema: Mapping[str, Any] = OBJECT,
    client: Mapping[str, str] | None = None,
    language: str = "python",
) -> ApiDescription:
    """Return an API of one operation, whose request or response has a schema."""
    fields: dict[str, Any] = {part: flatten_schema(schema)}
    shape = OperationShape(
        name="images.generate", method="POST", path="/v2/images/generations", **fields
    )
    return ApiDescription(
        source="sdk", language=language, operations={shape.key: shape}, client=client or {}
    )


def compare(before: ApiDescription, after: ApiDescription) -> list[tuple[str, str, str]]:
    """Return the subject, kind and severity of each change."""
    return [(row.subject, row.change, row.severity) for row in compare_descriptions(before, after)]


@pytest.mark.parametrize(
    ("schema", "subject", "kind", "sent", "read"),
    [
        (change(seed={"type": "integer"}), "seed", "added", "info", "info"),
        (
            change(seed={"type": "integer"}) | {"required": ["model", "seed"]},
            "seed",
            "added",
            "breaking",
            "info",
        ),
        (change(images=None), "images", "removed", "breaking", "breaking"),
        (change(model={"type": "integer"}), "model", "type changed", "breaking", "breaking"),
        (OBJECT | {"required": []}, "model", "type changed", "info", "breaking"),
        (
            OBJECT | {"required": ["model", "format"]},
            "format",
            "type changed",
            "breaking",
            "info",
        ),
        (change(format={"enum": ["png"]}), "format", "values changed", "breaking", "info"),
        (
            change(format={"enum": ["png", "jpeg", "webp"]}),
            "format",
            "values changed",
            "info",
            "warning",
        ),
        (change(format={"type": "string"}), "format", "values changed", "info", "warning"),
        (
            change(model={"type": "string", "description": "At most 80 characters."}),
            "model",
            "limit changed",
            "warning",
            "warning",
        ),
    ],
)
def test_a_change_is_one_row_with_its_severity(
    schema: dict[str, Any], subject: str, kind: str, sent: str, read: str
) -> None:
    """What breaks a program that sends is not what breaks one that reads."""
    for part, severity in (("request", sent), ("response", read)):
        found = compare(describe(part), describe(part, schema))
        assert found == [(f"images.generate {part} {subject}", kind, severity)]


def test_a_removed_object_is_one_row() -> None:
    """Its fields went with it."""
    url = "images.generate request images[].url"
    assert compare(describe(), describe(schema=change(images=None))) == [
        ("images.generate request images", "removed", "breaking")
    ]
    flat = change(images={"type": "array", "items": {"type": "object", "properties": {}}})
    assert compare(describe(), describe(schema=flat)) == [(url, "removed", "breaking")]


def test_the_texts_of_a_field_may_be_written_anew() -> None:
    """Only limits and forms in them count: a corrected sentence is no drift."""
    old = change(model={"type": "string", "description": "Whether there is and audio track"})
    new = change(model={"type": "string", "description": "Whether there is an audio track"})
    assert compare(describe(schema=old), describe(schema=new)) == []


def test_operations_and_defaults_are_compared() -> None:
    """An operation that is gone breaks; another default, and a lost variable, are named."""
    none = replace(describe(), operations={})
    assert compare(describe(), none) == [("images.generate", "removed", "breaking")]
    assert compare(none, describe()) == [("images.generate", "added", "info")]
    old = describe(client={"max_retries": "5", "timeout": "300", "environment": "A, B"})
    new = describe(client={"max_retries": "2", "timeout": "300", "environment": "B, C"})
    assert compare(old, new) == [
        ("client environment C", "added", "info"),
        ("client environment A", "removed", "breaking"),
        ("client max_retries", "default changed", "warning"),
    ]


def test_a_narrower_schema_of_the_fake_is_no_drift() -> None:
    """An SDK says string where the fake knows dates, and number where it knows whole numbers."""
    own = describe(
        "response",
        change(
            model={"type": "string", "format": "date-time", "enum": ["a"]},
            images={"type": "integer"},
        ),
        language="json",
    )
    sdk = describe("response", change(images={"type": "number"}))
    assert compare(own, sdk) == []
    assert compare(replace(own, language="python"), sdk) != []


def test_a_node_sdk_is_compared_with_the_fake(tmp_path: Path) -> None:
    """What the small SDK has otherwise, and no more, is in the table."""
    described = describe_node_sdk(read_package(write_tarball(tmp_path / "sdk.tgz", NODE)))
    found = compare(describe_own("node"), described)
    subjects = {subject for subject, _, _ in found}
    assert ("models.list", "removed", "breaking") in found
    create = "videos.create request"
    assert (f"{create} images[].role", "values changed", "breaking") in found
    assert (f"{create} prompt", "removed", "breaking") in found
    assert f"{create} sound" not in subjects
    assert f"{create} model" not in subjects
    assert "videos.retrieve response <completed>.data[].deletes_at" not in subjects
    assert ("videos.retrieve response <failed>", "removed", "breaking") in found
    assert not any(subject.startswith("client") for subject in subjects)


def test_each_change_touches_a_claim_that_exists() -> None:
    """The claims are rows of docs/fidelity.md, and what no SDK has is named by what exists."""
    page = (DOCS / "fidelity.md").read_text(encoding="utf-8")
    claims = [row["claim"] for found in claim_rows(page).values() for row in found]
    for beginning in list_claims():
        assert any(claim.startswith(beginning) for claim in claims), beginning
    assert find_claim("models.list response []").startswith("`GET /v2/models`")
    assert find_claim("anything else").startswith("every path")
    own = describe_own("python")
    assert read_baseline()["not_in_sdk"].keys() == {
        "downloads.retrieve",
        "images.generate request images[].role",
    }
    assert len(own.operations) == 7
