"""Turns recorded traffic, a HAR file or NDJSON, into a cassette."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.cassettes.cassette_writer import prepare_folder
from getimg_mock.contract.cassette_recording.cassette_recorder import (
    CassetteRecorder,
    ExchangeTimes,
    list_own_links,
)
from getimg_mock.contract.cassette_recording.download_store import DownloadStore
from getimg_mock.contract.evidence.recorded_traffic import find_entry_keys, read_entries
from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
from getimg_mock.contract.verdict_events import CONTRACT_VERSION
from getimg_mock.control.package_version import find_version
from getimg_mock.errors import CassetteError
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from getimg_mock.cassettes.cassette import Manifest
    from getimg_mock.contract.evidence.recorded_traffic import Entry

_STATUSES: Final = range(100, 600)
_LONGEST: Final = 10**6
_DOWNLOAD: Final = "downloads.retrieve"


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import has written; `missing` counts links whose files the traffic does not have."""

    manifest: Manifest
    missing: int


def import_traffic(path: Path, folder: Path) -> ImportSummary:
    """Write the exchanges of a file into a cassette, as a recording of them would be.

    Files come from downloads in the traffic. Raises `SettingsError` for a file or a folder that
    cannot be used, and for a file without an exchange with the API.
    """
    entries, base = read_entries(path)
    known = [each for each in entries if each["status"] in _STATUSES]
    submitted = [each for each in known if _find_operation(each) not in {"", _DOWNLOAD}]
    if not submitted:
        raise CassetteError(f"{path} holds no exchange with the API: nothing was written.")
    prepare_folder(folder)
    files = _collect_files(known)
    downloads = DownloadStore(folder, lambda request: _find_file(files, request))
    recorder = CassetteRecorder(folder, base)
    keys = find_entry_keys(known)
    for each in submitted:
        request, received = _build_messages(each)
        answered = each["at"] + timedelta(seconds=min(each["seconds"], _LONGEST))
        times = ExchangeTimes(each["at"], answered)
        downloads.expect(list_own_links(received, base))
        recorder.note(request, received, times, keys)
    missing = downloads.fetch_rest()
    manifest = recorder.finish(downloads, product=find_version(), contract=CONTRACT_VERSION)
    return ImportSummary(manifest, len(missing))


def _find_operation(entry: Entry) -> str:
    return find_operation(entry["method"], entry["path"])


def _collect_files(entries: Sequence[Entry]) -> dict[str, ReceivedResponse]:
    """Return whole downloads by their paths: a link may have been signed more than once."""
    found = {}
    for each in entries:
        is_whole = each["status"] == 200 and each["size"] in {None, -1, len(each["body"])}
        if _find_operation(each) == _DOWNLOAD and each["method"] == "GET" and is_whole:
            found[each["path"]] = _build_messages(each)[1]
    return found


def _find_file(files: Mapping[str, ReceivedResponse], request: PreparedRequest) -> ReceivedResponse:
    missing = ReceivedResponse(0, (), b"it is not in the traffic")
    return files.get(request.target.partition("?")[0], missing)


def _build_messages(entry: Entry) -> tuple[PreparedRequest, ReceivedResponse]:
    target = f"{entry['path']}?{entry['query']}" if entry["query"] else entry["path"]
    headers = tuple(entry["request_headers"])
    return (
        PreparedRequest(entry["method"], target, headers, entry["request_body"]),
        ReceivedResponse(entry["status"], tuple(entry["headers"]), entry["body"], entry["seconds"]),
    )
