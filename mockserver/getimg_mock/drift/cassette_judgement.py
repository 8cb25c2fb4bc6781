"""Judges a cassette by the contract and the catalogue of today.

The cassette is read as the traffic that it came from. Moments, links, keys, balances and the order
of requests are not in a cassette but made up, so checks about them are left out. Files are left to
`getimg-mock cassette check`.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.har_export import build_cassette_har
from getimg_mock.cassettes.learned_settings import learn_settings
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.control.package_version import find_version
from getimg_mock.drift.catalogue_changes import compare_catalogues
from getimg_mock.drift.drift_rows import build_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.cassettes.cassette import Cassette
    from getimg_mock.contract.history import History
    from getimg_mock.drift.drift_rows import DriftRow, DriftSeverity

_ABOUT_WHAT_IS_MADE_UP: Final = (
    "GP4",  # links
    "GP504",  # balances
    "GP505",
    "GP508",  # ranges of costs
    "GP509",
    "GP51",
    "GP6",  # windows of rate limits
    "GP7",  # keys
)
"""The beginnings of the ids of checks that a cassette can say nothing of."""

_SEVERITIES: Final[dict[str, DriftSeverity]] = {"FAIL": "breaking", "WARN": "warning"}


def judge_cassette(folder: Path, known: Sequence[dict[str, Any]]) -> Iterator[DriftRow]:
    """Yield what of a cassette the contract refuses, and how its catalogue differs from `known`.

    Raises `CassetteError` for a folder that is not a cassette.
    """
    cassette = read_cassette(folder)
    source = f"cassette {folder.name}"
    if cassette.entries:
        history = _read_history(cassette)
        for check in PROVIDER_CHECKS:
            if check.id.startswith(_ABOUT_WHAT_IS_MADE_UP):
                continue
            verdict = judge_check(check, [history], own=False)
            if verdict.broken and verdict.status in _SEVERITIES:
                yield build_row(
                    source,
                    f"check {check.id}",
                    "check failed",
                    _SEVERITIES[verdict.status],
                    before=str(verdict.findings[0].observation.expected),
                    after=str(verdict.findings[0].observation.actual),
                    claim=check.statement,
                )
    yield from _compare_models(source, cassette, known)


def _read_history(cassette: Cassette) -> History:
    entries = tuple(replace(each, files=()) for each in cassette.entries)
    document = build_cassette_har(replace(cassette, entries=entries), find_version())
    with tempfile.TemporaryDirectory(prefix="getimg-mock-drift-") as folder:
        file = Path(folder) / "cassette.har"
        file.write_text(json.dumps(document), encoding="utf-8")
        return read_traffic(file)


def _compare_models(
    source: str, cassette: Cassette, known: Sequence[dict[str, Any]]
) -> Iterator[DriftRow]:
    """Yield changes of recorded models; one is gone only where the whole list was recorded."""
    models = [
        {name: value for name, value in each.items() if name != "x_mock"}
        for each in learn_settings(cassette.entries).models
    ]
    whole = any(
        each.operation == "models.list" and not each.request.query and each.response.status == 200
        for each in cassette.entries
    )
    ids = {each["id"] for each in models}
    yield from compare_catalogues(
        source, [each for each in known if whole or each["id"] in ids], models
    )
