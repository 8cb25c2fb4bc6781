"""What a draft of an exchange is added to, where a durable store keeps it."""

from __future__ import annotations

from typing import Protocol, TypeVar

_Exchange_contra = TypeVar("_Exchange_contra", contravariant=True)


class PackedExchanges(Protocol[_Exchange_contra]):
    """Exchanges that are kept together."""

    def add(self, exchange: _Exchange_contra) -> None:
        """Add an exchange."""

    def add_plain(self, head: str, values: str, request_body: bytes, body: bytes) -> None:
        """Add an exchange that has most in common with others: see `store.exchange_rows`."""
