"""Faults of money, outages and concurrency, by the twenty-seventh author."""

import math
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


def is_outage(error: ClientError) -> bool:
    lost = isinstance(error, (ConnectionFailed, ConnectionLost))
    return lost or (error.status_code or 0) >= 500


@faulty("money", style="httpx-async", blocker=True)
class OrdersFromABackupModelWhenTheAnswerIsLost(HttpxAsyncClient):
    """Orders from another model when no answer comes: the first picture may be paid, too."""

    backups = ("seedream-4-5", "seedream-5-lite")

    async def generate_image(self, **fields: Any) -> Any:
        try:
            return await super().generate_image(**fields)
        except ClientError as error:
            if not is_outage(error):
                raise
        backup = next(name for name in self.backups if name != fields.get("model"))
        return await super().generate_image(**{**fields, "model": backup})


@faulty("money", style="httpx")
class CountsTheEdgeDaysOfCostsTwice(HttpxClient):
    """Asks for costs in slices of 30 days that share their edges: those days count twice."""

    span = timedelta(days=30)

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        since, until = self.read(start), self.read(end)
        if until - since <= self.span:
            return super().costs(start, end)
        parts = []
        while since < until:
            parts.append(super().costs(since, min(since + self.span, until)))
            since += self.span
        return {
            "currency": parts[0]["currency"],
            "data": [day for part in parts for day in part["data"]],
            "start": parts[0]["start"],
            "end": parts[-1]["end"],
            "total_cost": math.fsum(part["total_cost"] for part in parts),
        }

    def read(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())


@faulty("outages", style="httpx", blocker=True)
class CountsRefusalsOfItsBreakerAsFailures(HttpxClient):
    """Its breaker stays open as long as polls go on: a paid video is given up as pending."""

    most_failures = 5
    rest = 30.0

    def prepare(self) -> None:
        self.failures = 0
        self.failed_at = 0.0

    def check_breaker(self) -> None:
        resting = time.monotonic() - self.failed_at < self.rest
        if self.failures >= self.most_failures and resting:
            raise ConnectionFailed("Nothing was sent: the API has failed too often.")

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            self.check_breaker()
            answer = super().attempt(method, url, body)
        except ClientError as error:
            if is_outage(error):
                self.failures += 1
                self.failed_at = time.monotonic()
            else:
                self.failures = 0
            raise
        self.failures = 0
        return answer


@faulty("outages", style="urllib3", program=True)
class ReturnsTheLastBalanceInAnOutage(Urllib3Client):
    """Returns the balance it saw last while the API is down: the money may long be spent."""

    def prepare(self) -> None:
        self.last_balance: Any = None

    def balance(self) -> Any:
        try:
            self.last_balance = super().balance()
        except ClientError as error:
            if self.last_balance is None or not is_outage(error):
                raise
        return self.last_balance


@faulty("concurrency", style="aiohttp", blocker=True, program=True)
class PicksTheFreeNameBeforeTheDownload(AiohttpClient):
    """Picks a free name first, and replaces what has it by then: one of two files is lost."""

    def free(self, path: Path) -> Path:
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            if not free.exists():
                return free
        raise DownloadFailed(f"There are too many files like {path.name}.")

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        path = path if overwrite else self.free(path)
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite=True))
            except BaseException:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise
