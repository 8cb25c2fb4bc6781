"""Prints a measurement: the figure, its target, whether it was met, and the last release's figure.

`released.json` has the figures of the last release. `BENCH_RECORD=1 make bench` writes those of
this run in their place, which a release does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

RELEASED: Final = Path(__file__).with_name("released.json")


def at_least(what: str, figure: float, target: float) -> int:
    """Print a figure that must not be smaller than `target`; return the exit status."""
    return _tell(what, figure, "", f"at least {target:.2f}", met=figure >= target)


def at_most(what: str, figure: float, target: float, unit: str = "") -> int:
    """Print a figure that must not be greater than `target`; return the exit status."""
    return _tell(what, figure, unit, f"at most {target:.2f}{unit}", met=figure <= target)


def _tell(what: str, figure: float, unit: str, target: str, *, met: bool) -> int:
    name = " ".join(what.split())
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    before = released["figures"].get(name)
    known = "not measured" if before is None else f"{before:.2f}{unit}"
    print(
        f"{what}: {figure:.2f}{unit} (target: {target}; in {released['release']}: {known}) "
        f"{'met' if met else 'MISSED'}"
    )
    if os.environ.get("BENCH_RECORD"):
        _record(released, name, figure)
    return 0 if met else 1


def _record(released: dict[str, Any], name: str, figure: float) -> None:
    """Write a figure of this run, as one of the version in pyproject.toml."""
    project = RELEASED.parents[1] / "pyproject.toml"
    lines = project.read_text(encoding="utf-8").splitlines()
    version = next(line.split('"')[1] for line in lines if line.startswith("version = "))
    released |= {"release": version, "figures": released["figures"] | {name: round(figure, 3)}}
    RELEASED.write_text(json.dumps(released, indent=2, sort_keys=True) + "\n", encoding="utf-8")
