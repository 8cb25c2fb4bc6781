"""Evidence: recorded traffic in, what it confirms out; and the list of known failures.

Traffic is a HAR file, or NDJSON with one exchange a line (`method`, `path`, `status`, and where
known `query`, `headers`, `request_headers`, `request_body`, `body`, `at`). Keys are taken out as it
is read.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock._shipped import read_text
from getimg_mock.contract.exchanges import Exchange
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.verdicts import judged
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from getimg_mock.contract.verdicts import Check

REAL: Final = "https://api.getimg.ai"
STALE_AFTER: Final = timedelta(days=180)
"""How long an observation of the real service counts, unless told otherwise."""

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
        base = _base(entries)
        kept = [each for each in entries if each.get("base", base) == base]
        exchanges = tuple(_exchange(number, each) for number, each in enumerate(kept, 1))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no recorded traffic: {error}.") from None
    from getimg_mock.contract.corpus.choices import shipped_models  # noqa: PLC0415 - the catalogue is large

    listed = [e.plain for e in exchanges if e.operation == "models.list" and e.status == 200]
    models = [m for m in (listed[0] if listed else shipped_models()) if isinstance(m, dict)]
    return History(
        plan=Plan(name=path.name, steps=()), exchanges=exchanges, models=tuple(models), own=False,
        base=base,
    )  # fmt: skip


def _base(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return whose traffic this is: a browser records what it asked of others, too."""
    bases = [str(each["base"]) for each in entries if each.get("base")]
    return REAL if not bases or REAL in bases else bases[0]


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the real service was seen to do: by check, when it was kept, and when it was broken."""

    confirmed: Mapping[str, datetime] = field(default_factory=dict)
    contradicted: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)

    def merged(self, other: Evidence) -> Evidence:
        """Return both together: of each check the latest word, on one day the worse."""
        confirmed = {**self.confirmed}
        for name, seen in other.confirmed.items():
            confirmed[name] = max(seen, confirmed.get(name, seen))
        contradicted = {**self.contradicted}
        for name, (seen, actual) in other.contradicted.items():
            if name not in contradicted or seen >= contradicted[name][0]:
                contradicted[name] = (seen, actual)
        for name in confirmed.keys() & contradicted.keys():
            if contradicted[name][0] >= confirmed[name]:
                del confirmed[name]
            else:
                del contradicted[name]
        return Evidence(confirmed, contradicted)

    def fresh(self, now: datetime, stale_after: timedelta = STALE_AFTER) -> frozenset[str]:
        """Return the checks that are confirmed by what is not too old to count."""
        return frozenset(n for n, seen in self.confirmed.items() if now - seen <= stale_after)


def evidence_of(checks: Iterable[Check], histories: Iterable[History]) -> Evidence:
    """Return what recorded traffic of the real service says of each check, with its day.

    Raises `SettingsError` for traffic of anything else, and for traffic without times. The day is
    that of the first exchange, so evidence is never taken for younger than it is.
    """
    checks, found = tuple(checks), Evidence()
    for history in histories:
        if history.base != REAL:
            raise SettingsError(
                f"{history.plan.name} is traffic of {history.base}: only {REAL} is evidence."
            )
        first = min((each.at for each in history), default=_EPOCH)
        if first == _EPOCH:
            raise SettingsError(f"{history.plan.name} does not say when it was recorded.")
        day = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        verdicts = [judged(check, [history], own=False) for check in checks]
        found = found.merged(Evidence(
            {v.check.id: day for v in verdicts if v.applied and not v.broken},
            {v.check.id: (day, v.findings[0].observation.actual) for v in verdicts if v.broken},
        ))  # fmt: skip
    return found


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write evidence where `read_evidence` finds it."""
    record = {
        "confirmations": [
            {"check": name, "observed": f"{seen:%Y-%m-%d}"}
            for name, seen in sorted(evidence.confirmed.items())
        ],
        "contradictions": [
            {"check": name, "observed": f"{seen:%Y-%m-%d}", "actual": actual}
            for name, (seen, actual) in sorted(evidence.contradicted.items())
        ],
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_evidence(path: Path) -> Evidence:
    """Return what `write_evidence` wrote; raises `SettingsError` when it cannot be read."""
    try:
        return _evidence(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no evidence: {error}.") from None


def shipped_evidence() -> Evidence:
    """Return the evidence that ships."""
    return _evidence(json.loads(read_text("fixtures", "evidence.json")))


def _evidence(record: Mapping[str, Any]) -> Evidence:
    return Evidence(
        {each["check"]: _day(each) for each in record["confirmations"]},
        {each["check"]: (_day(each), str(each["actual"])) for each in record["contradictions"]},
    )


def _day(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["observed"]).replace(tzinfo=UTC)


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


def read_known(path: Path, among: Iterable[Check] | None = None) -> dict[str, str]:
    """Return the checks that are known to fail, with the reason: `GP407  a reason` a line.

    Raises `SettingsError` for an id that is none of `among` (without it, of all checks).
    """
    from getimg_mock.contract.checks import every_check  # noqa: PLC0415 - checks read evidence

    ids = [check.id for check in (every_check() if among is None else among)]
    found = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no list of checks: it is not UTF-8.") from None
    for line in lines:
        name, _, reason = line.partition("#")[0].strip().partition(" ")
        if not name:
            continue
        if name.upper() not in ids:
            raise UnknownNameError("check in the list of known failures", name.upper(), ids)
        found[name.upper()] = reason.strip()
    return found
