"""Commands on the journal: list, count, wait for, export and delete exchanges."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command, DeferredAnswer, StreamedAnswer
from getimg_mock.control.fields import choice, moment, number, text, whole
from getimg_mock.control.har import build_har, build_har_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.journal import Exchange
    from getimg_mock.world.workspaces import Workspace

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

# A waiting connection keeps a task alive; no test needs to wait longer than this.
MAX_WAIT: Final = 600
DEFAULT_WAIT: Final = 10.0


def list_exchanges(_fake: Fake, workspace: Workspace, values: Json) -> StreamedAnswer:
    """Return the exchanges that match, oldest first; with `last` only the newest of them."""
    last, journal = values.pop("last", None), workspace.journal
    if last is not None:
        numbers = [each.number for each in journal.query(**values)]
        skipped = len(numbers) - last
        if skipped > 0:
            values["after"] = numbers[skipped - 1]
    found = map(_encode, journal.stream(**values))
    return StreamedAnswer(JSON, chain(('{"exchanges":[',), _separate(found), ("]}",)))


def _encode(exchange: Exchange) -> str:
    return json.dumps(exchange.as_json(), separators=(",", ":"))


def _separate(items: Iterable[str]) -> Iterator[str]:
    for index, item in enumerate(items):
        yield f",{item}" if index else item


def count(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return the number of exchanges that match."""
    return {"count": workspace.journal.count(**values)}


def wait(_fake: Fake, workspace: Workspace, values: Json) -> DeferredAnswer:
    """Wait for the exchange that completes the wanted number of matches."""
    wanted, timeout = values.pop("count", 1), values.pop("timeout", DEFAULT_WAIT)
    journal = workspace.journal

    def look() -> Json | None:
        found = journal.query(**values)
        return {"exchange": found[wanted - 1].as_json()} if len(found) >= wanted else None

    criteria = ", ".join(f"{name}={value}" for name, value in values.items()) or "any exchange"
    plural = "exchange" if wanted == 1 else "exchanges"
    return DeferredAnswer(
        look,
        journal.subscribe,
        timeout,
        f"Waited {timeout:g} s for {wanted} {plural} with {criteria}; "
        f"the journal has {journal.count(**values)}.",
    )


def export(_fake: Fake, workspace: Workspace, values: Json) -> StreamedAnswer:
    """Return the exchanges that match as one document."""
    form = values.pop("format", "har")
    found = (each.as_json() for each in workspace.journal.stream(**values))
    if form == "ndjson":
        return StreamedAnswer(NDJSON, (format_ndjson((each,)) for each in found))
    head, _, tail = json.dumps(build_har([]), separators=(",", ":")).partition('"entries":[')
    entries = (json.dumps(build_har_entry(each), separators=(",", ":")) for each in found)
    return StreamedAnswer(JSON, chain((f'{head}"entries":[',), _separate(entries), (tail,)))


def clear(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Delete every exchange; numbering continues."""
    workspace.journal.clear()
    return {"exchanges": []}


def format_ndjson(exchanges: Iterable[Mapping[str, Any]]) -> str:
    """Return one line of JSON for each exchange."""
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in exchanges)


def format_event(exchange: Exchange) -> str:
    """Return an exchange as a server-sent event."""
    data = json.dumps(exchange.as_json(), separators=(",", ":"))
    return f"id: {exchange.number}\nevent: exchange\ndata: {data}\n\n"


CRITERIA: Final = (
    text("operation", "its operation, such as videos.create; globs such as videos.*", longest=200),
    whole("status", "the status of its answer", low=0, high=999),
    text("generation", "the generation it made, polled or downloaded", longest=200),
    moment("since", "not before this time of the workspace's clock"),
    moment("until", "not after this time of the workspace's clock"),
    whole("after", "only with a higher number", low=0, high=2**53),
)

COMMANDS: Final = (
    Command(
        "journal",
        "GET",
        "/journal",
        "List exchanges",
        list_exchanges,
        (*CRITERIA, whole("last", "only the newest, at most this many", low=0, high=10**6)),
        answer="exchanges, oldest first",
    ),
    Command(
        "journal.count",
        "GET",
        "/journal/count",
        "Count exchanges",
        count,
        CRITERIA,
        answer="the number of exchanges",
    ),
    Command(
        "journal.wait",
        "POST",
        "/journal/wait",
        "Wait for exchanges",
        wait,
        (
            *CRITERIA,
            whole("count", "the number of exchanges to wait for (1)", low=1, high=10**6),
            number("timeout", f"real seconds ({DEFAULT_WAIT:g})", low=0, high=MAX_WAIT),
        ),
        answer="the last of the awaited exchanges",
    ),
    Command(
        "journal.export",
        "GET",
        "/journal/export",
        "Export exchanges as HAR or NDJSON",
        export,
        (*CRITERIA, choice("format", "the format (har)", "har", "ndjson")),
        answer="a HAR 1.2 document, or one JSON object per line",
    ),
    Command(
        "journal.clear", "DELETE", "/journal", "Delete all exchanges", clear, answer="no exchanges"
    ),
)
