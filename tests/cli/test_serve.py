"""`getimg-mock serve`: what it prints, what it obeys, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from http.client import HTTPConnection
from queue import Queue
from typing import TYPE_CHECKING, Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from getimg_mock.cli import main
from getimg_mock.settings import Settings, format_option_name, list_options
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "sk_secret_of_mine_1234"
IMAGE = {"model": "z-image-turbo", "prompt": "x"}


class Serving:
    """`getimg-mock serve` in a process of its own, from its greeting to its end."""

    def __init__(self, *words: str, cwd: Path, **environment: str) -> None:
        clean = {name: value for name, value in os.environ.items() if "GETIMG" not in name}
        self.process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-m", "getimg_mock", "serve", "--port", "0", *words],
            cwd=cwd,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()
        self.greeting = ""
        while "Nothing here costs anything" not in self.greeting:
            self.greeting += self.line()
        found = re.search(r"answers at (http://\S+)", self.greeting)
        assert found
        self.url = found[1]

    def line(self) -> str:
        """Return the next line that it prints."""
        return self._lines.get(timeout=30)

    def lines_about(self, word: str, count: int) -> list[str]:
        """Return the next so many lines that hold `word`."""
        found: list[str] = []
        while len(found) < count:
            line = self.line()
            found += [line] if word in line else []
        return found

    def get(self, path: str, body: Any = None, key: str = SECRET) -> Any:
        """Return the JSON that a path answers."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, headers), timeout=30) as answer:  # noqa: S310 - our own
            return json.load(answer)

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Stop it; return its exit status, the rest of what it printed, and its errors."""
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        rest = "".join(self._lines.queue)
        assert self.process.stderr is not None
        return status, rest, self.process.stderr.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)


def test_the_greeting_can_be_copied_line_by_line(tmp_path: Path) -> None:
    """The URL answers; the exported key opens it; the curl line is whole."""
    with Serving(cwd=tmp_path) as serving:
        exported = dict(re.findall(r"export (\w+)=(\S+)", serving.greeting))
        assert exported["GETIMG_AI_BASE_URL"] == serving.url
        assert serving.get("/v2/billing/balance", key=exported["GETIMG_API_KEY"])
        command = serving.greeting.partition("curl ")[2].partition("\n\n")[0]
        words = shlex.split(command.replace("\\\n", " "))
        body = json.loads(words[words.index("-d") + 1])
        assert serving.url + "/v2/images/generations" in words
        assert serving.get("/v2/images/generations", body)["status"] == "completed"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_even_while_a_request_hangs(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C is not held up by a picture that takes ten minutes; the client sees the end."""
    with Serving("--image-seconds", "600", cwd=tmp_path) as serving:
        gone: list[Exception] = []
        waiting = threading.Thread(target=_wait_for_image, args=(serving, gone))
        waiting.start()
        while serving.get("/v2/billing/balance")["balance"] == "100.00":
            waiting.join(0.01)
        began = stopwatch()
        status, _, errors = serving.end(how)
        assert stopwatch() - began < 3
        waiting.join(30)
        assert (status, errors) == (0, "")
        assert len(gone) == 1


def _wait_for_image(serving: Serving, gone: list[Exception]) -> None:
    try:
        serving.get("/v2/images/generations", IMAGE)
    except OSError as error:
        gone.append(error)


def test_there_is_a_line_for_each_request_and_no_secret_in_it(tmp_path: Path) -> None:
    """Method, path, status, time, and just enough of the key; no query, which is a secret too."""
    with Serving(cwd=tmp_path) as serving:
        image = serving.get("/v2/images/generations", IMAGE)
        with urlopen(image["data"][0]["url"], timeout=30) as answer:  # noqa: S310 - our own
            answer.read()
        with pytest.raises(HTTPError) as caught:
            serving.get("/v2/models/nope\x1b[31m%1b[31m".replace("\x1b", "%1B"))
        caught.value.close()
        lines = serving.lines_about("/v2/", 3)
        status, rest, errors = serving.end()
    assert re.search(r"POST /v2/images/generations 200 \d+\.\d ms sk_\.\.\.1234$", lines[0].strip())
    assert re.search(r"GET /v2/downloads/req-\w+/0 200 ", lines[1])
    assert re.search(r"GET /v2/models/nope\?\[31m\?\[31m 404 ", lines[2])
    everything = "".join(lines) + rest + errors
    assert SECRET not in everything
    assert "sig=" not in everything
    assert "\x1b" not in everything
    assert status == 0


