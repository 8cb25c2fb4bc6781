"""`getimg-mock run`: programs with a hard-coded address reach the fake, and nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from argparse import Namespace
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.cli import main
from getimg_mock.cli.program_options import PROGRAM_PRESET
from getimg_mock.cli.serve import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket

pytestmark = pytest.mark.slow

PROGRAMS: Final = Path(__file__).parents[1] / "programs"
RUN: Final = (sys.executable, "-m", "getimg_mock", "run")
BASH: Final = ("bash", str(PROGRAMS / "shell_client.sh"))
PYTHON: Final = (sys.executable, str(PROGRAMS / "python_client.py"))
NODE: Final = ("node", str(PROGRAMS / "node_client.mjs"))
CLIENTS: Final = {
    "curl": (*BASH, "curl"),
    "wget": (*BASH, "wget"),
    "urllib": (*PYTHON, "urllib"),
    "requests": (*PYTHON, "requests"),
    "httpx": (*PYTHON, "httpx"),
    "aiohttp": (*PYTHON, "aiohttp"),
    "getimg": (sys.executable, str(PROGRAMS / "sdk_client.py")),
    "fetch": (*NODE, "fetch"),
    "https": (*NODE, "https"),
    "axios": (*NODE, "axios"),
    "java": ("java", str(PROGRAMS / "JavaClient.java")),
    "go": ("go", "run", str(PROGRAMS / "go_client.go")),
    "php": ("php", str(PROGRAMS / "php_client.php")),
}


@pytest.fixture
def tmp_of_runs(tmp_path: Path) -> Iterator[Path]:
    """Return the folder for temporary files of runs, which must be empty at the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield folder
    assert [each.name for each in folder.iterdir() if "getimg" in each.name] == []


def run(
    *words: str, tmp: Path, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `getimg-mock run` with words, in an environment without settings of ours."""
    return subprocess.run(  # noqa: S603 - our own
        [*RUN, *words],
        env=clean_environment(tmp) | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def clean_environment(tmp: Path) -> dict[str, str]:
    """Return this environment without proxies, keys and settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if "GETIMG" not in name and not name.lower().endswith("_proxy")
    }
    return kept | {"TMPDIR": str(tmp), "NO_PROXY": ""}


def require(name: str) -> None:
    """Skip the test where the runtime of a client is not installed."""
    program = name if name in {"curl", "wget"} else CLIENTS[name][0]
    if shutil.which(program) is None:
        pytest.skip(f"{name} is not on this machine")
    if name == "axios" and not (PROGRAMS / "node_modules" / "axios").is_dir():
        pytest.skip("axios is not installed: npm install --prefix tests/programs")
    if name == "php" and command_fails("php", "-r", "exit((int) !function_exists('curl_init'));"):
        pytest.skip("PHP has no curl here: apt-get install php-curl")
    if name in {"requests", "httpx", "aiohttp", "getimg"}:
        pytest.importorskip(name)


def command_fails(*command: str) -> bool:
    """Return whether a command ends with another status than 0."""
    return subprocess.run(command, check=False).returncode != 0  # noqa: S603 - our own


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENTS)
def test_a_hard_coded_address_reaches_the_fake(name: str, tmp_of_runs: Path) -> None:
    """An unchanged program makes a picture and a video, loads both, and sees a lost answer."""
    require(name)
    options = ("--summary", "--isolated", "--video-seconds", "0", "--media-size", "small")
    done = run(*options, "--", *CLIENTS[name], tmp=tmp_of_runs)
    assert done.returncode == 0, done.stderr
    lost, *files = done.stdout.splitlines()
    assert lost == "lost"
    sizes = dict(line.split() for line in files)
    assert int(sizes["picture"]) > 10_000
    assert int(sizes["video"]) > 10_000
    assert "2 downloads.retrieve" in done.stderr
    # Some clients repeat a request whose connection was reset; none sends it elsewhere.
    assert " 0 USD" not in done.stderr


