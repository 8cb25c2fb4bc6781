"""`getimg-mock store`: what is kept can be listed and deleted without a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.world.identities import derive_workspace_id
from tests.store.makers import Maker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = "sk_first-key-0001", "sk_second-key-0002"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Maker]:
    """Give a maker of stores in which two keys have workspaces."""
    maker = Maker(f"sqlite:///{tmp_path}/fake.db")
    for key in (FIRST, SECOND):
        driver = maker.drive()
        driver.key = key
        driver.request("GET", "/v2/billing/balance", key=key)
    yield maker
    maker.close()


def test_ls_shows_what_is_there_without_keys(
    kept: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ends of the key, generations, exchanges, bytes and age."""
    assert main(["store", "ls", kept.address]) == 0
    told = capsys.readouterr().out
    assert "sk_...0001" in told
    assert "0 generations  1 exchanges" in told
    assert FIRST not in told
    assert main(["store", "ls", kept.address, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["workspaces"]
    assert [each["id"] for each in listed] == [derive_workspace_id(k) for k in (FIRST, SECOND)]
    assert all(each["bytes"] > 0 and each["age"] >= 0 for each in listed)


def test_rm_deletes_a_workspace_for_a_running_fake_too(
    kept: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next request of its key begins anew."""
    running = kept.drive()
    running.workspace(FIRST).credit(running.workspace(FIRST).ledger.available)
    assert main(["store", "rm", kept.address, derive_workspace_id(FIRST)]) == 0
    assert running.workspace(FIRST).compute_balance() == 100
    assert main(["store", "rm", kept.address, "nothing"]) == 2
    assert "store ls" in capsys.readouterr().err


def test_vacuum_and_memory(kept: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    """Space is returned; the memory store has nothing to show."""
    assert main(["store", "vacuum", kept.address]) == 0
    assert main(["store", "ls", "memory"]) == 2
    assert "keeps nothing" in capsys.readouterr().err
