"""A whole run: which sources are compared with what, and the table of all their changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.targets.http_target import REAL_API_URL
from getimg_mock.drift.cassette_judgement import judge_cassette
from getimg_mock.drift.catalogue_changes import compare_catalogues
from getimg_mock.drift.catalogue_update import (
    DEFAULT_FILE,
    read_entries,
    require_update,
    write_update,
)
from getimg_mock.drift.drift_rows import DriftReport, sort_rows
from getimg_mock.drift.live_reads import read_service
from getimg_mock.drift.node_sdk import describe_node_sdk
from getimg_mock.drift.own_description import describe_own
from getimg_mock.drift.python_sdk import describe_python_sdk
from getimg_mock.drift.sdk_changes import compare_descriptions
from getimg_mock.drift.sdk_releases import LATEST, load_package, load_packages
from getimg_mock.errors import SettingsError
from getimg_mock.world.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from getimg_mock.drift.api_shapes import ApiDescription
    from getimg_mock.drift.drift_rows import DriftRow
    from getimg_mock.drift.sdk_packages import SdkPackage

_NO_KEY: Final = "The live catalogue was not compared: give --key, or set GETIMG_API_KEY."

NO_SDK: Final = "none"
"""The name for `sdk` that compares no SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOptions:
    """What is compared.

    `key` is that of `target`; without one, no service is reached. `sdk` are packages, releases,
    `latest` or `none`; `since` is the package that they are compared with, instead of the fake.
    `models` is the file that catalogues are compared with. `cassettes` are judged by the contract
    of today. `update` writes `models` anew.
    """

    key: str | None = None
    target: str = REAL_API_URL
    sdk: Sequence[str] = (LATEST,)
    since: str | None = None
    models: Path | None = None
    cassettes: Sequence[Path] = ()
    update: bool = False


def find_drift(options: DriftOptions) -> tuple[DriftReport, str]:
    """Return the table, and the difference that `update` wrote.

    Raises `SettingsError` for what cannot be read, and where nothing could be compared.
    """
    _check(options)
    found = _Findings()
    _compare_sdks(options, found)
    known = _list_known(options.models)
    for folder in options.cassettes:
        found.rows += judge_cassette(folder, known)
        found.compared.append(f"cassette {folder.name}")
    difference = _compare_service(options, known, found) if options.key else ""
    if not options.key and not options.since:
        found.notes.append(_NO_KEY)
    if not found.compared:
        raise SettingsError(" ".join(["Nothing was compared.", *found.notes]))
    return (
        DriftReport(tuple(sort_rows(found.rows)), tuple(found.compared), tuple(found.notes)),
        difference,
    )


@dataclass(slots=True)
class _Findings:
    """What a run has found so far."""

    rows: list[DriftRow] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _compare_sdks(options: DriftOptions, found: _Findings) -> None:
    """Compare each SDK with that of `since`, else with the fake."""
    packages, missing = load_packages([each for each in options.sdk if each != NO_SDK])
    found.notes += missing
    base = _describe(load_package(options.since)) if options.since else None
    for package in packages:
        described = _describe(package)
        found.rows += compare_descriptions(base or describe_own(described.language), described)
        found.compared.append(
            f"{described.source} with {base.source}" if base else described.source
        )


def _compare_service(options: DriftOptions, known: list[dict[str, Any]], found: _Findings) -> str:
    """Compare the live catalogue; returns the difference that `update` wrote."""
    reads = read_service(options.target, str(options.key))
    comparable = [each for each in known if each["id"] not in reads.invalid]
    found.rows += [*reads.rows, *compare_catalogues(reads.source, comparable, reads.models)]
    found.compared.append(f"the catalogue of {reads.source}")
    return write_update(options.models or DEFAULT_FILE, reads) if options.update else ""


def _check(options: DriftOptions) -> None:
    if options.update and not options.key:
        raise SettingsError(
            "--update writes the live catalogue: give --key, or set GETIMG_API_KEY."
        )
    if options.since == LATEST:
        raise SettingsError("--since names an earlier package: a wheel, a tarball, getimg==0.3.0.")
    if options.update:
        require_update(options.models or DEFAULT_FILE)


def _describe(package: SdkPackage) -> ApiDescription:
    return (
        describe_python_sdk(package) if package.language == "python" else describe_node_sdk(package)
    )


def _list_known(models: Path | None) -> list[dict[str, Any]]:
    """Return the models of the user's file, as it is or as it will be written, else the shipped."""
    if models is None or not models.exists():
        return load_shipped_models()
    listed = Catalogue.from_file(models).list_models()
    # Fields that only the file has, such as those that --update found, count as they are there.
    written = read_entries(models)
    return [{**each.as_json(), **written.get(each.id, {})} for each in listed]
