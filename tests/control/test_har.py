"""Exports: HAR 1.2 as its specification has it, and NDJSON."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.control.client import VIDEO, Client

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle

# http://www.softwareishard.com/blog/har-12-spec/: what must be there, part by part.
REQUIRED = {
    "": {"startedDateTime", "time", "request", "response", "cache", "timings"},
    "request": {
        "method",
        "url",
        "httpVersion",
        "cookies",
        "headers",
        "queryString",
        "headersSize",
        "bodySize",
    },
    "response": {
        "status",
        "statusText",
        "httpVersion",
        "cookies",
        "headers",
        "content",
        "redirectURL",
        "headersSize",
        "bodySize",
    },
    "timings": {"send", "wait", "receive"},
}


def test_a_document_has_everything_that_har_requires(ws: WorkspaceHandle, client: Client) -> None:
    """Tools that read HAR refuse a document with a hole."""
    client.get("/v2/models?type=video")
    client.video()
    log = ws.journal.to_har()["log"]
    assert (log["version"], log["creator"]) == (
        "1.2",
        {"name": "getimg-mock", "version": version("getimg-mock")},
    )
    assert len(log["entries"]) == 2
    for entry in log["entries"]:
        for part, names in REQUIRED.items():
            assert names <= (entry[part] if part else entry).keys()
        assert datetime.fromisoformat(entry["startedDateTime"]) == ws.clock.now()
        assert entry["time"] == sum(entry["timings"].values())
    assert json.loads(json.dumps(log)) == log


def test_an_entry_says_what_was_asked_and_answered(ws: WorkspaceHandle, client: Client) -> None:
    """Address, query, bodies and types, as they were on the wire."""
    client.get("/v2/models?type=video&x=")
    video = client.video()
    asked, made = (entry for entry in ws.journal.to_har()["log"]["entries"])
    assert asked["request"]["url"] == f"{client.url}/v2/models?type=video&x="
    assert asked["request"]["queryString"] == [
        {"name": "type", "value": "video"},
        {"name": "x", "value": ""},
    ]
    assert "postData" not in asked["request"]
    assert json.loads(made["request"]["postData"]["text"]) == VIDEO
    assert made["request"]["postData"]["mimeType"] == "application/json"
    assert (made["response"]["status"], made["response"]["statusText"]) == (202, "Accepted")
    assert json.loads(made["response"]["content"]["text"])["id"] == video
    assert made["response"]["content"]["size"] == made["response"]["bodySize"]


def test_an_entry_keeps_what_har_has_no_word_for(ws: WorkspaceHandle, client: Client) -> None:
    """Under names with an underscore: what was done on purpose, and the money."""
    ws.scenarios.add(on="images.generate", status=500, after_commit=True)
    client.image()
    (entry,) = ws.journal.to_har()["log"]["entries"]
    assert (entry["_number"], entry["_operation"]) == (1, "images.generate")
    assert entry["_rules"] == ["rule-1"]
    assert entry["_fault"]
    assert [each["what"] for each in entry["_effects"]][-2:] == ["hold", "charge"]


def test_bytes_that_are_no_text_are_written_in_base64(ws: WorkspaceHandle, client: Client) -> None:
    """As HAR says, with the word for it."""
    url = client.image().json["data"][0]["url"]
    picture = client.get(url.removeprefix(client.url)).body
    content = ws.journal.to_har(operation="downloads.retrieve")["log"]["entries"][0]["response"][
        "content"
    ]
    assert content["encoding"] == "base64"
    assert picture.startswith(b64decode(content["text"]))


def test_ndjson_has_a_line_for_each_exchange_that_fits(ws: WorkspaceHandle, client: Client) -> None:
    """Each line is what the journal tells of it, and nothing else stands between."""
    client.image()
    client.get("/v2/models")
    lines = ws.journal.to_ndjson(operation="images.*").splitlines()
    assert [json.loads(line) for line in lines] == [ws.journal.query()[0].raw]
    assert ws.journal.to_ndjson(status=418) == ""


def test_an_empty_journal_is_an_empty_document(ws: WorkspaceHandle) -> None:
    """Not an error: nothing happened."""
    assert ws.journal.to_har()["log"]["entries"] == []
