"""One maker of stores for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.makers import Maker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DURABLE = ("sqlite",)


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Give a maker of durable stores, of each kind in turn."""
    with Maker.of(request.param, tmp_path) as maker:
        yield maker


@pytest.fixture(params=("memory", *DURABLE))
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Give a maker of stores, of each kind in turn."""
    with Maker.of(request.param, tmp_path) as maker:
        yield maker
