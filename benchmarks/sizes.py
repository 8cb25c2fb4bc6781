"""How much an installation takes: on disk, as a layer of an image, and in time.

    python -m benchmarks.sizes [EXTRA,EXTRA ...]

Builds the wheel and installs it into new environments, without extras and with each set that is
named. pip itself is not counted.
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


def main() -> int:
    """Measure, print, and return the exit status."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        _run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        (wheel,) = place.glob("*.whl")
        print(f"wheel: {wheel.stat().st_size / MIB:.1f} MiB")
        for number, extras in enumerate(["", *sys.argv[1:]]):
            _measure(place / str(number), f"{wheel}[{extras}]" if extras else str(wheel), extras)
    return 0


def _measure(folder: Path, wanted: str, extras: str) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(next(folder.glob("[bS]*/python*")))
    start = perf_counter()
    _run(python, "-m", "pip", "install", "--quiet", "--no-compile", wanted)
    seconds = perf_counter() - start
    _run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    files = [each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()]
    # What a disk takes: whole blocks.
    size = sum(each.stat().st_blocks * 512 for each in files)
    layer = folder.with_suffix(".tar.gz")
    with tarfile.open(layer, "w:gz") as archive:
        archive.add(folder, "opt/getimg-mock")
    print(
        f"{extras or 'no extras'}: {size / MIB:.0f} MiB on disk, "
        f"{layer.stat().st_size / MIB:.0f} MiB as a compressed layer, "
        f"{seconds:.0f} s to install"
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
