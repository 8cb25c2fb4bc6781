"""How much an installation takes: on disk, as a layer of an image, and in time.

    python -m benchmarks.sizes [EXTRA,EXTRA ...]

Builds the wheel and installs it into new environments, without extras and with each set that is
named. pip itself is not counted. Ends with status 1 where the plain installation, or an image of
it or of `video`, is larger than it may be.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MIB: Final = 1024 * 1024
MB: Final = 1000 * 1000

# A Debian with Python and without pages, texts and packages of apt, as slim images leave them out:
# docs/docker.md says how it was measured.
BASE: Final = 43 * MB
IMAGE: Final = 120 * MB
INSTALLED: Final = 90 * MB


def main() -> int:
    """Measure, print, and return the exit status."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        _run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        (wheel,) = place.glob("*.whl")
        print(f"wheel: {wheel.stat().st_size / MIB:.1f} MiB")
        fits = [
            _measure(place / str(number), f"{wheel}[{extras}]" if extras else str(wheel), extras)
            for number, extras in enumerate(["", *sys.argv[1:]])
        ]
    return 0 if all(fits) else 1


def _measure(folder: Path, wanted: str, extras: str) -> bool:
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(next(folder.glob("[bS]*/python*")))
    start = perf_counter()
    _run(python, "-m", "pip", "install", "--quiet", "--no-compile", wanted)
    seconds = perf_counter() - start
    _run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    files = [each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()]
    # What a disk takes: whole blocks.
    size = sum(each.stat().st_blocks * 512 for each in files)
    file = folder.with_suffix(".tar.gz")
    with tarfile.open(file, "w:gz") as archive:
        archive.add(folder, "opt/getimg-mock")
    layer = file.stat().st_size
    print(
        f"{extras or 'no extras'}: {size / MB:.0f} MB on disk, "
        f"{layer / MB:.0f} MB as a compressed layer, {(BASE + layer) / MB:.0f} MB with its base, "
        f"{seconds:.0f} s to install"
    )
    if extras not in {"", "video"}:
        return True
    return BASE + layer <= IMAGE and (bool(extras) or size <= INSTALLED)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
