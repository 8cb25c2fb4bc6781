"""Faults of money, of outages and of several users at once."""

import asyncio
import http.client
import json
import os
import socket
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", style="aiohttp", blocker=True, program=True)
class DropsFieldsThatAreFalsy(AiohttpClient):
    """Leaves out 0, false and empty values as if not given: duration=0 is made and paid as 5 s."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value}
        return json.dumps(kept, allow_nan=False).encode()


@faulty("money")
class ReckonsBalanceItself(HttpxClient):
    """Asks for the balance once, then takes its own costs off: sees no top-up, no other spender."""

    def prepare(self) -> None:
        self.known: dict[str, Any] | None = None
        self.spent = Decimal(0)

    def note(self, result: Any) -> Any:
        with self.lock:
            self.spent += Decimal(str((result.get("usage") or {}).get("total_cost", 0)))
        return result

    def generate_image(self, **fields: Any) -> Any:
        return self.note(super().generate_image(**fields))

    def wait(self, id: str) -> Any:
        return self.note(super().wait(id))

    def balance(self) -> Any:
        if self.known is None:
            self.known, self.spent = super().balance(), Decimal(0)
        left = Decimal(self.known["balance"]) - self.spent
        return {**self.known, "balance": f"{left:f}"}


@faulty("money", style="requests", program=True)
class TellsCostsUnderLocalDays(StreamedRequestsClient):
    """Turns the UTC days of costs into local ones: west of Greenwich each cost is a day early."""

    def local_day(self, day: str) -> str:
        try:
            midnight = datetime.fromisoformat(day)
        except ValueError:
            return day
        return midnight.replace(tzinfo=UTC).astimezone().date().isoformat()

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        report = super().costs(start, end)
        days = [{**each, "date": self.local_day(each["date"])} for each in report["data"]]
        return {**report, "data": days}


@faulty("outages", style="sdk")
class AsksForModelsWhenMade(SdkClient):
    """Asks for the models when it is made: while they cannot be had, no client can be made."""

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
            poll_interval=poll_interval,
        )
        self.known = {item["id"] for item in self.models()}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if fields.get("model") not in self.known:
            LOG.info("the model of this %s was not in the catalogue", kind)
        return super().submit(kind, shape, fields)


def over_ipv4(address: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        line.settimeout(timeout)
        if source:
            line.bind(source)
        line.connect(address)
    except BaseException:
        line.close()
        raise
    return line


@faulty("outages", style="stdlib", program=True)
class KnowsNoIpv6(StdlibClient):
    """Opens IPv4 sockets by hand: a service that has IPv6 addresses alone is down for it."""

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        secure = parts.scheme.lower() == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            line = kind(parts.hostname or "", parts.port, timeout=timeout)
            line._create_connection = over_ipv4  # type: ignore[attr-defined]
            line.connect()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        return line


@faulty("concurrency", style="requests", blocker=True, program=True)
class WaitsForStaleLockFiles(StreamedRequestsClient):
    """Waits without end for the lock file of a download whose process was killed long ago."""

    def acquire(self, lock: Path) -> None:
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                self.sleep(0.2)
            else:
                return

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        lock = Path(directory, f"{self.file_name(result, index)}.lock")
        self.acquire(lock)
        try:
            return super().download(
                result=result, directory=directory, index=index, overwrite=overwrite
            )
        finally:
            lock.unlink(missing_ok=True)


@faulty("concurrency", style="httpx-async")
class SharesOneListAmongCallers(HttpxAsyncClient):
    """Gives callers who share a read of the models one list: what one changes, the others get."""

    def prepare(self) -> None:
        self.reads: dict[str | None, asyncio.Task[Any]] = {}
        self.waiting: dict[asyncio.Task[Any], int] = {}

    async def models(self, type: str | None = None) -> Any:
        task = self.reads.get(type)
        if task is None or task.done():
            task = self.reads[type] = asyncio.create_task(super().models(type))
        self.waiting[task] = self.waiting.get(task, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self.leave(type, task)

    def leave(self, type: str | None, task: asyncio.Task[Any]) -> None:
        self.waiting[task] -= 1
        if self.waiting[task]:
            return
        del self.waiting[task]
        if self.reads.get(type) is task:
            del self.reads[type]
        task.cancel()
