"""Signed download links.

getimg.ai signs its download URLs with `exp` (unix seconds) and `sig` (hexadecimal), documented;
how it computes `sig` is unknown. Here it is an HMAC-SHA256 over generation, item and expiry, with
a key of the workspace's own.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and judges the links of one workspace."""

    key: bytes

    def signature(self, generation: str, index: int, expires: int) -> str:
        """Return the signature, 64 hexadecimal digits, of item `index` until `expires`."""
        message = f"{generation}/{index}?exp={expires}".encode()
        return hmac.digest(self.key, message, "sha256").hex()

    def accepts(self, signature: str, generation: str, index: int, expires: int) -> bool:
        """Return whether `signature` is the right one; takes the same time either way."""
        right = self.signature(generation, index, expires).encode()
        return hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), right)
