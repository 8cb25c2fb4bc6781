"""README.md and docs/: what they show works, and what they point to is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import pytest
from PIL import Image

from getimg_mock import MockServer
from tests.repository.warm_python import start_warm_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.repository.warm_python import WarmPython

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md")))
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
REAL_API: Final = "api.getimg.ai"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where the block stands, as editors write it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_test(self) -> bool:
        """Whether the block is a file of tests for pytest."""
        return "\ndef test_" in self.text


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in these languages."""
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for found in BLOCK.finditer(text)
        if found[1] in languages
    ]


@pytest.fixture(scope="module")
def fake() -> Iterator[dict[str, str]]:
    """Run a fake whose videos are ready at once; give the environment of its clients."""
    with MockServer(video_seconds=0) as server:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        yield {
            **os.environ,
            "PATH": path,
            "GETIMG_AI_BASE_URL": server.url,
            "GETIMG_API_KEY": "sk_documentation",
        }


@pytest.fixture(scope="module")
def warm_python() -> Iterator[WarmPython | None]:
    """Start the process whose forks run examples, where a process can be forked."""
    if not hasattr(os, "fork"):
        yield None
        return
    with start_warm_python() as running:
        yield running


def run(
    block: Block, folder: Path, environment: dict[str, str], warm_python: WarmPython | None
) -> None:
    """Run one block in `folder`; its output is the message if it fails."""
    file = folder / "block"
    file.write_text(block.text, encoding="utf-8")
    if warm_python and block.language == "python" and not block.text.startswith(">>>"):
        done = warm_python.run(file, folder, environment)
        assert done.returncode == 0, f"{block.name}\n{done.stdout}"
        return
    if block.language == "sh":
        command = ["bash", "-euo", "pipefail", str(file)]
    elif block.text.startswith(">>>"):
        file = file.rename(folder / "block.txt")
        command = [sys.executable, "-m", "doctest", str(file)]
    else:
        command = [sys.executable, str(file)]
    run_command(command, folder, environment, block.name)


def run_command(command: list[str], folder: Path, environment: dict[str, str], name: str) -> None:
    """Run a command in `folder`; its output, after `name`, is the message if it fails."""
    done = subprocess.run(  # noqa: S603 - the pages of this repository
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{name}\n{done.stdout}{done.stderr}"


def test_the_tests_on_the_pages_pass(fake: dict[str, str], tmp_path: Path) -> None:
    """Each is a file in a folder of its own; one pytest runs them all, as its start costs most."""
    files = []
    for number, block in enumerate(each for each in blocks("python") if each.is_test):
        file = tmp_path / str(number) / f"test_{block.page.stem}_{block.line}.py"
        file.parent.mkdir()
        file.write_text(block.text, encoding="utf-8")
        files.append(str(file))
    assert len(files) > 10
    options = ["-q", "--import-mode=importlib"]
    for plugin in ("cacheprovider", "randomly", "schemathesis"):
        options += ["-p", f"no:{plugin}"]
    run_command(
        [sys.executable, "-m", "pytest", *options, *files], tmp_path, fake, "tests on the pages"
    )


@pytest.mark.parametrize(
    "block",
    [each for each in blocks("python", "sh") if not each.is_test],
    ids=lambda block: block.name,
)
def test_what_a_page_shows_can_be_run(
    block: Block, fake: dict[str, str], tmp_path: Path, warm_python: WarmPython | None
) -> None:
    """An example that does not run costs its reader more than no example."""
    if block.language == "sh" and REAL_API in block.text:
        pytest.skip("it asks the real API")
    for program in ("curl", "node", "java", "go"):
        used = re.search(rf"^(?:.*\$\()?{program} ", block.text, re.MULTILINE)
        if used and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    run(block, tmp_path, fake, warm_python)


def test_the_first_example_makes_a_picture_and_a_video_that_open(
    fake: dict[str, str], tmp_path: Path, warm_python: WarmPython | None
) -> None:
    """The README's first promise, kept to the file on the disk."""
    run(blocks("python")[0], tmp_path, fake, warm_python)
    with Image.open(tmp_path / "lighthouse.jpg") as picture:
        picture.load()
        assert picture.format == "JPEG"
    with av.open(tmp_path / "waves.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == 5 * 24
    with av.open(tmp_path / "waves.mp4") as video:
        assert any(True for _ in video.decode(audio=0))


def test_every_make_command_on_a_page_exists() -> None:
    """`make` answers an unknown word with an error that helps nobody."""
    makefile = ROOT.joinpath("Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shown = {
        word
        for page in PAGES
        for word in re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"run", "test", "bench", "help"} <= shown
    assert shown <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    """A renamed file leaves no dead link behind."""
    text = page.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in LINK.findall(text) if "://" not in target]
    assert [target for target in targets if not page.parent.joinpath(target).exists()] == []


def test_every_page_is_linked_from_the_index() -> None:
    """A page that the index leaves out is not found."""
    linked = set(LINK.findall(ROOT.joinpath("docs", "index.md").read_text(encoding="utf-8")))
    pages = {page.name for page in ROOT.joinpath("docs").glob("*.md")} - {"index.md"}
    assert pages <= linked


def test_what_it_is_not_stands_on_the_first_screen() -> None:
    """A reader learns the limits before the features."""
    lines = ROOT.joinpath("README.md").read_text(encoding="utf-8").splitlines()
    assert lines.index("## What it is not") < 40


@pytest.mark.parametrize("name", ["architecture.md", "contributing.md"])
def test_every_file_that_a_page_for_developers_names_exists(name: str) -> None:
    """A moved file leaves no dead path behind."""
    text = ROOT.joinpath("docs", name).read_text(encoding="utf-8")
    roots = (ROOT, ROOT / "mockserver" / "getimg_mock")
    named = re.findall(r"`([\w./]+/[\w./]*)`", text)
    assert len(named) > 10
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_an_example_that_fails_is_seen_in_a_fork_too(
    tmp_path: Path, warm_python: WarmPython | None
) -> None:
    """Its status and what it wrote, its own environment and nothing of an example before it."""
    if warm_python is None:
        pytest.skip("no process can be forked here")
    file = tmp_path / "block"

    def told(text: str) -> tuple[int, str]:
        file.write_text(text, encoding="utf-8")
        done = warm_python.run(file, tmp_path, {"SEEN": "here"})
        return done.returncode, done.stdout

    assert told("import os\nkept = 1\nprint(dict(os.environ), os.getcwd())") == (
        0,
        f"{{'SEEN': 'here'}} {tmp_path}\n",
    )
    status, shown = told("print(kept)")
    assert status == 1
    assert "NameError: name 'kept' is not defined" in shown
    assert told("raise SystemExit(3)") == (3, "")
