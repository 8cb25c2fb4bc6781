"""Commands of the contracts with their real output, made anew by running them.

Times are cut to whole seconds, as the client in the example waits for a random fraction of one.
"""

from __future__ import annotations

import os
import re
from contextlib import chdir, redirect_stdout
from functools import cache
from io import StringIO
from tempfile import TemporaryDirectory
from typing import Final
from unittest import mock

from getimg_mock import MockServer
from getimg_mock.cli import main

_TIME: Final = re.compile(r"(\d\d:\d\d:\d\d)\.\d")
_ADDRESS: Final = "http://127.0.0.1:4010"


@cache
def show_provider_failure() -> str:
    """Return the failure of a service whose list of models is wrapped in an object."""
    with MockServer(quiet=True, clock="virtual") as server:
        workspace = server.workspace("sk_docs")
        workspace.scenarios.add(on="models.list", answer={"body": {"data": []}})
        where = ("--target", server.url, "--key", "sk_docs")
        text = _run("verify", "api", *where, "--only", "GP801", "--events", "run.ndjson")
        text = text.replace(server.url, _ADDRESS)
    return re.sub(r"\d\d:\d\d:\d\d", "12:00:00", text)


@cache
def show_client_failure() -> str:
    """Return the failure of the official SDK, which sends a paid request again."""
    return _run("verify", "client", "official-sdk", "--only", "GC401", "--events", "run.ndjson")


@cache
def show_explanation() -> str:
    """Return the explanation of a check."""
    return _run("explain", "GP407", status=0)


def _run(*command: str, status: int = 1) -> str:
    """Return a command and what it prints, as a block; it must end with `status`."""
    printed = StringIO()
    with TemporaryDirectory() as folder, chdir(folder), redirect_stdout(printed):
        state = {"XDG_STATE_HOME": os.fspath(folder)}
        with mock.patch.dict(os.environ, state):
            ended = main(list(command))
    assert ended == status, printed.getvalue()
    text = _TIME.sub(r"\1.0", printed.getvalue())
    return f"```console\n$ getimg-mock {' '.join(command)}\n{text}```\n"
