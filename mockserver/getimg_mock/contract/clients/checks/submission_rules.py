"""Rules that act on submissions, of images and of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction


def build_submission_rules(
    label: str, act: FaultAction, *, legal: bool = True
) -> tuple[FaultRule, ...]:
    """Return the rules that act on both kinds of submission."""
    return tuple(
        FaultRule(on=on, label=label, do=act, legal=legal)
        for on in ("images.generate", "videos.create")
    )
