"""What docs/migration.md says of Prism, asked of Prism and of the fake at the same place."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest

from getimg_mock import MockServer
from getimg_mock.api.openapi_document import render_openapi
from getimg_mock.serving.server import open_listener
from getimg_mock.settings import Settings

HERE: Final = Path(__file__).parent
# 90 MB and 15 s of processor time to install, so that .ci/run does not; a workflow does.
PRISM: Final = shutil.which("prism") or shutil.which("prism", path=HERE / "node_modules/.bin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PRISM is None, reason="needs npm install --global @stoplight/prism-cli"),
]


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """Return what a service answers to one request of the API."""
    data = json.dumps(body).encode() if body else None
    head = {"Authorization": "Bearer sk_prism", "Content-Type": "application/json"}
    with urlopen(Request(url, data, head), timeout=30) as answer:  # noqa: S310 - on loopback
        return json.load(answer)


def use(url: str) -> tuple[str, bool, bool]:
    """Return how a video ends, whether it cost something, and whether a picture's link opens."""
    balance = ask(f"{url}/v2/billing/balance")
    job = ask(f"{url}/v2/videos/generations", {"model": "seedance-v1-5-pro", "prompt": "Waves"})
    states = {ask(f"{url}/v2/videos/generations/{job['id']}")["status"] for _ in range(3)}
    image = ask(f"{url}/v2/images/generations", {"model": "seedream-5-lite", "prompt": "Fog"})
    link = image["data"][0]["url"]
    opens = False
    if link.startswith(url):  # no test asks another host
        with urlopen(link, timeout=30) as file:  # noqa: S310 - on loopback
            opens = file.read(2) == b"\xff\xd8"
    return "/".join(sorted(states)), ask(f"{url}/v2/billing/balance") != balance, opens


def test_prism_starts_with_our_document_and_has_no_state_where_the_fake_has_it(
    tmp_path: Path,
) -> None:
    """The same requests, at the same address: what a user who moves will see."""
    document = tmp_path / "openapi.json"
    document.write_text(render_openapi(), encoding="utf-8")
    with open_listener(Settings.of(port=0)) as free:
        port = free.getsockname()[1]
    assert PRISM is not None
    command = [PRISM, "mock", str(document), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as prism:  # noqa: S603 - found above
        try:
            assert prism.stdout is not None
            assert any("Prism is listening" in line for line in prism.stdout)
            assert use(f"http://127.0.0.1:{port}") == ("pending", False, False)
        finally:
            prism.terminate()
    with MockServer(port=port, video_seconds=0) as server:
        assert use(server.url) == ("completed", True, True)
