"""Nothing that was answered is lost when processes are killed under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.crash_rounds import CASES, run_rounds
from tests.store.redis_server import find_server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_what_was_answered_is_there_after_a_kill(case: str, tmp_path: Path) -> None:
    """Each generation, charge and credit is kept once, and the money adds up."""
    if case.startswith("redis"):
        find_server()
    assert run_rounds(case, 2, tmp_path) == []
