"""Guards the control interface against foreign requests.

A web page must not control a fake on the same machine, neither from its own origin nor by resolving
its own name to this machine (DNS rebinding). For every request:

- an `Origin` other than this server's own is refused, and there are no CORS headers;
- if the server is reachable from other machines, or a token is set, the token is required;
- otherwise the `Host` must be a loopback name, the address that the server is bound to, or a name
  that `--tls-host` or the server's certificate has.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import ControlError
from getimg_mock.world.randomness import digest, generate_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

    from getimg_mock.settings import Settings

TOKEN_HEADER: Final = "x-mock-token"  # noqa: S105 - the name of a header, not a secret

_COOKIE: Final = "getimg_mock_session"
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]@/]+)(?::(\d{1,5}))?", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is loopback."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_token(settings: Settings) -> Settings:
    """Return settings with a new token if the server is bound beyond loopback without one."""
    if settings.control_token is None and not is_loopback(settings.host):
        return replace(settings, control_token=generate_secret())
    return settings


def check(scope: Scope, settings: Settings, *, public: bool = False) -> None:
    """Raise `ControlError` unless the request may use the control surface.

    `public` paths (health, documents) need no token.
    """
    host = read_host(scope)
    _check_origin(scope, host)
    if settings.control_token is not None or _is_exposed(scope, settings):
        if not public:
            _check_token(scope, settings.control_token)
    elif not _is_local(host, settings):
        raise ControlError(
            "foreign_host",
            f"The control interface does not answer for the host {host[:80]!r}. "
            "Use 127.0.0.1, name the host with --tls-host, or set a control token.",
            status=403,
        )


def _is_exposed(scope: Scope, settings: Settings) -> bool:
    server = scope.get("server")
    return not (is_loopback(settings.host) and server and is_loopback(str(server[0])))


def _is_local(host: str, settings: Settings) -> bool:
    match = _AUTHORITY.fullmatch(host)
    if match is None:
        return False
    name = match[1].strip("[]").lower()
    if is_loopback(name) or name == settings.host.lower():
        return True
    return name in settings.tls_host or f"*.{name.partition('.')[2]}" in settings.tls_host


def _check_origin(scope: Scope, host: str) -> None:
    for origin in _find_headers(scope, b"origin"):
        if origin.lower() not in {f"http://{host.lower()}", f"https://{host.lower()}"}:
            raise ControlError(
                "foreign_origin",
                f"A page of {origin[:80]!r} may not use the control interface.",
                status=403,
            )


def build_session_cookie(scope: Scope, settings: Settings, payload: Mapping[str, Any]) -> bytes:
    """Return the `Set-Cookie` value that lets a page of this server act with the control token.

    Raises `ControlError` unless the payload's `token` is the control token. The cookie holds a
    digest of the token, so that no page and no log has the token itself.
    """
    token = settings.control_token
    given = payload.get("token")
    if token is None or not isinstance(given, str):
        raise ControlError("token_required", "Send the control token as token.", status=401)
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise ControlError("wrong_token", "The control token is wrong.", status=401)
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    value = _derive_session(token)
    return f"{_COOKIE}={value}; Path=/__mock__; HttpOnly; SameSite=Strict{secure}".encode()


def _derive_session(token: str) -> str:
    return digest("control session", token, size=32).hex()


def _has_session(scope: Scope, token: str) -> bool:
    for header in _find_headers(scope, b"cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == _COOKIE and hmac.compare_digest(
                value.encode(), _derive_session(token).encode()
            ):
                return True
    return False


def _check_token(scope: Scope, token: str | None) -> None:
    given = _find_headers(scope, TOKEN_HEADER.encode())
    if token is not None and not given and _has_session(scope, token):
        return
    if token is None:
        raise ControlError(
            "token_required",
            "This server is reachable from other machines and has no control token: "
            "set one with GETIMG_MOCK_CONTROL_TOKEN.",
            status=403,
        )
    if not given:
        raise ControlError(
            "token_required", "Send the control token in the header X-Mock-Token.", status=401
        )
    if len(given) > 1 or not hmac.compare_digest(given[0].encode(), token.encode()):
        raise ControlError("wrong_token", "The control token is wrong.", status=401)


def read_host(scope: Scope) -> str:
    """Return the Host of a request; raises `ControlError` unless there is exactly one."""
    found = _find_headers(scope, b"host")
    if len(found) != 1:
        raise ControlError("foreign_host", "Send one Host header.", status=403)
    return found[0]


def _find_headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
