"""`serve --restore`: begin with workspaces that `getimg-mock snapshot` wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from getimg_mock.cli.restore import read_snapshot
from getimg_mock.control.channels import LocalChannel
from getimg_mock.control.page_files import EXAMPLE_KEY
from getimg_mock.control.workspaces import check_key
from getimg_mock.errors import SettingsError
from getimg_mock.redaction import shorten_key
from getimg_mock.world.identities import derive_workspace_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.fake import Fake


def seed_store(fake: Fake, files: Iterable[str]) -> Iterator[str]:
    """Restore each `FILE` or `KEY=FILE`, and yield a line that says what was done.

    A file without a key is for the example's key. A workspace that a durable store has already is
    left as it is, so that a restart loses nothing. Raises `SettingsError` for a file that cannot
    be read or is not a snapshot, and for a key that the API would refuse.
    """
    for given in files:
        key, path = _split(given)
        check_key(key, fake.settings)
        shown = shorten_key(key)
        state = read_snapshot(path)
        if fake.store.find_by_id(derive_workspace_id(key)) is not None:
            yield f"{path} was not used: the store has a workspace of {shown} already."
            continue
        try:
            answer = LocalChannel(fake, key).call("POST", "/restore", {"state": state})
        except SettingsError as error:
            raise SettingsError(f"{path} cannot be restored: {error}") from None
        now, balance = answer["now"], answer["balance"]
        yield f"Restored {shown} from {path}: it is {now}, the balance is {balance} USD."


def _split(given: str) -> tuple[str, str]:
    """Return the key and the path: a path may have `=`, but does not begin with `sk_...=`."""
    found = re.fullmatch(r"(sk_[^=/\\]+)=(.+)", given)
    return (found[1], found[2]) if found else (EXAMPLE_KEY, given)
