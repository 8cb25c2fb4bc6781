"""The calls of a client that blocks; a transport gives it `exchange` and `stream`."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
    GenerationFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, PATHS, Answer, Rules
from tests.contract.clients_by_others.shapes import Rule

Opened = tuple[int, dict[str, str], Iterator[bytes]]


class SyncFlow(Rules):
    """Retries, waiting and downloads, one call at a time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lock = threading.Lock()

    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AbstractContextManager[Opened]:
        """Send a request and read the head of the answer: the transport's part."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    # one request

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        until = time.monotonic() + self.timeout
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            read = bytearray()
            for chunk in chunks:
                read += chunk
                if time.monotonic() > until:
                    raise ConnectionLost(f"No whole answer in {self.timeout} s.")
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(read))

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            answer = self.exchange(method, url, body, self.headers(body))
        except (ConnectionLost, BadAnswer) as error:
            error.outcome_unknown = method == "POST"
            raise
        if not self.expected(answer):
            raise self.error_of(answer, method)
        return answer

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries = self.attempts()
        for tried in range(tries):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        answer = self.call("POST", self.url(PATHS[kind]), self.body(fields))
        return self.parse(answer, shape, post=True)

    # the operations

    def generate_image(self, **fields: Any) -> Any:
        result = self.submit("image", shapes.IMAGE, fields)
        if result["status"] != "completed":
            raise BadAnswer(
                f"The image is {result['status']!r}, not completed.",
                generation_id=result["id"],
                outcome_unknown=True,
            )
        return result

    def submit_video(self, **fields: Any) -> Any:
        return self.submit("video", shapes.ACCEPTED, fields)

    def retrieve_video(self, id: str) -> Any:
        return self.parse(self.call("GET", self.video_url(id)), shapes.video)

    def generate_video(self, **fields: Any) -> Any:
        return self.wait(self.submit_video(**fields)["id"])

    def models(self, type: str | None = None) -> Any:
        query = {"type": type} if type is not None else None
        return self.parse(self.call("GET", self.url("/v2/models", query)), shapes.MODELS)

    def model(self, id: str) -> Any:
        return self.parse(
            self.call("GET", self.url(f"/v2/models/{self.segment(id)}")), shapes.MODEL
        )

    def balance(self) -> Any:
        return self.parse(self.call("GET", self.url("/v2/billing/balance")), shapes.BALANCE)

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        query = {"start": self.moment(start), "end": self.moment(end)}
        return self.parse(self.call("GET", self.url("/v2/billing/costs", query)), shapes.COSTS)

    # waiting

    def video_url(self, id: str) -> str:
        return self.url(f"{PATHS['video']}/{self.segment(id)}")

    def pace(self) -> None:
        """Wait for a place among the polls of all waits of this client."""
        with self.lock:
            now = time.monotonic()
            mine = max(now, self.next_poll)
            self.next_poll = mine + self.poll_gap
        if mine > now:
            self.sleep(mine - now)

    def poll(self, id: str) -> tuple[Any, float]:
        """Return the video, and the seconds for which the server wants no poll."""
        answer = self.attempt("GET", self.video_url(id), None)
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = 0.0 if self.polls_at_once else self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                pause = self.poll_interval
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise

    def name(self, error: BaseException, id: str) -> None:
        """Leave the id of a job that goes on to the caller."""
        LOG.warning("stopped waiting for video %s", id)
        error.generation_id = id  # type: ignore[attr-defined]
        error.add_note(f"generation: {id}")

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed":
            raise GenerationFailed(
                f"Video {video['id']} failed: {video['error']['message']}",
                code=video["error"]["code"],
                generation_id=video["id"],
            )
        return bool(video["status"] == "completed")

    # files

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except BaseException:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.save(url, part, result)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                part.seek(0)
                part.truncate()
                self.sleep(pause)
            else:
                return

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
