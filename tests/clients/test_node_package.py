"""clients/node: the package for Node, as its users have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs import node_types

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "clients" / "node"
PROGRAMS: Final = ROOT / "tests" / "programs"
SAMPLES: Final = PROGRAMS / "runners"
INSTALLED: Final = PROGRAMS / "node_modules"


def _has_node() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - node
    return int(shown.strip().lstrip("v").partition(".")[0]) >= 20


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _has_node(), reason="needs Node 20 with npm"),
]
needs_runners = pytest.mark.skipif(
    not (INSTALLED / "vitest").is_dir(), reason="needs npm install --prefix tests/programs"
)


def run(place: Path, *command: str) -> str:
    """Run a command that finds `getimg-mock`, and return what it printed; it has to succeed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(  # noqa: S603 - programs of these tests
        command,
        cwd=place,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pack(place: Path) -> list[dict[str, Any]]:
    """Pack the package as it would be published; the archive is in `place`."""
    shown = run(PACKAGE, "npm", "pack", "--json", "--pack-destination", str(place))
    packed: list[dict[str, Any]] = json.loads(shown)
    return packed


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that has installed the packed package, beside the test runners."""
    place = tmp_path_factory.mktemp("node")
    modules = place / "node_modules"
    modules.mkdir()
    for each in INSTALLED.iterdir():
        if each.name != "getimg-mock":
            (modules / each.name).symlink_to(each)
    (archive,) = pack(place)
    with tarfile.open(place / archive["filename"]) as opened:
        opened.extractall(place, filter="data")
    (place / "package").rename(modules / "getimg-mock")
    (place / "package.json").write_text('{"type": "module"}')
    return place


def test_its_own_tests_pass() -> None:
    """Workspaces, controls and linked time, with node:test alone."""
    shown = run(PACKAGE, "node", "--test", "--test-reporter=tap", "test/")
    assert "# fail 0" in shown
    assert "# skipped 0" in shown


def test_only_what_is_used_is_published(tmp_path: Path) -> None:
    """Modules, their types, a README and the licence, in the version of the Python package."""
    (packed,) = pack(tmp_path)
    names = {each["path"] for each in packed["files"]}
    sources = {f"src/{each.name}" for each in PACKAGE.joinpath("src").iterdir()}
    assert names == sources | {"package.json", "README.md", "LICENSE"}
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert packed["version"] == project["version"]
    assert "dependencies" not in json.loads(PACKAGE.joinpath("package.json").read_text())
    assert PACKAGE.joinpath("LICENSE").read_text() == ROOT.joinpath("LICENSE").read_text()


def test_each_entrance_has_types_that_are_there() -> None:
    """An editor completes what is imported."""
    exports = json.loads(PACKAGE.joinpath("package.json").read_text())["exports"]
    for name, each in exports.items():
        for file in each.values() if isinstance(each, dict) else [each]:
            assert PACKAGE.joinpath(file).is_file(), name


@needs_runners
def test_the_example_of_its_readme_runs(project: Path) -> None:
    """Pasted into a file, it is a test that passes."""
    text = PACKAGE.joinpath("README.md").read_text(encoding="utf-8")
    example = text.partition("```js\n")[2].partition("```")[0]
    (project / "readme.test.js").write_text(example, encoding="utf-8")
    assert "# pass 1" in run(project, "node", "--test", "--test-reporter=tap", "readme.test.js")


@needs_runners
@pytest.mark.parametrize("sample", ["vitest.sample.js", "fixture.sample.js"])
def test_vitest_has_hooks_matchers_and_a_fixture(project: Path, sample: str) -> None:
    """A workspace for each test, half an hour of waiting, and money that is compared."""
    name = sample.replace(".sample", ".test")
    shutil.copy(SAMPLES / sample, project / name)
    run(project, "node", "node_modules/vitest/vitest.mjs", "run", name)


@needs_runners
def test_jest_has_hooks_and_matchers(project: Path) -> None:
    """The same for Jest."""
    shutil.copy(SAMPLES / "jest.sample.js", project / "jest.test.js")
    flags = ("--experimental-vm-modules", "--no-warnings")
    run(project, "node", *flags, "node_modules/jest/bin/jest.js", "--forceExit", "jest.test.js")


@needs_runners
def test_the_types_say_what_is_wrong(project: Path) -> None:
    """A unit or a limit that does not exist is an error of the compiler."""
    shutil.copy(SAMPLES / "types.sample.ts", project / "types.test.ts")
    options = (
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--types",
        "node",
    )
    run(project, "node", "node_modules/typescript/bin/tsc", *options, "types.test.ts")


def test_the_types_of_commands_are_those_of_the_control_surface() -> None:
    """`make docs` writes them; a command that is new has its types too."""
    written = node_types.FILE.read_text(encoding="utf-8")
    assert written == node_types.render_types(), "clients/node/src/control.d.ts: run make docs"
