"""What the tests of an observed command hand over: when each ran, and what fakes of its own saw.

The plugin writes it, in each process of the command, and the command's observer reads it.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from bisect import bisect, insort
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.store.encoding import decode_exchange, encode_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.journal import Exchange

SPOOL_VARIABLE: Final = "GETIMG_OBSERVED_TRAFFIC"
"""The environment variable that names the folder of the spool, in an observed command."""

_MAX_TEST_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class SpooledJournal:
    """The exchanges of one workspace of one test, in order.

    `call_sites` has, by the number of an exchange, the file and line whose call has sent it.
    """

    test: str
    exchanges: list[Exchange]
    call_sites: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Span:
    """The real time in which a test ran."""

    test: str
    began: datetime
    ended: datetime


class TrafficSpool:
    """A folder with one file for each process that runs tests; each line is a JSON object.

    Lines are appended whole, one `write` each, so that a process that is killed leaves what it has
    written. Keys of workspaces are written as digests.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def write_span(self, test: str, began: datetime, ended: datetime) -> None:
        """Append that a test ran in a span of real time."""
        self._append({"test": test, "began": began.isoformat(), "ended": ended.isoformat()})

    def write_call(self, test: str, at: datetime, request: str, call_site: str) -> None:
        """Append that a test has sent a request, such as `GET /v2/models`, at a moment."""
        self._append(
            {"test": test, "at": at.isoformat(), "request": request, "called_at": call_site}
        )

    def write_exchange(self, test: str, key: str, exchange: Exchange, call_site: str = "") -> None:
        """Append an exchange of the workspace of a key; an empty key is for none.

        `call_site` is `file:line` of the call that has sent it, where it is known.
        """
        seen = b64encode(encode_exchange(exchange)).decode("ascii")
        digest = sha256(key.encode()).hexdigest()[:16] if key else ""
        line = {"test": test, "workspace": digest, "exchange": seen}
        self._append(line | ({"called_at": call_site} if call_site else {}))

    def _append(self, line: dict[str, Any]) -> None:
        line["test"] = line["test"][:_MAX_TEST_LENGTH]
        # The process is looked up each time, since tests may fork.
        with (self._folder / f"{os.getpid()}.ndjson").open("ab") as file:
            file.write(json.dumps(line).encode("ascii") + b"\n")

    def read(self) -> SpooledTraffic:
        """Return what was written; lines that cannot be read are left out."""
        traffic = SpooledTraffic()
        for path in sorted(self._folder.glob("*.ndjson")):
            open_: dict[tuple[str, str], SpooledJournal] = {}
            for line in _read_lines(path):
                if "began" in line:
                    began, ended = (datetime.fromisoformat(line[key]) for key in ("began", "ended"))
                    traffic.spans.append(_Span(line["test"], began, ended))
                elif "request" in line:
                    traffic.add_call(line)
                else:
                    traffic.add(open_, line)
        return traffic


@dataclass(frozen=True, slots=True)
class SpooledTraffic:
    """The journals of workspaces of tests, the spans in which tests ran, and what they sent."""

    journals: list[SpooledJournal] = field(default_factory=list)
    spans: list[_Span] = field(default_factory=list)
    sent: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    """When and where each request, such as `GET /v2/models`, was sent: the earliest first."""

    def add_call(self, line: dict[str, Any]) -> None:
        """Add a request that a test has sent."""
        at = datetime.fromisoformat(line["at"])
        place = _shorten_call_site(line["called_at"])
        insort(self.sent.setdefault(line["request"], []), (at, place))

    def find_call_site(self, exchange: Exchange) -> str:
        """Return the file and line that sent such a request last before the fake received it."""
        found = self.sent.get(f"{exchange.method} {exchange.path}", [])
        before = bisect(found, exchange.wall, key=itemgetter(0))
        return found[before - 1][1] if before else ""

    def add(self, open_: dict[tuple[str, str], SpooledJournal], line: dict[str, Any]) -> None:
        """Add an exchange to the journal of its workspace, which a reset begins anew."""
        exchange = decode_exchange(b64decode(line["exchange"]))
        key = (line["test"], line["workspace"])
        journal = open_.get(key)
        if journal is None or journal.exchanges[-1].number >= exchange.number:
            open_[key] = journal = SpooledJournal(line["test"], [])
            self.journals.append(journal)
        journal.exchanges.append(exchange)
        if "called_at" in line:
            journal.call_sites[exchange.number] = _shorten_call_site(line["called_at"])

    def find_test(self, moment: datetime) -> str:
        """Return the test that ran at a moment of real time, or all where several did."""
        found = [each.test for each in self.spans if each.began <= moment <= each.ended]
        return " or ".join(dict.fromkeys(found))[:_MAX_TEST_LENGTH]


def _shorten_call_site(place: str) -> str:
    """Return `file:line` with the file's path from the working directory, if it is below it."""
    file, _, line = place.rpartition(":")
    try:
        return f"{Path(file).relative_to(Path.cwd()).as_posix()}:{line}"
    except ValueError:
        return place


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the last line of a process that was killed
            continue


def find_spool() -> TrafficSpool | None:
    """Return the spool of the observer of this process; None where it is not observed."""
    folder = os.environ.get(SPOOL_VARIABLE)
    return TrafficSpool(folder) if folder and Path(folder).is_dir() else None
