"""`replay`: failures are tried again where they were seen, or said not to be."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, select_checks
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.reports.run_events import render_ndjson
from getimg_mock.serving.server import MockServer
from tests.contract.clients.reference import faulty
from tests.contract.provider.everyone import BY_NAME

pytestmark = pytest.mark.slow

CLIENT = "tests.cli.test_replay:pays_twice"
ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"

pays_twice = faulty("reposts-reset")


@cache
def lines() -> tuple[dict[str, Any], ...]:
    """Return the events of a run that fails GP407."""
    target = InProcessTarget(wrap=BY_NAME["any-signature"].wrap)
    plans = [plan for plan in build_corpus(target.models) if plan.name == "an image and its file"]
    campaign = VerificationSession(
        target=target, plans=plans, checks=select_checks("GP407,GP401", PROVIDER_CHECKS)
    )
    return tuple(json.loads(line) for line in render_ndjson(campaign.run()))


def kept(tmp_path: Path, **start: Any) -> str:
    """Write those events, with other facts at their start, and return the name of the file."""
    path = tmp_path / "events.ndjson"
    first, *rest = lines()
    path.write_text("".join(render_ndjson([first | start, *rest])), encoding="utf-8")
    return str(path)


def test_a_failure_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan of a failure is in the events; against a fake without the fault it passes."""
    assert main(["replay", kept(tmp_path), "--times", "2"]) == 0
    told = capsys.readouterr().out
    assert "GP407  fake: 0 of 2 times" in told
    assert "No failure shows again." in told