def test_the_official_sdk_needs_no_change(tmp_of_runs: Path) -> None:
    """The SDK finds the fake by its variable, and sends the headers that --header names."""
    pytest.importorskip("getimg")
    source = (
        "import os, getimg\n"
        "for options in ({}, {'base_url': 'https://api.getimg.ai'}):\n"
        "    client = getimg.GetimgAI(max_retries=0, **options)\n"
        "    try:\n"
        "        client.images.generate(model='seedream-5-lite', prompt='x')\n"
        "    except getimg.APIStatusError as error:\n"
        "        print(error.status_code)\n"
    )
    words = ("--header", "X-Mock-Behaviour=status=503", "--", sys.executable, "-c", source)
    done = run(*words, tmp=tmp_of_runs)
    assert (done.returncode, done.stdout) == (0, "503\n503\n"), done.stderr


def test_the_status_is_that_of_the_program(tmp_of_runs: Path) -> None:
    """A script or CI job sees how the program ended: its status, or 128 and its signal."""
    assert run("--", "bash", "-c", "exit 7", tmp=tmp_of_runs).returncode == 7
    assert run("--", "bash", "-c", "kill -TERM $$", tmp=tmp_of_runs).returncode == 128 + 15
    missing = run("--", "no-such-program", tmp=tmp_of_runs)
    assert missing.returncode == 2
    assert "'no-such-program' cannot be started: No such file" in missing.stderr
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "getimg-mock run -- node my-program.js"),
        (["--header", "X", "--", "true"], "X-Mock-Behaviour=status=503"),
        (
            ["--api-host", "https://x.test", "--", "true"],
            "--api-host: 'https://x.test' is not a host name",
        ),
        (["--api-host", "*.x.test", "--", "true"], "'*.x.test' is not one host"),
        (["--tls", "--", "true"], "leave out --tls"),
        (["node", "-e", "1"], "follows --: getimg-mock run -- node -e 1"),
    ],
)
def test_a_command_line_that_runs_nothing_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what would have worked."""
    assert main(["run", *words]) == 2
    assert said in capsys.readouterr().err


def test_addresses_of_a_settings_file_are_those_of_serve(tmp_path: Path) -> None:
    """A project's file is read for a run, too, which opens no port of its, and no HTTPS."""
    file = tmp_path / "own.toml"
    file.write_text('tls = true\ntls-host = "a.test"\nhost = "0.0.0.0"\nport = 1\nbalance = 3\n')
    settings = load_settings(Namespace(config=file), PROGRAM_PRESET)
    assert (settings.host, settings.port, str(settings.balance)) == ("127.0.0.1", 0, "3")
    assert (settings.tls, settings.tls_host) == (False, ())


def test_signals_reach_the_program(tmp_of_runs: Path) -> None:
    """The program ends as it would by itself, and its status is kept."""
    script = "trap 'echo stopped; exit 5' TERM; echo ready; while :; do read -t 1 <> <(:); done"
    with subprocess.Popen(  # noqa: S603 - our own
        [*RUN, "--", "bash", "-c", script],
        env=clean_environment(tmp_of_runs),
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=30)[0] == "stopped\n"
        assert running.returncode == 5


def test_a_program_cannot_leave_an_isolated_run(tmp_of_runs: Path) -> None:
    """A connection to another host is refused with its reason, and named in the summary."""
    require("curl")
    command = ("curl", "-sS", "https://example.com/")
    done = run("--isolated", "--summary", "--", *command, tmp=tmp_of_runs)
    assert done.returncode != 0
    assert "403" in done.stderr
    assert "refused by --isolated: example.com" in done.stderr
    assert "No request with a key reached the fake" in done.stderr


def test_node_cannot_leave_an_isolated_run(tmp_of_runs: Path) -> None:
    """Node, which ignores proxies, is refused within the process."""
    require("fetch")
    source = "fetch('https://example.com/').catch((e) => console.log(e.cause.message))"
    done = run("--isolated", "--", "node", "-e", source, tmp=tmp_of_runs)
    assert done.stdout == "getimg-mock: example.com is not reachable with --isolated\n"


