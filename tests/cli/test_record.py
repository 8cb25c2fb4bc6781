"""`getimg-mock record`: a program runs against the API under a ceiling, and is recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cli import main
from getimg_mock.serving.server import MockServer

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json, os, urllib.request
base = os.environ["GETIMG_AI_BASE_URL"]
assert os.environ["GETIMG_API_KEY"] == "sk_of_the_user_0123456789"
headers = {"Authorization": "Bearer " + os.environ["GETIMG_API_KEY"]}
headers["Content-Type"] = "application/json"
body = json.dumps({"model": "seedream-5-lite", "prompt": "A lighthouse"}).encode()
request = urllib.request.Request(base + "/v2/images/generations", body, headers)
made = json.load(urllib.request.urlopen(request))
assert made["data"][0]["url"].startswith(base), made
urllib.request.urlopen(made["data"][0]["url"]).read()
raise SystemExit(3)
"""


def test_a_program_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program keeps its key and its status; the summary says what it has spent."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GETIMG_API_KEY", "sk_of_the_user_0123456789")
    out = tmp_path / "cassette"
    with MockServer() as server:
        words = ["record", "--upstream", server.url, "--budget", "0.5", "--out", str(out)]
        words += ["--learn", str(tmp_path / "learned.toml")]
        status = main([*words, "--", sys.executable, "-c", PROGRAM])
    assert status == 3
    told = capsys.readouterr().err
    assert "at most 0.04 USD spent" in told
    assert "the fake would have answered differently by 0 checks" in told
    assert (tmp_path / "learned.models.json").exists()
    assert (out / "evidence.json").exists()
    (entry,) = read_cassette(out).exchanges
    assert entry.operation == "images.generate"
    assert len(entry.files) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["record"], "Say what to record"),
        (["record", "--upstream", "x", "--", "true"], "--upstream real"),
        (["record", "--budget", "much", "--", "true"], "amount in US dollars"),
        (["record", "--out", __file__, "--", "true"], "cannot be written"),
        (["serve", "--budget", "1"], "add --record"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 2, and nothing has been started."""
    assert main(words) == 2
    assert said in capsys.readouterr().err
