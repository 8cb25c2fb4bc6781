"""Control commands: name, fields, and the forms of their answers."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from getimg_mock.control.fields import read_fields
from getimg_mock.errors import WaitError
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from getimg_mock.control.fields import Field
    from getimg_mock.fake import Fake
    from getimg_mock.media.own_files import OwnFile
    from getimg_mock.media.pictures import Picture
    from getimg_mock.media.video_files import Video
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer in a text format."""

    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """An answer that is a rendered file: `item` is rendered by the surface, which may suspend."""

    media_type: str
    item: Picture | Video | OwnFile


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer that is built while it is sent, so that its size needs no memory."""

    media_type: str
    pieces: Iterator[str]

    def read(self) -> Any:
        """Return the whole answer: a JSON value, or a string for another format."""
        whole = "".join(self.pieces)
        return json.loads(whole) if self.media_type == "application/json" else whole


@dataclass(frozen=True, slots=True)
class DeferredAnswer:
    """An answer that may not be available yet.

    `look` returns it, or None while it is not available. `subscribe` registers a callback, called
    in any thread when `look` may succeed, and returns a function that unregisters it. `timeout` is
    in real seconds; `missing` is the message of the `WaitError`.
    """

    look: Callable[[], Json | None]
    subscribe: Callable[[Callable[[object], None]], Callable[[], None]]
    timeout: float
    missing: str

    def wait(self) -> Json:
        """Block this thread until the answer is available; raises `WaitError`."""
        changed = threading.Event()
        deadline = stopwatch() + self.timeout
        unsubscribe = self.subscribe(lambda _: changed.set())
        try:
            while True:
                changed.clear()
                found = self.look()
                if found is not None:
                    return found
                if not changed.wait(max(0.0, deadline - stopwatch())):
                    raise WaitError(self.missing)
        finally:
            unsubscribe()

    async def wait_async(self) -> Json:
        """Suspend until the answer is available; raises `WaitError`."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # driven without an event loop: nothing else could run
            return self.wait()
        changed = asyncio.Event()

        def look_again(_: object) -> None:
            loop.call_soon_threadsafe(changed.set)

        unsubscribe = self.subscribe(look_again)
        try:
            async with asyncio.timeout(self.timeout):
                while True:
                    changed.clear()
                    found = self.look()
                    if found is not None:
                        return found
                    await changed.wait()
        except TimeoutError:
            raise WaitError(self.missing) from None
        finally:
            unsubscribe()


if TYPE_CHECKING:
    CommandResult = Json | TextAnswer | StreamedAnswer | FileAnswer | DeferredAnswer
    Run = Callable[[Fake, Workspace, Json], CommandResult]
    RunKeyless = Callable[[Fake, Json], CommandResult]


@dataclass(frozen=True, slots=True)
class Command:
    """One control command, the same for Python, HTTP and the command line.

    `run` gets the fake, the workspace of the key and the validated values of `fields`. A command on
    the fake as a whole has `run_keyless` in its place, and needs no key. With `free`, other names
    are passed on, and `run` validates them. `answer` describes the answer, `media_type` is its
    type where that is not JSON.
    """

    name: str
    method: str
    path: str
    summary: str
    run: Run | None
    fields: tuple[Field, ...] = ()
    free: bool = False
    answer: str = "the result"
    run_keyless: RunKeyless | None = None
    media_type: str = "application/json"

    def read(self, payload: Mapping[str, Any]) -> Json:
        """Return the validated values of a payload; raises `SettingsError`."""
        return read_fields(self.fields, payload, free=self.free)
