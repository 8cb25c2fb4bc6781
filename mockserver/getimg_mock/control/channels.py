"""Channels that run control commands: in this process, or over HTTP."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import quote, urlencode, urlsplit

from getimg_mock.control.command import (
    DeferredAnswer,
    FileAnswer,
    StreamedAnswer,
    TextAnswer,
)
from getimg_mock.control.error_bodies import build_error
from getimg_mock.control.request_guard import TOKEN_HEADER
from getimg_mock.errors import ControlError, SettingsError
from getimg_mock.media.rendering import encode
from getimg_mock.setting_values import Span, shorten_value
from getimg_mock.user_files import find_state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from http.client import HTTPResponse
    from urllib.parse import SplitResult

    from getimg_mock.fake import Fake

PREFIX: Final = "/__mock__"
TIMEOUT: Final = 30.0


class Channel(Protocol):
    """Runs control commands on the workspace of `key`."""

    @property
    def key(self) -> str:
        """The key of the workspace."""

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command and return its answer: JSON, a string for a text export, or a file's bytes.

        Raises `SettingsError` for invalid values and `ControlError` for everything else.
        """

    def with_key(self, key: str) -> Self:
        """Return a channel for another key."""


@dataclass(frozen=True, slots=True)
class LocalChannel:
    """Runs commands on a fake in this process; `before` is called ahead of each."""

    fake: Fake = field(repr=False)
    key: str
    before: Callable[[], object] = field(default=lambda: None, repr=False)

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command; only waiting for the journal blocks."""
        from getimg_mock.control import command_table  # noqa: PLC0415 - many tests run no command

        self.before()
        found = command_table.find(method, path)
        result = command_table.run(self.fake, self.key, found, to_json_values(payload))
        if isinstance(result, DeferredAnswer):
            return result.wait()
        if isinstance(result, FileAnswer):
            return self.fake.cache.get(result.item, partial(encode, result.item))
        if isinstance(result, StreamedAnswer):
            return result.read()
        return result.text if isinstance(result, TextAnswer) else result

    def with_key(self, key: str) -> LocalChannel:
        """Return a channel for another key."""
        return LocalChannel(self.fake, key, self.before)


@dataclass(frozen=True, slots=True)
class RemoteChannel:
    """Runs commands on a fake that listens at `url`; `timeout` is in seconds."""

    url: str
    key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        host = _parse_host(self.url)
        if host == "getimg.ai" or host.endswith(".getimg.ai"):
            raise SettingsError(f"{self.url} is the real API, which has no control interface.")
        for name, value in (("key", self.key), ("token", self.token or "")):
            if not (value.isascii() and value.isprintable()):
                raise SettingsError(
                    f"The {name} must be printable ASCII, as it is sent in a header."
                )

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command; waiting for the journal extends the timeout."""
        values = {
            name: value for name, value in to_json_values(payload).items() if value is not None
        }
        waits = values.get("timeout", 10.0) if path == "/journal/wait" else 0.0
        patience = self.timeout + (waits if isinstance(waits, (int, float)) else 0.0)
        answer, connection = self._open(method, path, values, patience)
        try:
            data = answer.read()
        except (OSError, HTTPException) as error:
            raise self._build_unreachable_error(error) from None
        finally:
            connection.close()
        media_type = answer.headers.get_content_type()
        if answer.status == 200 and media_type.startswith(("image/", "video/")):
            return data
        text = data.decode("utf-8", "replace")
        if answer.status == 200 and media_type != "application/json":
            return text
        return self._check_answer(answer.status, text)

    def stream_events(self, path: str, payload: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the JSON data of server-sent events until the stream ends."""
        answer, connection = self._open("GET", path, to_json_values(payload), None)
        try:
            if answer.status != 200:
                self._check_answer(answer.status, answer.read().decode("utf-8", "replace"))
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        except (OSError, HTTPException) as error:
            raise self._build_unreachable_error(error) from None
        finally:
            connection.close()

    def with_key(self, key: str) -> RemoteChannel:
        """Return a channel for another key."""
        return RemoteChannel(self.url, key, self.token, self.timeout)

    def _open(
        self, method: str, path: str, values: Mapping[str, Any], timeout: float | None
    ) -> tuple[HTTPResponse, HTTPConnection]:
        parts = urlsplit(self.url)
        headers = {"Accept": "*/*"}
        if self.key:  # listing the workspaces needs none
            headers["Authorization"] = f"Bearer {self.key}"
        if self.token:
            headers[TOKEN_HEADER] = self.token
        target, body = parts.path.rstrip("/") + PREFIX + quote(path), None
        if method == "GET":
            target += f"?{urlencode(values)}" if values else ""
        else:
            headers["Content-Type"] = "application/json"
            body = json.dumps(values).encode()
        connection = _open_connection(parts, timeout)
        try:
            connection.request(method, target, body, headers)
            return connection.getresponse(), connection
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._build_unreachable_error(error) from None

    def _check_answer(self, status: int, text: str) -> Any:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if status != 200 or not isinstance(value, dict):
            raise build_error(status, value)
        return value

    def _build_unreachable_error(self, error: Exception) -> ControlError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return ControlError(
                "untrusted",
                f"This program does not trust its certificate: {self.url} has one of an "
                "authority that neither SSL_CERT_FILE nor the state folder has.",
                status=503,
            )
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no answer"
        return ControlError(
            "unreachable",
            f"No getimg-mock answers at {self.url}: {why}. Start one with getimg-mock serve.",
            status=503,
        )


def _open_connection(parts: SplitResult, timeout: float | None) -> HTTPConnection:
    """Return a connection, which trusts the authority of `serve --tls` on this machine, too."""
    host = parts.hostname or ""
    if parts.scheme != "https":
        return HTTPConnection(host, parts.port, timeout=timeout)
    context = ssl.create_default_context()
    with suppress(OSError, RuntimeError):  # no such file, or no home folder
        context.load_verify_locations(find_state_folder() / "tls" / "ca.pem")
    return HTTPSConnection(host, parts.port, timeout=timeout, context=context)


def _parse_host(url: str) -> str:
    try:
        parts = urlsplit(url)
        # Reading the port raises ValueError for an invalid one.
        usable = parts.scheme in {"http", "https"} and parts.port != 0
        host = parts.hostname if usable else None
    except ValueError:
        host = None
    if not host:
        raise SettingsError(f"{url!r} is not a URL such as http://127.0.0.1:4010.")
    return host


def to_json_values(payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values as JSON types; raises `SettingsError` for others."""
    return {name: _to_json_value(name, value) for name, value in (payload or {}).items()}


def _to_json_value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, (Decimal, Span)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _to_json_value(name, each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json_value(name, each) for each in value]
    raise SettingsError(f"{name}: {shorten_value(value)} has no JSON form.")