def test_another_host_is_passed_through_with_its_own_certificate(
    tmp_of_runs: Path, tmp_path: Path
) -> None:
    """The proxy does not open what is not for the API: the program sees the host's certificate."""
    require("curl")
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    bundle = tmp_path / "own.pem"
    authority.cert_pem.write_to_path(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answering = threading.Thread(target=_answer_once, args=(listener, context))
        answering.start()
        url = f"https://localhost:{port}/"
        # --noproxy "" lets curl take the proxy for a loopback name, too.
        done = run(
            "--", "curl", "-sS", "--noproxy", "", url, tmp=tmp_of_runs, SSL_CERT_FILE=str(bundle)
        )
        answering.join(timeout=30)
    assert (done.returncode, done.stdout) == (0, "untouched"), done.stderr


def _answer_once(listener: socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as secured:
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nuntouched")


def test_an_observed_run_ends_with_a_verdict(tmp_of_runs: Path) -> None:
    """The findings of the client contract follow the program's own output."""
    require("curl")
    curl = ("curl", "-sS", "https://api.getimg.ai/v2/models", "-H", "Authorization: Bearer sk_x")
    done = run("--observe", "--", *curl, tmp=tmp_of_runs)
    assert "1 models.list" in done.stderr
    assert "client contract: " in done.stderr


def test_a_program_of_a_killed_run_does_not_reach_the_api(tmp_of_runs: Path) -> None:
    """Its proxy is gone, so that its requests fail instead of costing money."""
    require("curl")
    script = 'echo $PPID; read -r line; curl -s https://api.getimg.ai/; echo "curl $?"'
    with subprocess.Popen(  # noqa: S603 - our own
        [*RUN, "--", "bash", "-c", script],
        env=clean_environment(tmp_of_runs),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        assert int(running.stdout.readline()) == running.pid
        (folder,) = tmp_of_runs.iterdir()
        for file in folder.rglob("*"):
            assert file.is_dir() or b"PRIVATE KEY" not in file.read_bytes()
        running.kill()
        running.wait(timeout=30)
        running.stdin.write("\n")
        running.stdin.flush()
        assert running.stdout.read() == "curl 7\n"  # the connection to the proxy is refused
        # What tidies up for a process that cannot has the same stderr: it ends with that.
        assert running.stderr.read() == ""


def test_two_runs_at_once_do_not_meet(tmp_of_runs: Path) -> None:
    """Each has its own ports, certificate and money: a run can be started within a run."""
    require("curl")
    command = "curl -sf https://api.getimg.ai/v2/models -H 'Authorization: Bearer sk_x'"
    inner = [*RUN, "--", "bash", "-c", f"echo $HTTPS_PROXY; {command} | head -c 1"]
    script = 'echo $HTTPS_PROXY; "$@"'
    done = run("--", "bash", "-c", script, "bash", *inner, tmp=tmp_of_runs)
    outer_proxy, inner_proxy, answer = done.stdout.split()
    assert outer_proxy != inner_proxy
    assert answer == "["


def test_nothing_is_trusted_after_a_run(tmp_of_runs: Path) -> None:
    """The authority is a file of the run, which goes with it; folders of the user stay as is."""
    home = tmp_of_runs.parent / "home"
    home.mkdir()
    paths = ssl.get_default_verify_paths()
    stores = [Path(each) for each in (paths.openssl_cafile, paths.openssl_capath)]
    before = [each.stat().st_mtime_ns for each in stores if each.exists()]
    done = run("--", "bash", "-c", "cat $SSL_CERT_FILE | wc -c", tmp=tmp_of_runs, HOME=str(home))
    assert int(done.stdout) > 1000
    assert list(home.iterdir()) == []
    assert [each.stat().st_mtime_ns for each in stores if each.exists()] == before
