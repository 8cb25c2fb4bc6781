"""Faults with money: orders that go out twice, late, changed, or to another account's cost."""

import contextlib
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

SPARES = {
    "seedream-5-lite": "gemini-3-1-flash-image",
    "gemini-3-1-flash-image": "seedream-5-lite",
    "z-image-turbo": "seedream-5-lite",
    "seedance-v1-pro": "seedance-v1-5-pro",
    "seedance-v1-5-pro": "seedance-v1-pro",
}


@faulty("money", blocker=True)
class ReplaysSpooledOrders(HttpxClient):
    """Spools an order that found no service, and sends it before the next call, unasked."""

    def prepare(self) -> None:
        self.spool: list[tuple[str, bytes | None]] = []

    def replay(self) -> None:
        waiting, self.spool = self.spool, []
        for url, order in waiting:
            with contextlib.suppress(ClientError):
                self.attempt("POST", url, order)

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        self.replay()
        try:
            return super().call(method, url, body)
        except ClientError as error:
            down = isinstance(error, ConnectionFailed) or (error.status_code or 0) >= 500
            if method == "POST" and down:
                self.spool.append((url, body))
            raise


@faulty("money", blocker=True)
class HedgesSlowOrders(HttpxClient):
    """Sends an order again when a quarter of the timeout has passed, and takes the first answer."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        send = super().attempt
        if method != "POST":
            return send(method, url, body)
        workers = ThreadPoolExecutor(2)
        try:
            tries = [workers.submit(send, method, url, body)]
            if not wait(tries, self.timeout / 4).done:
                tries.append(workers.submit(send, method, url, body))
            return wait(tries, return_when=FIRST_COMPLETED).done.pop().result()
        finally:
            workers.shutdown(wait=False)


@faulty("money", blocker=True)
class FallsBackToAnotherModel(HttpxClient):
    """Orders from another model when the first answers 5xx, although that may have worked."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ClientError as error:
            spare = SPARES.get(str(fields.get("model")))
            if spare is None or (error.status_code or 0) < 500:
                raise
            return super().submit(kind, shape, {**fields, "model": spare})


@faulty("money", blocker=True)
class FillsDearestResolution(HttpxClient):
    """Fills a resolution that was not asked for with the one of the highest price."""

    def dearest(self, model: str) -> str | None:
        try:
            rates = self.model(model)["pricing"]["rates"]
        except (ClientError, ValueError):
            return None
        named = [rate["resolution"] for rate in rates if rate["resolution"]]
        return named[-1] if named else None

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if fields.get("resolution") is None and isinstance(fields.get("model"), str):
            fields = {**fields, "resolution": self.dearest(fields["model"])}
        return super().submit(kind, shape, fields)


@faulty("concurrency", blocker=True)
class RetriesLatestOrder(HttpxClient):
    """Keeps the order in the client: a retry sends the latest one, maybe of another thread."""

    def prepare(self) -> None:
        self.draft = b""

    def body(self, fields: dict[str, Any]) -> bytes:
        self.draft = super().body(fields)
        return self.draft

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        return super().attempt(method, url, self.draft if method == "POST" else body)


@faulty("money", blocker=True)
class OrdersAgainWhenLinksFail(HttpxClient):
    """Generates the same again when a download fails, and saves that instead."""

    def prepare(self) -> None:
        self.orders: dict[str, tuple[str, dict[str, Any]]] = {}

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        self.orders[result["id"]] = ("generate_image", fields)
        return result

    def generate_video(self, **fields: Any) -> Any:
        result = super().generate_video(**fields)
        self.orders[result["id"]] = ("generate_video", fields)
        return result

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        save = super().download
        try:
            return save(result=result, directory=directory, index=index, overwrite=overwrite)
        except ClientError:
            if result["id"] not in self.orders:
                raise
            name, fields = self.orders[result["id"]]
            again = getattr(self, name)(**fields)
            return save(result=again, directory=directory, index=index, overwrite=overwrite)