def test_a_replay_asks_the_target_of_the_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failures of an address are tried there, not on a pristine fake."""
    with MockServer() as server:
        path = kept(tmp_path, target="theirs", url=server.url, own=False)
        assert main(["replay", path, "--key", "sk_again"]) == 0
        assert list(server.app.fake.store.get_or_create("sk_again").generations)
    assert "GP407  theirs: 0 of 1 times" in capsys.readouterr().out


def test_nothing_answered_is_no_all_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replay that could not be made says so, in words and status."""
    assert main(["replay", kept(tmp_path, url=NOWHERE, own=False)]) == 2
    told = capsys.readouterr().out
    assert "VOID  GP407" in told
    assert "does not answer" in told
    assert "No failure" not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--check", "GP999"], "Unknown check 'GP999'"),
        (["--check", "GP401"], "no failure of GP401; those it holds: GP407"),
        (["--times", "0"], "1 or more"),
        (["--target", "https://api.getimg.ai", "--key", "sk_x"], "--budget"),
        (["--target", "nonsense"], "Unknown target 'nonsense'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, and status 2: a typing error is no all-clear."""
    assert main(["replay", kept(tmp_path), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"event":"verdict","id":"GP407"}', "line 1 is not an event of a run"),
        ("nonsense", "line 1 is not JSON"),
        ("", "holds no run"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_broken_file_is_an_error_in_one_sentence(
    text: str | bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever file is given, there is no stack trace."""
    path = tmp_path / "broken.ndjson"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["replay", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_look_at_the_whole_run_is_not_replayed_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What compares two targets has no plan of its own."""
    path = tmp_path / "events.ndjson"
    whole = [
        {**each, "failures": [{**failure, "plan": {}} for failure in each["failures"]]}
        if each["event"] == "verdict"
        else each
        for each in lines()
    ]
    path.write_text("".join(render_ndjson(whole)), encoding="utf-8")
    assert main(["replay", str(path)]) == 2
    assert "make the run again" in capsys.readouterr().out


def printed(out: str, part: str) -> list[str]:
    """Return the command that a failure block names, without the name of the program."""
    line = next(each for each in out.splitlines() if each.startswith(f"  {part}"))
    words = shlex.split(line.removeprefix(f"  {part}"))
    assert words[0] == "getimg-mock"
    return [os.path.expanduser(word) for word in words[1:]]  # noqa: PTH111 - as a shell does


def test_the_printed_command_replays_a_client(capsys: pytest.CaptureFixture[str]) -> None:
    """Without any option the events are kept, and the command works as it is printed."""
    assert main(["verify", "client", CLIENT, "--only", "GC401"]) == 1
    assert main(printed(capsys.readouterr().out, "replay")) == 1
    told = capsys.readouterr().out
    assert f"GC401  {CLIENT}: 1 of 1 times" in told
    assert "^ work done, answer lost: reset" in told
    assert "0.04 USD charged twice (0.08)" in told


def test_an_observed_run_says_that_it_cannot_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to drive: the command has to be run again."""
    path = tmp_path / "events.ndjson"
    program = (
        "import os, urllib.request as r\n"
        "base = os.environ['GETIMG_AI_BASE_URL']\n"
        "for _ in range(2):\n"
        "    q = r.Request(base + '/v2/images/generations', b'{\"model\":1}', method='POST',\n"
        "                  headers={'Authorization': 'Bearer sk_o', 'Content-Type': 'text/x'})\n"
        "    try: r.urlopen(q)\n"
        "    except Exception: pass\n"
    )
    command = ["--observe", "--events", str(path), "--", sys.executable, "-c", program]
    assert main(["verify", "client", *command]) == 2  # all it sent was refused
    assert "--observe -- " in capsys.readouterr().out
    assert main(["replay", str(path)]) == 2
    assert "run the observed command again" in capsys.readouterr().out


def run_script(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a written script with nothing but this interpreter's standard library."""
    return subprocess.run(  # noqa: S603 - the script that was just written
        [sys.executable, "-I", str(path)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Write the script of GP407."""
    path = tmp_path / "gp407.py"
    assert main(["replay", kept(tmp_path), "--check", "GP407", "--script", str(path)]) == 0
    return path


def test_a_script_shows_a_failure_of_a_provider_with_nothing_but_python(script: Path) -> None:
    """It sends the plan's requests in order, links of earlier answers included."""
    with MockServer() as server:
        came = run_script(script, GETIMG_AI_BASE_URL=server.url, GETIMG_API_KEY="sk_script")
        assert len(server.app.fake.store.get_or_create("sk_script").generations) == 2
    assert came.returncode == 0, came.stderr
    assert "GP407" in script.read_text(encoding="utf-8")
    shown = came.stdout.splitlines()
    turned = next(at for at, line in enumerate(shown) if line.endswith("(sig)"))
    assert "<- 403" in shown[turned + 1]
    (plan,) = (
        each
        for each in build_corpus(InProcessTarget().models)
        if each.name == "an image and its file"
    )
    assert sum(" -> " in line for line in shown) == len(plan.steps)


def test_a_script_moves_the_clock_of_a_fake(tmp_path: Path) -> None:
    """A plan that waits for a day does not wait where getimg-mock answers."""
    names = {plan.name: plan for plan in build_corpus(InProcessTarget().models)}
    plan = names["a file until it is deleted"].as_json()
    waiting = [
        {**each, "failures": [{**failure, "plan": plan} for failure in each["failures"]]}
        if each["event"] == "verdict"
        else each
        for each in lines()
    ]
    events, path = tmp_path / "e.ndjson", tmp_path / "deleted.py"
    events.write_text("".join(render_ndjson(waiting)), encoding="utf-8")
    assert main(["replay", str(events), "--check", "GP407", "--script", str(path)]) == 0
    with MockServer(retention=600) as server:
        came = run_script(path, GETIMG_AI_BASE_URL=server.url, GETIMG_API_KEY="sk_script")
    assert came.returncode == 0, came.stderr
    assert "the clock is moved by" in came.stdout
    assert "The plan was made for a fake with retention: 600" in came.stdout


def test_a_script_sends_nothing_to_a_host_that_may_cost(script: Path) -> None:
    """Only who says so sends a paid plan anywhere but to this machine."""
    came = run_script(script, GETIMG_AI_BASE_URL="https://getimg.invalid", GETIMG_API_KEY="sk_x")
    assert came.returncode == 2
    assert "GETIMG_ALLOW_COSTS=1" in came.stdout
    assert " -> " not in came.stdout


def test_a_script_says_when_nothing_answers(script: Path) -> None:
    """Then nothing was shown."""
    assert run_script(script, GETIMG_AI_BASE_URL=NOWHERE).returncode == 2


def test_a_script_shows_a_failure_of_a_client(tmp_path: Path) -> None:
    """It runs the one case through this package, without the events of the run."""
    events, path = tmp_path / "e.ndjson", tmp_path / "gc401.py"
    assert main(["verify", "client", CLIENT, "--only", "GC401", "--events", str(events)]) == 1
    assert main(["replay", str(events), "--check", "GC401", "--script", str(path)]) == 0
    events.unlink()
    came = subprocess.run(  # noqa: S603 - the script that was just written
        [sys.executable, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert came.returncode == 1, came.stderr
    assert f"GC401  {CLIENT}: 1 of 1 times" in came.stdout


def test_a_script_is_of_one_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which one is meant must be clear."""
    path = tmp_path / "events.ndjson"
    again = [each | {"id": "GP408"} if each["event"] == "verdict" else each for each in lines()]
    path.write_text("".join(render_ndjson([*lines(), *again])), encoding="utf-8")
    assert main(["replay", str(path), "--script", str(tmp_path / "s.py")]) == 2
    assert "--check" in capsys.readouterr().err
