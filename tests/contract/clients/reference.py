"""A client that keeps the whole contract, synchronous and asynchronous, with switchable faults.

The logic is written once, as generators that yield what is to be sent or slept; `ReferenceClient`
and `AsyncReferenceClient` carry that out. `faulty("name")` asks whether a fault is switched on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import threading
import time  # noqa: TID251 - a client waits on its own clock
import zlib
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx

from getimg_mock.world import schemas
from getimg_mock.world.chance import Stream, fresh_secret

LIMIT = 8 * 1024 * 1024
SUFFIXES = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "video/mp4": ".mp4",
}  # fmt: skip
SCHEMAS = {
    "images/generations": "image-generation", "videos/generations": "video-accepted",
    "models": "model-list", "billing/balance": "balance", "billing/costs": "costs",
}  # fmt: skip


class ClientError(Exception):
    """Base of the client's errors: what the caller may want to know stands in attributes."""

    def __init__(self, message: str, **facts: Any) -> None:
        clean = message.encode("utf-8", "replace").decode()
        super().__init__(clean)
        self.status: int | None = facts.get("status")
        self.code: str | None = facts.get("code")
        self.request_id: str | None = facts.get("request_id")
        self.generation_id: str | None = facts.get("generation")
        self.outcome_unknown: bool = facts.get("unknown", False)
        self.retry_after: float | None = facts.get("retry_after")


class NotSentError(ClientError):
    """Nothing reached the server."""


class OutcomeUnknownError(ClientError):
    """The request may have been served, and charged."""


class BrokenConnectionError(ClientError):
    """A read broke off."""


class AnswerError(ClientError):
    """An answer that is not what the API documents."""


class RefusedError(ClientError):
    """The API refused."""


class AuthenticationError(RefusedError):
    """401."""


class PaymentError(RefusedError):
    """402."""


class MissingError(RefusedError):
    """404."""


class RateLimitError(RefusedError):
    """429."""


class UnavailableError(RefusedError):
    """5xx on a read."""


class FailedError(ClientError):
    """The generation failed."""


class StillPendingError(ClientError):
    """The generation did not end in time."""


class LinkExpiredError(ClientError):
    """The link has expired."""


class DownloadError(ClientError):
    """The file could not be saved."""


class InvalidArgumentError(ClientError):
    """The caller's argument cannot be sent."""


TYPES = {401: AuthenticationError, 402: PaymentError, 404: MissingError, 429: RateLimitError}


@dataclass
class Send:
    """One request to be made."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None
    follow: bool = False
    save: Path | None = None
    accepts: Any = None


@dataclass
class Sleep:
    """A wait."""

    seconds: float


@dataclass
class Got:
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    body: bytes


Steps = Generator[Any, Any, Any]


class Redactor(logging.Filter):
    """Keeps signatures of links out of httpx's log."""

    off = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the signature in a record's arguments."""
        if isinstance(record.args, tuple) and not Redactor.off:
            record.args = tuple(
                re.sub(r"sig=[^&\s]+", "sig=***", str(each)) if "sig=" in str(each) else each
                for each in record.args
            )
        return True


