"""Good clients with choices about requests, settings, errors, logs and ends; each is legal."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

DEFAULTS: dict[str, tuple[str, Any]] = {
    "image": ("output_format", "jpeg"),
    "video": ("sound", False),
}


@enlist("httpx")
class HttpxStatesDefaults(HttpxClient):
    """Sends the documented default of output_format, or of sound, where the caller gives none."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        name, value = DEFAULTS[kind]
        if fields.get(name) is None:
            fields = {**fields, name: value}
        return super().submit(kind, shape, fields)


@enlist("httpx-async")
class HttpxAsyncMarksCancelledOrders(HttpxAsyncClient):
    """Marks the CancelledError of an order under way: its outcome is unknown, it may be charged."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except asyncio.CancelledError as error:
            if method == "POST":
                error.outcome_unknown = True  # type: ignore[attr-defined]
                error.add_note("An order was under way: it may have been done and charged.")
                LOG.warning("an order was cancelled under way: its outcome is unknown")
            raise


class ConnectionBroken(ConnectionLost, ConnectionError):
    """The connection broke: also one of Python's own errors of connections."""


class ServerUnreachable(ConnectionFailed, ConnectionError):
    """No connection: also one of Python's own errors of connections."""


class WaitTimedOut(WaitTimeout, TimeoutError):
    """The generation is still pending: also Python's own TimeoutError."""


PYTHONS: dict[type[ClientError], type[ClientError]] = {
    ConnectionLost: ConnectionBroken,
    ConnectionFailed: ServerUnreachable,
    WaitTimeout: WaitTimedOut,
}


def as_pythons(error: ClientError) -> ClientError:
    """Return the error with all its facts and notes, as one of Python's kinds if it has one."""
    if type(error) not in PYTHONS:
        return error
    same = PYTHONS[type(error)](error.message)
    same.__dict__.update(error.__dict__)
    return same


@enlist("sdk")
class SdkRaisesPythonsErrors(SdkClient):
    """The SDK; lost connections are ConnectionErrors too, and waits that end TimeoutErrors."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return super().exchange(method, url, body, headers)
        except (ConnectionLost, ConnectionFailed) as error:
            raise as_pythons(error) from None

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            super().save(url, part, result)
        except (ConnectionLost, ConnectionFailed) as error:
            raise as_pythons(error) from None

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        except WaitTimeout as error:
            raise as_pythons(error) from None


@enlist("requests", program=True)
class RequestsAddsConfiguredHeaders(StreamedRequestsClient):
    """requests; adds the lines of GETIMG_AI_CUSTOM_HEADERS, as the SDKs do, but replaces none."""

    framing = frozenset({"content-length", "transfer-encoding", "connection", "expect", "upgrade"})
    reserved = framing | {"content-type", "host", "cookie"}

    def prepare(self) -> None:
        self.added: dict[str, str] = {}
        lines = os.environ.get("GETIMG_AI_CUSTOM_HEADERS", "").splitlines()
        for number, line in enumerate(lines, 1):
            found = re.fullmatch(r"\s*([\w!#$%&'*+.^`|~-]+)\s*:\s*([ -~]*?)\s*", line, re.ASCII)
            if found:
                self.added[found[1].lower()] = found[2]
            elif line.strip():
                LOG.warning("line %d of GETIMG_AI_CUSTOM_HEADERS is no header", number)

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        taken = self.reserved | {name.lower() for name in sent}
        return sent | {name: said for name, said in self.added.items() if name not in taken}


WORDS = """
    id status model data usage url width height mime_type deletes_at duration fps has_sound
    total_cost billable_unit unit_price quantity error message code type param doc_url name
    created_at supported_aspect_ratios supported_resolutions supported_durations
    supported_references supports_sound pricing currency rates resolution sound balance date
    cost start end
"""
KNOWN = frozenset(WORDS.split())


@enlist("urllib3", program=True)
class Urllib3NotesUnknownFields(Urllib3Client):
    """urllib3; notes each field that it does not know once in its log, by name and not value."""

    most = 100

    def prepare(self) -> None:
        self.noted: set[str] = set()

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        ahead = [value]
        while ahead:
            item = ahead.pop()
            if isinstance(item, list):
                ahead.extend(item)
            elif isinstance(item, dict):
                self.note(item.keys() - KNOWN)
                known = item.keys() & KNOWN - {"supported_references"}  # its names are roles
                ahead.extend(item[name] for name in known)
        return value

    def note(self, names: set[str]) -> None:
        for name in sorted(names):
            shown = ascii(name.replace(self.secret.reveal(), "***")[:60])
            if shown not in self.noted and len(self.noted) < self.most:
                self.noted.add(shown)
                LOG.info("the API has a field that is new to this client: %s", shown)

    def close(self) -> None:
        self.manager.clear()


@enlist("stdlib", program=True)
class StdlibNamesTheCall(StdlibClient):
    """http.client; begins the text of each call's error with its method and path, no query."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            path = url.removeprefix(self.base_url).partition("?")[0]
            error.message = f"{method} {path}: {error.message}"
            error.args = (error.message,)
            raise
