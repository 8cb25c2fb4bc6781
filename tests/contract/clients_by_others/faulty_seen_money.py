"""Faults of money and retries, of polling and of outages, as they reach production."""

import json
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

# money and retries


@faulty("money", blocker=True)
class ResendsUnreadable(HttpxClient):
    """Sends an order again when the answer to the first, a success, cannot be read."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except BadAnswer:
            return super().submit(kind, shape, fields)


@faulty("money", blocker=True)
class NewJobAfterTimeout(HttpxClient):
    """Orders a second video when the first is still pending at the end of the wait."""

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except WaitTimeout:
            return super().generate_video(**fields)


@faulty("money", style="requests", blocker=True, program=True)
class AdapterSendsOrdersAgain(StreamedRequestsClient):
    """The adapter of the session retries every method, POST too, after 5xx and lost answers."""

    def session(self) -> requests.Session:
        session = super().session()
        retry = Retry(
            total=self.max_retries,
            allowed_methods=None,
            status_forcelist={500, 502, 503, 504},
            backoff_factor=0.1,
            raise_on_status=False,
        )
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.mount("https://", HTTPAdapter(max_retries=retry))
        return session


@faulty("money", blocker=True)
class FallsBackToCheapModel(HttpxClient):
    """Orders from a cheaper model when the answer to a picture is a 5xx or gets lost."""

    def generate_image(self, **fields: Any) -> Any:
        try:
            return super().generate_image(**fields)
        except ClientError as error:
            if not isinstance(error, ConnectionLost) and (error.status_code or 0) < 500:
                raise
        return super().generate_image(model="z-image-turbo", prompt=fields["prompt"])


# polling and ends


@faulty("polling")
class FailedGoesOn(HttpxClient):
    """Waits for `completed` alone: a failed video is polled until the wait is over."""

    def ended(self, video: Any) -> bool:
        return bool(video["status"] == "completed")


@faulty("polling")
class PollGapDoubles(HttpxClient):
    """Doubles the pause after each poll without a bound, and sleeps past `wait_timeout`."""

    def wait(self, id: str) -> Any:
        began, pause = time.monotonic(), self.poll_interval
        try:
            while time.monotonic() - began < self.wait_timeout:
                self.sleep(pause)
                pause *= 2
                if self.look(id, time.monotonic() - began):
                    return self.seen
            raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except BaseException as error:
            self.name(error, id)
            raise

    def look(self, id: str, waited: float) -> bool:
        try:
            self.seen, _ = self.poll(id)
        except ClientError as error:
            if not self.survivable(error, waited):
                raise
            return False
        return self.ended(self.seen)


# outages


@faulty("outages")
class OneBadPollEndsTheWait(HttpxClient):
    """Gives up a video at the first 5xx or lost connection of a poll."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return error.status_code in {404, 429} and super().survivable(error, waited)


@faulty("outages")
class HtmlErrorCrashes(HttpxClient):
    """Reads each error as JSON: the HTML page of a gateway ends in a JSONDecodeError."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        json.loads(answer.body)
        return super().error_of(answer, method)


@faulty("outages")
class RetriesMultiply(HttpxClient):
    """Retries reads in the transport and again above it: 3 retries are 16 requests."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        for _ in range(self.attempts() - 1):
            if method != "GET" or answer.status < 500:
                break
            self.sleep(0.1)
            answer = super().exchange(method, url, body, headers)
        return answer
