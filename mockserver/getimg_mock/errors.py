"""What can go wrong, as one tree.

    GetimgMockError
    |-- SettingsError       a setting, option or file that cannot be used
    |   |-- CatalogueError  a models file that cannot be used, with the place of the error
    |   `-- MissingPackageError  a package that an optional feature needs is not installed
    |-- UnknownNameError    a name that does not exist; carries the nearest one that does
    |-- BudgetError         a budget that does not allow a run, or its record cannot be used
    |-- ServerError         the server could not start or stop
    |-- ControlError        a control request that was refused or could not be sent
    |   `-- WaitError       what was waited for did not come in time; a TimeoutError, too
    `-- Refusal             an answer of the API in getimg.ai's error envelope

The first ones are ours and are told to whoever runs the fake. A `Refusal` is what the API says to
a client; it never changes state or money.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class GetimgMockError(Exception):
    """Base of every error that getimg-mock raises on purpose."""


class SettingsError(GetimgMockError):
    """A setting, option or file that cannot be used; the text says which and what would work."""


class CatalogueError(SettingsError):
    """A models file that cannot be used; the text begins with the place of the error."""


class MissingPackageError(SettingsError, ModuleNotFoundError):
    """A package that an optional feature needs is not installed; the text says how to get it."""


class BudgetError(GetimgMockError):
    """The budget does not allow what was asked, or the record of the spend cannot be used."""


class ServerError(GetimgMockError):
    """The server could not start or stop."""


class ControlError(GetimgMockError):
    """A control request that was refused or could not be sent.

    Attributes: `code` (what went wrong, for programs), `status` (HTTP), `nearest` (what may have
    been meant, or None).
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, nearest: str | None = None
    ) -> None:
        self.code = code
        self.status = status
        self.nearest = nearest
        super().__init__(message)


class WaitError(ControlError, TimeoutError):
    """What was waited for did not come in time."""

    def __init__(self, message: str) -> None:
        super().__init__("timeout", message, status=504)


class UnknownNameError(SettingsError):
    """A name that does not exist, with the nearest one that does.

    Attributes: `kind` (what sort of name), `name` (as given), `nearest` (or None), `known`.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        close = get_close_matches(name, self.known, n=1, cutoff=0.5)
        self.nearest = close[0] if close else None
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        listed = f" Known: {', '.join(sorted(self.known))}." if not hint and self.known else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint}{listed}")


class Refusal(GetimgMockError):  # noqa: N818 - the API refuses; the client, not the fake, erred
    """The API's answer to a request that it refuses, in getimg.ai's words.

    Attributes: `code` (api-facts section 8), `message`, `param` (the field to blame, or None),
    `status` (HTTP, when it is not the one that belongs to `code`), `retry_after` (as the header
    says it), `hint` (ours: what would have worked, sent in a header of ours).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        status: int | None = None,
        retry_after: int | str | None = None,
        hint: str | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.param = param
        self.status = status
        self.retry_after = retry_after
        self.hint = hint
        super().__init__(message)
