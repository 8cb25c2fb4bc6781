"""The version of this package, as its installation records it."""

from __future__ import annotations

import os
import sys

_BEGIN, _END = "getimg_mock-", ".dist-info"


def find_version() -> str:
    """Return the version; `0` in a checkout that is not installed."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - pathlib takes as long to import as this takes
        except OSError:
            continue
        for name in names:
            if name.startswith(_BEGIN) and name.endswith(_END):
                return name[len(_BEGIN) : -len(_END)]
    return _ask_metadata()


def _ask_metadata() -> str:
    """Return the version where no folder has a record of it, such as in an archive."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - it takes four times as long to import as Python to start

    try:
        return version("getimg-mock")
    except PackageNotFoundError:
        return "0"
