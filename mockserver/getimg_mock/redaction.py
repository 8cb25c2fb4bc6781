"""Redacting API keys: the one place that says which headers are secret, and how a key is shown.

Where keys of the fake are shown, in its log, its journal and its messages, the ends of a key stay,
so that keys can be told apart: `sk_...f3a9`. Reports and evidence may hold keys of getimg.ai, and
show nothing of them.

There a known key is replaced by its name, `<key a>`, so that a check for leaks still sees where it
was shown. A text in the form of a getimg.ai key that was never sent becomes `<a key>`; the value of
a parameter that is named like a key becomes `<hidden>`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEY_PLACEHOLDER: Final = "<a key>"
HIDDEN_PLACEHOLDER: Final = "<hidden>"

_CREDENTIAL: Final = re.compile(
    r"authorization$|api-?key|(?:auth|access|mock)-?token|^cookie$", re.IGNORECASE
)
_SCHEMES: Final = ("bearer", "basic", "token", "apikey", "key")
_KEY_PARAMETERS: Final = ("api_key", "apikey", "api-key", "access_token")
_KEY_NAMES: Final = rb"api[_-]?key|access[_-]?token|key|token"
_MIN_KEY_LENGTH: Final = 8
"""A text of fewer characters is not taken for a key, unless it begins like one."""

_MIN_KEY_PREFIX: Final = 8
"""So many characters of a key, followed by `...`, are replaced too."""

_PLACEHOLDER: Final = re.compile(
    r"^[\W_]*$|^(.)\1*$|[<\[*\u2026]|\.\.\.|^\W*(redacted|removed|masked|hidden|sanitized)\W*$",
    re.IGNORECASE,
)
"""What recorders write in place of a key."""

# A letter before it belongs to a word such as `task_`; the end of an escape does not.
_LIKE_A_KEY: Final = re.compile(
    rb"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
    rb"sk_[A-Za-z0-9_-]+"
)
_KEY_IN_PATH: Final = re.compile(r"sk_[A-Za-z0-9_-]{5,}")
_LONG_KEY: Final = re.compile(rb"sk_[A-Za-z0-9]{16,}")
_NOT_REDACTED: Final = rb"(?!<(?:key \w+|a key|hidden)>)"
_PARAMETER: Final = re.compile(
    rb"((?:^|[?&]|\\u0026|&amp;)(?:" + _KEY_NAMES + rb")=)" + _NOT_REDACTED + rb"([^&#\s\"'\\]+)",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(
    rb'("(?:' + _KEY_NAMES + rb')"\s*:\s*")' + _NOT_REDACTED + rb'((?:[^"\\]|\\.)+)(?=")',
    re.IGNORECASE,
)


_SHOWN_ENDS: Final = ((12, 4), (8, 2))
"""How many last characters are shown of a key of so many: of a shorter one, none."""


def find_path_keys(text: str) -> list[str]:
    """Return the texts in the form of a key in a path or query; those of the API have none."""
    return _KEY_IN_PATH.findall(text) if "sk_" in text else []


def hide_key(key: str) -> str:
    """Return the beginning of a key, for texts in which it need not be told from others."""
    return f"{key[:3]}..."


def shorten_key(key: str) -> str:
    """Return the ends of a key: enough to tell keys apart, too little to use."""
    shown = next((end for length, end in _SHOWN_ENDS if len(key) >= length), 0)
    return hide_key(key) + key[len(key) - shown :]


def shorten_credentials(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers in which keys are shortened, and other credentials left out."""
    return [
        (name, _shorten_value(value)) if _is_secret(name) else (name, value)
        for name, value in headers
    ]


@lru_cache(maxsize=256)
def _is_secret(name: bytes) -> bool:
    return carries_credentials(name.decode("latin-1"))


