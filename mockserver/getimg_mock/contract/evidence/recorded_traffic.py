"""Recorded traffic as histories.

Traffic is a HAR file, or NDJSON with one exchange a line (`method`, `path`, `status`, and where
known `query`, `headers`, `request_headers`, `request_body`, `body`, `at`). Keys are taken out as it
is read: what stands in their place says which key it was, and nothing keeps them.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.evidence.redaction import (
    A_KEY,
    Keys,
    carries_credentials,
    credentials,
    keys_of,
)
from getimg_mock.contract.exchanges import Exchange
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.targets.http_target import REAL
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Entry = Mapping[str, Any]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When an exchange was recorded that does not say when."""

_LINE: Final = (
    "each line is a JSON object with method, path and status, and where known query, headers, "
    "request_headers, request_body, body and at"
)
_HAR: Final = (
    "a HAR file is one JSON object with log.entries, each with request (method, url) and response "
    "(status)"
)


def read_traffic(path: Path) -> History:
    """Return recorded traffic as a history; raises `SettingsError` when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path} cannot be read: it is no UTF-8 from byte {error.start} on."
        ) from None
    try:
        entries = _har(text) if path.suffix.lower() == ".har" else _ndjson(text)
    except _MalformedError as error:
        raise SettingsError(f"{path} is no recorded traffic: {error}.") from None
    base = _base(entries)
    return _history(path.name, [each for each in entries if each["base"] in {"", base}], base)


class _MalformedError(Exception):
    """Which part of the traffic cannot be read, and what was expected there."""


def _history(name: str, entries: list[Entry], base: str) -> History:
    from getimg_mock.contract.model_choice import shipped_models  # noqa: PLC0415 - the catalogue is large

    sent = [_sent(each) for each in entries]
    keys = keys_of(text for found in sent for text in found)
    exchanges = tuple(_exchange(number, each, keys) for number, each in enumerate(entries, 1))
    lists = [e.plain for e in exchanges if e.operation == "models.list" and e.status == 200]
    listed = next((each for each in lists if isinstance(each, list)), None)
    models = [m for m in (shipped_models() if listed is None else listed) if isinstance(m, dict)]
    good = {
        text
        for found, each in zip(sent, entries, strict=True)
        for text in found
        if each["status"] != 401 and (base != REAL or text.startswith("sk_"))
    }
    return History(
        plan=Plan(name=name, steps=()),
        exchanges=exchanges,
        models=tuple(models),
        own=False,
        base=keys.without(base),
        secrets=_looked_for(keys, good, exchanges),
    )


def _sent(entry: Entry) -> list[str]:
    return list(credentials(entry["request_headers"], entry["query"], entry["request_body"] or b""))


def _looked_for(
    keys: Keys, good: Iterable[str], exchanges: Iterable[Exchange]
) -> tuple[tuple[str, str], ...]:
    """Return what stands for the keys that were good, and for whatever key an answer shows.

    Where there was no good key, it does not count that no answer shows one.
    """
    answers = [repr((each.headers, each.body)) for each in exchanges]
    names = {keys.names[text] for text in good if text in keys.names}
    return tuple(
        (name, shown)
        for name, shown in (*keys.shown, ("", A_KEY))
        if name in names or any(shown in answer for answer in answers)
    )


def _base(entries: Iterable[Entry]) -> str:
    """Return whose traffic this is: a browser records what it asked of others, too."""
    bases = [each["base"] for each in entries if each["base"]]
    return REAL if not bases or REAL in bases else bases[0]


def _har(text: str) -> list[Entry]:
    try:
        entries = json.loads(text)["log"]["entries"]
        if not isinstance(entries, list):
            raise _MalformedError(f"log.entries is no list; {_HAR}")
    except (ValueError, KeyError, TypeError) as error:
        raise _MalformedError(f"{_reason(error)}; {_HAR}") from None
    return _read(entries, "entry", _har_entry, _HAR)


def _har_entry(entry: Any) -> Entry:
    request, response = entry["request"], entry["response"]
    parts = urlsplit(request["url"])
    content = response.get("content") or {}
    body = content.get("text", "")
    if content.get("encoding") == "base64":
        body = {"base64": body}
    return {
        "method": request["method"],
        "path": parts.path,
        "query": parts.query,
        "base": f"{parts.scheme}://{parts.netloc}",
        "status": response["status"],
        "request_headers": [(h["name"], h["value"]) for h in request.get("headers") or ()],
        "headers": [(h["name"], h["value"]) for h in response.get("headers") or ()],
        "request_body": (request.get("postData") or {}).get("text"),
        "body": body,
        "at": entry.get("startedDateTime"),
    }


def _ndjson(text: str) -> list[Entry]:
    # Not splitlines(): a JSON text may hold line separators of Unicode.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    found = []
    for number, line in lines:
        try:
            found.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise _MalformedError(f"line {number} is no JSON ({_reason(error)}); {_LINE}") from None
    return _read([value for _, value in found], "line", dict, _LINE, [n for n, _ in found])


def _read(
    values: list[Any],
    word: str,
    entry_of: Callable[[Any], Entry],
    wanted: str,
    numbers: list[int] | None = None,
) -> list[Entry]:
    """Return each value as an entry of the types that are needed; says which one is none."""
    if not values:
        raise _MalformedError(f"there is no exchange in it; {wanted}")
    found = []
    for number, value in zip(numbers or range(1, len(values) + 1), values, strict=True):
        try:
            found.append(_typed(entry_of(value)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _MalformedError(f"{word} {number}: {_reason(error)}; {wanted}") from None
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return str(error)


def _typed(entry: Entry) -> Entry:
    """Return an entry with every field there and of one type."""
    path, _, query = str(entry["path"]).partition("?")
    at = datetime.fromisoformat(entry["at"]) if entry.get("at") else EPOCH
    return {
        "method": str(entry["method"]),
        "path": path,
        "query": str(entry.get("query") or query),
        "status": int(entry["status"]),
        "base": str(entry.get("base") or ""),
        "at": at if at.tzinfo else at.replace(tzinfo=UTC),
        "key": str(entry.get("key") or ""),
        "headers": _pairs(entry.get("headers")),
        "request_headers": _pairs(entry.get("request_headers")),
        "request_body": _bytes(entry.get("request_body")),
        "body": _bytes(entry.get("body")) or b"",
    }


def _pairs(value: Any) -> list[tuple[str, str]]:
    pairs = value.items() if isinstance(value, dict) else value or ()
    return [(str(name).lower(), str(text)) for name, text in pairs]


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _exchange(number: int, entry: Entry, keys: Keys) -> Exchange:
    body = entry["request_body"]
    asked = [pair for pair in entry["request_headers"] if not carries_credentials(pair[0])]
    answered = [pair for pair in entry["headers"] if pair[0] != "set-cookie"]
    return Exchange(
        number=number,
        at=entry["at"],
        method=keys.without(entry["method"]),
        path=keys.without(entry["path"]),
        query=keys.without(entry["query"]),
        status=entry["status"],
        key=keys.without(entry["key"]) or _key_name(entry, keys),
        request_headers=keys.without_pairs(asked),
        headers=keys.without_pairs(answered),
        request_body=None if body is None else keys.without_in(body),
        body=keys.without_in(entry["body"]),
    )


def _key_name(entry: Entry, keys: Keys) -> str:
    """Return which key a request was sent with; where no header was recorded, with the first."""
    if not entry["request_headers"]:
        return "a"
    sent = list(credentials(entry["request_headers"]))
    return next((keys.names[text] for text in sent if text in keys.names), "a" if sent else "none")
