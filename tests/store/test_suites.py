"""The suites of the world, the API and the control surface, with their fakes on durable stores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.redis_server import find_server

SUITES = (
    "tests/world/test_workspaces_lifecycle.py",
    "tests/api/test_videos.py",
    "tests/api/test_images.py",
    "tests/api/test_billing.py",
    "tests/api/test_limits.py",
    "tests/api/test_magic.py",
    "tests/api/test_recording.py",
    "tests/control",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_suite_passes_on_every_store(kind: str) -> None:
    """What holds in memory holds in every store: the same answers, the same state."""
    if kind == "redis":
        find_server()
    run = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TEST_STORE": kind},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:]
