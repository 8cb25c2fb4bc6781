"""`getimg-mock ca`: the path of the authority, and lines that work as they are."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from getimg_mock.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the authority of a test in a folder of its own, whose name needs quotes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "my state"))
    return tmp_path / "my state" / "getimg-mock" / "tls"


def test_the_path_alone_is_for_scripts(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and the file is there."""
    assert main(["ca", "--path"]) == 0
    assert capsys.readouterr().out == f"{state / 'ca.pem'}\n"
    assert (state / "ca.pem").is_file()


@pytest.mark.parametrize(
    "program",
    [
        "curl --fail --silent $URL",
        "python3 -c 'import os, urllib.request as u; u.urlopen(os.environ[\"URL\"])'",
        "node -e 'fetch(process.env.URL).then(() => 0, (e) => process.exit(1))'",
    ],
)
def test_a_shell_that_reads_the_lines_trusts_the_server(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each language's own variable is among them, and paths are quoted."""
    if shutil.which(program.split(maxsplit=1)[0]) is None:
        pytest.skip("not on this machine")
    main(["ca"])
    lines = capsys.readouterr().out
    with MockServer(tls=True) as server:
        direct = "export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1"
        script = f"{lines}\n{direct} URL={server.url}/__mock__/health\n{program}"
        done = subprocess.run(  # noqa: S603 - our own
            ["/bin/bash", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr


def test_certificates_that_were_trusted_stay_so(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle keeps those of the variables it replaces, and does not grow with each call."""
    main(["ca"])
    size = (state / "ca-bundle.pem").stat().st_size
    monkeypatch.setenv("SSL_CERT_FILE", str(state / "ca-bundle.pem"))
    main(["ca"])
    assert (state / "ca-bundle.pem").stat().st_size == size
    assert "ca-bundle.p12" in capsys.readouterr().out