@dataclass
class Core:
    """What both clients do, as steps."""

    base_url: str
    key: str = field(repr=False)
    timeout: float = 60.0
    max_retries: int = 3
    wait_timeout: float = 300.0
    poll_interval: float = 5.0
    faults: frozenset[str] = frozenset()
    longest_wait: float = 60.0
    seen: dict[str, Any] = field(default_factory=dict, repr=False)
    chance: Stream = field(default_factory=lambda: Stream(fresh_secret()), repr=False)
    drawn: int = 0

    def faulty(self, name: str) -> bool:
        """Return whether a fault is switched on."""
        return name in self.faults

    # -- requests ------------------------------------------------------------------------------

    def generate_image(self, fields: dict[str, Any]) -> Steps:
        """Make an image."""
        value = yield from self._submit("images/generations", fields)
        if value.get("status") != "completed" and not self.faulty("image-status-ignored"):
            raise AnswerError(f"the image is {value.get('status')!r}", generation=value.get("id"))
        return value

    def submit_video(self, fields: dict[str, Any]) -> Steps:
        """Ask for a video."""
        return (yield from self._submit("videos/generations", fields))

    def retrieve_video(self, name: str, retries: int | None = None) -> Steps:
        """Look at a video."""
        path = f"videos/generations/{self._encoded(name)}"
        value = yield from self._read(path, None, retries=retries)
        status = value.get("status") if isinstance(value, dict) else None
        kinds = {"pending": "video-pending", "failed": "video-failed", "completed":
                 "video-completed"}  # fmt: skip
        self._check(value, kinds.get(str(status), "video-pending"))
        return value

    def generate_video(self, fields: dict[str, Any]) -> Steps:
        """Make a video and wait for it."""
        accepted = yield from self.submit_video(fields)
        name = accepted["id"]
        if self.faulty("first-status-kept") and accepted["status"] == "completed":
            return accepted
        try:
            return (yield from self._waited(name))
        except ClientError as error:
            if not (self.faults & {"id-lost", "poll-error-fatal", "404-fatal"}):
                error.generation_id = name
                error.add_note(f"generation {name}")
            raise
        except (KeyboardInterrupt, asyncio.CancelledError) as stop:
            if self.faulty("interrupt-swallowed"):
                return (yield from self._waited(name))
            if not self.faulty("cancel-loses-id"):
                stop.add_note(f"generation {name} goes on")
            raise

    def _waited(self, name: str) -> Steps:  # noqa: C901 - faults are switched where they act
        now = time.time if self.faulty("wall-clock") else time.monotonic
        began = now()
        polls = 0
        while True:
            pause = self.poll_interval
            if self.faulty("seconds-for-milliseconds"):
                pause /= 1000
            if self.faulty("busy-together") and self.seen.get("waits", 0) > 1:
                pause = 0.2
            value: Any = {"status": "pending"}
            try:
                value = yield from self.retrieve_video(name, retries=0)
            except ClientError as error:
                pause = max(pause, error.retry_after or 0.0)
                self._tolerated(error, polls)
            polls += 1
            status = value.get("status")
            if status == "completed":
                if self.faulty("polls-on"):
                    yield from self.retrieve_video(name, retries=0)
                return value
            if status == "failed":
                if self.faulty("failed-returned"):
                    return value
                if not self.faulty("failed-polled-on"):
                    error_ = value["error"]
                    text = "it failed" if self.faulty("failure-mute") else error_["message"]
                    raise FailedError(text, code=error_["code"], generation=name)
            if status not in {"pending", "failed"} and self.faulty("unknown-status-ends"):
                return value
            asked = value.get("$retry_after") or 0.0
            if not self.faulty("slower-ignored"):
                pause = max(pause, asked)
            if now() - began + pause > self.wait_timeout and not self.faulty("pending-for-ever"):
                raise StillPendingError(f"still pending after {self.wait_timeout:g} s")
            yield Sleep(pause)

    def _tolerated(self, error: ClientError, polls: int) -> None:
        """Raise a poll's error unless the next poll may do better."""
        if self.faulty("poll-error-fatal") and not isinstance(error, MissingError):
            raise type(error)(str(error)) from None
        if isinstance(error, MissingError):
            if polls > 3 or self.faulty("404-fatal"):
                raise error
        elif isinstance(error, RefusedError) and not isinstance(
            error, RateLimitError | UnavailableError
        ):
            raise error

    def models(self, kind: str | None) -> Steps:
        """List the models."""
        query = {"type": kind} if kind is not None else {}
        if self.faulty("null-query"):
            query = {"type": kind or "null"}
        return (yield from self._checked("models", query))

    def model(self, name: str) -> Steps:
        """Look at a model."""
        value = yield from self._read(f"models/{self._encoded(name)}", None)
        self._check(value, "model")
        if self.faulty("floats"):
            for rate in value["pricing"]["rates"]:
                rate["unit_price"] = float(rate["unit_price"])
        if self.faulty("strict-enums"):
            for rate in value["pricing"]["rates"]:
                if rate["sound"] not in {"sound_on", "sound_off", "not_applicable"}:
                    raise AnswerError("unknown sound")
                if rate["billable_unit"] not in {"image", "video_second"}:
                    raise AnswerError("unknown unit")
        if self.faulty("strict-dates"):
            try:
                datetime.fromisoformat(value["created_at"])
            except ValueError as error:
                raise AnswerError("unreadable date") from error
        if self.faulty("no-rates-is-free") and not value["pricing"]["rates"]:
            value["pricing"]["rates"] = [{"unit_price": "0"}]
        return value

    def balance(self) -> Steps:
        """Look at the balance."""
        value = yield from self._checked("billing/balance", {})
        if self.faulty("float-balance"):
            value["balance"] = float(value["balance"])
        return value

    def costs(self, start: str, end: str) -> Steps:
        """Look at the costs."""
        for text in (start, end):
            if datetime.fromisoformat(text).tzinfo is None and not self.faulty("naive-sent"):
                raise InvalidArgumentError(f"{text} has no zone")
        query: dict[str, str] = {"start": start, "end": end}
        if self.faulty("raw-plus"):
            return (yield from self._read("billing/costs", None, raw=f"start={start}&end={end}"))
        return (yield from self._checked("billing/costs", query))

    # -- sending -------------------------------------------------------------------------------

    def _encoded(self, name: str) -> str:
        if self.faulty("injected-by-id"):
            self.seen["head"] = name
            return quote(name.splitlines()[0], safe="")
        if self.faulty("raw-ids"):
            return name.replace("\r", "").replace("\n", "").replace(" ", "%20")
        if name in {"", ".", ".."} and not self.faulty("dots-sent"):
            raise InvalidArgumentError(f"{name!r} is no id")
        return quote(name, safe="/" if self.faulty("slashes-raw") else "")

    def _url(self, path: str, raw: str = "") -> str:
        base = self.base_url.rstrip("/")
        if self.faulty("prefix-dropped"):
            parts = urlsplit(base)
            base = f"{parts.scheme}://{parts.netloc}"
        if self.faulty("brackets-lost"):
            base = base.replace("[", "").replace("]", "")
        return f"{base}/v2/{path}" + (f"?{raw}" if raw else "")

    def _headers(self) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self.key}", "Accept": "application/json",
            "User-Agent": "reference/1", "Accept-Encoding": "gzip",
        }  # fmt: skip
        if self.faulty("lower-bearer"):
            headers["Authorization"] = f"bearer {self.key}"
        if self.faulty("no-user-agent"):
            headers["User-Agent"] = ""
        if self.faulty("key-logged"):
            logging.getLogger("reference").debug("sending %s", headers)
        return headers | by_hand(self.seen.pop("head", ""))

    def _submit(self, path: str, fields: dict[str, Any]) -> Steps:
        body = self._body(fields)
        for name in ("model", "prompt"):
            if self.faulty(f"injected-by-{name}"):
                self.seen["head"] = str(fields.get(name, ""))
        headers = self._headers() | {"Content-Type": "application/json"}
        if self.faulty("no-content-type"):
            headers["Content-Type"] = "text/plain"
        value = yield from self._post(path, headers, body)
        if not isinstance(value, dict) and not self.faulty("unchecked"):
            raise AnswerError("the answer is no object")
        if (
            path == "images/generations"
            and isinstance(value.get("status", 0), str)
            and (value["status"] != "completed")
        ):
            return value
        self._check(value, SCHEMAS[path])
        if self.faulty("strict-fields") and set(value) - {"id", "status", "model", "data",
                                                         "usage"}:  # fmt: skip
            raise AnswerError("unknown fields")
        if self.faulty("width-required") and any(
            not isinstance(each.get("width"), int) for each in value.get("data", ())
        ):
            raise AnswerError("no width")
        if self.faulty("known-types-only") and any(
            each["mime_type"] not in SUFFIXES for each in value.get("data", ())
        ):
            raise AnswerError("unknown media type")
        if self.faulty("first-item") and value.get("data") is not None:
            value["data"] = [value["data"][0]]
        return value

    def _body(self, fields: dict[str, Any]) -> bytes:
        fields = dict(fields)
        if self.faulty("mutates"):
            for each in fields.get("images", ()):
                each["seen"] = True
        if self.faulty("nulls-sent"):
            fields = {"aspect_ratio": None, "resolution": None} | fields
        if self.faulty("stringly"):
            fields = {k: str(v) if isinstance(v, int) else v for k, v in fields.items()}
        if self.faulty("normalised"):
            import unicodedata  # noqa: PLC0415 - for this fault

            fields["prompt"] = unicodedata.normalize("NFC", fields["prompt"])
        if self.faulty("controls-stripped"):
            fields["prompt"] = fields["prompt"].replace("\x00", "")
        if self.faulty("v1-fields"):
            fields["steps"] = "30"
            fields["prompt"] = ""
        if self.faulty("shared-body"):
            self.seen.setdefault("body", {}).update(fields)
            fields = dict(list(self.seen["body"].items()))
        return json.dumps(fields, ensure_ascii=False).encode()

    def _post(self, path: str, headers: dict[str, str], body: bytes) -> Steps:  # noqa: C901, PLR0912 - faults are switched where they act
        token = fresh_secret()
        for attempt in range(self.max_retries + 1):
            if self.faulty("keys-per-attempt"):
                token = fresh_secret()
            if self.faulty("one-key-for-all"):
                token = "always-the-same"
            extra = {} if self.faulty("no-idempotency-key") else {"Idempotency-Key": token}
            if attempt and self.faulty("body-rebuilt"):
                body = body + b" "
            last = attempt == self.max_retries
            send = Send("POST", self._url(path), headers | extra, body,
                        follow=self.faulty("posts-follow"))  # fmt: skip
            try:
                got = yield send
            except NotSentError as error:
                if last:
                    raise
                if self.faulty("refused-garbled"):
                    raise KeyError("connection") from error
            except (BrokenConnectionError, OutcomeUnknownError) as error:
                if last or not self._reposts(error):
                    if self.faulty("unknown-as-not-sent"):
                        raise NotSentError("could not connect") from None
                    raise OutcomeUnknownError(str(error), unknown=True) from None
            else:
                self.seen["used"] = True
                if got.status < 300:
                    return self._doubled(self._parsed(got), attempt)
                refusal = self._refusal(got, post=True)
                wait = self._retry_wait(got, attempt, post=True)
                if last or wait is None:
                    raise refusal
                yield Sleep(wait)
                continue
            yield Sleep(self._backoff(attempt))
        raise AssertionError("the last attempt returns or raises")

    def _doubled(self, value: Any, attempt: int) -> Any:
        if self.faulty("cost-doubled") and attempt == 0 and isinstance(value.get("usage"), dict):
            value["usage"]["total_cost"] *= 2
        return value

    def _reposts(self, error: ClientError) -> bool:
        kind = error.code or ""
        if self.faulty("reposts-stale"):
            return kind in {"close", "reset"} and bool(self.seen.get("used"))
        return (
            self.faulty(f"reposts-{kind}") or self.faulty("reposts-all")
            or self.faulty("keys-per-attempt") or self.faulty("one-key-for-all")
            or self.faulty("no-idempotency-key") or self.faulty("body-rebuilt-lost")
        )  # fmt: skip

    def _retry_wait(self, got: Got, attempt: int, *, post: bool) -> float | None:  # noqa: PLR0911 - faults are switched where they act
        """Return how long to wait before the next attempt; None when there must be none."""
        status, asked = got.status, self._asked(got)
        if self.faulty("retries-refusals") and status in {400, 403, 422}:
            return self._backoff(attempt)
        if post and status == 409 and self.faulty("reposts-409"):
            return self._backoff(attempt)
        if post and status >= 500 and self.faulty("reposts-5xx"):
            return self._backoff(attempt)
        safe = status == 429 or (status == 503 and asked is not None)
        if not post:
            safe = status in {408, 429, 502, 503, 504} and not self.faulty("no-get-retries")
        if not safe:
            return None
        if asked is None:
            return self._backoff(attempt)
        if asked > self.longest_wait and not self.faulty("long-waits-cut"):
            return None
        if self.faulty("long-waits-cut") and asked > self.longest_wait:
            return self._backoff(attempt)
        return asked if self.faulty("odd-wait-spins") else max(asked, 0.1)

    def _asked(self, got: Got) -> float | None:  # noqa: PLR0911 - faults are switched where they act
        text = got.headers.get("retry-after", "").strip()
        if self.faulty("retry-after-ignored"):
            return None
        if self.faulty("odd-wait-crash") and text:
            return float(int(text)) if "," not in text else 0.0
        if self.faulty("odd-wait-spins") and text and not text.isdigit() and "," not in text:
            self.longest_wait = 10
            return 0.0
        if re.fullmatch(r"\d+(\.\d+)?", text):
            seconds = float(text)
            return seconds / 1000 if self.faulty("retry-after-milliseconds") else seconds
        if text and not self.faulty("dates-ignored"):
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                moment = None
            if moment is not None:
                ahead = moment.timestamp() - time.time()
                return ahead + 1 if ahead > 0 else None
        reset = got.headers.get("x-ratelimit-reset", "")
        if reset.isdigit() and not self.faulty("reset-ignored"):
            ahead = int(reset) - time.time()
            return ahead + 0.5 if ahead > 0 else None
        return None

    def _backoff(self, attempt: int) -> float:
        if self.faulty("no-backoff"):
            return 0.2
        self.drawn += 1
        jitter = 0.0 if self.faulty("no-jitter") else self.chance.unit(str(self.drawn))
        cap = 1e9 if self.faulty("uncapped") else 30.0
        base = 20.0 if self.faulty("uncapped") else 0.5
        factor = 6 if self.faulty("uncapped") else 2
        return float(min(cap, base * factor**attempt) * (1 + jitter / 4))

    def _checked(self, path: str, query: dict[str, str]) -> Steps:
        value = yield from self._read(path, query)
        self._check(value, SCHEMAS[path])
        return value

    def _read(
        self, path: str, query: dict[str, str] | None, *, retries: int | None = None, raw: str = ""
    ) -> Steps:
        most = self.max_retries if retries is None else retries
        if self.faulty("retries-cannot-be-off"):
            most = 3
        if self.faulty("retries-without-end"):
            most = 40
        url = self._url(path, raw or urlencode(query or {}))
        for attempt in range(most + 1):
            self.seen["used"] = True
            try:
                got = yield from self._got(url)
            except (NotSentError, BrokenConnectionError, OutcomeUnknownError):
                if attempt == most or self.faulty("no-get-retries"):
                    raise
                yield Sleep(self._backoff(attempt))
                continue
            if got.status < 300:
                value = self._parsed(got)
                asked = self._asked(got) if "retry-after" in got.headers else None
                if isinstance(value, dict) and asked and value.get("status") == "pending":
                    value["$retry_after"] = asked
                return value
            wait = self._retry_wait(got, attempt, post=False)
            if attempt == most or wait is None:
                raise self._refusal(got, post=False)
            yield Sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _got(self, url: str) -> Steps:
        """Send a GET; only faulty clients follow redirects."""
        got = yield Send("GET", url, self._headers(), follow=self.faulty("key-follows"))
        most = 1 if self.faulty("key-kept-on-redirect") else 0
        most = 100 if self.faulty("loops-for-ever") else most
        for _ in range(most):
            if got.status not in {301, 302, 307, 308}:
                break
            url = urljoin(url, got.headers["location"])
            got = yield Send("GET", url, self._headers())
        return got

    # -- reading -------------------------------------------------------------------------------

    def _parsed(self, got: Got) -> Any:
        kind = got.headers.get("content-type", "application/json").partition(";")[0].strip()
        if self.faulty("exact-media-type"):
            kind = got.headers.get("content-type", "")
            if kind != "application/json":
                raise AnswerError(f"no JSON: {kind!r}")
        if self.faulty("garbage-returned") and kind.lower() != "application/json":
            return got.body.decode("latin-1")
        if self.faulty("raw-json-errors"):
            return json.loads(got.body)
        if self.faulty("date-trusted") and "date" in got.headers:
            skew = parsedate_to_datetime(got.headers["date"]).timestamp() - time.time()
            if abs(skew) > 300:
                raise AnswerError(f"a clock is {skew:.0f} s off")
        try:
            encoding = "utf-8" if self.faulty("bom-fatal") else "utf-8-sig"
            value = json.loads(got.body.decode(encoding))
        except (ValueError, RecursionError) as error:
            raise AnswerError("the answer is no JSON", status=got.status) from error
        if kind.lower() != "application/json":
            raise AnswerError(f"the answer is {kind}", status=got.status)
        if self.faulty("odd-headers-fatal") and len(got.headers.get_list("vary")) > 1:
            raise AnswerError("two Vary headers")
        return value

    def _check(self, value: Any, schema: str) -> None:
        if self.faulty("unchecked") or (self.faulty("garbage-returned") and value.__class__ is str):
            return
        wrong = {"required", "type"}
        if self.faulty("missing-unchecked"):
            wrong = {"type"}
        if self.faulty("types-unchecked"):
            wrong = {"required"}
        if self.faulty("empty-fatal"):
            wrong.add("minItems")
        found = [each for each in schemas.violations(schema, value) if each.keyword in wrong]
        if found:
            raise AnswerError(f"{found[0].path or '/'}: {found[0].message}")
        if self.faulty("empty-list-fatal") and value == []:
            raise IndexError("no models")

    def _refusal(self, got: Got, *, post: bool) -> ClientError:  # noqa: C901 - faults are switched where they act
        error: Any = {}
        with contextlib.suppress(ValueError, KeyError, TypeError):
            error = json.loads(got.body)["error"]
        error = error if isinstance(error, dict) else {}
        code, message = error.get("code"), str(error.get("message", ""))
        if self.faulty("code-dropped"):
            code = None
        if self.faulty("message-dropped"):
            message = ""
        if self.faulty("message-cut"):
            message = message[:1000]
        text = f"{got.status} {code or ''}: {message}".strip()
        if self.faulty("502-untyped") and not error:
            raise json.JSONDecodeError("Expecting value", "", 0)
        if self.faulty("known-codes-only") and code == "brand_new_code":
            raise KeyError(code)
        if self.faulty("key-in-errors"):
            text += f" (sent with Bearer {self.key})"
        facts = {
            "status": got.status, "code": code, "retry_after": self._asked(got),
            "request_id": got.headers.get("x-request-id"),
        }  # fmt: skip
        if self.faulty("request-id-dropped"):
            facts["request_id"] = None
        if self.faulty("one-error-type"):
            return RefusedError(message + str(code), code=code)
        if got.status >= 500:
            if post:
                return OutcomeUnknownError(text, unknown=True, **facts)
            return UnavailableError(text, **facts)
        made = TYPES.get(got.status, RefusedError)(text, **facts)
        if self.faulty("surrogates-kept"):
            made.args = (text,)
        return made

    # -- downloads -----------------------------------------------------------------------------

    def download(
        self, result: dict[str, Any], directory: str, index: int, *, overwrite: bool
    ) -> Steps:
        """Save a file and return its path."""
        item = result["data"][index]
        path = self._place(result, item, directory, index)
        for attempt in range(2):
            try:
                yield from self._saved(item, path, overwrite=overwrite)
            except LinkExpiredError:
                if self.faulty("expired-regenerates"):
                    model = {"model": "seedream-5-lite", "prompt": "again"}
                    result = yield from self.generate_image(model)
                    item = result["data"][0]
                elif self.faulty("expired-looks-for-ever"):
                    for _ in range(20):
                        yield from self.retrieve_video(result["id"])
                    raise
                elif attempt or not item["mime_type"].startswith("video/"):
                    raise
                else:
                    result = yield from self.retrieve_video(result["id"])
                    item = result["data"][index]
            else:
                return str(self.seen.pop("path", path))
        raise LinkExpiredError("the link has expired")

    def _place(self, result: dict[str, Any], item: dict[str, Any], directory: str, index: int,
               ) -> Path:  # fmt: skip
        name = re.sub(r"[^A-Za-z0-9_-]", "_", str(result["id"]))
        suffix = SUFFIXES.get(item["mime_type"], ".bin")
        if self.faulty("suffix-from-type"):
            suffix = "." + item["mime_type"].rpartition("/")[2].removeprefix("x-")
        if self.faulty("overwrites"):
            name = "output"
        return Path(directory, f"{name}-{index}{suffix}")

    def _saved(self, item: dict[str, Any], path: Path, *, overwrite: bool) -> Steps:  # noqa: C901 - faults are switched where they act
        part = path if self.faulty("written-in-place") else path.with_name(f".{path.name}.part")
        headers = {"User-Agent": "reference/1", "Accept-Encoding": "identity"}
        if self.faulty("key-on-downloads"):
            headers |= {"Authorization": f"Bearer {self.key}"}
        url = item["url"]
        if self.faulty("links-rebuilt"):
            parts = urlsplit(url)
            pairs = [each.partition("=")[::2] for each in parts.query.split("&")]
            query = urlencode(sorted((k, v) for k, v in pairs))
            url = f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"
        if self.faulty("resumes-blindly") and self.seen.get("half"):
            headers["Range"] = f"bytes={len(self.seen['half'])}-"

        def accepts(status: int, kind: str, disposition: str) -> None:
            self._acceptable(item, status, kind)
            if self.faulty("name-from-server") and "filename=" in disposition:
                self.seen["path"] = path.parent / disposition.partition("filename=")[2].strip('"')

        send = Send("GET", url, headers, save=part, accepts=accepts,
                    follow=self.faulty("downloads-follow"))  # fmt: skip
        try:
            got = yield send
        except (NotSentError, BrokenConnectionError, OutcomeUnknownError) as error:
            if self.faulty("truncation-ignored") and part.exists():
                part.rename(path)
                return
            self._kept_half(part)
            raise DownloadError(f"the download broke off: {error}") from None
        if got.status == 206 and self.seen.get("half"):
            part.write_bytes(self.seen["half"] + part.read_bytes())
        at = self.seen.get("path", path)
        if at.exists() and not overwrite and not self.faulty("overwrites") and at != part:
            number = 2
            while at.with_stem(f"{at.stem}-{number}").exists():
                number += 1
            at = self.seen["path"] = at.with_stem(f"{at.stem}-{number}")
        if part != at:
            part.rename(at)

    def _kept_half(self, part: Path) -> None:
        if self.faulty("resumes-blindly") and part.exists():
            self.seen["half"] = part.read_bytes()
        if self.faulty("written-in-place"):
            return
        if not self.faulty("part-left-under-name"):
            part.unlink(missing_ok=True)
        elif part.exists():
            part.rename(part.with_name(part.name[1:-5]))

    def _acceptable(self, item: dict[str, Any], status: int, kind: str) -> None:
        if self.faulty("any-body-saved"):
            return
        if status in {403, 410}:
            if self.faulty("expired-untyped"):
                raise DownloadError("no")
            raise LinkExpiredError(f"{status}: the link has expired", status=status)
        if status not in {200, 206}:
            raise DownloadError(f"the answer is {status}", status=status)
        same = kind.partition("/")[0] == item["mime_type"].partition("/")[0]
        if not same and not self.faulty("html-saved"):
            raise DownloadError(f"{kind} instead of {item['mime_type']}")


