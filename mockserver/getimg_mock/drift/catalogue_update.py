"""Writes what a service lists as a models file, with dated evidence, and shows the difference."""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError
from getimg_mock.user_files import read_user_file, require_writable, write_user_file
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from getimg_mock.drift.live_reads import LiveReads

DEFAULT_FILE: Final = Path("getimg-models.json")
"""The models file that is written where `--models` names none."""

_OWN: Final = "x_mock"


def find_evidence_file(models: Path) -> Path:
    """Return the file with the evidence of a models file: beside it."""
    return models.with_name(f"{models.stem}.evidence.json")


def require_update(path: Path) -> None:
    """Raise `SettingsError` unless both files can be written."""
    require_writable(path)
    require_writable(find_evidence_file(path))


def write_update(path: Path, reads: LiveReads) -> str:
    """Write both files and return their unified diff, empty where nothing changed.

    The `x_mock` that the file has for a model is kept. Raises `SettingsError`, and writes nothing,
    where the service lists models that a models file cannot have.
    """
    if reads.unusable:
        raise SettingsError(
            f"--update wrote nothing: {reads.source} lists models that are not valid: "
            f"{', '.join(sorted(reads.unusable))[:200]}."
        )
    own = _read_own(path)
    models = [
        {**each, _OWN: own[each["id"]]} if each["id"] in own else each for each in reads.models
    ]
    shown = _replace(path, models)
    return shown + _replace(find_evidence_file(path), _build_evidence(path, reads))


def read_entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return the models in a models file, which was read before and is valid, as it has them."""
    document = json.loads(read_user_file(path)) if path.exists() else []
    listed = document.get("models", []) if isinstance(document, dict) else document
    return {each["id"]: each for each in listed}


def _read_own(path: Path) -> dict[str, Any]:
    """Return the `x_mock` of each model in a models file."""
    return {name: each[_OWN] for name, each in read_entries(path).items() if _OWN in each}


def _replace(path: Path, document: Any) -> str:
    old = read_user_file(path) if path.exists() else ""
    new = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    lines = unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        str(path) if old else "/dev/null",
        str(path),
    )
    if old != new:
        write_user_file(path, new)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _build_evidence(path: Path, reads: LiveReads) -> dict[str, Any]:
    """Return what was observed: for each model, on which day each of its fields was first seen so.

    A field whose value is as before keeps the day of the earlier evidence.
    """
    earlier = _read_evidence(find_evidence_file(path))
    today = f"observed {wall_time():%Y-%m-%d}"
    models: dict[str, Any] = {}
    for each in reads.models:
        before = earlier.get(each["id"], {})
        models[each["id"]] = {
            name: _date_field(before.get(name), value, today) for name, value in each.items()
        }
    return {"source": reads.source, "models": models}


def _date_field(before: Any, value: Any, today: str) -> dict[str, Any]:
    if isinstance(before, dict) and before.get("value") == value:
        return before
    return {"value": value, "evidence": today}


def _read_evidence(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        models = json.loads(read_user_file(path))["models"]
        if all(isinstance(each, dict) for each in models.values()):
            return dict(models)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise SettingsError(f"{path} is not evidence that --update wrote: move it, or delete it.")
