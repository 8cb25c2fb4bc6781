"""What surrounds a case is put back after it: the zone, the limit on files, temporary files."""

from __future__ import annotations

import netrc
import os
import tempfile
import time  # noqa: TID251 - the zone is the process's own
from contextlib import suppress
from pathlib import Path

import pytest

from getimg_mock.contract.clients.cases.case_rules import WEST, Case, balance, download, image
from getimg_mock.contract.clients.sandbox.case_folders import create_place, set_scratch_folder
from getimg_mock.contract.clients.sandbox.environment import (
    CAN_LIMIT_FILES,
    create_home,
    limit_files,
    set_environment,
)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the system cannot change the zone")
def test_a_case_has_a_local_time_that_is_not_utc() -> None:
    """A client that takes one for the other shows it on a machine whose zone is UTC, too."""
    before = time.strftime("%z")
    with set_environment(Case(name="east", calls=(balance(),)), {}):
        assert time.strftime("%z") == "+0900"
    with set_environment(Case(name="west", calls=(balance(),), zone=WEST), {}):
        assert time.strftime("%z") == "-0800"
    assert time.strftime("%z") == before
    with suppress(KeyboardInterrupt), set_environment(Case(name="ends", calls=(balance(),)), {}):
        raise KeyboardInterrupt
    assert time.strftime("%z") == before


@pytest.mark.skipif(not CAN_LIMIT_FILES, reason="the system cannot limit files")
def test_a_full_disk_is_full_for_the_case_alone(tmp_path: Path) -> None:
    """What is written beyond the limit raises, and afterwards it does not."""
    place = tmp_path / "file"
    with limit_files(10), pytest.raises(OSError, match="too large"):
        place.write_bytes(b"x" * 11)
    assert place.write_bytes(b"x" * 11) == 11


def test_temporary_files_are_looked_at_and_go(tmp_path: Path) -> None:
    """A client that uses `tempfile`, or TMPDIR, writes where the case looks."""
    before = tempfile.gettempdir()
    with set_scratch_folder(tmp_path, on=True) as folder:
        assert folder is not None
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(folder)
        os.close(tempfile.mkstemp()[0])
        assert len(list(folder.iterdir())) == 1
    assert not folder.exists()
    assert tempfile.gettempdir() == before
    with set_scratch_folder(tmp_path, on=False) as nowhere:
        assert nowhere is None


def test_variables_are_as_they_were_whatever_a_client_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may set, change and remove variables; the next case sees none of it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("CLIENT_CACHE", "kept")
    before = dict(os.environ)
    case = Case(name="variables", calls=(balance(),), environment={"MY_KEY": "k"})
    with set_environment(case, {"MY_KEY": "THEIR_KEY"}):
        assert os.environ["THEIR_KEY"] == "k"
        assert "HTTPS_PROXY" not in os.environ
        del os.environ["CLIENT_CACHE"]
        os.environ["THEIR_OTHER"] = "x"
    assert dict(os.environ) == before


def test_a_folder_is_there_where_something_is_saved() -> None:
    """It goes with the case; a case that saves nothing makes none."""
    with create_place(Case(name="saves", calls=(image(), download()))) as place:
        place.joinpath("0").mkdir()
    assert not place.exists()
    with create_place(Case(name="reads", calls=(balance(),))) as nowhere:
        assert not nowhere.exists()


@pytest.mark.skipif(os.name != "posix", reason="the home folder is named otherwise")
def test_a_home_has_passwords_of_its_own_and_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each host has one, and the user's own are not seen; interpreters find their packages."""
    tmp_path.joinpath(".netrc").write_text("default login user password own")
    tmp_path.joinpath(".local").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    with create_home(on=True) as variables:
        read = netrc.netrc(variables["NETRC"])
        asked = [read.authenticators(each) for each in ("127.0.0.1", "example.com")]
        assert {each[2] for each in asked if each} == {"of-another-service"}
        home = Path(variables["HOME"])
        assert home.joinpath(".local").samefile(tmp_path / ".local")
        assert home.joinpath(".netrc").stat().st_mode & 0o777 == 0o600
    assert tmp_path.joinpath(".netrc").read_text().endswith("own")
    with create_home(on=False) as none:
        assert none == {}
