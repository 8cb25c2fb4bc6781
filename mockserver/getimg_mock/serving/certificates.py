"""A certificate authority for one run, in memory, and the TLS contexts of the names it signs."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from getimg_mock.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterable


class CertificateAuthority:
    """A new certificate authority. Its private key never leaves the memory of this process.

    Raises `MissingPackageError` without the extra `tls`.
    """

    def __init__(self) -> None:
        try:
            import trustme  # noqa: PLC0415 - an extra
        except ImportError:
            raise MissingPackageError(
                "TLS needs the package trustme: pip install 'getimg-mock[tls]'."
            ) from None
        self._authority = trustme.CA(
            organization_name="getimg-mock", organization_unit_name="only for this run"
        )

    @property
    def certificate(self) -> bytes:
        """The certificate of the authority, as PEM. It holds no secret."""
        return self._authority.cert_pem.bytes()

    def build_context(self, names: Iterable[str]) -> ssl.SSLContext:
        """Return the context of a server whose certificate is valid for `names`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # A client that is given HTTP/2 by no server asks for HTTP/1.1.
        context.set_alpn_protocols(["http/1.1"])
        self._authority.issue_cert(*names).configure_cert(context)
        return context
