"""Where the code of a project has made a request: the innermost frame that is no library's."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Final

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_MOST_FRAMES: Final = 200


def find_call_site() -> str:
    """Return `file:line` of the code that called this function, or "" without any.

    Frames of the standard library, of installed packages and of this package are left out.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - a traceback would read the lines of all frames
    for _ in range(_MOST_FRAMES):
        file = frame.f_code.co_filename
        if _is_of_project(file):
            return f"{os.path.abspath(file)}:{frame.f_lineno}"  # noqa: PTH100 - no link is followed
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""


@lru_cache(maxsize=1024)
def _is_of_project(file: str) -> bool:
    if file.startswith("<"):
        return False
    path = Path(file)
    if not _INSTALLED.isdisjoint(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _list_library_folders())


@lru_cache(maxsize=1)
def _list_library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    ours = Path(__file__).parents[1]
    return (Path(paths["stdlib"]), Path(paths["platstdlib"]), ours)
