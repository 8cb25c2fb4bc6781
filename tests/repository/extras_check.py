"""Each extra alone in a clean environment, used for what it brings.

`make release-check ARGS=--extras` runs this; tests hold it to the extras of pyproject.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VIDEO: Final = """
import json, time
from urllib.request import Request, urlopen
from getimg_mock import MockServer
with MockServer(video_seconds=0) as server:
    def call(path, **body):
        data = json.dumps(body).encode() if body else None
        head = {"Authorization": "Bearer sk_x", "Content-Type": "application/json"}
        return json.load(urlopen(Request(server.url + path, data, head), timeout=60))
    job = call("/v2/videos/generations", model="seedance-v1-5-pro", prompt="Waves", sound=True)
    done = call("/v2/videos/generations/" + job["id"])
    file = urlopen(done["data"][0]["url"], timeout=60).read()
assert file[4:8] == b"ftyp", file[:20]
"""

_LARGE: Final = "assert len(file) > 500_000, len(file)\n"
_SMALL: Final = "assert len(file) < 500_000, len(file)\n"

_TLS: Final = """
import subprocess, sys
inner = (
    "import os; from urllib.request import Request, urlopen;"
    "head = {'Authorization': 'Bearer ' + os.environ['GETIMG_API_KEY']};"
    "assert urlopen(Request('https://api.getimg.ai/v2/models', headers=head)).status == 200"
)
run = [sys.executable, "-m", "getimg_mock", "run", "--isolated", "--", sys.executable, "-c", inner]
sys.exit(subprocess.run(run, timeout=120).returncode)
"""

_WATCH: Final = """
import subprocess, sys
serve = [sys.executable, "-m", "getimg_mock", "serve", "--watch", "--port", "0"]
with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
    line = server.stdout.readline()
    server.terminate()
assert "answers at" in line, line
"""

_REDIS: Final = """
from getimg_mock import GetimgMockError, MockServer
try:
    with MockServer(store="redis://127.0.0.1:9/0"):
        raise SystemExit("a Redis that is not there was used")
except GetimgMockError as error:
    assert "pip install" not in str(error), error
"""

_RESPX: Final = """
import pathlib, sys, pytest
pathlib.Path("test_respx.py").write_text(
    "import httpx\\n"
    "def test_it(getimg_respx):\\n"
    "    head = {'Authorization': 'Bearer sk_x'}\\n"
    "    answer = httpx.get('https://api.getimg.ai/v2/models', headers=head)\\n"
    "    assert answer.status_code == 200\\n"
)
sys.exit(pytest.main(["-q", "test_respx.py"]))
"""

_SDK: Final = """
from getimg import GetimgAI
from getimg_mock import MockServer
with MockServer() as server:
    client = GetimgAI(base_url=server.url, api_key="sk_anything")
    assert client.images.generate(model="seedream-5-lite", prompt="One").status == "completed"
"""

_FONTS: Final = """
from getimg_mock.media.fonts import find_installed_font, load_font
found = find_installed_font()
assert found, "the font of the extra is not found"
assert load_font(24, found).getmask("\u706f\u53f0").getbbox(), "it draws nothing"
"""

_VERIFY: Final = """
import subprocess, sys
verify = [sys.executable, "-m", "getimg_mock", "verify", "api", "--only", "GP405"]
sys.exit(subprocess.run(verify, timeout=500).returncode)
"""

_UNJUDGED: Final = """
import subprocess, sys
verify = [sys.executable, "-m", "getimg_mock", "verify", "api", "--only", "GP405"]
done = subprocess.run(verify, timeout=500, capture_output=True, text=True)
assert done.returncode == 2, done
assert "pip install 'getimg-mock[verify]'" in done.stderr, done
"""


@dataclass(frozen=True, slots=True)
class Use:
    """What an extra is for, as a program; `peers` are packages that its users have anyway."""

    program: str
    peers: tuple[str, ...] = ()


USES: Final = {
    "": Use(_VIDEO + _LARGE + _UNJUDGED),
    "video": Use(_VIDEO + _SMALL),
    "verify": Use(_VERIFY),
    "tls": Use(_TLS),
    "watch": Use(_WATCH),
    "redis": Use(_REDIS),
    "respx": Use(_RESPX, ("pytest",)),
    "sdk": Use(_SDK),
    "fonts": Use(_FONTS),
    "all": Use(_VIDEO + _SMALL),
}
"""The program that uses each extra of pyproject.toml, and the package without any."""


def try_extras(wheel: Path, folder: Path, run: Callable[..., str], python: str) -> list[str]:
    """Install the wheel with each extra alone and use it; return what was tried.

    `run` runs a command and raises when it fails; `python` makes the environments.
    """
    tried = []
    for name, use in USES.items():
        place = folder / (name or "bare")
        run(python, "-m", "venv", str(place))
        own = str(next(place.glob("[bS]*/python*")))
        wanted = f"{wheel}[{name}]" if name else str(wheel)
        run(own, "-m", "pip", "install", "--quiet", wanted, *use.peers)
        run(own, "-c", use.program, cwd=place)
        tried.append(name or "no extras")
    return tried
