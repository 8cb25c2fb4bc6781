"""What faulty clients say of the key, or of a link, when a call ends in a certain way."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.contract.clients.reference.errors import (
    UNANSWERED,
    AnswerError,
    ClientError,
    DownloadError,
    FailedError,
    LinkExpiredError,
    RateLimitError,
    StillPendingError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.clients.reference.core import Core

_IN_TEXT: dict[str, tuple[type[ClientError], ...]] = {
    "key-in-late-errors": (StillPendingError,),
    "key-in-failures": (FailedError,),
    "key-in-limits": (RateLimitError,),
    "key-in-losses": UNANSWERED,
    "key-in-dead-links": (DownloadError, LinkExpiredError),
}
_IN_LOG: dict[str, tuple[type[ClientError], ...]] = {
    "key-logged-at-deadline": (StillPendingError,),
    "key-logged-at-failure": (FailedError,),
    "key-logged-at-odd-answers": (AnswerError,),
}


@contextmanager
def tell_key_on_errors(core: Core) -> Iterator[None]:
    """Make a call inside; a faulty client says how to repeat it by hand, with the key."""
    try:
        yield
    except ClientError as error:
        command = f"curl -H 'Authorization: Bearer {core.key}'"
        for name, kinds in _IN_TEXT.items():
            if core.faulty(name) and isinstance(error, kinds):
                error.args = (f"{error}; try {command}",)
        for name, kinds in _IN_LOG.items():
            if core.faulty(name) and isinstance(error, kinds):
                logging.getLogger("reference").warning("failed; try %s", command)
        raise
