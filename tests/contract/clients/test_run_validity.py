"""A run that has not tried the client ends with status 2 and says so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import main
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.run_validity import explain_nothing_judged, find_gaps
from getimg_mock.contract.clients.suite import choose_checks, verify
from tests.contract.clients.reference import ReferenceClient

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ENDS = """
import json, sys
asked = json.loads(input())
value = {"name": "ends", "ops": ["balance", "generate_image"]}
print(json.dumps({"case": asked["case"], "outcome": "value", "value": value}), flush=True)
input()
"""


class Todo:
    """A client of which nothing is written yet."""

    def __init__(self, *, base_url: str, key: str) -> None: ...

    def generate_image(self, **fields: Any) -> Any:
        """Fail before anything is sent."""
        raise NotImplementedError("todo")


class HalfDone(ReferenceClient):
    """A client one of whose operations is not written yet."""

    def costs(self, start: str, end: str) -> Any:
        """Fail before anything is sent."""
        raise NotImplementedError(f"{start} to {end}")


def test_a_client_that_never_sends_anything_is_not_judged() -> None:
    """Some checks look at errors alone: they would pass."""
    result = verify(PythonDriver(Todo, "todo"), checks=choose_checks(["GC101", "GC709"]))
    assert "It sent no request" in explain_nothing_judged(result)
    assert "generate_image raised NotImplementedError: todo" in explain_nothing_judged(result)


def test_a_run_without_a_single_verdict_is_not_passed() -> None:
    """Everything was skipped: the options, not the client, were judged."""
    smaller = type("Smaller", (ReferenceClient,), {"download": None, "generate_video": None})
    result = verify(PythonDriver(smaller, "smaller"), checks=choose_checks(["GC601", "GC105"]))
    assert not explain_nothing_judged(result)
    result = verify(PythonDriver(smaller, "smaller"), checks=choose_checks(["GC602"]))
    assert explain_nothing_judged(result)


def test_an_operation_that_never_sends_anything_is_told() -> None:
    """Else its checks would be VOID, and the run green."""
    result = verify(PythonDriver(HalfDone, "half"), checks=choose_checks(["GC101"]))
    assert not explain_nothing_judged(result)
    (told,) = find_gaps(result)
    assert "costs never sent a request" in told
    result = verify(
        PythonDriver(ReferenceClient), checks=choose_checks(["GC101", "GC105", "GC706"])
    )
    assert not list(find_gaps(result))


def test_the_status_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For CI, a run of nothing is no success."""
    monkeypatch.chdir(tmp_path)
    name = f"{__name__}:Todo"
    assert main(["verify", "client", name, "--only", "GC101"]) == 2
    assert "It sent no request" in capsys.readouterr().err
    assert main(["verify", "client", f"{__name__}:HalfDone", "--only", "GC101"]) == 2
    assert "costs never sent" in capsys.readouterr().err
    tmp_path.joinpath("ends.py").write_text(ENDS, encoding="utf-8")
    program = f"{sys.executable} -IS ends.py"
    assert main(["verify", "client", "--program", program, "--only", "GC304"]) == 2
    assert "the program ended before it responded" in capsys.readouterr().err


def test_nothing_observed_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that never reached the fake has shown nothing."""
    program = [sys.executable, "-ISc", "pass"]
    assert main(["verify", "client", "--observe", "--", *program]) == 2
    assert "It sent no request" in capsys.readouterr().err
