"""Evidence: recorded traffic in, what it confirms out; and the list of known failures.

Traffic is a HAR file, or NDJSON with one exchange a line (`method`, `path`, `status`, and where
known `query`, `headers`, `request_headers`, `request_body`, `body`, `at`). Keys are taken out as it
is read.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock._shipped import read_text
from getimg_mock.contract.history import Exchange, History
from getimg_mock.contract.plans import Plan
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from getimg_mock.contract.verdicts import Verdict

STALE_AFTER: Final = timedelta(days=90)
"""How long an observation of the real service counts."""

_SECRET: Final = ("authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_traffic(path: Path) -> History:
    """Return recorded traffic as a history; raises `SettingsError` when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from None
    try:
        entries = _har(text) if path.suffix == ".har" else _ndjson(text)
        exchanges = tuple(_exchange(number, each) for number, each in enumerate(entries, 1))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no recorded traffic: {error}.") from None
    from getimg_mock.contract.targets import shipped_models  # noqa: PLC0415 - the catalogue is large

    listed = [e.plain for e in exchanges if e.operation == "models.list" and e.status == 200]
    models = [m for m in (listed[0] if listed else shipped_models()) if isinstance(m, dict)]
    base = next((str(each.get("base")) for each in entries if each.get("base")), "")
    return History(
        plan=Plan(name=path.name, steps=()), exchanges=exchanges, models=tuple(models), own=False,
        base=base or "https://api.getimg.ai",
    )  # fmt: skip


def _har(text: str) -> list[dict[str, Any]]:
    found = []
    for entry in json.loads(text)["log"]["entries"]:
        request, response = entry["request"], entry["response"]
        parts = urlsplit(request["url"])
        content = response.get("content", {})
        body = content.get("text", "")
        if content.get("encoding") == "base64":
            body = {"base64": body}
        found.append({
            "method": request["method"], "path": parts.path, "query": parts.query,
            "base": f"{parts.scheme}://{parts.netloc}", "status": response["status"],
            "request_headers": {h["name"]: h["value"] for h in request.get("headers", ())},
            "headers": {h["name"]: h["value"] for h in response.get("headers", ())},
            "request_body": request.get("postData", {}).get("text"), "body": body,
            "at": entry.get("startedDateTime"),
        })  # fmt: skip
    return found


def _ndjson(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _exchange(number: int, entry: Mapping[str, Any]) -> Exchange:
    at = datetime.fromisoformat(entry["at"]) if entry.get("at") else _EPOCH
    path, _, query = str(entry["path"]).partition("?")
    asked = _headers(entry.get("request_headers"))
    return Exchange(
        number=number,
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        method=str(entry["method"]),
        path=path,
        query=str(entry.get("query") or query),
        status=int(entry["status"]),
        key=str(entry.get("key") or _key_name(entry)),
        request_headers=tuple((n, v) for n, v in asked if n not in _SECRET),
        headers=tuple((n, v) for n, v in _headers(entry.get("headers")) if n not in _SECRET),
        request_body=_bytes(entry.get("request_body")),
        body=_bytes(entry.get("body")) or b"",
    )


def _key_name(entry: Mapping[str, Any]) -> str:
    names = {str(name).lower() for name in dict(entry.get("request_headers") or {})}
    return "a" if "authorization" in names or not names else "none"


def _headers(value: Any) -> list[tuple[str, str]]:
    pairs = value.items() if isinstance(value, dict) else value or ()
    return [(str(name).lower(), str(text)) for name, text in pairs]


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    return json.dumps(value, ensure_ascii=False).encode()


def write_evidence(path: Path, verdicts: Iterable[Verdict], histories: Iterable[History]) -> None:
    """Write what traffic confirms: the checks that it passed, with the date it was recorded."""
    dates = sorted(each.at for history in histories for each in history)
    record = {
        "observed": f"{dates[-1]:%Y-%m-%d}" if dates else None,
        "confirmed": {v.check.id: v.applied for v in verdicts if v.status in {"PASS", "INFO"}
                      and not v.broken},
        "contradicted": {v.check.id: v.findings[0].observation.actual for v in verdicts
                         if v.broken},
    }  # fmt: skip
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def confirmed_by(record: Mapping[str, Any], now: datetime) -> tuple[frozenset[str], bool]:
    """Return the checks that a record of evidence confirms, and whether it is too old to count."""
    observed = record.get("observed")
    if not observed:
        return frozenset(), True
    age = now - datetime.fromisoformat(str(observed)).replace(tzinfo=UTC)
    return frozenset(record.get("confirmed", ())), age > STALE_AFTER


def claims() -> dict[str, str]:
    """Return the evidence mark of every claim that the shipped schemas and the catalogue make."""
    found: dict[str, str] = {}
    for name in ("error", "image-generation", "video-completed", "model", "costs", "balance"):
        _marks(json.loads(read_text("schemas", f"{name}.json")), name, found)
    return found


def _marks(value: Any, where: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        if value.get("description") and "properties" not in value.get("description", ""):
            found[where] = str(value.get("x-evidence", ""))
        for name, inner in value.items():
            if isinstance(inner, (dict, list)) and name not in {"examples", "default"}:
                _marks(inner, f"{where}/{name}", found)


def read_known(path: Path) -> dict[str, str]:
    """Return the checks that are known to fail, with the reason: `GP407  a reason` a line."""
    from getimg_mock.contract.checks import check_of  # noqa: PLC0415 - checks read evidence

    found = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    for line in lines:
        name, _, reason = line.partition("#")[0].strip().partition(" ")
        if name:
            found[check_of(name).id] = reason.strip()
    return found