def test_quiet_prints_the_greeting_and_nothing_else(tmp_path: Path) -> None:
    """For logs in which others write."""
    with Serving("--quiet", cwd=tmp_path) as serving:
        serving.get("/v2/models")
        _, rest, errors = serving.end()
    assert rest.strip() == ""
    assert errors == ""


def test_json_lines_are_objects_that_a_machine_can_read(tmp_path: Path) -> None:
    """One object a request, with the hint where there is one."""
    with Serving("--log-format", "json", cwd=tmp_path) as serving:
        with pytest.raises(HTTPError) as caught:
            serving.get("/v2/images/generations", IMAGE | {"model": "z-image-turbo-2"})
        caught.value.close()
        (line,) = serving.lines_about("{", 1)
    entry = json.loads(line)
    assert (entry["method"], entry["path"]) == ("POST", "/v2/images/generations")
    assert (entry["status"], entry["operation"]) == (400, "images.generate")
    assert entry["key"] == "sk_...1234"
    assert entry["hint"] == "did you mean z-image-turbo?"


def test_it_goes_on_when_nobody_reads_its_lines_any_more(tmp_path: Path) -> None:
    """`getimg-mock serve | head` is no reason to break off connections."""
    words = f"{shlex.quote(sys.executable)} -m getimg_mock serve --port 0 | head -n 1; echo closed"
    with subprocess.Popen(  # noqa: S603 - our own
        ["/bin/sh", "-c", f"exec 2>&1; {words}"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        found = re.search(r"http://\S+", shell.stdout.readline())
        assert found
        connection = HTTPConnection(found[0].removeprefix("http://"), timeout=30)
        used = set()
        try:
            for _ in range(3):
                connection.request("GET", "/v2/models", headers={"Authorization": "Bearer sk_x"})
                assert connection.getresponse().read()
                used.add(connection.sock.getsockname())
        finally:
            connection.close()
            os.killpg(shell.pid, signal.SIGINT)
        assert len(used) == 1
        assert "Traceback" not in shell.stdout.read()


def test_a_terminal_without_unicode_is_no_obstacle(tmp_path: Path) -> None:
    """Neither greeting nor lines need more than ASCII."""
    with Serving(cwd=tmp_path, PYTHONIOENCODING="ascii") as serving:
        with pytest.raises(HTTPError) as caught:
            serving.get("/v2/models/%E2%98%83")
        caught.value.close()
        (line,) = serving.lines_about("/v2/", 1)
        assert "/v2/models/? 404" in line


def test_settings_come_from_arguments_environment_and_file(tmp_path: Path) -> None:
    """In this order of strength; the file of the working directory is found unasked."""
    (tmp_path / "getimg-mock.toml").write_text("balance = 1\nimage-rpm = 7\nquiet = true\n")
    (tmp_path / "other.toml").write_text("balance = 4\n")
    with Serving("--balance", "3", cwd=tmp_path, GETIMG_MOCK_BALANCE="2") as serving:
        assert serving.get("/v2/billing/balance")["balance"] == "3.00"
    with Serving(cwd=tmp_path, GETIMG_MOCK_BALANCE="2") as serving:
        assert serving.get("/v2/billing/balance")["balance"] == "2.00"
    with Serving(cwd=tmp_path) as serving:
        assert serving.get("/v2/billing/balance")["balance"] == "1.00"
    with Serving("--config", "other.toml", cwd=tmp_path) as serving:
        assert serving.get("/v2/billing/balance")["balance"] == "4.00"
    with Serving(cwd=tmp_path, GETIMG_MOCK_CONFIG="other.toml") as serving:
        assert serving.get("/v2/billing/balance")["balance"] == "4.00"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of POSIX systems")
def test_a_hangup_loads_the_settings_again(tmp_path: Path) -> None:
    """It says what changed, and does not end the fake."""
    file = tmp_path / "getimg-mock.toml"
    file.write_text("video-seconds = 5\n")
    with Serving("--quiet", cwd=tmp_path) as serving:
        file.write_text("video-seconds = 6\n")
        serving.process.send_signal(signal.SIGHUP)
        (line,) = serving.lines_about("eloaded", 1)
        assert line.strip() == "Reloaded: video-seconds 6 (was 5)."
        assert serving.get("/__mock__/settings")["video_seconds"] == "6"


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["serve", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--balanse", "3"], "Unknown option '--balanse'. Did you mean '--balance'?"),
        (["--balanse=3"], "Unknown option '--balanse'. Did you mean '--balance'?"),
        (["--video-second", "3"], "Did you mean '--video-seconds'?"),
        (["--bal", "3"], "Unknown option '--bal'."),
        (["--balance"], "expected one argument"),
        (["--balance", "much"], "--balance: 'much' is not an amount"),
        (["--port", "70000"], "--port: '70000' is not a whole number from 0 to 65535."),
        (["--strictness", "ful"], "--strictness: Unknown value 'ful'. Did you mean 'full'?"),
        (["--config", "missing.toml"], "missing.toml cannot be read: No such file or directory."),
        (["--models", "missing.json"], "missing.json"),
        (["--host", "a..b"], "Cannot listen on 'a..b' port 4010: "),
        (["--host", ""], "--host: '' is not an address"),
        (["--quiet=yes"], "--quiet"),
        (["extra"], "Unknown option 'extra'."),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    """No traceback; the nearest name where one is misspelt."""
    monkeypatch.chdir(tmp_path)
    assert said in _refused(capsys, *words)


def test_a_misspelt_variable_or_key_is_refused_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever a setting is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GETIMG_MOCK_BALENCE", "3")
    assert "'GETIMG_MOCK_BALENCE'. Did you mean 'GETIMG_MOCK_BALANCE'?" in _refused(capsys)
    monkeypatch.delenv("GETIMG_MOCK_BALENCE")
    (tmp_path / "getimg-mock.toml").write_text("seeed = 1\n")
    assert "key in getimg-mock.toml 'seeed'. Did you mean 'seed'?" in _refused(capsys)


def test_a_bad_models_file_is_refused_with_the_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At the start and not at the first request."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.json").write_text('[\n  {"id": "a"},\n]')
    assert "models.json" in _refused(capsys, "--models", "models.json")


def test_a_taken_port_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It names the port and the remedy."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _refused(capsys, "--port", str(port))
    assert said.startswith(f"getimg-mock: Cannot listen on '127.0.0.1' port {port}: ")
    assert said.endswith("Choose another port with --port; --port 0 takes a free one.\n")


def test_the_help_names_every_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Every setting is an option."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    for option in list_options():
        assert f"--{format_option_name(option.name)}" in shown
        assert " ".join(option.metadata["help"].split()) in words
    assert "(default: 4010)" in words
    assert f"(default: {Settings().balance})" in words


def test_every_switch_can_be_switched_off(tmp_path: Path) -> None:
    """`--no-mock-headers`, and likewise for each."""
    with Serving("--no-mock-headers", "--no-magic", cwd=tmp_path) as serving:
        with pytest.raises(HTTPError) as caught:
            serving.get("/v2/models/seedream", key="sk_mock_invalid")
        with caught.value as error:
            assert (error.code, error.headers["x-mock-hint"]) == (404, None)


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    """One place says it."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"getimg-mock \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_an_unknown_command_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """As every name is."""
    assert main(["serv"]) == 2
    assert "Unknown command 'serv'. Did you mean 'serve'?" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM that a process can handle")
def test_it_ends_without_a_search_for_garbage(tmp_path: Path) -> None:
    """The interpreter does that several times, over all that the workspaces have kept."""
    code = (
        "import atexit, gc, sys\n"
        "from getimg_mock.cli import main\n"
        "atexit.register(lambda: print('searched:', len(gc.get_objects()), flush=True))\n"
        "sys.exit(main(['serve', '--port', '0', '--quiet']))\n"
    )
    process = subprocess.Popen(  # noqa: S603 - the code above
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[3]
    urlopen(f"{url}/__mock__/health").read()  # noqa: S310 - its own server
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert int(printed.rpartition("searched: ")[2]) < 2000


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM that a process can handle")
def test_it_ends_with_its_input_where_that_is_asked_for(tmp_path: Path) -> None:
    """A program that is killed sends no signal; its end of a pipe closes all the same.

    All workers end, too: their store can be opened by the next at once.
    """
    store = f"sqlite:///{tmp_path / 'fake.db'}"
    command = [sys.executable, "-m", "getimg_mock", "serve", "--port", "0", "--until-eof"]
    process = subprocess.Popen(  # noqa: S603 - our own
        [*command, "--workers", "2", "--store", store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    url = process.stdout.readline().split()[3]
    process.stdin.write("what is said is ignored\n")
    process.stdin.flush()
    urlopen(f"{url}/__mock__/health").read()  # noqa: S310 - its own server
    _, errors = process.communicate(timeout=30)  # closes the input
    assert process.returncode == 0
    assert errors.count("The standard input has ended") == 1
    with pytest.raises(URLError):
        urlopen(f"{url}/__mock__/health")  # noqa: S310 - see above
