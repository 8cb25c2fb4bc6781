"""Finds the workspace of a request by `Authorization: Bearer <key>` (documented)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from getimg_mock.api.error_envelope import invalid_api_key
from getimg_mock.errors import Refusal, UnknownNameError
from getimg_mock.patterns import Pattern, compile_pattern
from getimg_mock.settings import Settings
from getimg_mock.world.identities import KEY_IN_SCOPE
from getimg_mock.world.magic import KEY_PREFIX, is_invalid_key, parse_key_magic

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.workspaces import Workspace

_MAX_KEY = 512
_DEFAULT_PATTERN = Settings().key_pattern


def authenticate(call: Call) -> Workspace:
    """Return the workspace of the request's key, made on first use; raises the 401 `Refusal`."""
    settings = call.fake.settings
    scope = call.scope
    key = scope.get(KEY_IN_SCOPE) or _find_key(call, settings)
    if settings.magic and key.startswith(KEY_PREFIX):
        _refuse_by_magic(key)
    return call.fake.store.get_or_create(key)


def _find_key(call: Call, settings: Settings) -> str:
    fields = call.fields
    sent = fields.get(b"authorization")
    # As many fields as headers: none is there twice.
    if sent is not None and len(fields) == len(call.scope["headers"]):
        return _parse_once(sent, settings.strictness, settings.key_pattern)
    return parse_key(call.header_all(b"authorization"), settings)


@lru_cache(maxsize=1024)  # a client sends the same key with every request
def _parse_once(authorization: bytes, strictness: str, key_pattern: str) -> str:
    return _parse_authorization(authorization.decode("latin-1"), strictness, key_pattern)


def find_plain_key(call: Call) -> str | None:
    """Return the key of a request, or None if it is invalid, or does more than name a workspace."""
    settings = call.fake.settings
    fields = call.fields
    sent = fields.get(b"authorization")
    if sent is None or len(fields) != len(call.scope["headers"]):
        return None
    try:
        key = _parse_once(sent, settings.strictness, settings.key_pattern)
    except Refusal:
        return None
    return None if settings.magic and key.startswith(KEY_PREFIX) else key


def _refuse_by_magic(key: str) -> None:
    if is_invalid_key(key):
        raise invalid_api_key("this magic key is always invalid")
    try:
        parse_key_magic(key)
    except UnknownNameError as error:
        raise invalid_api_key(str(error)) from None


def parse_key(authorizations: list[str], settings: Settings) -> str:
    """Return the key that the `Authorization` headers give, or raise the 401 `Refusal`."""
    if not authorizations:
        raise invalid_api_key("send the header Authorization: Bearer sk_...")
    if len(authorizations) > 1:
        raise invalid_api_key("the request has several Authorization headers; send one")
    return _parse_authorization(authorizations[0], settings.strictness, settings.key_pattern)


def _parse_authorization(authorization: str, strictness: str, key_pattern: str) -> str:
    scheme, _, key = authorization.strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise invalid_api_key("the header must read Authorization: Bearer sk_...")
    if len(key) > _MAX_KEY:
        raise invalid_api_key(f"the key is longer than {_MAX_KEY} characters")
    # The lenient mode accepts any key: the official SDK's own tests send 'My API Key'.
    if strictness == "full" and not _compile_pattern(key_pattern).fullmatch(key):
        raise invalid_api_key(
            "keys look like sk_<secret>: any such key opens its own workspace here"
        )
    return key


@cache
def _compile_pattern(pattern: str) -> Pattern:
    # The standard library's engine is ten times faster for the default, which is harmless.
    return re.compile(pattern) if pattern == _DEFAULT_PATTERN else compile_pattern(pattern)
