"""What is known about a run itself, for the harness to judge itself by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verdicts import Check, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The parts of a run that the harness's own checks look at; what is absent is not judged."""

    histories: tuple[History, ...] = ()
    plans: tuple[Plan, ...] = ()
    findings: tuple[tuple[Check, Finding], ...] = ()
    replays: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How often a failure showed again, of how many replays."""
    gate: tuple[int, int] | None = None
    """Requests that left, and requests that the budget saw."""
    kills: Mapping[str, frozenset[str]] | None = None
    """Which checks each faulty provider breaks."""
    checks: tuple[str, ...] = ()
    false_positives: frozenset[str] = frozenset()
    runs: tuple[Mapping[str, str], ...] = ()
    """The verdicts of the same run in other orders and with other seeds."""
    spends: tuple[tuple[Decimal, Decimal], ...] = ()
    """What was spent, and the ceiling."""
    beyond: Mapping[str, Decimal] = field(default_factory=dict)
    """By how much the balance of each key fell, or its costs grew, beyond what is booked."""
    artefacts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
