"""Says that an id may be known to a sibling: another worker of a server that is none of ours."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.errors import Refusal
    from getimg_mock.fake import Fake

_ID: Final = re.compile(r"req-01[0-9A-Z]{12}")
_HINT: Final = (
    "this process is one of several workers, and each has workspaces of its own in memory: serve "
    "from one, or set --store sqlite:///PATH, which they share"
)


def add_sibling_hint(refusal: Refusal, generation_id: str, fake: Fake) -> None:
    """Add to the 404 of a well-formed id that another worker process may know it."""
    if refusal.code != "not_found" or fake.store.is_durable or not _ID.fullmatch(generation_id):
        return
    if is_worker():
        refusal.hint = f"{refusal.hint}; {_HINT}" if refusal.hint else _HINT


def is_worker() -> bool:
    """Return whether this process looks like one of several workers of uvicorn or gunicorn."""
    count = os.environ.get("WEB_CONCURRENCY", "")
    several = count.isascii() and count.isdigit() and int(count[:9]) > 1
    return several or _is_child() or _is_of_gunicorn()


def _is_child() -> bool:
    # A process that multiprocessing has started has imported it.
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _is_of_gunicorn() -> bool:
    return "gunicorn.arbiter" in sys.modules