@lru_cache(maxsize=256)  # a client sends the same key with every request
def _shorten_value(value: bytes) -> bytes:
    scheme, key = value[:7], value[7:].decode("latin-1")
    return scheme + shorten_key(key).encode("latin-1") if scheme.lower() == b"bearer " else b"..."


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The keys that requests were sent with: `names` has the name of each, by key."""

    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def placeholders(self) -> tuple[tuple[str, str], ...]:
        """The name and the placeholder of each key: what a check for leaks searches for."""
        return tuple((name, f"<key {name}>") for name in self.names.values())

    def redact(self, text: str) -> str:
        """Return a text without known keys and without anything that looks like a key."""
        if not self.names and "sk_" not in text and "=" not in text and text[:1] not in "{[":
            return text  # nothing below can be in it, and most texts of requests are such
        return _decode(self.redact_bytes(_encode(text)))

    def redact_known(self, text: str) -> str:
        """Return a text without the known keys; what only looks like a key stays."""
        return _decode(self._replace_known(_encode(text)))

    def _replace_known(self, data: bytes) -> bytes:
        """Replace the known keys in every spelling, also where the end of one is cut off."""
        for written, name in _list_spellings(tuple(self.names.items())):
            data = data.replace(written, b"<key %s>" % name)
            if written[:_MIN_KEY_PREFIX] in data:
                for length in range(len(written) - 1, _MIN_KEY_PREFIX - 1, -1):
                    data = data.replace(written[:length] + b"...", b"<key %s>..." % name)
        return data

    def redact_bytes(self, data: bytes) -> bytes:
        """Return bytes without known keys and without anything that looks like a key."""
        data = self._replace_known(data)
        like = _LIKE_A_KEY if _is_text(data) else _LONG_KEY
        data = like.sub(KEY_PLACEHOLDER.encode(), data)
        data = _PARAMETER.sub(rb"\1" + HIDDEN_PLACEHOLDER.encode(), data) if b"=" in data else data
        return _FIELD.sub(rb"\1" + HIDDEN_PLACEHOLDER.encode(), data) if data[:1] in b"{[" else data

    def redact_headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return headers without keys; the values of headers for credentials are hidden."""
        return tuple(
            (self.redact(name), self._redact_header_value(name, value)) for name, value in headers
        )

    def _redact_header_value(self, name: str, value: str) -> str:
        clean = self.redact(value)
        return clean if clean != value or not carries_credentials(name) else HIDDEN_PLACEHOLDER


def find_keys(texts: Iterable[str]) -> KnownKeys:
    """Return the keys among the texts that may be some, named a, b, c... as they come."""
    found: dict[str, str] = {}
    for text in texts:
        if text not in found and _is_key(text):
            found[text] = chr(ord("a") + len(found)) if len(found) < 26 else f"k{len(found)}"
    return KnownKeys(found)


def find_credentials(
    headers: Iterable[tuple[str, str]], query: str = "", body: bytes = b""
) -> Iterator[str]:
    """Yield what a request was sent with in the places where keys are sent."""
    for name, value in headers:
        if carries_credentials(name) and name.lower() != "cookie":
            scheme, _, rest = value.strip().partition(" ")
            yield rest.strip() if scheme.lower() in _SCHEMES else value.strip()
    for name, value in parse_qsl(query):
        if name.lower() in _KEY_PARAMETERS:
            yield value
    yield from _find_in_body(body)


def carries_credentials(name: str) -> bool:
    """Whether a header of this name is there to carry a key or a session."""
    return _CREDENTIAL.search(name) is not None


def _find_in_body(body: bytes) -> Iterator[str]:
    for _, value in _FIELD.findall(body) if body[:1] in b"{[" else ():
        try:
            text = json.loads(b'"%s"' % value)
        except ValueError:
            continue
        if text.startswith("sk_"):
            yield text


def _is_key(text: str) -> bool:
    return _PLACEHOLDER.search(text) is None and (
        len(text) >= _MIN_KEY_LENGTH or text.startswith("sk_")
    )


@lru_cache(maxsize=64)
def _list_spellings(names: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    """Return every spelling of each key with its name, the longest first: keys may overlap."""
    ways = {written: name.encode() for key, name in names for written in _spell_key(key)}
    return sorted(ways.items(), key=lambda each: -len(each[0]))


def _spell_key(key: str) -> Iterator[bytes]:
    escaped = (quote(key, safe=""), quote_plus(key), quote(key))
    for text in (key, *escaped, *(_lower_hex(each) for each in escaped)):
        yield _encode(text)
    for ascii_only in (True, False):
        text = json.dumps(key, ensure_ascii=ascii_only)[1:-1]
        yield _encode(text)
        yield _encode(text.replace("/", "\\/"))


def _lower_hex(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
