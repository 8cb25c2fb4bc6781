"""How a handle reaches the control commands: in this process, or over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import quote, urlencode, urlsplit

from getimg_mock.control import commands
from getimg_mock.control.command import Text, Waiting
from getimg_mock.control.fields import shown
from getimg_mock.control.problems import raised
from getimg_mock.control.security import TOKEN_HEADER
from getimg_mock.errors import ControlError, SettingsError
from getimg_mock.setting_values import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

    from getimg_mock.fake import Fake

PREFIX: Final = "/__mock__"
TIMEOUT: Final = 30.0


class Channel(Protocol):
    """Runs control commands on the workspace of `key`."""

    @property
    def key(self) -> str:
        """The key whose workspace it is."""

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command and return its answer: a JSON value, or a text for a text export.

        Raises `SettingsError` for what was given and `ControlError` for everything else.
        """

    def of(self, key: str) -> Self:
        """Return the same for another key."""


@dataclass(frozen=True, slots=True)
class LocalChannel:
    """Runs commands on a fake in this process."""

    fake: Fake = field(repr=False)
    key: str

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command; only waiting for the journal blocks."""
        result = commands.run(self.fake, self.key, commands.find(method, path), plain(payload))
        if isinstance(result, Waiting):
            return result.block()
        return result.text if isinstance(result, Text) else result

    def of(self, key: str) -> LocalChannel:
        """Return the same for another key."""
        return LocalChannel(self.fake, key)


@dataclass(frozen=True, slots=True)
class RemoteChannel:
    """Runs commands on a fake that listens at `url`; `timeout` is in seconds."""

    url: str
    key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        host = _host(self.url)
        if host == "getimg.ai" or host.endswith(".getimg.ai"):
            raise SettingsError(f"{self.url} is the real API: it has no controls.")
        for name, value in (("key", self.key), ("token", self.token or "")):
            if not (value.isascii() and value.isprintable()):
                raise SettingsError(f"The {name} holds letters that a header cannot carry.")

    def call(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Run a command; a wait takes as long as it takes."""
        values = {name: value for name, value in plain(payload).items() if value is not None}
        waits = values.get("timeout", 10.0) if path == "/journal/wait" else 0.0
        patience = self.timeout + (waits if isinstance(waits, (int, float)) else 0.0)
        answer, connection = self._opened(method, path, values, patience)
        try:
            text = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()
        media_type = answer.headers.get_content_type()
        if answer.status == 200 and media_type != "application/json":
            return text
        return self._judged(answer.status, text)

    def events(self, path: str, payload: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the JSON data of server-sent events as they come, for as long as they do."""
        answer, connection = self._opened("GET", path, plain(payload), None)
        try:
            if answer.status != 200:
                self._judged(answer.status, answer.read().decode("utf-8", "replace"))
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    def of(self, key: str) -> RemoteChannel:
        """Return the same for another key."""
        return RemoteChannel(self.url, key, self.token, self.timeout)

    def _opened(
        self, method: str, path: str, values: Mapping[str, Any], timeout: float | None
    ) -> tuple[HTTPResponse, HTTPConnection]:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "*/*"}
        if self.token:
            headers[TOKEN_HEADER] = self.token
        target, body = parts.path.rstrip("/") + PREFIX + quote(path), None
        if method == "GET":
            target += f"?{urlencode(values)}" if values else ""
        else:
            headers["Content-Type"] = "application/json"
            body = json.dumps(values).encode()
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request(method, target, body, headers)
            return connection.getresponse(), connection
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from None

    def _judged(self, status: int, text: str) -> Any:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if status != 200 or not isinstance(value, dict):
            raise raised(status, value)
        return value

    def _unreachable(self, error: Exception) -> ControlError:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no answer"
        return ControlError(
            "unreachable",
            f"No getimg-mock answers at {self.url}: {why}. Start one with getimg-mock serve.",
            status=503,
        )


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        # The port is read here because only reading it says whether it is one.
        usable = parts.scheme in {"http", "https"} and parts.port != 0
        host = parts.hostname if usable else None
    except ValueError:
        host = None
    if not host:
        raise SettingsError(f"{url!r} is not a URL such as http://127.0.0.1:4010.")
    return host


def plain(payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values as JSON has them; raises `SettingsError` for what JSON cannot say."""
    return {name: _plain(name, value) for name, value in (payload or {}).items()}


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, (Decimal, Span)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(name, each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(name, each) for each in value]
    raise SettingsError(f"{name}: JSON cannot say {shown(value)}.")
