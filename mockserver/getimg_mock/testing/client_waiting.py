"""How a client waits for the fake while its time is linked to the workspace's clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from getimg_mock.in_process.exchange import ClockWait, InProcessExchange, WaitStrategy
    from getimg_mock.testing.reset_tracking import PresentClock
    from getimg_mock.virtual_time.linked_time import Link
    from getimg_mock.world.clock import VirtualClock


class LinkedWaitStrategy:
    """Waits like the client's own sleeps while its time is linked, and else as `other` does."""

    def __init__(self, present: PresentClock, other: WaitStrategy) -> None:
        self.link: Link | None = None
        self._present = present
        self._other = other

    @property
    def left_behind(self) -> list[InProcessExchange]:
        """Requests whose clients have disconnected while the fake was waiting."""
        return self._other.left_behind

    @property
    def clock(self) -> VirtualClock:
        """The clock of the workspace; a reset replaces it."""
        return self._present.clock

    def wait(self, wait: ClockWait) -> None:
        """Sleep on the link, in the order of all sleepers."""
        if self.link is None or wait.seconds is None or not self._is_linked(wait):
            self._other.wait(wait)
        else:
            self.link.sleep(wait.seconds)

    async def wait_async(self, wait: ClockWait) -> None:
        """Sleep in the event loop, whose timers are linked."""
        if not self._is_linked(wait):
            await self._other.wait_async(wait)
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if wait.seconds is None:
                await self._other.wait_async(wait)
            else:
                from trio import sleep  # noqa: PLC0415 - installed where trio runs

                await sleep(wait.seconds)
        else:
            await _sleep_in_loop(wait)

    def _is_linked(self, wait: ClockWait) -> bool:
        return self.link is not None and self.link.active and wait.clock is self.clock


async def _sleep_in_loop(wait: ClockWait) -> None:
    """Sleep until the time has passed or the clock was changed by hand."""
    sleeps = []
    if wait.seconds is not None:
        sleeps.append(asyncio.ensure_future(asyncio.sleep(wait.seconds)))  # noqa: TID251 - bound
    if wait.pause is not None:
        sleeps.append(asyncio.ensure_future(wait.pause.clock.pause(None, wait.pause.changes)))
    try:
        await asyncio.wait(sleeps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for sleep in sleeps:
            sleep.cancel()
