"""The contract as tests: `pytest contract_tests --getimg-target=...`, as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from getimg_mock.serving.server import MockServer

pytestmark = pytest.mark.slow

FOLDER: Final = Path(__file__).parents[2] / "contract_tests"


pytest_plugins = ["pytester"]


def list_words(place: Path, *words: str) -> list[str]:
    """Return the arguments of pytest for a run that keeps what it spends in a folder."""
    plugins = [word for name in ("cacheprovider", "schemathesis") for word in ("-p", f"no:{name}")]
    return [str(FOLDER), "-rA", "-n0", *plugins, f"--getimg-record={place / 'spend.json'}", *words]


def run_here(pytester: pytest.Pytester, *words: str, key: str = "sk_first_key") -> tuple[int, str]:
    """Return the exit status and the output of a run in this process, which has all imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GETIMG_API_KEY", key)
        patch.setenv("PYTEST_ADDOPTS", "")
        done = pytester.runpytest_inprocess(*list_words(pytester.path, *words))
    return int(done.ret), done.stdout.str() + done.stderr.str()


def run_apart(place: Path, *words: str) -> tuple[int, str]:
    """Return the exit status and the output of a run in a process of its own."""
    environment = os.environ | {"GETIMG_API_KEY": "sk_first_key", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "pytest", *list_words(place, *words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_address_is_compared_with_the_fake_and_the_harness_judges_itself(
    pytester: pytest.Pytester,
) -> None:
    """GE and GH ids are tests, too, where there is something to judge."""
    with MockServer() as server:
        status, shown = run_here(
            pytester, f"--getimg-target={server.url}", "-k", "GE901 or GH005 or GH009 or GP801"
        )
    assert status == 0, shown
    assert "4 passed" in shown
    assert all(f"[{name}]" in shown for name in ("GE901", "GH005", "GH009", "GP801"))


def test_live_is_the_fake_on_a_socket(tmp_path: Path) -> None:
    """And not getimg.ai, which is `real`."""
    words = ("--getimg-target=live", "--getimg-tier=R0", "-k", "GE902 or GP801")
    status, shown = run_apart(tmp_path, *words)
    assert status == 0, shown
    assert "2 passed" in shown


def test_what_is_no_target_is_one_sentence(pytester: pytest.Pytester) -> None:
    """A typing error, a service that is not there and a key that cannot be sent end the run."""
    for word, told in (
        ("faek", "Unknown target 'faek'. Did you mean 'fake'?"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer"),
    ):
        status, shown = run_here(pytester, f"--getimg-target={word}", "-k", "GP801")
        assert status == 2, shown
        assert told in shown
        assert "Traceback" not in shown
    status, shown = run_here(pytester, "--getimg-target=real", "-k", "GP801", key="")
    assert status == 2
    assert "needs a key" in shown
