"""Our OpenAPI document under a tool of others, and our checks inside that tool."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("schemathesis")

ROOT = Path(__file__).parents[3]


def found(*options: str) -> list[list[str]]:
    """Return what Schemathesis finds in each run, all of them in one process of its own."""
    command = [sys.executable, "-m", "tests.contract.provider.foreign", *options]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    failures: list[list[str]] = json.loads(done.stdout)
    return failures


def test_the_fake_runs_clean_under_schemathesis() -> None:
    """The document and the fake agree, as others see it, with every check of theirs on."""
    assert found("--examples=20", "--then", "--examples=10", "--lenient") == [[], []]


def test_our_checks_join_theirs_by_one_import() -> None:
    """With our module imported, Schemathesis finds what no schema can say: a bill that is wrong."""
    clean, faulty = found("--ours", "--then", "--ours", "--fault=total-is-not-the-product")
    assert clean == []
    assert any("GP501" in each for each in faulty)
