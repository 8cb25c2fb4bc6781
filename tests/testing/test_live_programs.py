"""Programs that a test with getimg_live starts: the API's address may be written in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import requests

from getimg_mock import MockServer

if TYPE_CHECKING:
    from getimg_mock.testing.workspace import GetimgMock

pytestmark = pytest.mark.slow

PROGRAMS: Final = Path(__file__).parents[1] / "programs"
CLIENTS: Final = {
    "curl": ("bash", str(PROGRAMS / "shell_client.sh"), "curl"),
    "fetch": ("node", str(PROGRAMS / "node_client.mjs"), "fetch"),
    "java": ("java", str(PROGRAMS / "JavaClient.java")),
}


@pytest.mark.getimg(video_seconds=0)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_program_with_the_apis_address_reaches_the_workspace(
    getimg_live: GetimgMock, name: str
) -> None:
    """It inherits certificate, proxy and key, and its requests are in the test's journal."""
    program = shutil.which("curl" if name == "curl" else CLIENTS[name][0])
    if program is None:
        pytest.skip(f"{name} is not on this machine")
    done = subprocess.run(CLIENTS[name], capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - programs of these tests
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("lost\n")
    assert getimg_live.journal.count(operation="downloads.retrieve") == 2
    assert getimg_live.ledger.charged > 0


@pytest.mark.getimg(tampered_status=404)
def test_a_fake_of_its_own_settings_has_its_own_proxy(getimg_live: GetimgMock) -> None:
    """Settings of a whole fake bring a server for the test, for programs as well."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    command = ["curl", "-sf", "-H", f"Authorization: Bearer {getimg_live.key}"]
    subprocess.run([*command, "https://api.getimg.ai/v2/models"], check=True, timeout=60)  # noqa: S603 - curl
    assert getimg_live.journal.count(operation="models.list") == 1


def test_other_servers_are_passed_through(getimg_live: GetimgMock) -> None:
    """The proxy serves the programs of a test, which also ask servers that are not the API."""
    assert os.environ["HTTPS_PROXY"] == getimg_live.program_environment["HTTPS_PROXY"]
    with MockServer(tls=True) as other:
        authority = str(other.certificate_authority)
        proxies = {"https": os.environ["HTTPS_PROXY"]}
        session = requests.Session()
        session.trust_env = False  # it has NO_PROXY for loopback
        answer = session.get(
            f"{other.tls_url}/__mock__/health", verify=authority, proxies=proxies, timeout=30
        )
    assert answer.status_code == 200
    assert getimg_live.journal.count() == 0


def test_nothing_is_left_in_the_environment() -> None:
    """Variables of a program go with the test."""
    assert "getimg-mock-tests-" not in str(dict(os.environ))
