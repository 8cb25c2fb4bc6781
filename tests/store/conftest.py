"""One maker of stores for each kind."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.store.makers import Maker
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DURABLE = ("sqlite", "redis")
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis for all tests, and give its address."""
    port = find_free_port()
    with run_redis(port, str(tmp_path_factory.mktemp("redis"))):
        yield f"redis://127.0.0.1:{port}/0"


def _find_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return f"{request.getfixturevalue('redis_address')}?prefix=test{next(_NUMBERS)}"
    return "memory" if request.param == "memory" else f"sqlite:///{tmp_path}/fake.db"


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Give a maker of durable stores, of each kind in turn."""
    maker = Maker(_find_address(request, tmp_path))
    yield maker
    maker.close()


@pytest.fixture(params=("memory", *DURABLE))
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Give a maker of stores, of each kind in turn."""
    made = Maker(_find_address(request, tmp_path))
    yield made
    made.close()
