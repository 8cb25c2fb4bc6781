"""The client's own errors."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """Base of the client's errors: what the caller may want to know stands in attributes."""

    def __init__(self, message: str, **facts: Any) -> None:
        clean = message.encode("utf-8", "replace").decode()
        super().__init__(clean)
        self.status: int | None = facts.get("status")
        self.code: str | None = facts.get("code")
        self.request_id: str | None = facts.get("request_id")
        self.generation_id: str | None = facts.get("generation")
        self.outcome_unknown: bool = facts.get("unknown", False)
        self.retry_after: float | None = facts.get("retry_after")


class NotSentError(ClientError):
    """Nothing reached the server."""


class OutcomeUnknownError(ClientError):
    """The request may have been served, and charged."""


class BrokenConnectionError(ClientError):
    """A read broke off."""


class AnswerError(ClientError):
    """An answer that is not what the API documents."""


class RefusedError(ClientError):
    """The API refused."""


class AuthenticationError(RefusedError):
    """401."""


class PaymentError(RefusedError):
    """402."""


class MissingError(RefusedError):
    """404."""


class RateLimitError(RefusedError):
    """429."""


class UnavailableError(RefusedError):
    """5xx on a read."""


class FailedError(ClientError):
    """The generation failed."""


class StillPendingError(ClientError):
    """The generation did not end in time."""


class LinkExpiredError(ClientError):
    """The link has expired."""


class DownloadError(ClientError):
    """The file could not be saved."""


class InvalidArgumentError(ClientError):
    """The caller's argument cannot be sent."""


UNANSWERED = (NotSentError, BrokenConnectionError, OutcomeUnknownError)
REFUSALS = {401: AuthenticationError, 402: PaymentError, 404: MissingError, 429: RateLimitError}
