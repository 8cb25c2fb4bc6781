"""Checks of cassettes that were edited: secrets, faults of shape, and hostile media."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cassettes.cassette_files import format_entry_name
from getimg_mock.cassettes.inspection import inspect_cassette
from tests.cassettes.written_cassette import IMAGE, WrittenCassette, draw_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def cassette(tmp_path: Path) -> WrittenCassette:
    """Return a cassette with one image."""
    made = WrittenCassette(tmp_path / "cassette")
    made.add_image()
    made.save()
    return made


def edit(cassette: WrittenCassette, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change the JSON of the one exchange as an editor would."""
    path = cassette.folder / "exchanges" / format_entry_name(cassette.entries[0])
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def find(cassette: WrittenCassette, severity: str) -> str:
    """Return the texts of the problems of a severity."""
    found = inspect_cassette(cassette.folder)
    return "\n".join(f"{each.place}: {each.text}" for each in found if each.severity == severity)


def test_a_cassette_as_it_was_recorded_has_no_problem(cassette: WrittenCassette) -> None:
    """The check is silent where there is nothing to say: it can be part of CI."""
    assert inspect_cassette(cassette.folder) == []


SECRETS: list[tuple[str, Any, str]] = [
    ("note", "my key is sk_live_0123456789", "an API key"),
    ("sk_live_0123456789", 1, "an API key"),
    ("url", "https://x.example/a.jpg?exp=1&sig=0f3a5c", "a signed link"),
    ("url", "https://x.example/a?X-Amz-Signature=abc", "a signed link"),
    ("url", "https://me:secret@x.example/a", "credentials"),
    ("note", "Bearer abcdefghijk", "credentials"),
    ("note", "eyJhbGciOiJI.eyJzdWIi.abc", "a token"),
    ("note", "ask ann@example.com", "an e-mail address"),
    ("client_secret", "abc", "a secret, by its name"),
    ("workspace_id", "ws_17", "a detail of an account"),
]


@pytest.mark.parametrize(("name", "value", "kind"), SECRETS)
def test_a_secret_is_found_where_it_was_written(
    cassette: WrittenCassette, name: str, value: Any, kind: str
) -> None:
    """Wherever it is: the check names the file, the place in it, and what it looks like."""
    edit(cassette, lambda entry: entry["response"]["json"]["data"][0].update({name: value}))
    found = find(cassette, "secret")
    assert f"/response/json/data/0/{name} holds {kind}" in found
    assert "sk_live_0123456789" not in found.replace(f"/{name} ", " ")


def test_headers_that_a_recording_leaves_out_are_found(cassette: WrittenCassette) -> None:
    """A session or a request id belongs to an account."""
    edit(cassette, lambda entry: entry["response"]["headers"].update({"set-cookie": "a=b"}))
    assert "the header set-cookie holds credentials" in find(cassette, "secret")


def test_a_balance_is_found(cassette: WrittenCassette) -> None:
    """How much money an account has is nobody's business; differences may stay."""
    cassette.add(None, 200, {"balance": "{balance-0.04}"}, method="GET", path="/v2/billing/balance")
    cassette.save()
    assert not find(cassette, "secret")
    cassette.add(None, 200, {"balance": "12.50"}, method="GET", path="/v2/billing/balance")
    cassette.save()
    assert "the balance of an account" in find(cassette, "secret")


FAULTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda entry: entry.pop("cost"), "cost"),
    (lambda entry: entry.update(extra=1), "extra"),
    (lambda entry: entry["request"]["json"].update(prompt="Another"), "rename it to"),
    (lambda entry: entry["request"]["json"].update(seed=None), "not in canonical form"),
    (lambda entry: entry["response"]["json"].update(data=[]), "cannot be replayed"),
    (lambda entry: entry["response"].update(json=7), "cannot be replayed"),
    (lambda entry: entry["files"][0].update(size=1), "bytes, not 1"),
    (lambda entry: entry["files"][0].update(media="../../../etc/passwd"), "/files/0/media"),
    (lambda entry: entry["files"][0].update(media=f"{'0' * 64}.jpg"), "cannot be read"),
]


@pytest.mark.parametrize(("change", "text"), FAULTS)
def test_a_fault_of_an_edited_exchange_is_named(
    cassette: WrittenCassette, change: Callable[[dict[str, Any]], object], text: str
) -> None:
    """Each is found, with its file, and none ends the check."""
    path = edit(cassette, change)
    found = find(cassette, "fault")
    assert text in found
    assert f"exchanges/{path.name}" in found


def test_hostile_files_are_named(cassette: WrittenCassette, tmp_path: Path) -> None:
    """Links, foreign names, altered and disguised media, and JSON that is none."""
    media = cassette.folder / "media"
    next(media.iterdir()).write_bytes(b"<script>alert(1)</script>")
    (media / "run.sh").write_text("rm", encoding="utf-8")
    (cassette.folder / "exchanges" / "images.generate-aaaaaaaaaaaa-1.json").symlink_to(tmp_path)
    deep = cassette.folder / "exchanges" / "images.generate-bbbbbbbbbbbb-1.json"
    deep.write_text("[" * 100_000, encoding="utf-8")
    found = find(cassette, "fault")
    assert "was altered" in found
    assert "run.sh" in found
    assert "not a regular file" in found
    assert "bbbbbbbbbbbb-1.json is not a JSON file" in found


def test_media_that_is_not_what_its_name_says_is_named(cassette: WrittenCassette) -> None:
    """A page in the clothes of a picture would be delivered as a picture."""
    cassette.add_image(IMAGE | {"prompt": "Another"}, files=[b"\xff\xd8<script>"])
    cassette.save()
    assert ".jpg is not an MP4" in find(cassette, "fault")


def test_what_could_be_better_is_a_note(cassette: WrittenCassette) -> None:
    """Unused media and old counts harm nothing: they do not fail the check."""
    cassette.add_image(IMAGE | {"prompt": "Another"}, files=[draw_picture("red")])
    cassette.save()
    (cassette.folder / "exchanges" / format_entry_name(cassette.entries[1])).unlink()
    assert {each.severity for each in inspect_cassette(cassette.folder)} == {"note"}
    found = find(cassette, "note")
    assert "no exchange has it" in found
    assert "manifest.json: its counts" in found


def test_a_folder_that_is_no_cassette_is_one_fault(tmp_path: Path) -> None:
    """Nothing else can be said of it."""
    assert [each.severity for each in inspect_cassette(tmp_path)] == ["fault"]
