"""How a measurement is told: the figure, the target, and whether it was met."""

from __future__ import annotations


def at_least(what: str, figure: float, target: float) -> int:
    """Print a figure that must not be smaller than `target`; return the exit status."""
    return _told(what, f"{figure:.2f}", f"at least {target:.2f}", met=figure >= target)


def at_most(what: str, figure: float, target: float, unit: str = "") -> int:
    """Print a figure that must not be greater than `target`; return the exit status."""
    return _told(what, f"{figure:.2f}{unit}", f"at most {target:.2f}{unit}", met=figure <= target)


def _told(what: str, figure: str, target: str, *, met: bool) -> int:
    print(f"{what}: {figure} (target: {target}) {'met' if met else 'MISSED'}")
    return 0 if met else 1
