"""All exceptions of the package, and the base of those that its users handle.

Users handle these; `except GetimgMockError` catches them all:

    GetimgMockError
    |-- SettingsError        an invalid setting, option or file
    |   |-- CatalogueError   an invalid models file, with the place of the error
    |   |-- CassetteError    a cassette that cannot be used, with the place of the error
    |   |-- MissingPackageError  an optional feature needs a package that is not installed
    |   |-- UnknownNameError an unknown name; has the nearest known one
    |   `-- WrongResponseError  a line of a driven program is no response
    |-- ServerError          the server could not start, or is not running
    |-- ControlError         a control request was refused or could not be sent
    |   |-- StoreError       the store of the workspaces cannot be used
    |   |   `-- StoreBusyError  another process holds a workspace for too long
    |   `-- WaitError        what was waited for did not come in time; also a TimeoutError
    |-- WireError            an in-process connection failed
    |   |-- ResetError       the server reset it
    |   |-- DisconnectedError  the server closed it before a complete response
    |   `-- TimedOutError    the server sent nothing within the client's timeout
    |-- EndlessWaitError     an in-process request would wait for ever
    |-- NoWireError          a fault needs a server of getimg-mock; also a RuntimeError
    |-- LoopError            an event loop whose time cannot be linked
    |-- TimeLinkError        time cannot be linked now
    `-- BudgetError          a budget does not allow a run, or its record cannot be used

Users do not handle these, so they have other bases. `except GetimgMockError` in a test, or
`except Exception` in a client, must not hide a failed expectation or a refused connection:

    AssertionError
    `-- ExpectationError     the client did not do what the test expects
    pytest.fail.Exception
    `-- RealApiError         a test attempted to reach the real API
    OSError
    |-- RealApiHandshakeError  the same, within an event loop's TLS handshake
    `-- ExternalConnectionError  a client under test attempted to reach another machine
    BaseException
    `-- Abandoned            a client under test exceeded the limits of its case
        |-- OverdueError     it exceeded the limit of real time
        `-- StuckError       it waits for what never comes

These never leave the package:

    Exception
    |-- Refusal              the API refuses a request, in getimg.ai's error envelope
    |-- RefusedError         the budget does not allow a request to a paid service
    |-- DismissedError       a run has ended, and a thread of it sends nothing more
    |-- RecordedAnswerError  a replay answers with what was recorded, which made no generation
    |-- BodyTooLargeError    a request body exceeds the limit
    |-- BrokenPictureError   a reference image is not a complete picture; a ValueError
    |-- ClientGoneError      a client disconnected before its request was complete
    `-- UnsupportedStreamError  a video encoder's headers cannot be continued; a ValueError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Characters of a name in a message.
_LONGEST_SHOWN: Final = 200

_NEAR: Final = 0.6
"""How alike two names are, from 0 to 1, for one to be a misspelling of the other."""


class GetimgMockError(Exception):
    """Base of the errors that users of getimg-mock handle."""


class SettingsError(GetimgMockError):
    """An invalid setting, option or file; the text says which one, and what would work."""


class CatalogueError(SettingsError):
    """An invalid models file; the text begins with the place of the error."""


class CassetteError(SettingsError):
    """A cassette cannot be read or written; the text names the file."""


class MissingPackageError(SettingsError, ModuleNotFoundError):
    """A package that an optional feature needs is not installed; the text says how to get it."""


class BudgetError(GetimgMockError):
    """The budget does not allow what was asked, or the record of the spend cannot be used."""


class ServerError(GetimgMockError):
    """The server could not start, or is not running."""


class ControlError(GetimgMockError):
    """A control request was refused or could not be sent.

    Attributes: `code` (for programs), `status` (HTTP), `nearest` (the nearest known name, or None).
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, nearest: str | None = None
    ) -> None:
        self.code = code
        self.status = status
        self.nearest = nearest
        super().__init__(message)


class StoreError(ControlError):
    """The store of the workspaces cannot be used: nothing of the request was kept."""

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message, status=503)


class StoreBusyError(StoreError):
    """Another process holds a workspace."""


class WaitError(ControlError, TimeoutError):
    """What was waited for did not come in time; also a `TimeoutError`."""

    def __init__(self, message: str) -> None:
        super().__init__("timeout", message, status=504)


class UnknownNameError(SettingsError):
    """An unknown name.

    Attributes: `kind` (what it is the name of), `name` (as given), `nearest` (the nearest known
    name, or None), `known` (all known names).
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, near: float = _NEAR) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        # Comparing takes quadratic time, and a name that is shown is cut.
        shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
        from difflib import get_close_matches  # noqa: PLC0415 - every command imports this module

        close = get_close_matches(name[:_LONGEST_SHOWN], self.known, n=1, cutoff=near)
        self.nearest = close[0] if close else None
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        listed = f" Known: {', '.join(sorted(self.known))}." if not hint and self.known else ""
        super().__init__(f"Unknown {kind} {shown!r}.{hint}{listed}")


class Refusal(Exception):  # noqa: N818 - an answer to a client's error, no error of the fake
    """The API refuses a request; the application answers it in getimg.ai's error envelope.

    It changes neither state nor money. It is not a `GetimgMockError`: it is the answer to a client,
    and never reaches the code that runs the fake.

    Attributes: `code` (as documented by getimg.ai), `message`, `param` (the field that is wrong, or
    None), `status` (HTTP, if it is not the one that belongs to `code`), `retry_after` (as in the
    header), `hint` (what would have worked; sent in the header `X-Mock-Hint`).
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
