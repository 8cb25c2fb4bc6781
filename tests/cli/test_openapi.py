"""`getimg-mock openapi`: prints the document, and tells when the shipped one is out of step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from getimg_mock._shipped import read_text
from getimg_mock.api.openapi_document import render_openapi
from getimg_mock.cli import main, openapi

if TYPE_CHECKING:
    import pytest


def test_it_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is the file, byte for byte: a redirect rebuilds it."""
    assert main(["openapi"]) == 0
    printed = capsys.readouterr().out
    assert printed == read_text("schemas", "openapi.json")
    assert json.loads(printed)["openapi"] == "3.1.0"


def test_check_is_silent_when_all_is_in_step(capsys: pytest.CaptureFixture[str]) -> None:
    """Success needs no words."""
    assert main(["openapi", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_shows_the_first_difference_and_how_to_mend_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changed a schema reads in the failure what to do about it."""
    text = render_openapi().replace('"version": "v2"', '"version": "v1"')
    monkeypatch.setattr(openapi, "read_text", lambda *_: text)
    assert main(["openapi", "--check"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert "getimg-mock openapi > schemas/openapi.json" in error
    assert '-    "version": "v1",\n+    "version": "v2",\n' in error
    assert len(error.splitlines()) < 25


def test_check_says_when_there_is_no_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing file is a difference, not a traceback."""

    def missing(*_: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(openapi, "read_text", missing)
    assert main(["openapi", "--check"]) == 1
    assert "There is no schemas/openapi.json" in capsys.readouterr().err
