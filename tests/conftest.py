"""What every test runs under: a Hypothesis profile chosen by where it runs."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.store.kinds import use_store
from tests.testing.suites import INI

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_IMPORTED_ONCE = (
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "getimg_mock.control.command_table",
    "getimg_mock.testing.live",
)

_COLLECTED_AFTER = 50_000
"""New objects after which garbage is looked for among them."""

settings.register_profile(
    "ci",
    derandomize=True,  # a red run is red again
    deadline=None,  # shared machines stall for longer than any deadline worth having
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither while tests are collected nor among them: only in what they make.

    The modules, tests and cases that are kept are half a million objects. Looking at them takes a
    tenth of the time of a whole run of a client, and looking often at what tests make another one.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what commands write down between runs apart from what the developer's own runs do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        for name in ("GITHUB_ACTIONS", "GITLAB_CI"):  # commands under test are not the job itself
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _stores_of_fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the workspaces of fakes in the kind of store that TEST_STORE names."""
    kind = os.environ.get("TEST_STORE", "memory")
    with use_store(kind, tmp_path_factory):
        yield


@pytest.fixture(scope="session")
def _imported_once() -> None:
    """Import what an inner run would be the first to import, and forget: the next one imports anew.

    That takes time, and classes that are there twice cannot be pickled.
    """
    for name in _IMPORTED_ONCE:
        import_module(name)


@pytest.fixture
def suite(_imported_once: None, pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder for a user's tests, with strict settings."""
    pytester.makeini(
        INI + "addopts = --strict-markers --strict-config -p no:cacheprovider -p no:schemathesis\n"
    )
    return pytester
