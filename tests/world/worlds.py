"""Workspaces to test, without HTTP: on a clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from getimg_mock.settings import Settings
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.scenarios import Facts
from getimg_mock.world.transitions import TransitionRule
from getimg_mock.world.validation import validate_request
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.requests import GenerationRequest

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
KEY = "sk_world"
IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 5}


@cache
def catalogue() -> Catalogue:
    """Return the models that ship."""
    return Catalogue.load_shipped()


def workspace(key: str = KEY, *, start: datetime = START, **values: Any) -> Workspace:
    """Return a new workspace with these settings."""
    return Workspace(key, settings=Settings.of(**values), clock=VirtualClock(start=start, rate=0))


def image(**fields: Any) -> GenerationRequest:
    """Return a request for a picture."""
    return validate_request(
        "image", IMAGE | fields, catalogue(), strict=True, silent_sound="accept"
    )


def video(**fields: Any) -> GenerationRequest:
    """Return a request for a video."""
    return validate_request(
        "video", VIDEO | fields, catalogue(), strict=True, silent_sound="accept"
    )


def made(world: Workspace, *special: dict[str, Any], **fields: Any) -> Generation:
    """Make a video under transition rules of its own, the strongest first."""
    return world.submit(video(**fields), [TransitionRule.of(each) for each in special])


def facts(operation: str = "videos.create", **values: Any) -> Facts:
    """Return what criteria can ask about a request."""
    given: dict[str, Any] = {"key": KEY, "now": START, "identity": b"a"}
    return Facts(operation=operation, **(given | values))
