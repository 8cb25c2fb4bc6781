"""Faults of polling and of time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    GenerationFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.good_clients import Anyio, HttpxAsync, HttpxPlain, Threads
from tests.contract.clients_by_others.registry import faulty

POLLING = "polling"


@faulty(POLLING, blocker=True)
class UnknownStatusIsFailure(HttpxPlain):
    """Takes each status but pending and completed for a failure and drops the paid job."""

    def ended(self, video: Any) -> bool:
        if video["status"] not in {"pending", "completed"}:
            raise GenerationFailed(f"Video {video['id']} failed ({video['status']}).")
        return bool(video["status"] == "completed")


@faulty(POLLING, blocker=True)
class UnknownStatusIsSuccess(HttpxPlain):
    """Waits while the status is pending; anything else is returned as the result."""

    def ended(self, video: Any) -> bool:
        return video["status"] != "pending" and (
            video["status"] != "failed" or super().ended(video)
        )


@faulty(POLLING, blocker=True)
class FailedIsReturned(HttpxPlain):
    """Returns a failed video like a finished one."""

    def ended(self, video: Any) -> bool:
        return video["status"] in {"completed", "failed"}


@faulty(POLLING, blocker=True)
class WaitsForEver(HttpxPlain):
    """Has no end of waiting: a video that stays pending is polled until the process dies."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            poll_interval=poll_interval,
            wait_timeout=float("inf"),
        )


@faulty(POLLING, blocker=True)
class OneFailedPollEndsTheWait(HttpxPlain):
    """Ends the wait at the first poll that fails, and its error does not name the video."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return False

    def name(self, error: BaseException, id: str) -> None:
        """Say nothing."""


@faulty(POLLING, blocker=True)
class FiveFailedPollsEver(HttpxPlain):
    """Counts failed polls over the whole wait, and gives up nameless at the second."""

    failures = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        self.failures += 1
        return self.failures < 2 and super().survivable(error, waited)

    def name(self, error: BaseException, id: str) -> None:
        """Say nothing."""


@faulty(POLLING, blocker=True)
class TimeoutWithoutId(HttpxPlain):
    """Says only "timed out" at the end of the wait: the paid video cannot be found again."""

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        except WaitTimeout:
            raise TimeoutError("timed out") from None


@faulty(POLLING, style="httpx-async", blocker=True)
class IdLostAtCancellation(HttpxAsync):
    """Knows the id only inside the wait: a cancelled task leaves no trace of the video."""

    def name(self, error: BaseException, id: str) -> None:
        if not isinstance(error, asyncio.CancelledError):
            super().name(error, id)


@faulty(POLLING, style="httpx-async", blocker=True)
class SwallowsCancellation(HttpxAsync):
    """Catches BaseException around each poll, so that a cancelled wait goes on."""

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            return await super().poll(id)
        except BaseException:
            raise ConnectionLost("The poll failed.") from None

    async def sleep(self, seconds: float) -> None:
        try:
            await super().sleep(seconds)
        except BaseException:
            return


@faulty(POLLING, style="httpx-async")
class BlockingSleepInAsyncio(HttpxAsync):
    """Sleeps by time.sleep between polls and stops the whole event loop."""

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@faulty(POLLING)
class PollsAsFastAsItCan(HttpxPlain):
    """Polls four times a second, whatever the interval that was asked for."""

    def prepare(self) -> None:
        self.poll_interval = 0.25
        self.poll_gap = 0.0


@faulty(POLLING)
class PollsEachWaitForItself(HttpxPlain):
    """Has no common limit: twenty waits poll twenty times as fast as one."""

    poll_gap = 0.0


@faulty(POLLING)
class PollIntervalInMilliseconds(HttpxPlain):
    """Divides the interval of polls by 1000, as it was in milliseconds once."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=max(poll_interval / 1000, 0.2),
        )


@faulty(POLLING)
class OnePollTooMany(HttpxPlain):
    """Polls once more after the video is done, to have "the freshest link"."""

    def wait(self, id: str) -> Any:
        super().wait(id)
        return self.poll(id)[0]


@faulty(POLLING)
class NotFoundIsGone(HttpxPlain):
    """Takes a 404 right after the order for the end, and does not name the video."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        if error.status_code == 404:
            raise BadAnswer("The video does not exist.")
        return super().survivable(error, waited)

    def name(self, error: BaseException, id: str) -> None:
        """Say nothing."""


@faulty("errors")
class FailureWithoutReason(HttpxPlain):
    """Raises "generation failed" without the message that says why."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed":
            raise GenerationFailed("generation failed", generation_id=video["id"])
        return super().ended(video)


@faulty("time")
class WaitsByTheWallClock(HttpxPlain):
    """Measures the wait by datetime.now(): a corrected clock ends or prolongs it."""

    def wait(self, id: str) -> Any:
        until = datetime.now(UTC) + timedelta(seconds=self.wait_timeout)
        while datetime.now(UTC) < until:
            self.sleep(self.poll_interval)
            self.pace()
            try:
                video, _ = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, 0):
                    self.name(error, id)
                    raise
                continue
            if self.ended(video):
                return video
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)


@faulty("time")
class CountsPollsForTime(HttpxPlain):
    """Ends after wait_timeout / poll_interval polls, though slow polls make the wait far longer."""

    def wait(self, id: str) -> Any:
        for _ in range(max(int(self.wait_timeout / self.poll_interval), 1)):
            self.sleep(self.poll_interval)
            self.pace()
            try:
                video, _ = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, 0):
                    self.name(error, id)
                    raise
                continue
            if self.ended(video):
                return video
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)


@faulty("time")
class TrustsTheServersDate(HttpxPlain):
    """Refuses answers whose Date is more than five minutes from its own clock."""

    def expected(self, answer: Any) -> bool:
        import email.utils  # noqa: PLC0415 - as written

        if "date" in answer.headers:
            told = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
            if abs(told - time.time()) > 300:
                raise BadAnswer("The answer is from another time: replayed?")
        return super().expected(answer)


@faulty("time")
class LinksExpireByLocalTime(HttpxPlain):
    """Reads deletes_at without its zone, as local time of a machine in Tokyo."""

    def link(self, result: Any, index: int) -> str:
        told = result["data"][index]["deletes_at"][:19]
        ends = datetime.fromisoformat(told).replace(tzinfo=UTC) - timedelta(hours=9)
        if ends < datetime.now(UTC) + timedelta(hours=12):
            raise ClientError("The link has expired.", generation_id=result["id"])
        return super().link(result, index)


@faulty(POLLING, style="anyio", blocker=True)
class ShieldedWait(Anyio):
    """Shields the wait from cancellation, so that a cancelled caller is held until the end."""

    async def wait(self, id: str) -> Any:
        import anyio  # noqa: PLC0415 - only this client needs it

        with anyio.CancelScope(shield=True):
            return await super().wait(id)


@faulty("concurrency", style="threads", blocker=True)
class OneVideoPerClient(Threads):
    """Keeps the id of the video on the client: two threads wait for the one that came last."""

    current = ""

    def submit_video(self, **fields: Any) -> Any:
        made = super().submit_video(**fields)
        self.current = made["id"]
        return made

    def poll(self, id: str) -> tuple[Any, float]:
        return super().poll(self.current or id)
