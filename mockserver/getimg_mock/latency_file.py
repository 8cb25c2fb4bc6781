"""Latency files: how long recorded generations took, as quantiles, for `--image-seconds FILE`.

    {"image": {"count": 42, "quantiles": {"p0": 24.9, "p50": 28.1, "p100": 35.2}}}

`image` and `video` may each be missing. `count` says how many generations the quantiles come from.
The schema is schemas/own/latency-file.json.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock._shipped import read_text
from getimg_mock.errors import SettingsError
from getimg_mock.setting_values import Span, shorten_value
from getimg_mock.user_files import read_user_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.setting_values import Reader

GenerationKind = Literal["image", "video"]

KINDS: Final[tuple[GenerationKind, ...]] = ("image", "video")

SHARES: Final = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)
"""The percentages that `summarize_latency` writes."""

_NAMES: Final = ("$schema", "about", "image", "video")
_SHARE: Final = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)")
_DECIMALS: Final = 3


def build_latency_reader(kind: GenerationKind) -> Reader:
    """Return a reader of times that also takes the name of a latency file, ending in .json."""

    def read_time(value: Any) -> Span:
        if _is_file(value):
            return read_latency_file(Path(value), kind)
        return Span.parse(value)

    return read_time


def resolve_latency_files(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings for a server, with what latency files contain in place of their names.

    A server opens no file that a request names. Raises `SettingsError` for a file that is not one.
    """
    resolved = dict(values)
    for kind in KINDS:
        name = f"{kind}_seconds"
        if _is_file(resolved.get(name)):
            resolved[name] = str(read_latency_file(Path(resolved[name]), kind))
    return resolved


def _is_file(value: object) -> bool:
    return isinstance(value, Path) or (isinstance(value, str) and value.endswith(".json"))


def read_latency_file(path: Path, kind: GenerationKind) -> Span:
    """Return the distribution of a kind of generation; raises `SettingsError` for any other file.

    The file is not read again: what was read travels with the settings, into snapshots too.
    """
    try:
        document = json.loads(read_user_file(path))
    except (ValueError, RecursionError):
        raise SettingsError(f"{path} is not a latency file: it is not JSON.") from None
    return replace(read_latency(document, kind, str(path)), file=path)


def read_latency(document: Any, kind: GenerationKind, path: str) -> Span:
    """Return the distribution of a kind in a document; `path` is its name in errors."""
    if not isinstance(document, dict) or not set(document) <= set(_NAMES):
        raise SettingsError(
            f"{path} is not a latency file: use an object with image, video, or both."
        )
    recorded = document.get(kind)
    if recorded is None:
        raise SettingsError(f"{path} has no durations of {kind}s: record some, or use 20..60.")
    quantiles = recorded.get("quantiles") if isinstance(recorded, dict) else None
    if not isinstance(quantiles, dict):
        raise SettingsError(
            f'{path}: {kind} has no quantiles: use {{"count": 1, "quantiles": {{"p50": 28}}}}.'
        )
    try:
        return Span.from_quantiles(_read_quantile(*each) for each in quantiles.items())
    except SettingsError as error:
        raise SettingsError(f"{path}: {kind}: {error}") from None


def read_shipped_timing(profile: str) -> dict[str, Span]:
    """Return the settings of a shipped profile: a latency file in fixtures/timing."""
    name = f"{profile}.json"
    document = json.loads(read_text("fixtures", f"timing/{name}"))
    return {
        f"{kind}_seconds": read_latency(document, kind, name) for kind in KINDS if kind in document
    }


def summarize_latency(
    seconds: Mapping[GenerationKind, Sequence[float]], about: str = ""
) -> dict[str, Any]:
    """Return the document of a latency file for durations of generations, in seconds.

    Kinds without a duration are left out. Percentages are those of `SHARES`.
    """
    document: dict[str, Any] = {"about": about} if about else {}
    for kind, durations in seconds.items():
        if durations:
            ordered = sorted(durations)
            document[kind] = {
                "count": len(ordered),
                "quantiles": {f"p{share}": _find_quantile(ordered, share) for share in SHARES},
            }
    return document


def _find_quantile(ordered: Sequence[float], share: float) -> float:
    """Return the seconds at a percentage, on a line between the two nearest durations."""
    position = (len(ordered) - 1) * share / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (position - low), _DECIMALS)


def _read_quantile(name: str, seconds: Any) -> tuple[float, float]:
    found = _SHARE.fullmatch(name)
    if not found:
        raise SettingsError(f"{shorten_value(name)} is not a percentage: use p50 or p99.9.")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise SettingsError(f"{name}: {shorten_value(seconds)} is not a number of seconds.")
    # Compared before it is converted: an integer of JSON can be too large for a float.
    return float(found[1]), float(seconds) if abs(seconds) < 1e12 else 1e12