def unpacked(data: bytes, decoder: Any, size: int, *, bounded: bool) -> bytes:
    """Return unpacked bytes; raises when they are more than the limit."""
    if decoder is None:
        if bounded and size + len(data) > LIMIT:
            raise AnswerError("the answer is too large")
        return data
    if not bounded:
        return bytes(decoder.decompress(data))
    made = bytes(decoder.decompress(data, LIMIT - size + 1))
    if size + len(made) > LIMIT:
        raise AnswerError("the answer is too large")
    return made


def decoder_of(headers: httpx.Headers) -> Any:
    """Return what unpacks a body, or None."""
    return zlib.decompressobj(31) if headers.get("content-encoding") == "gzip" else None


def by_hand(text: str) -> dict[str, str]:
    """Return the headers that come of text in a head that was put together by hand."""
    lines = (line.partition(": ") for line in text.splitlines()[1:])
    return {name: value for name, colon, value in lines if colon}


class FirstHeadOnly:
    """A stream that takes an informational answer for the end; `into` gives it to a client."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @classmethod
    def into(cls, client: httpx.Client) -> None:
        """Make a client as wrong as that."""
        transport: Any = client._transport
        backend = transport._pool._network_backend
        connect = backend.connect_tcp
        backend.connect_tcp = lambda *given, **named: cls(connect(*given, **named))

    def start_tls(self, *given: Any, **named: Any) -> FirstHeadOnly:
        """Speak TLS."""
        return FirstHeadOnly(self._stream.start_tls(*given, **named))

    def read(self, *given: Any, **named: Any) -> bytes:
        """Read."""
        data = bytes(self._stream.read(*given, **named))
        return b"" if data.startswith(b"HTTP/1.1 10") else data


def telling_proxy(core: Core) -> httpx.Proxy | None:
    """Return the environment's proxy, which is told the key; None without the fault, or one."""
    url = os.environ.get("HTTPS_PROXY")
    if url is None or not core.faulty("key-to-proxy"):
        return None
    return httpx.Proxy(url, headers={"Proxy-Authorization": f"Bearer {core.key}"})


