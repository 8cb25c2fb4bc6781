"""The API as a Python SDK has it, read from its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.drift.python_sdk import describe_python_sdk
from getimg_mock.drift.sdk_packages import read_package
from getimg_mock.errors import SettingsError
from tests.drift.packages import PYTHON, write_wheel

if TYPE_CHECKING:
    from pathlib import Path


def test_operations_and_their_fields_are_read(tmp_path: Path) -> None:
    """Typed dictionaries, models, unions, aliases, forward references and nested types."""
    described = describe_python_sdk(read_package(write_wheel(tmp_path / "sdk.whl")))
    assert described.source == "getimg 1.0.0 (python)"
    (operation,) = described.operations.values()
    assert (operation.name, operation.key) == (
        "images.generate",
        ("POST", "/v2/images/generations"),
    )
    assert {path: shape.describe() for path, shape in operation.request.items()} == {
        "model": "string",
        "output_format": "'jpeg' | 'png', optional",
        "images": "array, optional",
        "images[]": "object",
        "images[].url": "string",
    }
    assert operation.request["images[].url"].promises == {"HTTPS", "10 MiB"}
    assert {path: shape.describe() for path, shape in operation.response.items()} == {
        "": "union",
        "<completed>": "object",
        "<completed>.id": "string",
        "<completed>.data": "array",
        "<completed>.data[]": "object",
        "<completed>.data[].deletes_at": "date-time",
        "<completed>.data[].width": "integer, optional",
        "<completed>.status": "'completed'",
        "<completed>.usage": "object, optional",
        "<completed>.usage.total_cost": "number",
        "<completed>.extra": "object",
        "<completed>.extra{}": "integer",
        "<completed>.from": "string",
        "<failed>": "object",
        "<failed>.status": "'failed'",
        "<failed>.again": "any, optional",
    }


def test_defaults_and_retry_rules_are_read(tmp_path: Path) -> None:
    """From constants, the client, and the comparisons of the base client."""
    described = describe_python_sdk(read_package(write_wheel(tmp_path / "sdk.whl")))
    assert described.client == {
        "base_url": "https://api.getimg.ai",
        "connect_timeout": "5",
        "environment": "GETIMG_AI_BASE_URL, GETIMG_AI_CUSTOM_HEADERS, GETIMG_API_KEY",
        "initial_retry_delay": "1",
        "longest_retry_after": "60",
        "max_retries": "5",
        "max_retry_delay": "10",
        "retried_statuses": "408, 429, >=500",
        "retry_headers": "retry-after, retry-after-ms",
        "retry_override": "x-should-retry",
        "timeout": "300",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (", "is not Python"),
        ("x = " + "(" * 5000, "is not Python"),
        ("x = " + "-" * 50_000 + "1", "is not Python"),
        ("\0", "is not Python"),
        ("x = 1", "no operation"),
    ],
)
def test_damaged_sources_are_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    """Syntax that no parser takes, and packages without anything of an SDK."""
    files = {**PYTHON, "resources/images.py": text}
    with pytest.raises(SettingsError, match=message):
        describe_python_sdk(read_package(write_wheel(tmp_path / "sdk.whl", files)))
