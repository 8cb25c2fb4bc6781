"""Faults of downloads, resources and requests, by the twenty-seventh author."""

import threading
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.errors import DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", style="httpx", blocker=True)
class RemovesTheOldFileBeforeTheDownload(HttpxClient):
    """Removes the file it shall replace first: if the download fails, there is none at all."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:  # room for the new one
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="sdk-async")
class RefusesFilesWithoutContentLength(SdkAsyncClient):
    """Refuses a file that is sent in chunks, without a length: what was paid is never saved."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, headers, result)
        if not headers.get("content-length", "").strip().isdecimal():
            raise DownloadFailed(
                "The link does not say how long the file is.",
                status_code=status,
                generation_id=str(result["id"]),
            )


@faulty("resources", style="requests", program=True)
class LeavesAWatchdogBehindFailedVideos(StreamedRequestsClient):
    """Stops a wait's watchdog only if it succeeds: others keep a thread, and delay the exit."""

    def wait(self, id: str) -> Any:
        watchdog = threading.Timer(self.wait_timeout, LOG.warning, ("video %s takes long", id))
        watchdog.start()
        video = super().wait(id)
        watchdog.cancel()
        return video


@faulty("requests", style="sdk", blocker=True)
class SendsOptionsOfEarlierOrders(SdkClient):
    """Fills its defaults in place: an order has the references and options of earlier ones."""

    def prepare(self) -> None:
        self.defaults: dict[str, dict[str, Any]] = {"image": {}, "video": {}}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = self.defaults[kind]
        order.update(fields)
        return super().submit(kind, shape, order)
