"""Keeps the interpreter from looking for garbage among the objects that a server or a run keeps."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# New objects after which garbage is looked for among them, and the number of such collections after
# which it is looked for among all objects.
_COLLECTED_AFTER: Final = 50_000
_SEARCHED_EVERY: Final = 100
_OLDEST: Final = 2  # the generation of a collection that looks at all objects


def keep_objects() -> None:
    """Look rarely for garbage in this process, and rarely at what was there before.

    What has been loaded stays, and what requests leave behind are no cycles: looking for garbage as
    often as usual is a tenth of the time of a request.
    """
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    gc.callbacks.append(Keeping())


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Look rarely for garbage until the end of a block, and not at what was there before."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Keeping:
    """Lets a collection of garbage look at what is new, and not at all generations that are kept.

    What one collection leaves is put aside. After `_SEARCHED_EVERY` of them one looks at all
    objects, so that no garbage stays for ever.
    """

    def __init__(self) -> None:
        self._collections = 0

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Put what is left aside at the end of a collection."""
        if phase != "stop":
            return
        self._collections += 1
        if self._collections < _SEARCHED_EVERY:
            gc.freeze()
        elif self._collections == _SEARCHED_EVERY:
            gc.unfreeze()
        elif info["generation"] == _OLDEST:
            self._collections = 0
