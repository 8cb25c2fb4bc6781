"""What all these clients have in common whatever their transport: requests, retries, reading."""

import email.utils
import json
import logging
import os
import random
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.shapes import MOMENT, Rule

LOG = logging.getLogger("others.getimg")
EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
}
PATHS = {"image": "/v2/images/generations", "video": "/v2/videos/generations"}
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """An answer that was read whole; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Secret:
    """A key that neither prints nor pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value or not value.isascii() or not value.isprintable() or value != value.strip():
            raise ValueError("The key is empty, or has signs that no header may carry.")
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("A key is not pickled.")


class Rules:
    """Rules without a transport: faulty clients override one of them."""

    environment = {"base_url": "GETIMG_AI_BASE_URL", "key": "GETIMG_API_KEY"}  # noqa: RUF012 - read only
    decimals = False
    first_wait = 0.5
    longest_wait = 30.0
    longest_told = 60.0
    polls_at_once = False
    poll_gap = 0.5
    patience = 30.0  # seconds for which a fresh id may be unknown
    retried_posts = frozenset({429, 503})
    retried_reads = frozenset({429, 500, 502, 503, 504})
    agent = "others-getimg/1.0"

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
        base = base_url or os.environ.get("GETIMG_AI_BASE_URL") or "https://api.getimg.ai"
        self.base_url = base.rstrip("/")
        self.secret = Secret(key or os.environ.get("GETIMG_API_KEY", ""))
        self.timeout = timeout
        self.max_retries = max_retries
        self.wait_timeout = wait_timeout
        self.poll_interval = poll_interval
        self.next_poll = 0.0
        self.prepare()

    def prepare(self) -> None:
        """Set what a client has besides its options."""

    # requests

    def url(self, path: str, query: dict[str, str] | None = None) -> str:
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return f"{self.base_url}{path}{asked}"

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = {
            "Authorization": f"Bearer {self.secret.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": self.agent,
        }
        if body is not None:
            sent["Content-Type"] = "application/json"
        return sent

    def download_headers(self) -> dict[str, str]:
        return {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": self.agent}

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(kept, allow_nan=False).encode()

    def segment(self, id: str) -> str:
        if id in {"", ".", ".."} or not id.isprintable():
            raise ValueError(f"{id!r} is not an id.")
        return quote(id, safe="")

    def moment(self, value: datetime | str) -> str:
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(f"{value} has no time zone.")
            return value.isoformat()
        if not MOMENT.fullmatch(value):
            raise ValueError(f"{value!r} is not a moment with a time zone.")
        return value

    # retries

    def attempts(self) -> int:
        return self.max_retries + 1

    def tries_again(self, method: str, error: ClientError) -> bool:
        if isinstance(error, ConnectionFailed):
            return True
        if method == "GET":
            return isinstance(error, ConnectionLost) or error.status_code in self.retried_reads
        refused = error.status_code == 429 or "retry-after" in error.headers
        return error.status_code in self.retried_posts and refused

    def told(self, headers: dict[str, str]) -> float | None:
        """Return the seconds that the server asks for, if it does."""
        said = headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said, re.ASCII):
            return float(said)
        try:
            return max(email.utils.parsedate_to_datetime(said).timestamp() - time.time() + 1, 0)
        except (ValueError, TypeError, OverflowError):
            return None

    def reset(self, headers: dict[str, str]) -> float | None:
        said = headers.get("x-ratelimit-reset", "").strip()
        if not re.fullmatch(r"\d{1,12}", said, re.ASCII):
            return None
        return max(int(said) - time.time() + 0.5, 0)

    def delay(self, attempt: int, error: ClientError) -> float | None:
        """Return how long to wait before the next try; None: give up."""
        said = self.told(error.headers)
        if said is None and error.status_code == 429:
            said = self.reset(error.headers)
        if said is not None and said > self.longest_told:
            return None
        ceiling = min(self.longest_wait, self.first_wait * 2**attempt)
        return max(said or 0.0, random.uniform(ceiling / 2, ceiling))

    # reading

    def unpack(self, body: bytes) -> Any:
        def refuse(word: str) -> None:
            raise ValueError(f"{word} is not JSON")

        if self.decimals:
            from decimal import Decimal  # noqa: PLC0415 - only clients with decimals need it

            return json.loads(body, parse_float=Decimal, parse_constant=refuse)
        return json.loads(body, parse_constant=refuse)

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        try:
            value = self.unpack(answer.body)
        except (ValueError, RecursionError):
            raise BadAnswer(
                f"The answer is not JSON ({answer.headers.get('content-type', 'no type')}).",
                status_code=answer.status,
                outcome_unknown=post,
            ) from None
        try:
            shape(value, "body")
        except BadAnswer as error:
            error.status_code, error.outcome_unknown = answer.status, post
            if isinstance(value, dict) and isinstance(value.get("id"), str):
                error.generation_id = value["id"]
            raise
        return value

    def error_of(self, answer: Answer, method: str) -> ClientError:
        code, message = None, answer.body.decode("utf-8", "replace")
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            inner = value.get("error")
            told = inner if isinstance(inner, dict) else value
            message = told["message"] if isinstance(told.get("message"), str) else message
            code = told["code"] if isinstance(told.get("code"), str) else None
        unknown = method == "POST" and answer.status >= 500 and "retry-after" not in answer.headers
        return ApiError(
            message.replace(self.secret.reveal(), "***") or "The answer is empty.",
            status_code=answer.status,
            code=code,
            request_id=answer.headers.get("x-request-id") or answer.headers.get("request-id"),
            outcome_unknown=unknown or (method == "POST" and answer.status == 409),
            headers=answer.headers,
        )

    def expected(self, answer: Answer) -> bool:
        return 200 <= answer.status < 300

    def plain(self, headers: dict[str, str]) -> None:
        """Refuse a coded body: none was asked for, and it may unpack to any size."""
        coding = headers.get("content-encoding", "").strip().lower()
        if coding not in {"", "identity"}:
            raise BadAnswer(f"The answer is coded as {coding}, which was not asked for.")

    # waiting

    def survivable(self, error: ClientError, waited: float) -> bool:
        """Say whether a poll that failed leaves hope for the next."""
        if error.status_code == 404:
            return waited < self.patience
        lost = isinstance(error, (ConnectionFailed, ConnectionLost))
        return lost or error.status_code == 429 or (error.status_code or 0) >= 500

    # files

    def file_name(self, result: Any, index: int) -> str:
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", str(result["id"]))[:80] or "file"
        kind = str(result["data"][index]["mime_type"]).partition(";")[0].strip().lower()
        return f"{stem}-{index}{EXTENSIONS.get(kind, '.bin')}"

    def link(self, result: Any, index: int) -> str:
        if not 0 <= index < len(result["data"]):
            raise DownloadFailed(f"There is no file {index} in {result['id']}.")
        url = str(result["data"][index]["url"])
        wanted = ("https://",) if self.base_url.startswith("https:") else ("https://", "http://")
        if not url.lower().startswith(wanted):
            raise DownloadFailed("The link is not an address that files are fetched from.")
        return url

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if status != 200:
            word = "it may have expired" if status in {403, 404, 410} else "no file"
            raise DownloadFailed(
                f"The link answers {status}: {word}.",
                status_code=status,
                generation_id=str(result["id"]),
                headers=headers,
            )
        if kind.startswith("text/") or kind == "application/json":
            raise DownloadFailed(f"The link answers with {kind}, not a file.", status_code=status)

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        """Give the whole file its name; without `overwrite`, one that is free."""
        if overwrite:
            part.replace(path)
            return path
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            try:
                os.link(part, free)
            except FileExistsError:
                continue
            part.unlink()
            return free
        raise DownloadFailed(f"There are too many files like {path.name}.")
