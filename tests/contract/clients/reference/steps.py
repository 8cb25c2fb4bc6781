"""Steps: what the logic asks its carrier to do, and how a carrier goes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contract.clients.reference.errors import ClientError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

STOPS = (KeyboardInterrupt, asyncio.CancelledError)


@dataclass
class Send:
    """One request to be made."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None
    follow: bool = False
    save: Path | None = None
    accepts: Any = None


@dataclass
class Sleep:
    """A wait."""

    seconds: float


@dataclass
class Got:
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


Steps = Generator[Send | Sleep, Any, Any]


class Walk:
    """Goes through steps: each is yielded, and what came of it is told before the next.

    A carrier sets `got` to an answer; `telling` catches what was raised instead. `value` is what
    the steps returned, once there are no more.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._error: BaseException | None = None
        self.got: Got | None = None
        self.value: Any = None

    def __iter__(self) -> Iterator[Send | Sleep]:
        while True:
            got, error = self.got, self._error
            self.got = self._error = None
            try:
                step = self._steps.send(got) if error is None else self._steps.throw(error)
            except StopIteration as end:
                self.value = end.value
                return
            yield step

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let the steps know what is raised inside."""
        try:
            yield
        except (ClientError, *STOPS) as error:
            self._error = error
