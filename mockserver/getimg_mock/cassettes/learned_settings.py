"""Settings that make the fake follow a recording: models, sizes, limits, durations, retention."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.cassettes.cassette import RecordedJob
from getimg_mock.latency_file import summarize_latency
from getimg_mock.setting_values import Span
from getimg_mock.user_files import write_user_file
from getimg_mock.world.catalogue_rules import find_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from getimg_mock.cassettes.cassette import RecordedExchange, RecordedResponse
    from getimg_mock.latency_file import GenerationKind

_MOMENT: Final = re.compile(r"\{answer\+([0-9]{1,8})s\}", re.ASCII)
_LIMIT: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_LIMITS: Final = {
    "images.generate": "image_rpm",
    "videos.create": "video_rpm",
    "videos.retrieve": "video_rpm",
}
_LARGEST_SIDE: Final = 8192
_MOST_FPS: Final = 120
_LONGEST: Final = 86400.0


@dataclass(slots=True)
class LearnedSettings:
    """What a recording says of the service, as far as settings of the fake can follow it.

    `models` is a models file, empty where no catalogue was recorded. `settings` are values by
    name, as `Settings` takes them; `counts` says how many observations each comes from.
    """

    models: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    """Models that the fake cannot follow, by id, and why."""


def learn_settings(
    entries: Iterable[RecordedExchange], models: Sequence[Mapping[str, Any]] = ()
) -> LearnedSettings:
    """Return what entries say; `models` is the catalogue where no entry lists it."""
    listed = list(entries)
    learned = LearnedSettings()
    for model in _learn_models(listed, models):
        fault = next(find_faults(model), None)
        if fault is None:
            learned.models.append(model)
        else:
            learned.unusable[str(model["id"])] = " ".join(each for each in fault if each)
    for each in listed:
        _learn_limits(each, learned)
    _learn_retention(listed, learned)
    _learn_durations(listed, learned)
    return learned


def _learn_models(
    entries: Sequence[RecordedExchange], known: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in known:
        _add_model(each, found)
    for entry in entries:
        answer = entry.response.body.value if entry.response.status == 200 else None
        if entry.operation == "models.list" and isinstance(answer, list):
            for each in answer:
                _add_model(each, found)
        elif entry.operation == "models.retrieve":
            _add_model(answer, found)
    for entry in entries:
        _learn_product(entry, found)
    return list(found.values())


def _add_model(told: Any, found: dict[str, dict[str, Any]]) -> None:
    if not schemas.violations("model", told):
        model = {name: value for name, value in told.items() if name != "x_mock"}
        found[str(model["id"])] = model


def _learn_product(entry: RecordedExchange, models: Mapping[str, dict[str, Any]]) -> None:
    """Note pixel sizes, and frames per second, of what a model has made."""
    request, result = entry.request.body.value, _find_result(entry)
    model = models.get(str(request.get("model"))) if isinstance(request, dict) else None
    if model is None or result is None:
        return
    ratio = request.get("aspect_ratio") or _get_first(model["supported_aspect_ratios"])
    resolution = request.get("resolution") or _get_first(model["supported_resolutions"])
    for item in _list_items(result):
        size = [item.get("width"), item.get("height")]
        if ratio in model["supported_aspect_ratios"] and all(map(_is_side, size)):
            sizes = model.setdefault("x_mock", {}).setdefault("sizes", {})
            sizes.setdefault(ratio, {})[str(resolution)] = size
        fps = item.get("fps")
        if isinstance(fps, int) and 1 <= fps <= _MOST_FPS:
            model.setdefault("x_mock", {})["fps"] = fps


def _learn_limits(entry: RecordedExchange, learned: LearnedSettings) -> None:
    name = _LIMITS.get(entry.operation)
    limit = entry.response.headers.get("x-ratelimit-limit", "")
    if name is not None and _LIMIT.fullmatch(limit):
        learned.settings[name] = str(int(limit))
        learned.counts[name] = learned.counts.get(name, 0) + 1


def _learn_retention(entries: Sequence[RecordedExchange], learned: LearnedSettings) -> None:
    seconds = []
    for entry in entries:
        for item in _list_items(_find_result(entry)):
            told = _MOMENT.fullmatch(str(item.get("deletes_at")))
            seconds += [int(told[1])] if told else []
    if seconds:
        learned.settings["retention"] = str(sorted(seconds)[len(seconds) // 2])
        learned.counts["retention"] = len(seconds)


def _learn_durations(entries: Sequence[RecordedExchange], learned: LearnedSettings) -> None:
    durations: dict[GenerationKind, list[float]] = {"image": [], "video": []}
    for each in entries:
        if isinstance(each, RecordedJob):
            ends = [c.after for c in each.changes if c.status in {"completed", "failed"}]
            durations["video"] += [min(ends[0], _LONGEST)] if ends else []
        elif each.operation == "images.generate" and each.response.status == 200:
            durations["image"].append(min(each.seconds, _LONGEST))
    for kind, told in summarize_latency(durations).items():
        pairs = [(float(share[1:]), seconds) for share, seconds in told["quantiles"].items()]
        found = Span.from_quantiles(pairs)
        if found.low == found.high:
            found = Span(found.low, found.high)
        learned.settings[f"{kind}_seconds"] = str(found)
        learned.counts[f"{kind}_seconds"] = told["count"]


def _find_result(entry: RecordedExchange) -> dict[str, Any] | None:
    answer: RecordedResponse | None = entry.response
    if isinstance(entry, RecordedJob):
        answer = entry.final
    value = None if answer is None or answer.status != 200 else answer.body.value
    return value if isinstance(value, dict) and value.get("status") == "completed" else None


def _list_items(result: dict[str, Any] | None) -> list[dict[str, Any]]:
    data = None if result is None else result.get("data")
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST_SIDE


def _get_first(values: Sequence[str]) -> str | None:
    return values[0] if values else None


def write_learned(path: Path, learned: LearnedSettings) -> list[Path]:
    """Write a settings file for `serve --config`, and the models file that it names.

    Returns the paths of what was written. Raises `SettingsError` where it cannot be written.
    """
    lines = ["# Learned from a recording: getimg-mock serve --config " + json.dumps(path.name)]
    written = [path]
    lines += [
        f"# left out: {json.dumps(name)}: {json.dumps(why)}"
        for name, why in learned.unusable.items()
    ]
    if learned.models:
        models = path.with_name(f"{path.stem}.models.json")
        write_user_file(models, json.dumps(learned.models, indent=1, ensure_ascii=False) + "\n")
        lines.append(f"models = {json.dumps(str(models))}")
        written.append(models)
    for name, value in sorted(learned.settings.items()):
        lines.append(f"# from {learned.counts[name]} observed")
        shown = value if value.isdecimal() else json.dumps(value)
        lines.append(f"{name.replace('_', '-')} = {shown}")
    write_user_file(path, "\n".join(lines) + "\n")
    return written
