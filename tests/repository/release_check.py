"""`make release-check`: builds what a release publishes, and tries it as a user gets it.

    python -m tests.repository.release_check [--no-install | --extras]

Builds sdist and wheel twice and compares them, checks their metadata, installs each into a clean
environment and runs it, and writes an SBOM with the licences of what was installed. With --extras,
each extra is installed alone and used. Files are left in dist/. Ends with status 1, and says why,
at the first thing that is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zipfile import ZipFile

from tests.repository.extras_check import try_extras

ROOT: Final = Path(__file__).parents[2]
DIST: Final = ROOT / "dist"

# What a clean environment prints of itself, for the SBOM.
_INVENTORY: Final = """
import json
from importlib.metadata import distributions
print(json.dumps([
    {
        "name": each.metadata["Name"],
        "version": each.version,
        "licence": each.metadata["License-Expression"] or each.metadata["License"] or "",
        "classifiers": [
            line.rpartition(" :: ")[2]
            for line in each.metadata.get_all("Classifier") or []
            if line.startswith("License")
        ],
    }
    for each in distributions()
]))
"""


class ReleaseError(Exception):
    """Something is not fit for a release; the text says what."""


def read_version() -> str:
    """Return the version that pyproject.toml states."""
    text = ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def check_changelog(version: str) -> None:
    """Raise `ReleaseError` unless the newest release of the changelog is this version."""
    text = ROOT.joinpath("CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    if newest is None or newest[1] != version:
        said = newest[1] if newest else "none"
        raise ReleaseError(f"CHANGELOG.md has {said} as its newest release, not {version}.")


def build_twice() -> list[Path]:
    """Build both files twice; return those in dist/, and raise `ReleaseError` if they differ."""
    digests: list[dict[str, str]] = []
    files: list[Path] = []
    for _ in range(2):
        shutil.rmtree(DIST, ignore_errors=True)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
        files = sorted(DIST.iterdir())
        digests.append({each.name: hash_file(each) for each in files})
    if digests[0] != digests[1]:
        differing = [name for name in digests[0] if digests[0][name] != digests[1].get(name)]
        raise ReleaseError(f"Two builds differ: {', '.join(differing)}.")
    return files


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_documents(wheel: Path) -> None:
    """Raise `ReleaseError` for a document that a message names and that is not in the wheel."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        sources = [archive.read(name).decode() for name in names if name.endswith(".py")]
    mentioned = {name for text in sources for name in re.findall(r"docs/([a-z-]+\.md)", text)}
    missing = [name for name in sorted(mentioned) if f"getimg_mock/docs/{name}" not in names]
    if missing:
        raise ReleaseError(f"Messages name documents that the wheel has not: {', '.join(missing)}.")


def try_installation(file: Path, folder: Path) -> list[dict[str, Any]]:
    """Install a file into a new environment, use it, and return what is installed there."""
    run(sys.executable, "-m", "venv", str(folder))
    python = str(next(folder.glob("[bS]*/python*")))
    run(python, "-m", "pip", "install", "--quiet", f"{file}[verify]")
    version = run(python, "-m", "getimg_mock", "--version", cwd=folder).strip()
    if version != f"getimg-mock {read_version()}":
        raise ReleaseError(f"{file.name} says that it is {version!r}.")
    run(python, "-m", "getimg_mock", "verify", "api", "--only", "GP8", cwd=folder)
    run(python, "-m", "pip", "check", cwd=folder)
    found: list[dict[str, Any]] = json.loads(run(python, "-c", _INVENTORY, cwd=folder))
    return [each for each in found if each["name"] not in {"pip", "setuptools"}]


def name_licence(package: dict[str, Any]) -> str:
    """Return the licence that a package states, in one line; raises `ReleaseError` for none."""
    stated = str(package["licence"]).strip().partition("\n")[0]
    if not stated or len(stated) > 80:  # some have the whole text there
        stated = ", ".join(package["classifiers"]) or stated[:80]
    if not stated:
        raise ReleaseError(f"{package['name']} states no licence.")
    return stated


def render_bill(packages: list[dict[str, Any]]) -> str:
    """Return a software bill of materials in the form of CycloneDX 1.5."""
    components = [
        {
            "type": "library",
            "name": each["name"],
            "version": each["version"],
            "bom-ref": f"{each['name']}@{each['version']}",
            "licenses": [{"license": {"name": name_licence(each)}}],
        }
        for each in sorted(packages, key=lambda each: each["name"].lower())
    ]
    own = next(each for each in components if each["name"] == "getimg-mock")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**own, "type": "application"}},
        "components": [each for each in components if each is not own],
    }
    return json.dumps(document, indent=1) + "\n"


def run(*command: str, cwd: Path = ROOT) -> str:
    """Return what a command prints; raises `ReleaseError` when it fails."""
    done = subprocess.run(  # noqa: S603 - tools of this repository
        command, cwd=cwd, capture_output=True, text=True, check=False, env=clean_environment()
    )
    if done.returncode != 0:
        shown = (done.stdout + done.stderr)[-2000:]
        raise ReleaseError(f"{' '.join(command)} ended with {done.returncode}:\n{shown}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Return this environment without what would reach into another one, and with a fixed date."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {"SOURCE_DATE_EPOCH": "1767225600", **kept}


def main() -> int:
    """Check, and return 0, or 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--no-install", action="store_true", help="only build and check the files")
    parser.add_argument("--extras", action="store_true", help="also use each extra alone")
    arguments = parser.parse_args()
    version = read_version()
    try:
        check_changelog(version)
        files = build_twice()
        run(sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
        wheel = next(each for each in files if each.suffix == ".whl")
        check_documents(wheel)
        for file in () if arguments.no_install else files:
            with TemporaryDirectory() as folder:
                packages = try_installation(file, Path(folder))
            bill = render_bill(packages)
            DIST.joinpath(f"getimg_mock-{version}.cdx.json").write_text(bill, encoding="utf-8")
            sys.stdout.write(f"{file.name} installs and runs, with {len(packages)} packages\n")
        if arguments.extras:
            with TemporaryDirectory() as folder:
                tried = try_extras(wheel, Path(folder), run, sys.executable)
            sys.stdout.write(f"used alone: {', '.join(tried)}\n")
    except ReleaseError as error:
        sys.stderr.write(f"release-check: {error}\n")
        return 1
    for file in files:
        sys.stdout.write(f"{hash_file(file)}  {file.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
