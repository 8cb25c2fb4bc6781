"""Signed download links.

getimg.ai signs its download URLs with `exp` (unix seconds) and `sig` (hexadecimal), documented;
how it computes `sig` is unknown. Here it is an HMAC-SHA256 over generation, item and expiry, with
a key of the workspace's own.
"""

from __future__ import annotations

import hmac


class Signer:
    """Signs and verifies the download links of one workspace."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        # Hashing the key is half the work for such a short message; it is done once.
        self._keyed = hmac.new(key, digestmod="sha256")

    def sign(self, generation: str, index: int, expires: int) -> str:
        """Return the signature, 64 hexadecimal digits, of item `index` until `expires`."""
        signing = self._keyed.copy()
        signing.update(f"{generation}/{index}?exp={expires}".encode())
        return signing.hexdigest()

    def verify(self, signature: str, generation: str, index: int, expires: int) -> bool:
        """Return whether `signature` is valid, in constant time."""
        right = self.sign(generation, index, expires).encode()
        return hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), right)
