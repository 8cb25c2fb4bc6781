"""The folders that the files of a case are in, and who removes them."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest.mock import patch

from getimg_mock.contract.clients.sandbox.environment import restore_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case

_SCRATCH_FOLDERS: Final = ["/dev/shm"]  # noqa: S108 - whether it is there is tested


class Roots(NamedTuple):
    """Folders that the temporary files of other processes are in, with all that they leave."""

    temporary: str
    scratch: tuple[str, ...]

    def use(self) -> None:
        """Let the temporary files of this process be in these folders from now on."""
        tempfile.tempdir = self.temporary
        _SCRATCH_FOLDERS[:] = self.scratch


@contextmanager
def create_roots() -> Iterator[Roots]:
    """Yield folders for processes that may be interrupted or killed while they clean up."""
    with ExitStack() as stack:

        def create(parent: str) -> str:
            folder = tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True)
            return stack.enter_context(folder)

        place = Path(tempfile.gettempdir())
        yield Roots(create(str(place)), tuple(map(create, _list_apart(place))))


@contextmanager
def create_place(case: Case) -> Iterator[Path]:
    """Yield the folder that downloads of a case are saved in; it exists where there are any.

    On a disk, a folder is made and removed in a millisecond or two, which many a case does not
    take.
    """
    if not any(call.op == "download" for call in case.calls):
        yield Path(tempfile.gettempdir(), "no-downloads")
        return
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


@contextmanager
def set_scratch_folder(place: Path, *, on: bool) -> Iterator[Path | None]:
    """Let temporary files be on another file system than `place`, if there is one.

    Without `on` they are where they are otherwise, as files that are large need it.
    """
    if not on:
        yield None
        return
    other = _list_apart(place)
    with (
        tempfile.TemporaryDirectory(dir=other[0] if other else None) as folder,
        restore_variables(),
        patch.object(tempfile, "tempdir", folder),
    ):
        os.environ["TMPDIR"] = folder
        yield Path(folder)


def _list_apart(place: Path) -> list[str]:
    """Return the folders that are on another file system than `place`, and can be written to."""
    return [
        each
        for each in _SCRATCH_FOLDERS
        if os.access(each, os.W_OK) and Path(each).stat().st_dev != place.stat().st_dev
    ]
