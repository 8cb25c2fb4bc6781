"""Workflows, the action, the image and the compose file: valid, pinned and safe."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import check_jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
import yaml

from getimg_mock.serving.server import open_listener
from getimg_mock.settings import Settings

ROOT: Final = Path(__file__).parents[2]
WORKFLOWS: Final = sorted(ROOT.glob(".github/workflows/*.yml"))
DOCKERFILE: Final = ROOT.joinpath("Dockerfile")
SHOWN: Final = re.findall(
    r"^```yaml\n(.*?)^```$",
    ROOT.joinpath("docs", "ci.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
# Known only where a token decides what the job may do.
_UNTRUSTED: Final = re.compile(r"\$\{\{\s*(?:github\.(?:event|head_ref|ref_name)|inputs|secrets)\b")


class _Loader(yaml.SafeLoader):
    """Reads YAML 1.2 as code hosts do: `on` is a word."""


_LETTERS: Final = {
    letter: [each for each in found if each[0] != "tag:yaml.org,2002:bool"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = _LETTERS
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def parse(text: str) -> Any:
    """Return a YAML document."""
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, see above


def find_faults(kind: str, document: Any) -> list[str]:
    """Return what is wrong with a document by a schema that check-jsonschema ships."""
    folder = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads(folder.joinpath(f"{kind}.json").read_text(encoding="utf-8"))
    return [each.message for each in jsonschema_rs.validator_for(schema).iter_errors(document)]


def list_steps(workflow: Any) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def check_workflow(workflow: Any) -> None:
    """Assert what a careful reader asks of a workflow, beyond its schema."""
    assert find_faults("github-workflows", workflow) == []
    assert workflow["permissions"] is not None
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"])
    for step in list_steps(workflow):
        if "uses" in step:
            assert re.search(r"@v?\d+(\.\d+)*$", step["uses"]), step
        assert not _UNTRUSTED.search(step.get("run", "")), step


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid_and_safe(path: Path) -> None:
    """Permissions, time limits and versions are stated; no value from outside is in a script."""
    check_workflow(parse(path.read_text(encoding="utf-8")))


def test_the_matrix_has_every_python_of_the_classifiers_and_three_systems() -> None:
    """What pyproject.toml claims is run."""
    jobs = parse(ROOT.joinpath(".github/workflows/test.yml").read_text("utf-8"))["jobs"]
    matrix = jobs["matrix"]["strategy"]["matrix"]
    claimed = re.findall(r"Python :: (3\.\d+)", ROOT.joinpath("pyproject.toml").read_text("utf-8"))
    assert matrix["python"] == claimed
    assert {each.partition("-")[0] for each in matrix["os"]} == {"ubuntu", "macos", "windows"}
    for name in ("matrix", "newest"):  # all tests: one runs the linter of imports
        assert any("--group dev" in step.get("run", "") for step in jobs[name]["steps"])


def test_a_release_names_the_repository_that_it_comes_from(tmp_path: Path) -> None:
    """Until there is one in public, no file says where it is; the page of an index needs it."""
    steps = list_steps(parse(ROOT.joinpath(".github/workflows/release.yml").read_text("utf-8")))
    (script,) = [str(step["run"]) for step in steps if "project.urls" in step.get("run", "")]
    file = tmp_path / "pyproject.toml"
    shutil.copy(ROOT / file.name, file)
    there = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "me/getimg-mock"}
    bash = ["/bin/bash", "-euo", "pipefail", "-c", script]
    subprocess.run(bash, cwd=tmp_path, env=there, check=True)  # noqa: S603 - our own script
    urls = tomllib.loads(file.read_text("utf-8"))["project"]["urls"]
    assert urls["Repository"] == "https://github.com/me/getimg-mock"
    assert list(urls) == ["Repository", "Issues", "Changelog"]


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text.partition("\n")[0])
def test_a_workflow_that_the_docs_show_can_be_pasted(text: str) -> None:
    """Each is held to the rules of our own; that of GitLab to its schema."""
    document = parse(text)
    if "jobs" not in document:
        assert find_faults("gitlab-ci", document) == []
        return
    check_workflow(document)
    inputs = parse(ROOT.joinpath("action.yml").read_text(encoding="utf-8"))["inputs"]
    for step in list_steps(document):
        if "OWNER/getimg-mock" in step.get("uses", ""):
            assert set(step["with"]) <= set(inputs)


def test_the_docs_show_each_use() -> None:
    """Plugin, client, service, drift, any language, and GitLab."""
    shown = "\n".join(SHOWN)
    for words in (
        "-m pytest",
        "verify: client",
        "--target https",
        "cron:",
        "npm test",
        "codequality",
    ):
        assert words in shown


def test_the_site_has_every_page_once() -> None:
    """A page that the navigation leaves out is found by search alone."""
    sections = parse(ROOT.joinpath("mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = [page for section in sections for pages in section.values() for page in pages]
    assert sorted(listed) == sorted(page.name for page in ROOT.joinpath("docs").glob("*.md"))


class TestAction:
    """The composite action: valid, and its scripts run as written."""

    ACTION: Final = parse(ROOT.joinpath("action.yml").read_text(encoding="utf-8"))

    def script(self, name: str) -> str:
        """Return the script of the step of that name."""
        return next(
            str(step["run"]) for step in self.ACTION["runs"]["steps"] if step["name"] == name
        )

    def test_it_is_valid_and_safe(self) -> None:
        """Inputs reach scripts as variables only: their text is never part of a program."""
        assert find_faults("github-actions", self.ACTION) == []
        for step in self.ACTION["runs"]["steps"]:
            assert "${{" not in step.get("run", "")
            assert step.get("shell") == "bash" or "@v" in step["uses"]

    @pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
    def test_it_starts_the_fake_exports_its_address_and_stops_it(self, tmp_path: Path) -> None:
        """The steps are run by bash, as a runner runs them."""
        with open_listener(Settings.of(port=0)) as free:
            port = free.getsockname()[1]
        variables = tmp_path / "env"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ENV": str(variables),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "PORT": str(port),
            "OPTIONS": "--clock virtual",
            "COMMANDS": 'curl --fail --silent "$GETIMG_AI_BASE_URL/__mock__/health"',
        }

        def run(name: str, **more: str) -> str:
            done = subprocess.run(  # noqa: S603 - the action's own script
                ["/bin/bash", "-eo", "pipefail", "-c", self.script(name)],
                env={**environment, **more},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        run("Start the fake")
        exported = dict(line.split("=", 1) for line in variables.read_text("utf-8").splitlines())
        assert exported["GETIMG_AI_BASE_URL"] == f"http://127.0.0.1:{port}"
        assert '"status":"ok"' in run("Run the commands", **exported)
        run("Stop the fake", **exported)
        assert tmp_path.joinpath("getimg-mock", "traffic.har").stat().st_size > 0


class TestImage:
    """The Dockerfile by hadolint's rules, and the compose file by its schema."""

    TEXT: Final = DOCKERFILE.read_text(encoding="utf-8")
    LINES: Final = [
        line for line in TEXT.replace("\\\n", " ").splitlines() if line and line[0] != "#"
    ]

    def words(self, instruction: str) -> list[str]:
        """Return what follows an instruction, each time."""
        return [line.partition(" ")[2] for line in self.LINES if line.split(" ")[0] == instruction]

    def test_bases_are_pinned_and_named(self) -> None:
        """DL3006, DL3007: no base without a tag, none that is `latest`."""
        for base in self.words("FROM"):
            assert re.match(r"[a-z]+:[\w.-]+( AS \w+)?$", base)
            assert "latest" not in base

    def test_it_is_run_by_a_user_without_rights(self) -> None:
        """DL3002: the last user is not root; its number is known to who mounts a volume."""
        assert self.words("USER")[-1] == "10001"

    def test_paths_are_absolute_and_files_are_copied(self) -> None:
        """DL3000, DL3020: WORKDIR is absolute, and COPY is used, not ADD."""
        assert all(path.startswith("/") for path in self.words("WORKDIR"))
        assert self.words("ADD") == []

    def test_commands_are_lists(self) -> None:
        """DL3025: no shell is between the engine and the process, so signals arrive."""
        for instruction in ("ENTRYPOINT", "CMD"):
            for words in self.words(instruction):
                assert isinstance(json.loads(words), list)
        assert self.words("STOPSIGNAL") == ["SIGTERM"]

    def test_packages_leave_no_cache(self) -> None:
        """DL3042: pip keeps nothing in a layer. DL3004, DL3027: neither sudo nor apt is used."""
        for run in self.words("RUN"):
            assert "pip install" not in run or "--no-cache-dir" in run
            assert not re.search(r"\b(?:sudo|apt|cd) ", run)

    def test_one_port_one_healthcheck_and_one_command(self) -> None:
        """DL3012, DL4003, DL4004: the last would hide those before."""
        for instruction in ("ENTRYPOINT", "CMD", "EXPOSE", "STOPSIGNAL"):
            assert len(self.words(instruction)) == 1
        assert self.TEXT.count("HEALTHCHECK") == 1

    def test_what_is_copied_exists_and_is_sent_to_the_engine(self) -> None:
        """A file that .dockerignore leaves out fails the build only where there is an engine."""
        sent = ROOT.joinpath(".dockerignore").read_text(encoding="utf-8").splitlines()
        for words in self.words("COPY"):
            if words.startswith("--from"):
                continue
            for name in words.split(" ")[:-1]:
                assert ROOT.joinpath(name).exists()
                assert f"!{name}" in sent

    def test_its_health_check_is_a_program(self) -> None:
        """It is run by Python, as the image has no curl."""
        check = self.TEXT[self.TEXT.index("HEALTHCHECK") :]
        command = json.loads(re.findall(r"CMD (\[.*\])", check)[0])
        compile(command[2], "healthcheck", "exec")

    def test_the_compose_file_is_valid_and_waits_until_the_fake_is_healthy(self) -> None:
        """The application starts when the fake answers; other machines cannot reach it."""
        document = parse(ROOT.joinpath("compose.yaml").read_text(encoding="utf-8"))
        assert find_faults("compose-spec", document) == []
        fake = document["services"]["getimg"]
        assert all(port.startswith("127.0.0.1:") for port in fake["ports"])
        condition = document["services"]["app"]["depends_on"]["getimg"]["condition"]
        assert condition == "service_healthy"
        assert fake["read_only"]
