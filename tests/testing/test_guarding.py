"""Nothing reaches the real API, also where a test has no fixture of the plugin."""

from __future__ import annotations

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import INI, run

pytest_plugins = ["pytester"]

SPY = """
import os, socket
ASKED = []

@pytest.fixture(autouse=True)
def spy(monkeypatch):
    monkeypatch.setenv("GETIMG_AI_BASE_URL", "https://api.getimg.ai")
    def seen(host, *rest, **options):
        ASKED.append(host)
        raise socket.gaierror("spied")
    monkeypatch.setattr(socket, "getaddrinfo", seen)
"""


def test_the_mark_alone_reaches_nothing(suite: pytest.Pytester) -> None:
    """The developer's key may be exported: the test fails before a name is looked up."""
    result = run(
        suite,
        SPY
        + """
@pytest.mark.getimg(scenario="moderation")
def test_it():
    GetimgAI(api_key="sk_real", max_retries=0).images.generate(**IMAGE)

@pytest.mark.getimg
def test_swallowed():
    try:
        httpx.get("https://api.getimg.ai/v2/models")
    except BaseException:
        pass

def test_none_was_asked():
    assert ASKED == []
""",
    )
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*The mark getimg brings no fake: take the fixture getimg_mock*"])


@pytest.mark.parametrize(
    "call",
    [
        "requests.get('https://api.getimg.ai/v2/models')",
        "__import__('urllib.request').request.urlopen('https://api.getimg.ai/v2/models')",
        "httpx.get('https://api.getimg.ai/v2/models')",
        "__import__('socket').create_connection(('api.getimg.ai', 443), 1)",
    ],
)
@pytest.mark.parametrize("guarded", ["mark", "ini"])
def test_every_client_is_refused(suite: pytest.Pytester, guarded: str, call: str) -> None:
    """By the mark, and by one line of the ini file for all tests."""
    if guarded == "ini":
        suite.makeini(INI + "getimg_guard = true\n")
    mark = "@pytest.mark.getimg" if guarded == "mark" else ""
    result = run(suite, f"{mark}\ndef test_it():\n    {call}\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tried to reach the real api.getimg.ai*"])


def test_a_guarded_run_hides_the_real_key(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes inherit the environment, and no guard can follow them."""
    monkeypatch.setenv("GETIMG_API_KEY", "sk_real")
    suite.makeini(INI + "getimg_guard = true\n")
    result = run(
        suite,
        """
import os, subprocess, sys

AT_IMPORT = os.environ["GETIMG_API_KEY"]

def test_it():
    code = "import os; print(os.environ['GETIMG_API_KEY'])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "sk_real" not in (AT_IMPORT, shown.strip())

def test_with_a_fixture(getimg_mock):
    assert os.environ["GETIMG_API_KEY"] == getimg_mock.key
    assert GetimgAI().models.list()
""",
    )
    result.assert_outcomes(passed=2)


def test_a_forked_child_is_refused(suite: pytest.Pytester) -> None:
    """It inherits the guard."""
    result = run(
        suite,
        """
import multiprocessing, socket

def ask():
    try:
        socket.getaddrinfo("api.getimg.ai", 443)
    except BaseException as error:
        raise SystemExit(7 if "tried to reach the real" in str(error) else 1)

@pytest.mark.getimg
def test_it():
    child = multiprocessing.get_context("fork").Process(target=ask)
    child.start()
    child.join(30)
    assert child.exitcode == 7
""",
    )
    result.assert_outcomes(passed=1)


def test_a_function_that_another_puts_back_is_not_blocked(suite: pytest.Pytester) -> None:
    """After the guard, what it had replaced passes calls on, and is replaced by the original."""
    result = run(
        suite,
        """
import socket
REAL = socket.getaddrinfo, socket.socket.connect

@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("APP_ENV", "test")

@pytest.mark.parametrize("number", range(3))
def test_patches(monkeypatch, getimg_mock, number):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)

def test_is_real():
    assert (socket.getaddrinfo, socket.socket.connect) == REAL
""",
    )
    result.assert_outcomes(passed=4)
