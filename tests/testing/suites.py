"""Test files of users', run by a pytest of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

INI = """[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

SDK = """
import asyncio, time
import httpx, httpx2, pytest, requests
from getimg import AsyncGetimgAI, DefaultAioHttpClient, GetimgAI

IMAGE = dict(model="seedream-5-lite", prompt="A lighthouse")
VIDEO = dict(model="seedance-v1-5-pro", prompt="Waves")
"""


def run(
    suite: pytest.Pytester, source: str, *arguments: str, apart: bool = False
) -> pytest.RunResult:
    """Run a test file, in the order in which it is written: in this process, or `apart`."""
    suite.makepyfile(SDK + source)
    how = suite.runpytest_subprocess if apart else suite.runpytest_inprocess
    # The plugin of schemathesis warns where Hypothesis is new, and warnings are errors here.
    return how("-p", "no:randomly", "-p", "no:schemathesis", *arguments)