def explained(error: httpx.TransportError, method: str) -> ClientError:
    """Return the client's own error for httpx's."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return NotSentError(f"could not connect: {error}", code="connect")
    kind = "timeout" if isinstance(error, httpx.TimeoutException) else "reset"
    if isinstance(error, httpx.RemoteProtocolError):
        kind = "truncated" if "incomplete" in str(error) or "received" in str(error) else "close"
    made = OutcomeUnknownError if method == "POST" else BrokenConnectionError
    return made(f"the connection broke: {error}", code=kind, unknown=method == "POST")


REDACTOR = Redactor()

ENVIRONMENT = {"base_url": "REFERENCE_BASE_URL", "key": "REFERENCE_KEY"}


def core_of(base_url: str | None, key: str | None, faults: frozenset[str], options: Any) -> Core:
    """Return the core for a client's arguments."""
    given = {name: value for name, value in options.items() if value is not None}
    if "environment-ignored" in faults and base_url is None:
        return Core("https://api.getimg.ai", "sk_default", faults=faults, **given)
    base = base_url or os.environ[ENVIRONMENT["base_url"]]
    return Core(base, key or os.environ[ENVIRONMENT["key"]], faults=faults, **given)


class ReferenceClient:
    """The synchronous client."""

    environment = ENVIRONMENT
    faults: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        base_url: str | None,
        key: str | None,
        timeout: float | None = None,
        max_retries: int | None = None,
        wait_timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> None:
        self._core = core_of(base_url, key, self.faults, {
            "timeout": timeout, "max_retries": max_retries, "wait_timeout": wait_timeout,
            "poll_interval": poll_interval,
        })  # fmt: skip
        logging.getLogger("httpx").addFilter(REDACTOR)
        Redactor.off = self._core.faulty("links-logged")
        self._thread = threading.get_ident()
        verify = not self._core.faulty("no-tls-verification")
        self._client = httpx.Client(verify=verify, proxy=telling_proxy(self._core))
        self._downloads = httpx.Client(verify=verify)
        if self._core.faulty("informational-fatal"):
            FirstHeadOnly.into(self._client)

    def __repr__(self) -> str:
        shown = self._core.key if self._core.faulty("key-in-repr") else "sk_***"
        return f"ReferenceClient({self._core.base_url!r}, {shown!r})"

    def close(self) -> None:
        """Close the connections."""
        logging.getLogger("httpx").removeFilter(REDACTOR)
        self._client.close()
        self._downloads.close()

    def generate_image(self, **fields: Any) -> Any:
        """Make an image."""
        return self._do(self._core.generate_image(fields))

    def generate_video(self, **fields: Any) -> Any:
        """Make a video and wait for it."""
        self._core.seen["waits"] = self._core.seen.get("waits", 0) + 1
        return self._do(self._core.generate_video(fields))

    def submit_video(self, **fields: Any) -> Any:
        """Ask for a video."""
        return self._do(self._core.submit_video(fields))

    def retrieve_video(self, id: str) -> Any:  # noqa: A002 - the driver's word
        """Look at a video."""
        return self._do(self._core.retrieve_video(id))

    def models(self, type: str | None = None) -> Any:  # noqa: A002 - the driver's word
        """List the models."""
        return self._do(self._core.models(type))

    def model(self, id: str) -> Any:  # noqa: A002 - the driver's word
        """Look at a model."""
        return self._do(self._core.model(id))

    def balance(self) -> Any:
        """Look at the balance."""
        return self._do(self._core.balance())

    def costs(self, start: str, end: str) -> Any:
        """Look at the costs."""
        return self._do(self._core.costs(start, end))

    def download(
        self, *, result: dict[str, Any], directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        """Save a file."""
        steps = self._core.download(result, directory, index, overwrite=overwrite)
        return str(self._do(steps))

    def _do(self, steps: Steps) -> Any:
        value, error = None, None
        while True:
            try:
                step = steps.throw(error) if error is not None else steps.send(value)
            except StopIteration as end:
                return end.value
            value = error = None
            try:
                if isinstance(step, Sleep):
                    time.sleep(step.seconds)
                else:
                    value = self._sent(step)
            except (ClientError, KeyboardInterrupt) as caught:
                error = caught

    def _sent(self, send: Send) -> Got:
        core = self._core
        if core.faulty("one-thread-only") and threading.get_ident() != self._thread:
            raise AnswerError("made in another thread")
        client = self._downloads if send.save is not None else self._client
        if core.faulty("cookies-shared"):
            client = self._client
        if core.faulty("answers-unclosed"):  # a client for each request, never closed
            client = httpx.Client()
            core.seen.setdefault("clients", []).append(client)
        began = time.monotonic()
        timeout = None if core.faulty("no-read-timeout") else core.timeout
        if core.faulty("no-download-timeout") and send.save is not None:
            timeout = None
        try:
            with client.stream(
                send.method, send.url, headers=send.headers, content=send.body, timeout=timeout,
                follow_redirects=send.follow,
            ) as answer:  # fmt: skip
                return self._read(send, answer, began)
        except httpx.TransportError as error:
            raise explained(error, send.method) from None
        except httpx.HTTPError as error:
            raise AnswerError(str(error)) from None

    def _read(self, send: Send, answer: httpx.Response, began: float) -> Got:
        core, size = self._core, 0
        decoder, parts = decoder_of(answer.headers), list[bytes]()
        if core.faulty("packed-unread"):
            decoder = None
        if core.faulty("length-required") and not (
            {"content-length", "transfer-encoding"} & set(answer.headers)
        ):
            raise AnswerError("the answer has no length")
        bounded = not core.faulty("bombs") and send.save is None
        file = opened(core, send, answer)
        try:
            for chunk in answer.iter_raw():
                late(core, began)
                data = unpacked(chunk, decoder, size, bounded=bounded)
                size += len(data)
                (parts.append if file is None else file.write)(data)
        except httpx.TransportError:
            if not core.faulty("length-unchecked") or send.method == "POST":
                raise
        finally:
            if file is not None:
                flushed(file, parts)
        return Got(answer.status_code, answer.headers, b"".join(parts))


class AsyncReferenceClient:
    """The asynchronous client."""

    environment = ENVIRONMENT
    faults: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        base_url: str | None,
        key: str | None,
        timeout: float | None = None,
        max_retries: int | None = None,
        wait_timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> None:
        self._core = core_of(base_url, key, self.faults, {
            "timeout": timeout, "max_retries": max_retries, "wait_timeout": wait_timeout,
            "poll_interval": poll_interval,
        })  # fmt: skip
        logging.getLogger("httpx").addFilter(REDACTOR)
        Redactor.off = False
        self._client = httpx.AsyncClient()
        self._downloads = httpx.AsyncClient()

    def __repr__(self) -> str:
        return f"AsyncReferenceClient({self._core.base_url!r})"

    async def close(self) -> None:
        """Close the connections."""
        logging.getLogger("httpx").removeFilter(REDACTOR)
        await self._client.aclose()
        await self._downloads.aclose()

    async def generate_image(self, **fields: Any) -> Any:
        """Make an image."""
        return await self._do(self._core.generate_image(fields))

    async def generate_video(self, **fields: Any) -> Any:
        """Make a video and wait for it."""
        return await self._do(self._core.generate_video(fields))

    async def submit_video(self, **fields: Any) -> Any:
        """Ask for a video."""
        return await self._do(self._core.submit_video(fields))

    async def retrieve_video(self, id: str) -> Any:  # noqa: A002 - the driver's word
        """Look at a video."""
        return await self._do(self._core.retrieve_video(id))

    async def models(self, type: str | None = None) -> Any:  # noqa: A002 - the driver's word
        """List the models."""
        return await self._do(self._core.models(type))

    async def model(self, id: str) -> Any:  # noqa: A002 - the driver's word
        """Look at a model."""
        return await self._do(self._core.model(id))

    async def balance(self) -> Any:
        """Look at the balance."""
        return await self._do(self._core.balance())

    async def costs(self, start: str, end: str) -> Any:
        """Look at the costs."""
        return await self._do(self._core.costs(start, end))

    async def download(
        self, *, result: dict[str, Any], directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        """Save a file."""
        steps = self._core.download(result, directory, index, overwrite=overwrite)
        return str(await self._do(steps))

    async def _do(self, steps: Steps) -> Any:
        value, error = None, None
        while True:
            try:
                step = steps.throw(error) if error is not None else steps.send(value)
            except StopIteration as end:
                return end.value
            value = error = None
            try:
                if isinstance(step, Sleep):
                    await asyncio.sleep(step.seconds)  # noqa: TID251 - a client waits on its clock
                else:
                    value = await self._sent(step)
            except (ClientError, asyncio.CancelledError) as caught:
                error = caught

    async def _sent(self, send: Send) -> Got:
        core = self._core
        client = self._downloads if send.save is not None else self._client
        began = time.monotonic()
        try:
            async with client.stream(
                send.method, send.url, headers=send.headers, content=send.body,
                timeout=core.timeout, follow_redirects=send.follow,
            ) as answer:  # fmt: skip
                return await self._read(send, answer, began)
        except httpx.TransportError as error:
            raise explained(error, send.method) from None
        except httpx.HTTPError as error:
            raise AnswerError(str(error)) from None

    async def _read(self, send: Send, answer: httpx.Response, began: float) -> Got:
        core, size = self._core, 0
        decoder, parts = decoder_of(answer.headers), list[bytes]()
        file = opened(core, send, answer)
        try:
            async for chunk in answer.aiter_raw():
                late(core, began)
                data = unpacked(chunk, decoder, size, bounded=send.save is None)
                size += len(data)
                (parts.append if file is None else file.write)(data)
        finally:
            if file is not None:
                flushed(file, parts)
        return Got(answer.status_code, answer.headers, b"".join(parts))


def opened(core: Core, send: Send, answer: httpx.Response) -> Any:
    """Return the file that a body goes to, once the answer is acceptable; None without one."""
    if send.save is None:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    send.accepts(answer.status_code, kind, answer.headers.get("content-disposition", ""))
    if core.faulty("read-whole"):
        core.seen["whole"] = answer.read()
        whole = iter([core.seen["whole"]])
        setattr(answer, "iter_raw", lambda: whole)  # noqa: B010 - a method, replaced
    return send.save.open("wb")


def flushed(file: Any, parts: list[bytes]) -> None:
    """Close the file."""
    del parts
    file.close()


def late(core: Core, began: float) -> None:
    """Raise when the call has taken longer than its timeout."""
    if time.monotonic() - began > core.timeout and not core.faulty("per-read-timeout"):
        raise httpx.ReadTimeout(f"no whole answer within {core.timeout:g} s")


def faulty(*names: str) -> type[ReferenceClient]:
    """Return the client with faults switched on."""
    return type("FaultyClient", (ReferenceClient,), {"faults": frozenset(names)})


make = ReferenceClient
make_async = AsyncReferenceClient
