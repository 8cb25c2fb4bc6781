"""The options of a test: from ini options, `getimg_settings` and the mark `getimg`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.settings import ADDRESS_SETTINGS, Settings, list_options
from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pytest

MARK: Final = "getimg"
API_HOST: Final = "api.getimg.ai"
FIXTURES: Final = (
    "getimg_live",
    "getimg_mock",
    "getimg_live_module",
    "getimg_mock_module",
    "getimg_live_session",
    "getimg_mock_session",
)
"""The fixtures that open a workspace, those of the smallest scope first; as in plugin.py."""
OBSERVED: Final = "GETIMG_OBSERVED_TRAFFIC"
"""The environment variable of a run that `getimg-mock verify client --observe` has started."""

# Settings of a server, which a test does not have.
_SERVER_ONLY: Final = frozenset(
    {
        *ADDRESS_SETTINGS,
        "store",
        "workers",
        "quiet",
        "log_format",
        "control_token",
        "max_workspaces",
        "trust_forwarded",
        "replay",  # a test calls it cassette
    }
)
VERDICTS: Final = ("off", "error")
POLICIES: Final = ("no-unexpected-calls", "no-undownloaded-results", "no-pending-videos")
_LIMITS: Final = ("image_rpm", "video_rpm", "concurrent", "rate_window")
_RATE: Final = re.compile(r"x(\d+(?:\.\d+)?)")

_FEWEST_EXCHANGES: Final = 10_000
# Real sizes cost time in each test; a test that is about them asks for them.
_DEFAULTS: Final[dict[str, Any]] = {
    "media_size": "small",
    "journal_exchanges": _FEWEST_EXCHANGES,
}

# Settings of a whole fake, which cannot differ for one workspace of a shared server.
WHOLE_FAKE_SETTINGS: Final = (
    "models",
    "strictness",
    "key_pattern",
    "tampered_status",
    "expired_status",
    "unknown_download_status",
    "max_body_mib",
    "reference_megapixels",
    "media_size",
    "media",
    "font",
    "media_cache_mib",
    "magic",
    "check_responses",
    "mock_headers",
    "silent_sound",
    "replay",
    "on_miss",
    "replay_ignore",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceOptions:
    """The options of a test, read and checked.

    `given` are the settings that the test names. `start` is when the clock starts (None is now),
    `rate` how fast it runs, and `linked` whether the test's own time is linked to it. `verdict`
    says whether a violation of the client contract fails the test. `test` is the node id of the
    test or module, or `session`.
    """

    settings: Settings
    given: Mapping[str, Any]
    key: str
    start: datetime | None
    rate: float
    linked: bool
    policies: tuple[str, ...]
    verdict: str = "off"
    test: str = ""

    def compute_start(self) -> datetime:
        """Return the moment at which the workspace's clock starts."""
        # The time as the test sees it: freezegun or time-machine may have changed it.
        return self.start or datetime.now(UTC)  # noqa: TID251 - see above


def resolve_options(
    request: pytest.FixtureRequest, settings: Mapping[str, Any]
) -> WorkspaceOptions:
    """Return the options of a test: the mark wins over `settings`, and they win over ini options.

    Raises `SettingsError` for invalid values and `UnknownNameError` for unknown names.
    """
    values = _read_ini_values(request.config)
    values |= _check_names(settings, "name in getimg_settings")
    values |= _check_names(_read_mark(request), f"argument of pytest.mark.{MARK}")
    # A session has no name, and a test that is named like it cannot be.
    name = request.node.nodeid or "session"
    key = values.pop("key", None) or derive_key(name)
    policies = _check_policies(values.pop("policies", ()))
    verdict = _check_verdict(values.pop("verdict", "off"))
    start, rate, linked = _parse_clock(values.pop("clock", "virtual"))
    values = dict(_flatten(values, request.config.rootpath))
    read = Settings.of(**_DEFAULTS | values, quiet=True)
    if read.journal_exchanges < _FEWEST_EXCHANGES:
        read = replace(read, journal_exchanges=_FEWEST_EXCHANGES)
    return WorkspaceOptions(
        settings=read,
        given=values,
        key=str(key),
        start=start,
        rate=rate,
        linked=linked,
        policies=policies,
        verdict=verdict,
        test=name,
    )


