"""`serve --restore`: a fake begins with a workspace that was written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock import create_app
from getimg_mock.cli import main
from getimg_mock.cli.seeding import seed_store
from getimg_mock.control.channels import LocalChannel
from getimg_mock.control.page_files import EXAMPLE_KEY
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.fake import Fake

MINE = "sk_mine_0001"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Write a workspace with a balance of 7 USD down."""
    channel = LocalChannel(create_app().fake, "sk_before")
    channel.call("PUT", "/ledger", {"balance": "7"})
    file = tmp_path / "state=1.json"
    file.write_text(json.dumps(channel.call("GET", "/snapshot")["state"]))
    return file


def read_balance(fake: Fake, key: str) -> str:
    """Return the balance of a key's workspace."""
    balance: str = LocalChannel(fake, key).call("GET", "/workspace")["balance"]
    return balance


def test_a_store_begins_with_a_snapshot_and_keeps_what_it_has(
    tmp_path: Path, snapshot: Path
) -> None:
    """A restart with the same option loses nothing of what has happened since."""
    address = f"sqlite:///{tmp_path}/fake.db"
    first = create_app(store=address).fake
    said = list(seed_store(first, [str(snapshot), f"{MINE}={snapshot}"]))
    assert [read_balance(first, key) for key in (EXAMPLE_KEY, MINE)] == ["7", "7"]
    assert "the balance is 7 USD" in said[0]
    assert MINE not in "".join(said)
    LocalChannel(first, MINE).call("PUT", "/ledger", {"balance": "5"})
    first.store.close()
    again = create_app(store=address).fake
    (line,) = seed_store(again, [f"{MINE}={snapshot}"])
    assert "was not used" in line
    assert read_balance(again, MINE) == "5"
    again.store.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "cannot be restored"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_snapshot_is_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is served, and the file is named."""
    file = tmp_path / "state.json"
    file.write_text(text)
    assert main(["serve", "--port", "0", "--restore", str(file)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert str(file) in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_a_file_that_is_missing_is_named() -> None:
    """Before anything is served."""
    with pytest.raises(SettingsError, match=r"gone\.json cannot be read"):
        list(seed_store(create_app().fake, ["gone.json"]))
