"""Fixtures of the client contract."""

from __future__ import annotations

import logging

import pytest

CHATTY = ("httpx", "httpcore", "urllib3")


@pytest.fixture(autouse=True)
def _libraries_log() -> None:
    """Let HTTP libraries log: clients are judged by that, and to import some quiets it for all."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET)