@cache
def list_known_names() -> tuple[str, ...]:
    """Return the names of the options of the mark and of `getimg_settings`."""
    settings = [each.name for each in list_options() if each.name not in _SERVER_ONLY]
    return ("key", "policies", "verdict", "cassette", *settings)


def derive_key(name: str) -> str:
    """Return the API key of the test of that name: always the same, and unique to it."""
    return f"sk_test_{digest('test', name, size=12).hex()}"


def _read_ini_values(config: pytest.Config) -> dict[str, Any]:
    found = {}
    for name in ("seed", "clock", "models", "balance", "limits", "key"):
        value = config.getini(f"getimg_{name}")
        if value:
            found[name] = value
    for name in ("scenario", "policies"):
        listed = config.getini(f"getimg_{name}")
        if listed:
            found[name] = tuple(listed)
    return found


def _read_mark(request: pytest.FixtureRequest) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(MARK))):
        if mark.args:
            raise SettingsError(
                f"pytest.mark.{MARK} takes its arguments by name: "
                f"pytest.mark.{MARK}(scenario={mark.args[0]!r}), for example."
            )
        values |= mark.kwargs
    return values


def _check_names(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    names = list_known_names()
    for name in values:
        if name not in names:
            raise UnknownNameError(kind, str(name), names)
    return dict(values)


def _check_policies(names: Iterable[str]) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else tuple(names)
    for name in listed:
        if name not in POLICIES:
            raise UnknownNameError("policy", str(name), POLICIES)
    return listed


def _check_verdict(name: object) -> str:
    if name not in VERDICTS:
        raise UnknownNameError("verdict", str(name), VERDICTS)
    return str(name)


def _parse_clock(value: object) -> tuple[datetime | None, float, bool]:
    """Read a clock: virtual, linked, real, x60, or the moment at which it is frozen."""
    words = {"virtual": (None, 0.0, False), "linked": (None, 0.0, True), "real": (None, 1.0, False)}
    if isinstance(value, str) and value in words:
        return words[value]
    if isinstance(value, str) and (rate := _RATE.fullmatch(value)):
        return None, float(rate[1]), False
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise SettingsError(
            f"clock: Unknown clock {value!r}. Use virtual, linked, real, a rate such as x60, or a "
            "moment such as 2026-05-01T12:00:00Z."
        ) from None
    if moment.tzinfo is None:
        raise SettingsError(f"clock: {value!r} has no time zone: use {value}Z for UTC.")
    return moment.astimezone(UTC), 0.0, False


def _flatten(values: Mapping[str, Any], root: Path) -> Iterator[tuple[str, Any]]:
    """Yield settings: a table of limits as single ones, and files relative to the root folder."""
    for name, value in values.items():
        if name == "limits" and isinstance(value, dict):
            for limit in value:
                if limit not in _LIMITS:
                    raise UnknownNameError("limit", str(limit), _LIMITS)
            yield from value.items()
        elif name in {"models", "font"} and value is not None:
            yield name, root / value
        elif name in {"image_seconds", "video_seconds"} and isinstance(value, str | Path):
            yield name, _resolve_file(value, root)
        elif name == "cassette":
            yield "replay", value if value is None else root / value
        elif name == "scenario":
            listed = (value,) if isinstance(value, (str, Path)) else value
            yield name, [_resolve_file(each, root) for each in listed]
        else:
            yield name, value


def _resolve_file(name: object, root: Path) -> str:
    text = str(name)
    return str(root / text) if text.endswith((".toml", ".json")) else text
