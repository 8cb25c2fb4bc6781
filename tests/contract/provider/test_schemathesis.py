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


@pytest.fixture(scope="module")
def found() -> list[list[str]]:
    """Return what Schemathesis finds in each of three runs, all in one process of its own.

    In lenient mode; then with our checks among theirs; then so with a faulty provider.
    """
    runs = "--examples=10 --lenient --then --ours --examples=20 --then --ours --fault"
    words = f"{runs}=total-is-not-the-product".split()
    command = [sys.executable, "-m", "tests.contract.provider.foreign", *words]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    failures: list[list[str]] = json.loads(done.stdout)
    return failures


def test_the_fake_runs_clean_under_schemathesis(found: list[list[str]]) -> None:
    """The document and the fake agree, as others see it, with every check of theirs on."""
    assert found[:2] == [[], []]


def test_our_checks_join_theirs_by_one_import(found: list[list[str]]) -> None:
    """With our module imported, Schemathesis finds what no schema can say: a bill that is wrong."""
    _, clean, faulty = found
    assert clean == []
    assert any("GP501" in each for each in faulty)
