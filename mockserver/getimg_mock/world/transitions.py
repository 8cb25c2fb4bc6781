"""How a pending generation ends, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.settings import Span
    from getimg_mock.world.chance import Stream


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a generation failed; `code` and `message` are what the API shows (documented)."""

    code: str
    message: str


# The one failed video that getimg.ai's documentation shows.
UPSTREAM_TIMEOUT: Final = Failure("server_error", "Upstream provider request timed out.")


@dataclass(frozen=True, slots=True)
class Transition:
    """When a pending generation ends and how.

    It ends `seconds` after it was made, or at poll number `polls`, whichever comes first; with
    neither it ends only by hand. It ends completed, or failed where there is a `failure`.
    """

    seconds: float | None = None
    polls: int | None = None
    failure: Failure | None = None


def drawn(span: Span, chance: Stream) -> float:
    """Return the seconds that `chance` gives within `span`."""
    return span.low if span.low == span.high else chance.uniform("seconds", span.low, span.high)
