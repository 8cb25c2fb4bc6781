"""A good client that stands alone: httpx, frozen records and few words."""

import contextlib
import email.utils
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.contract.clients_by_others.registry import enlist

SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "video/mp4": "mp4"}
LARGEST = 16 * 2**20


class Trouble(Exception):
    """What went wrong with a call, and what is known of its generation."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        generation: str | None = None,
        unknown: bool = False,
        unsent: bool = False,
        again_in: float | None = None,
    ) -> None:
        facts = [str(fact) for fact in (status, code, generation) if fact is not None]
        ending = " (it may have been done and charged)" if unknown else ""
        super().__init__(" ".join([message, *(f"[{fact}]" for fact in facts)]) + ending)
        self.message = message
        self.status_code = status
        self.code = code
        self.request_id: str | None = None
        self.generation_id = generation
        self.outcome_unknown = unknown
        self.unsent = unsent
        self.again_in = again_in

    @property
    def passing(self) -> bool:
        """Whether a read may go well the next time."""
        status = self.status_code
        return status is None or status == 429 or status >= 500


class Malformed(Trouble):
    """An answer that is not of the API."""

    @property
    def passing(self) -> bool:
        return False


class Failed(Trouble):
    """A generation that failed, or did not end in time."""

    @property
    def passing(self) -> bool:
        return False


def moment(text: Any) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file of a generation."""

    url: str = field(repr=False)
    mime_type: str
    deletes_at: datetime

    @classmethod
    def read(cls, value: Any) -> "StoredFile":
        words = {name: value[name] for name in ("url", "mime_type")}
        if not all(isinstance(word, str) for word in words.values()):
            raise TypeError("url and mime_type are strings")
        return cls(**words, deletes_at=moment(value["deletes_at"]))

    @property
    def suffix(self) -> str:
        kind = self.mime_type.partition(";")[0].strip().lower()
        return SUFFIXES.get(kind, "bin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a generation cost."""

    total_cost: Decimal
    billable_unit: str

    @classmethod
    def read(cls, value: Any) -> "Usage":
        amounts = [value[name] for name in ("total_cost", "unit_price", "quantity")]
        if not all(type(amount) in {int, float} for amount in amounts):
            raise TypeError("amounts are numbers")
        return cls(total_cost=Decimal(str(amounts[0])), billable_unit=value["billable_unit"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """A generation in any state; `raw` is the answer with all that this version does not know."""

    id: str
    status: str
    files: tuple[StoredFile, ...] = ()
    usage: Usage | None = None
    code: str | None = None
    message: str | None = None
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, value: Any) -> "Generation":
        if not isinstance(value["id"], str) or not isinstance(value["status"], str):
            raise TypeError("id and status are strings")
        done = value["status"] == "completed"
        error = value["error"] if value["status"] == "failed" else {"code": None, "message": None}
        usage = value.get("usage") if done else None
        return cls(
            id=value["id"],
            status=value["status"],
            files=tuple(map(StoredFile.read, value["data"])) if done else (),
            usage=Usage.read(usage) if usage is not None else None,
            code=error["code"],
            message=error["message"],
            raw=value,
        )

    @classmethod
    def read_image(cls, value: Any) -> "Generation":
        found = cls.read(value)
        if found.status != "completed" or found.usage is None or not found.files:
            raise ValueError("an image is completed, and has a file and its usage")
        return found


def seconds_of(headers: httpx.Headers) -> float | None:
    """Return for how long the server asks to be left alone."""
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", said):
        return float(said)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(email.utils.parsedate_to_datetime(said).timestamp() - time.time() + 1, 0.0)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if headers.get("x-ratelimit-remaining", "").strip() == "0" and reset.isdecimal():
        return max(int(reset[:12]) - time.time() + 1, 0.0)
    return None


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


@enlist("httpx")
class TypedRecords:
    """Stands alone: reads answers into frozen records, and sends no order again but after a 429."""

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
        given = base_url or os.environ.get("GETIMG_AI_BASE_URL") or "https://api.getimg.ai"
        self.base = given.rstrip("/")
        key = key or os.environ.get("GETIMG_API_KEY", "")
        if not key or not key.isascii() or not key.isprintable() or key.strip() != key:
            raise ValueError("The key is missing, or no header can carry it.")
        self._header: Callable[[], str] = lambda: f"Bearer {key}"
        self.timeout = timeout
        self.max_retries = max_retries
        self.wait_timeout = wait_timeout
        self.poll_interval = poll_interval
        self._http: httpx.Client | None = None

    @property
    def http(self) -> httpx.Client:
        if self._http is None:
            self._http = httpx.Client(trust_env=False, headers={"User-Agent": "typed-records/1"})
        return self._http

    def close(self) -> None:
        if self._http is not None:
            self._http.close()

    # one exchange

    @contextlib.contextmanager
    def _exchange(self, asked: httpx.Request) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        posting = asked.method == "POST"
        try:
            answer = self.http.send(asked, stream=True)
            try:
                self.http.cookies.clear()
                yield answer, self._pieces(answer, time.monotonic() + self.timeout, posting)
            finally:
                answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Trouble(f"No connection: {type(error).__name__}", unsent=True) from None
        except httpx.HTTPError as error:
            raise Trouble(f"The answer broke: {type(error).__name__}", unknown=posting) from None

    def _pieces(self, answer: httpx.Response, until: float, posting: bool) -> Iterator[bytes]:
        coding = answer.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise Malformed(f"The answer is coded as {coding}.", unknown=posting)
        for piece in answer.iter_raw():
            yield piece
            if time.monotonic() > until:
                raise Trouble(f"No whole answer in {self.timeout} s.", unknown=posting)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        order: dict[str, Any] | None = None,
    ) -> Any:
        headers = {
            "Authorization": self._header(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        body = None
        if order is not None:
            headers["Content-Type"] = "application/json"
            kept = {name: value for name, value in order.items() if value is not None}
            body = json.dumps(kept, allow_nan=False).encode()
        asked = self.http.build_request(
            method,
            self.base + path,
            params=query,
            content=body,
            headers=headers,
            timeout=self.timeout,
        )
        read = bytearray()
        with self._exchange(asked) as (answer, pieces):
            for piece in pieces:
                read += piece
                if len(read) > LARGEST:
                    raise Malformed("The answer is too large.", unknown=method == "POST")
        if not answer.is_success:
            raise self._refusal(answer, bytes(read), method)
        try:
            return json.loads(read, parse_constant=refuse)
        except (ValueError, RecursionError):
            unknown = method == "POST"
            raise Malformed(
                "The answer is not JSON.", status=answer.status_code, unknown=unknown
            ) from None

    def _refusal(self, answer: httpx.Response, body: bytes, method: str) -> Trouble:
        text, code = body.decode("utf-8", "replace")[:2000], None
        with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
            told = json.loads(body)
            told = told["error"] if isinstance(told.get("error"), dict) else told
            text = str(told.get("message") or text)
            code = told.get("code")
        clean = "".join(sign if sign.isprintable() else " " for sign in text)
        return Trouble(
            clean.replace(self._header().removeprefix("Bearer "), "***") or "No reason given.",
            status=answer.status_code,
            code=code if isinstance(code, str) else None,
            unknown=method == "POST" and (answer.status_code >= 500 or answer.status_code == 409),
            again_in=seconds_of(answer.headers),
        )

    # tries

    def _pause(self, tried: int, error: Trouble) -> float:
        backoff = min(0.5 * 2.0**tried, 30.0) * random.uniform(0.5, 1.0)
        return max(error.again_in or 0.0, backoff)

    def _try(self, work: Callable[[], Any], again: Callable[[Trouble], bool]) -> Any:
        for tried in range(self.max_retries + 1):
            try:
                return work()
            except Trouble as error:
                pause = self._pause(tried, error)
                if tried == self.max_retries or pause > 60 or not again(error):
                    raise
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _get(self, path: str, query: dict[str, str] | None = None) -> Any:
        return self._try(lambda: self._ask("GET", path, query=query), lambda error: error.passing)

    def _post(self, path: str, order: dict[str, Any]) -> Any:
        def unpaid(error: Trouble) -> bool:
            return error.unsent or error.status_code == 429

        return self._try(lambda: self._ask("POST", path, order=order), unpaid)

    def _record(
        self, value: Any, read: Callable[[Any], Generation], *, posted: bool = False
    ) -> Generation:
        try:
            return read(value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            known = value.get("id") if isinstance(value, dict) else None
            raise Malformed(
                f"The answer has not the shape of a generation: {error}",
                generation=known if isinstance(known, str) else None,
                unknown=posted,
            ) from None

    # operations

    def generate_image(self, **order: Any) -> Any:
        answer = self._post("/v2/images/generations", order)
        return self._record(answer, Generation.read_image, posted=True).raw

    def submit_video(self, **order: Any) -> Any:
        answer = self._post("/v2/videos/generations", order)
        return self._record(answer, Generation.read, posted=True).raw

    def _video(self, id: str) -> str:
        if id in {"", ".", ".."}:
            raise ValueError(f"{id!r} is not an id.")
        return f"/v2/videos/generations/{quote(id, safe='')}"

    def retrieve_video(self, id: str) -> Any:
        return self._record(self._get(self._video(id)), Generation.read).raw

    def generate_video(self, **order: Any) -> Any:
        accepted = self.submit_video(**order)["id"]
        try:
            return self._await(accepted).raw
        except BaseException as error:
            error.generation_id = accepted  # type: ignore[attr-defined]
            error.add_note(f"generation: {accepted}")
            raise

    def _look(self, id: str, fresh: bool) -> tuple[Generation | None, float]:
        """Return the video if it can be had, and how long not to ask again."""
        try:
            found = self._record(self._ask("GET", self._video(id)), Generation.read)
        except Trouble as error:
            if not error.passing and not (fresh and error.status_code == 404):
                raise
            return None, error.again_in or 0.0
        return found, 0.0

    def _await(self, id: str) -> Generation:
        began, pause = time.monotonic(), self.poll_interval
        while (left := began + self.wait_timeout - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            found, told = self._look(id, fresh=time.monotonic() - began < 30)
            pause = max(self.poll_interval, told)
            if found is None:
                continue
            if found.status == "completed":
                return found
            if found.status == "failed":
                raise Failed(f"Failed: {found.message}", code=found.code, generation=id)
        raise Failed(f"Not done in {self.wait_timeout} s; ask for it later.", generation=id)

    def models(self, type: str | None = None) -> Any:
        found = self._get("/v2/models", {"type": type} if type is not None else None)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise Malformed("The models are not a list of objects.")
        return found

    def model(self, id: str) -> Any:
        if id in {"", ".", ".."}:
            raise ValueError(f"{id!r} is not an id.")
        return self._object(self._get(f"/v2/models/{quote(id, safe='')}"), "id")

    def balance(self) -> Any:
        return self._object(self._get("/v2/billing/balance"), "balance")

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        bounds = [moment(each) if isinstance(each, str) else each for each in (start, end)]
        if any(bound.tzinfo is None for bound in bounds):
            raise ValueError("A time without a zone says no moment.")
        first, last = (bound.astimezone(UTC).isoformat() for bound in bounds)
        return self._object(
            self._get("/v2/billing/costs", {"start": first, "end": last}), "total_cost"
        )

    def _object(self, value: Any, needed: str) -> Any:
        if not isinstance(value, dict) or needed not in value:
            raise Malformed(f"The answer has no {needed}.")
        return value

    # files

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        generation = self._record(result, Generation.read)
        if not 0 <= index < len(generation.files):
            raise Trouble(f"There is no file {index}.", generation=generation.id)
        file = generation.files[index]
        if not file.url.lower().startswith(("https://", self.base.lower() + "/")):
            raise Trouble("The link is no address to fetch from.", generation=generation.id)
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", generation.id)[:80] or "file"
        handle, part = tempfile.mkstemp(prefix=".typed-", suffix=".part", dir=directory)
        os.close(handle)
        try:
            self._try(lambda: self._save(file, Path(part)), lambda error: error.passing)
            path = Path(directory, f"{stem}-{index}.{file.suffix}")
            return str(self._settle(Path(part), path, overwrite))
        except Trouble as error:
            error.generation_id = generation.id
            raise
        finally:
            Path(part).unlink(missing_ok=True)

    def _save(self, file: StoredFile, part: Path) -> None:
        try:
            asked = self.http.build_request(
                "GET", file.url, headers={"Accept-Encoding": "identity"}, timeout=self.timeout
            )
        except httpx.InvalidURL:
            raise Malformed("The link is no address.") from None
        with self._exchange(asked) as (answer, pieces), part.open("wb") as out:
            kind = answer.headers.get("content-type", "").lower()
            if answer.status_code != 200:
                gone = answer.status_code in {403, 404, 410}
                raise Trouble(
                    "The link has expired." if gone else "The link has no file.",
                    status=answer.status_code,
                    again_in=seconds_of(answer.headers),
                )
            if kind.startswith(("text/", "application/json")):
                raise Malformed(f"The link has {kind}, no file.", status=200)
            for piece in pieces:
                out.write(piece)

    def _settle(self, part: Path, path: Path, overwrite: bool) -> Path:
        if overwrite:
            part.replace(path)
            return path
        free, number = path, 1
        while True:
            try:
                os.link(part, free)
            except FileExistsError:
                free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
            else:
                return free
