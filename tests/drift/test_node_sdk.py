"""The API as a Node SDK has it, read from declarations and code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.drift.node_sdk import describe_node_sdk
from getimg_mock.drift.sdk_packages import read_package
from getimg_mock.errors import SettingsError
from tests.drift.packages import NODE, write_tarball

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.drift.api_shapes import ApiDescription


def describe(folder: Path, **changed: str) -> ApiDescription:
    """Return the description of the small SDK, with some of its files changed."""
    return describe_node_sdk(read_package(write_tarball(folder / "sdk.tgz", {**NODE, **changed})))


def test_operations_and_their_fields_are_read(tmp_path: Path) -> None:
    """Interfaces, namespaces, unions, imports, index signatures and types of themselves."""
    described = describe(tmp_path)
    assert described.source == "getimg-ai 0.9.0 (node)"
    create, retrieve = described.operations.values()
    assert (create.name, create.method, create.path) == (
        "videos.generations.create",
        "POST",
        "/v2/videos/generations",
    )
    assert retrieve.key == ("GET", "/v2/videos/generations/{}")
    assert {path: shape.describe() for path, shape in create.request.items()} == {
        "model": "string",
        "images": "array, optional",
        "images[]": "object",
        "images[].role": "'first_frame' | 'reference_image'",
        "images[].url": "string",
        "sound": "boolean, optional",
    }
    assert create.request["images[].url"].promises == {"10 MiB"}
    assert {path: shape.describe() for path, shape in retrieve.response.items()} == {
        "": "union",
        "<pending>": "object",
        "<pending>.id": "string",
        "<pending>.status": "'pending'",
        "<completed>": "object",
        "<completed>.data": "array",
        "<completed>.data[]": "object",
        "<completed>.data[].deletes_at": "string",
        "<completed>.data[].width": "number, optional",
        "<completed>.sort": "'fast' | 'slow'",
        "<completed>.status": "'completed'",
        "<completed>.usage": "object, optional",
        "<completed>.usage.total_cost": "number",
        "<completed>.more": "object",
        "<completed>.more{}": "number",
        "<completed>.again": "any, optional",
    }


def test_defaults_are_read(tmp_path: Path) -> None:
    """In the units of the other SDK: seconds."""
    assert describe(tmp_path).client == {
        "base_url": "https://api.getimg.ai",
        "environment": "GETIMG_AI_BASE_URL",
        "max_retries": "5",
        "timeout": "300",
    }


@pytest.mark.parametrize(
    "text",
    [
        "export interface A { b: " + "Array<" * 3000 + "string;",
        "export interface GenerationCreateParams { a: "
        + "(" * 5000
        + "string"
        + ")" * 5000
        + "; }",
        "export type GenerationCreateParams = " + "{ a: " * 3000 + "string" + "; }" * 3000 + ";",
        "export type GenerationCreateParams = GenerationCreateParams | GenerationCreateParams[];",
        "import { } from;\nimport\nexport namespace",
        "/** " * 1000 + "'" * 999,
    ],
    ids=["unclosed", "parentheses", "objects", "itself", "imports", "comments"],
)
def test_odd_declarations_are_read_or_refused(tmp_path: Path, text: str) -> None:
    """Nothing recurses without a bound, and nothing raises anything but one sentence."""
    method = "    create(body: GenerationCreateParams): APIPromise<string>;\n"
    declared = f"export declare class Generations {{\n{method}}}\n{text}"
    described = describe(tmp_path, **{"resources/videos/generations.d.ts": declared})
    assert [each.name for each in described.operations.values()] == ["videos.generations.create"]


def test_a_package_without_operations_is_refused(tmp_path: Path) -> None:
    """It may be any other package of npm."""
    with pytest.raises(SettingsError, match="no operation"):
        describe(tmp_path, **{"resources/videos/generations.js": ""})
