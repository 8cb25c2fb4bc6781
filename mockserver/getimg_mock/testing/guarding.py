"""The guard of tests without a fixture: the mark brings it, and `getimg_guard` for a whole run."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.isolation.api_guard import ApiGuard
from getimg_mock.isolation.socket_hooks import SOCKET_HOOKS
from getimg_mock.testing.interception import INTERCEPTION
from getimg_mock.testing.options import API_HOST, MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUARD: Final = pytest.StashKey[ApiGuard]()
_KEY: Final = "GETIMG_API_KEY"
# What other processes of the test inherit: a key that costs nothing.
_HARMLESS_KEY: Final = "sk_test_of_a_guarded_test"

_OF_THE_MARK: Final = (
    "The mark getimg brings no fake: take the fixture getimg_mock or getimg_live, too."
)
_OF_THE_RUN: Final = (
    "The ini option getimg_guard is set for this run: take the fixture getimg_mock or getimg_live."
)


@contextmanager
def guard_test(item: pytest.Item, *, has_fixture: bool) -> Iterator[None]:
    """Refuse connections to the real API for all phases of a test.

    Without one of our fixtures, a real API key in the environment is replaced, too.
    """
    is_marked = item.get_closest_marker(MARK) is not None
    guard = _create_guard(item.config, _OF_THE_MARK if is_marked else _OF_THE_RUN)
    item.stash[_GUARD] = guard
    with ExitStack() as stack:
        stack.enter_context(SOCKET_HOOKS.enforce(guard))
        if not has_fixture:
            _replace_key(stack)
            if is_marked:
                stack.enter_context(INTERCEPTION.refuse(guard))
        yield


@contextmanager
def guard_run(config: pytest.Config) -> Iterator[None]:
    """Refuse connections to the real API, outside of tests."""
    with ExitStack() as stack:
        stack.enter_context(SOCKET_HOOKS.enforce(_create_guard(config, _OF_THE_RUN)))
        _replace_key(stack)
        yield


def judge_guard(item: pytest.Item) -> None:
    """Fail a test that has swallowed a refusal."""
    guard = item.stash.get(_GUARD, None)
    if guard is not None and guard.attempts:
        pytest.fail("Swallowed during the test: " + guard.attempts[0], pytrace=False)


def _create_guard(config: pytest.Config, advice: str) -> ApiGuard:
    return ApiGuard(frozenset({API_HOST, *config.getini("getimg_hosts")}), advice)


def _replace_key(stack: ExitStack) -> None:
    if os.environ.get(_KEY):
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv(_KEY, _HARMLESS_KEY)
