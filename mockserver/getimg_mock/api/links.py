"""The address that the client used: links begin with it. It is never stored."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.world.journal import Headers

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_LAST_PORT: Final = 65535
_LOCAL: Final = ("127.0.0.1", None)


def read_client_address(scope: Mapping[str, Any], *, trust_forwarded: bool) -> str:
    """Return scheme, host and path prefix as the client used them, without a trailing slash.

    With `trust_forwarded`, `X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix` take
    precedence; of a list, the first value, set by the proxy nearest to the client.
    """
    headers = scope["headers"]
    scheme = scope.get("scheme", "http")
    host = _find_header(headers, b"host")
    prefix = scope.get("root_path", "")
    if trust_forwarded:
        scheme, host, prefix = _read_forwarded(headers, scheme, host, prefix)
    name, port = scope.get("server") or _LOCAL
    return _format_address(scheme, host, prefix, name, port)


@lru_cache(maxsize=256)
def _format_address(scheme: str, host: bytes, prefix: str, server: str, port: int | None) -> str:
    if not _is_host(host):
        name = f"[{server}]" if ":" in server else server
        host = (f"{name}:{port}" if port else name).encode()
    return f"{scheme}://{host.decode('ascii')}{prefix.rstrip('/')}"


def _find_header(headers: Headers, name: bytes) -> bytes:
    # It is among the first headers: a loop is faster than building a dictionary.
    for each, value in headers:
        if each == name:
            return value
    return b""


def _read_forwarded(
    headers: Headers, scheme: str, host: bytes, prefix: str
) -> tuple[str, bytes, str]:
    def first(name: bytes) -> bytes:
        return _find_header(headers, name).split(b",")[0].strip()

    proto = first(b"x-forwarded-proto").lower()
    if proto in {b"http", b"https"}:
        scheme = proto.decode()
    named = first(b"x-forwarded-host")
    if _is_host(named):
        host = named
    port = first(b"x-forwarded-port")
    if _is_host(host + b":" + port):  # not if the host already has a port
        usual = b"443" if scheme == "https" else b"80"
        host = host if port == usual else host + b":" + port
    forwarded_prefix = first(b"x-forwarded-prefix").decode("latin-1").rstrip("/")
    if _PREFIX.fullmatch(forwarded_prefix):
        prefix = forwarded_prefix
    return scheme, host, prefix


def _is_host(host: bytes) -> bool:
    found = _HOST.fullmatch(host)
    return found is not None and int(found[1] or 0) <= _LAST_PORT
