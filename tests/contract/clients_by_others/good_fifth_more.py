"""More good clients: under trio, with the official SDK, and with the standard library alone."""

import random
import uuid
from typing import Any

import getimg

from tests.contract.clients_by_others.async_transports import TrioClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient


@enlist("trio", program=True)
class TrioSpreadPolls(TrioClient):
    """Spreads its polls by chance, never sooner than the interval; sends each order once only."""

    agent = "spread-getimg/0.3 (trio)"

    def tries_again(self, method: str, error: ClientError) -> bool:
        return method == "GET" and super().tries_again(method, error)

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.4))


@enlist("sdk")
class SdkNumbered(SdkClient):
    """The SDK without its retries, with a header of its own and one more try at most."""

    def attempts(self) -> int:
        return min(self.max_retries, 1) + 1

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            timeout=self.timeout,
            http_client=self.http,
            default_headers={"X-Client-Request": uuid.uuid4().hex},
        )


@enlist("stdlib", program=True)
class StdlibStepwise(StdlibClient):
    """http.client, a connection a request; waits between tries by fixed steps without chance."""

    steps = (1.0, 2.0, 5.0, 10.0)

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = {**super().headers(body), "Connection": "close", "Cache-Control": "no-store"}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        return sent

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = super().delay(attempt, error)
        return None if told is None else max(told, self.steps[min(attempt, 3)])
