"""A recording from its options to its summary: what the command line conducts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from getimg_mock.api.access_log import log_nothing
from getimg_mock.cassettes.learned_settings import learn_settings
from getimg_mock.contract.budget.spend_file import parse_amount
from getimg_mock.contract.cassette_recording.purchase_gate import PurchaseGate
from getimg_mock.contract.cassette_recording.recording_application import RecordingApplication
from getimg_mock.contract.cassette_recording.recording_verdict import (
    add_evidence,
    judge_recording,
)
from getimg_mock.contract.cassette_recording.upstream_forwarder import UpstreamForwarder
from getimg_mock.contract.provider.media_probe import require_decoder
from getimg_mock.contract.targets.http_target import REAL_API_URL, HttpTarget
from getimg_mock.contract.verdict_events import CONTRACT_VERSION
from getimg_mock.control.package_version import find_version
from getimg_mock.errors import SettingsError
from getimg_mock.fake import Fake

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.cassettes.cassette import Manifest
    from getimg_mock.cassettes.learned_settings import LearnedSettings
    from getimg_mock.contract.budget.spend_file import SpendRecord
    from getimg_mock.contract.cassette_recording.recording_verdict import RecordingVerdict
    from getimg_mock.settings import Settings

EVIDENCE: Final = "evidence.json"
"""The name of the file in a cassette that has what it confirms and refutes."""

REAL: Final = "real"
"""The name of the getimg.ai API as an upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """What is recorded, where to, and for how much a day.

    `upstream` is `real` or a URL. Without a `budget` reads alone pass. `record` holds the spend of
    each day; by default that of paying runs against the same service.
    """

    folder: Path
    upstream: str = REAL
    budget: str | Decimal | None = None
    record: SpendRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSummary:
    """What a recording has brought: its manifest, and what was sent, refused and spent.

    `spent` is the most that it can have cost; `beyond` is what the service took beyond its prices.
    `missing` counts links that gave no file. `left_out` counts exchanges beyond the limits.
    `learned` are the settings with which the fake follows the recording.
    """

    folder: Path
    manifest: Manifest
    sent: int
    refused: int
    spent: Decimal
    beyond: Decimal
    learned: LearnedSettings
    missing: int = 0
    foreign_links: int = 0
    left_out: int = 0


def open_recording(
    options: RecordingOptions, settings: Settings, log: AccessLog = log_nothing
) -> RecordingApplication:
    """Return the application of a recording.

    Raises `SettingsError` for an address or folder that cannot be used, or without FFmpeg, by which
    recorded videos are judged; and `BudgetError` for an amount that is none.
    """
    require_decoder()
    return RecordingApplication(Fake.of(settings), log, open_forwarder(options), options.folder)


def open_forwarder(options: RecordingOptions) -> UpstreamForwarder:
    """Return what sends requests to the upstream through the gate; raises as `open_recording`."""
    url = REAL_API_URL if options.upstream == REAL else options.upstream.rstrip("/")
    try:
        HttpTarget(url, {})
    except SettingsError as error:
        raise SettingsError(f"{error} Or use --upstream real for {REAL_API_URL}.") from None
    ceiling = None if options.budget is None else parse_amount(options.budget)
    return UpstreamForwarder(url, PurchaseGate(url, ceiling, options.record))


def finish_recording(app: RecordingApplication) -> RecordingSummary:
    """Wait for what is under way, fetch the rest of the files, and write the cassette."""
    app.close()
    missing = app.fetch_rest()
    gate = app.forwarder.gate
    gate.close()
    app.forwarder.close()
    manifest = app.recorder.finish(app.downloads, product=find_version(), contract=CONTRACT_VERSION)
    return RecordingSummary(
        folder=app.recorder.folder,
        manifest=manifest,
        sent=app.forwarder.sent,
        refused=gate.refused,
        spent=gate.spent,
        beyond=gate.beyond,
        learned=learn_settings(app.recorder.list_entries(), gate.models),
        missing=len(missing),
        foreign_links=app.recorder.foreign_links,
        left_out=app.left_out,
    )


def judge_finished(app: RecordingApplication, summary: RecordingSummary) -> RecordingVerdict:
    """Judge a recording whose cassette is written; adds to `evidence.json` in its folder.

    Raises `SettingsError` for evidence there that cannot be added to.
    """
    history = app.observed.build_history(summary.folder.name)
    verdict = judge_recording(history, summary.learned)
    if history.exchanges:
        add_evidence(summary.folder / EVIDENCE, verdict.evidence, app.forwarder.origin)
    return verdict


def render_recording(summary: RecordingSummary) -> str:
    """Return the summary in a few lines."""
    told = summary.manifest
    lines = [
        (
            f"getimg-mock: {summary.sent} requests sent to {told.upstream}, "
            f"{summary.refused} not sent, at most {summary.spent.normalize():f} USD spent"
        ),
        f"  {summary.folder}: {told.exchanges} exchanges, {told.jobs} videos, {told.media} files",
    ]
    notes = (
        (summary.missing, "files could not be fetched"),
        (summary.foreign_links, "links lead to another host: their files were not recorded"),
        (summary.left_out, "exchanges exceed the limits of a cassette, and were left out"),
    )
    lines += [f"  {count} {what}" for count, what in notes if count]
    if summary.beyond:
        lines.append(f"  {summary.beyond} USD were taken beyond what prices and answers explain")
    return "\n".join(lines) + "\n"
