"""The wheel: one import name, every shipped file and nothing else, and it runs from a zip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "getimg_mock"
# where a file of the repository lies in the wheel
PLACES: Final = {
    "mockserver/getimg_mock/": f"{PACKAGE}/",
    "schemas/": f"{PACKAGE}/schemas/",
    "fixtures/": f"{PACKAGE}/fixtures/",
    "contract_tests/": f"{PACKAGE}/contract_tests/",
    "docs/": f"{PACKAGE}/docs/",
}


def output(*command: str, cwd: Path = ROOT) -> str:
    """Return what a command prints; it must succeed."""
    done = subprocess.run(  # noqa: S603 - tools of this repository
        command, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder: Path, *options: str) -> ZipFile:
    """Build into `folder` and open the wheel."""
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder))
    output(*build, *options, str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return ZipFile(wheel)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel straight from the checkout."""
    return built(tmp_path_factory.mktemp("wheel"), "--wheel")


def repository_files() -> set[str]:
    """Return the files of the repository: those git tracks, or would if they were added."""
    listed = output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return {name for name in listed.split("\0") if name and ROOT.joinpath(name).is_file()}


@pytest.mark.skipif(not ROOT.joinpath(".git").exists(), reason="only a checkout knows its files")
def test_it_holds_the_package_and_the_shipped_folders_and_nothing_else(wheel: ZipFile) -> None:
    """A file left out breaks an installation only, where no test of ours would see it."""
    expected = {
        place + name.removeprefix(folder)
        for name in repository_files()
        for folder, place in PLACES.items()
        if name.startswith(folder) and not name.startswith("docs/images/")
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert f"{PACKAGE}/py.typed" in held
    assert f"{PACKAGE}/schemas/openapi.json" in held


def test_it_has_one_import_name(wheel: ZipFile) -> None:
    """`schemas`, `fixtures` and `mockserver` are names that belong to other people."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {PACKAGE}


def test_it_brings_the_command_and_the_licence(wheel: ZipFile) -> None:
    """What `pip install` promises besides the package."""
    (points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "getimg-mock = getimg_mock.cli:main" in wheel.read(points).decode()
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_by_way_of_the_source_distribution_it_is_the_same(wheel: ZipFile, tmp_path: Path) -> None:
    """Distributions build from the sdist, and must get what we tested."""
    again = built(tmp_path)
    assert {item.filename: item.CRC for item in again.infolist()} == {
        item.filename: item.CRC for item in wheel.infolist()
    }


def test_shipped_files_are_read_from_the_zipped_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """The one door works without a file system behind it."""
    program = (
        f"import sys; sys.path.insert(0, {str(wheel.filename)!r})\n"
        "from getimg_mock import _shipped\n"
        "print(_shipped.__file__)\n"
        "print(sorted(file.name for file in _shipped.open_folder('schemas').iterdir()))\n"
        "print(len(_shipped.read_text('fixtures', 'models.json')))\n"
    )
    shown = output(sys.executable, "-I", "-S", "-c", program, cwd=tmp_path).splitlines()
    assert shown[0].startswith(str(wheel.filename))
    schemas = [file.name for file in ROOT.joinpath("schemas").iterdir()]
    assert shown[1] == str(sorted([*schemas, "__init__.py"]))  # the module shares their folder
    models = ROOT.joinpath("fixtures", "models.json").read_text(encoding="utf-8")
    assert int(shown[2]) == len(models)


def test_the_fake_answers_from_the_zipped_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """Nothing but the one door looks for files beside the code."""
    program = (
        f"import sys; sys.path.insert(0, {str(wheel.filename)!r})\n"
        "import getimg_mock\n"
        "from urllib.request import urlopen\n"
        "with getimg_mock.MockServer() as server:\n"
        "    with urlopen(server.url + '/__mock__/openapi.json') as answer:\n"
        "        print(getimg_mock.__file__, answer.status)\n"
        "from getimg_mock import schemas\n"
        "print(schemas.__file__, len(schemas.names()), schemas.violations('balance', []) != [])\n"
    )
    shown = output(sys.executable, "-c", program, cwd=tmp_path).split()
    assert shown[0].startswith(str(wheel.filename))
    assert shown[1] == "200"
    assert shown[2].startswith(str(wheel.filename))
    names = {file.stem for file in ROOT.joinpath("schemas").glob("*.json")} - {"openapi"}
    assert shown[3:] == [str(len(names)), "True"]


def test_the_contract_is_run_from_an_installed_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """`pytest .../site-packages/getimg_mock/contract_tests` needs no checkout."""
    wheel.extractall(tmp_path / "site")
    folder = tmp_path / "site" / PACKAGE / "contract_tests"
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import getimg_mock, pytest\n"
        "print(getimg_mock.__file__)\n"
        f"sys.exit(pytest.main([{str(folder)!r}, '-q', '-k', 'GP801', '-p', 'no:cacheprovider']))\n"
    )
    shown = output(sys.executable, "-c", program, cwd=tmp_path)
    assert shown.startswith(str(tmp_path / "site"))
    assert "1 passed" in shown
