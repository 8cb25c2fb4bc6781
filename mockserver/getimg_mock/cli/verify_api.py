"""`getimg-mock verify api`: verify a provider by its contract."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import reporting
from getimg_mock.contract.evidence.evidence_file import STALE_AFTER
from getimg_mock.contract.plans import TIERS
from getimg_mock.contract.targets.http_target import MAX_WAIT
from getimg_mock.serving.kept_objects import collect_rarely

if TYPE_CHECKING:
    import argparse

    from getimg_mock.contract.verification.preview import ProviderPreview


def add_command(kinds: argparse._SubParsersAction[Any]) -> None:
    """Add `verify api`."""
    parser = kinds.add_parser(
        "api",
        help="verify a provider: the fake, any address, or getimg.ai",
        description="Verify a provider by the contract. Without --target it is the fake, in "
        "process.",
        epilog="R0 reads only, R1 also sends what must be refused, R2 generates, R3 uses up rate "
        "limits. Against anything but the fake R1 and up need --budget.",
        allow_abbrev=False,
    )
    _add_target_options(parser)
    _add_plan_options(parser)
    _add_evidence_options(parser)
    reporting.add_options(parser)
    add = parser.add_argument
    add("--record", metavar="FILE", type=Path, help="the file that keeps the spend of each day")
    add("--dry-run", action="store_true", help="show the plans and their prices, send nothing")


def _add_target_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--target",
        default="fake",
        metavar="WHERE",
        help="fake, live (the fake on a socket), real (getimg.ai), or a URL",
    )
    add("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    add("--second-key", metavar="KEY", help="a key of another workspace, for isolation")
    add("--budget", metavar="USD", help="the most that may be spent today, over all runs")
    add(
        "--wait",
        metavar="SECONDS",
        type=_parse_seconds,
        default=MAX_WAIT,
        help="how long to wait at once where time cannot be moved (default: %(default)g)",
    )


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--hold",
        choices=("assumptions",),
        help="what else fails on a service: with assumptions, every broken assumption",
    )
    add("--tier", choices=TIERS, help="how far to go (default: R3 on the fake, else R0)")
    add("--only", metavar="IDS", help="checks to judge: GP4, GP407, or several with commas")
    add("--seed", type=int, default=0, metavar="N", help="what random plans are drawn from")
    add(
        "--random",
        type=_parse_count,
        default=0,
        metavar="N",
        help="random plans to add",
    )


def _add_evidence_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--from",
        dest="traffic",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="judge recorded traffic (HAR or NDJSON) and send nothing",
    )
    add(
        "--evidence",
        metavar="FILE",
        type=Path,
        help="with --from: add what it confirms here; else: what was confirmed so far",
    )
    add(
        "--stale-after",
        metavar="DAYS",
        type=_parse_days,
        default=STALE_AFTER.days,
        help="how long evidence counts (default: %(default)s)",
    )


def _parse_seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise ArgumentTypeError(f"{text!r} is not a number of seconds")


def _parse_count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a number of plans: at most 999999")


def _parse_days(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a number of days: at most 99999")


_TARGET_OPTIONS: Final = (
    "target",
    "key",
    "second_key",
    "budget",
    "tier",
    "seed",
    "random",
    "wait",
    "record",
)
"""Which options say where to run, and how far to go."""


def run(arguments: argparse.Namespace) -> int:
    """Verify; returns 0 when the contract holds, else 1."""
    from getimg_mock.contract.verification import preparation, preview, provider  # noqa: PLC0415 - `verify client` needs none of it

    reporting.require_outputs(arguments)
    target: dict[str, Any] = {name: getattr(arguments, name) for name in _TARGET_OPTIONS}
    target["hold_assumptions"] = arguments.hold == "assumptions"
    if arguments.dry_run and not arguments.traffic:
        options = preparation.ProviderOptions(**target)
        _show_preview(preview.preview_provider(options, only=arguments.only))
        return 0
    # Histories are kept to the end: looking at them for garbage is a tenth of the time of a run.
    with collect_rarely(), reporting.Progress() as progress:
        result = provider.verify_provider(
            **target,
            only=arguments.only,
            traffic=arguments.traffic,
            evidence=arguments.evidence,
            stale_after=timedelta(days=arguments.stale_after),
            known_failures=arguments.known_failures,
            events=arguments.events,
            keep_events=True,
            on_event=progress.show,
        )
    return reporting.show_result(result, arguments)


def _show_preview(preview: ProviderPreview) -> None:
    for each in preview.plans:
        plan, price = each.plan, each.price
        worst = "free" if not price.submissions else f"at most {price.worst} USD"
        tail = f"   left out: {each.obstacle}" if each.obstacle else ""
        sys.stdout.write(
            f"{plan.tier}  {worst:<20} {len(plan.steps):>4} steps  {plan.name}{tail}\n"
        )
    sent = "Nothing was sent."
    if preview.reads is not None:
        sent = f"Only {preview.reads} reads were sent, to learn of models and limits."
    sys.stdout.write(
        f"\n{len(preview.runnable)} plans; those that generate cost at most {preview.total} USD. "
        f"{sent}\n"
    )
